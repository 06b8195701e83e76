"""``python -m concept_memes`` is the command line."""

from __future__ import annotations

from concept_memes.cli import main

if __name__ == "__main__":
    main()
