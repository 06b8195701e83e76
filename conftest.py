"""Keep tests and examples away from the cache of whoever runs them."""

from __future__ import annotations

import os
import tempfile

# A name in the environment, because tests start processes of their own.
_folder = tempfile.TemporaryDirectory(prefix="concept-memes-tests-", ignore_cleanup_errors=True)
os.environ["CONCEPT_MEMES_CACHE"] = _folder.name
