"""The model hub and its local cache: which checkpoint a name means, whether it is at hand, and fetching it.

Looking into the cache never loads torch. The cache's variables (``HF_HOME``, ...) are read at every call, as those of
the hub are in ``reachability.py``.
"""

from __future__ import annotations

import difflib
import hashlib
import json
import logging
import os
import re
from collections.abc import Sequence
from fnmatch import fnmatchcase
from pathlib import Path, PurePosixPath

from concept_memes.encoders.reachability import FILE_PATIENCE, PATIENCE, endpoint, hub_answers, hub_sends, is_offline
from concept_memes.errors import ModelNotFoundError

__all__ = [
    "SHORT_NAMES",
    "cached_folder",
    "download",
    "files_hash",
    "find_model",
    "hub_id",
    "is_cached",
    "model_folder",
    "weight_files",
    "weights_hash",
]

logger = logging.getLogger(__name__)

SHORT_NAMES = {
    "clip-ViT-B-32": "sentence-transformers/clip-ViT-B-32",
    "clip-ViT-B-16": "sentence-transformers/clip-ViT-B-16",
    "clip-ViT-L-14": "sentence-transformers/clip-ViT-L-14",
    "clip-ViT-B-32-multilingual-v1": "sentence-transformers/clip-ViT-B-32-multilingual-v1",
    "clip-laion-b32": "laion/CLIP-ViT-B-32-laion2B-s34B-b79K",
    "clip-laion-l14": "laion/CLIP-ViT-L-14-laion2B-s32B-b82K",
    "siglip-b16": "google/siglip-base-patch16-224",
    "siglip2-b32": "google/siglip2-base-patch32-256",
    "siglip2-b16": "google/siglip2-base-patch16-224",
}

# What stands for other encoders of this package: no models of the hub, but near to what somebody may have meant.
OWN_NAMES = ("auto", "hub-free", "cnn", "cnn-hub-free", "keras:vgg16", "keras:inception-v3")

# What is fetched: settings, tokenizers, and weights in one format. Repositories also hold other formats of the same
# weights (TensorFlow, ONNX, OpenCLIP), which would double or triple the download.
_SETTINGS = ["*.json", "*.txt", "*.model"]
_SAFETENSORS = ["model.safetensors", "model-*.safetensors"]
_PICKLES = ["pytorch_model.bin", "pytorch_model-*.bin"]
_OTHER_FORMATS = ["onnx/*", "openvino/*"]


def hub_id(name: str) -> str:
    """Return the hub id that a short name stands for; any other name is returned unchanged.

    Parameters
    ----------
    name : str
        A short name, or an id such as ``"openai/clip-vit-base-patch32"``.

    Returns
    -------
    str
        The id on the hub.

    Examples
    --------
    >>> hub_id("clip-ViT-B-32")
    'sentence-transformers/clip-ViT-B-32'
    >>> hub_id("openai/clip-vit-base-patch32")
    'openai/clip-vit-base-patch32'
    """
    return SHORT_NAMES.get(name, name)


def _cache_root() -> Path:
    """Return the folder of the hub's cache, by the same rules as huggingface_hub."""
    variables = os.environ
    chosen = variables.get("HF_HUB_CACHE") or variables.get("HUGGINGFACE_HUB_CACHE")
    if not chosen:
        caches = variables.get("XDG_CACHE_HOME") or "~/.cache"
        home = variables.get("HF_HOME") or str(Path(caches) / "huggingface")
        chosen = str(Path(home) / "hub")
    return Path(os.path.expandvars(chosen)).expanduser()


def model_folder(folder: Path) -> Path | None:
    """Return the part of a downloaded folder that holds the transformers checkpoint.

    That is the folder itself, or for a sentence-transformers layout the folder of its first module
    (``0_CLIPModel/``).

    Parameters
    ----------
    folder : Path
        A plain transformers checkpoint, or a folder with ``modules.json``.

    Returns
    -------
    Path or None
        The folder with ``config.json``; None where there is no such thing.

    Examples
    --------
    >>> model_folder(Path("no/such/folder")) is None
    True
    """
    modules = folder / "modules.json"
    if modules.is_file():
        try:
            first = json.loads(modules.read_text(encoding="utf-8"))[0]
            folder = folder / first["path"]
        except (ValueError, LookupError, TypeError):
            logger.debug("%s does not hold a list of modules", modules, exc_info=True)
            return None
    return folder if (folder / "config.json").is_file() else None


def weight_files(folder: Path) -> list[Path]:
    """List the weight files of a transformers checkpoint, in the order of their names.

    Parameters
    ----------
    folder : Path
        The folder with ``config.json``.

    Returns
    -------
    list of Path
        Safetensors if there are any, which is what transformers loads then; otherwise PyTorch files. Empty if there
        are none, or if a part that the index names is missing.

    Examples
    --------
    >>> weight_files(Path("no/such/folder"))
    []
    """
    for whole, index in [
        ("model.safetensors", "model.safetensors.index.json"),
        ("pytorch_model.bin", "pytorch_model.bin.index.json"),
    ]:
        if (folder / whole).is_file():
            return [folder / whole]
        if (folder / index).is_file():
            try:
                names = json.loads((folder / index).read_text(encoding="utf-8"))["weight_map"].values()
                files = sorted({folder / name for name in names})
            except (ValueError, LookupError, TypeError, AttributeError):
                logger.debug("%s is no index of weights", folder / index, exc_info=True)
                continue
            if files and all(file.is_file() for file in files):
                return files
    return []


def cached_folder(name: str) -> Path | None:
    """Find a model in the local cache of the hub; no network, no heavy import.

    Parameters
    ----------
    name : str
        Short name or hub id.

    Returns
    -------
    Path or None
        The newest downloaded version that has settings and weights; None if there is none.

    Examples
    --------
    >>> cached_folder("nobody/no-such-model") is None
    True
    """
    repository = _cache_root() / ("models--" + hub_id(name).replace("/", "--"))
    try:
        current = (repository / "refs" / "main").read_text(encoding="utf-8").strip()
    except OSError:
        return None
    snapshot = repository / "snapshots" / current
    model = model_folder(snapshot) if current else None
    return snapshot if model is not None and weight_files(model) else None


def is_cached(name: str) -> bool:
    """Tell whether settings and weights of a model are in the local cache; asks nobody.

    Parameters
    ----------
    name : str
        Short name or hub id.

    Returns
    -------
    bool
        False as well where a download was broken off.

    Examples
    --------
    >>> is_cached("nobody/no-such-model")
    False
    """
    return cached_folder(name) is not None


def download(name: str) -> Path:
    """Fetch a model into the local cache of the hub, or find it there.

    Parameters
    ----------
    name : str
        Short name or hub id.

    Returns
    -------
    Path
        The downloaded folder.

    Raises
    ------
    ModelNotFoundError
        The hub does not know the model, or the download failed; the cause is kept.

    Examples
    --------
    >>> download("openai/clip-vit-base-patch32")  # doctest: +SKIP
    PosixPath('.../snapshots/...')
    """
    repository = hub_id(name)
    try:
        from huggingface_hub import HfApi, snapshot_download

        # Not list_repo_files(), which has no timeout and retries for half a minute.
        siblings = HfApi(endpoint=endpoint()).model_info(repository, timeout=FILE_PATIENCE).siblings or []
        files = [file.rfilename for file in siblings if not file.rfilename.startswith(("onnx/", "openvino/"))]
        weights = _SAFETENSORS if _matching(files, _SAFETENSORS) else _PICKLES
        sample = next(iter(_matching(files, weights)), "config.json")
        if not hub_sends(repository, sample):
            raise ConnectionError(f"{sample} did not begin to come within {FILE_PATIENCE:g} s.")
        folder = snapshot_download(
            repository,
            endpoint=endpoint(),
            cache_dir=_cache_root(),
            allow_patterns=_SETTINGS + weights + [f"*/{pattern}" for pattern in weights],
            ignore_patterns=_OTHER_FORMATS,
        )
    except Exception as error:  # the client's errors have no common root, and their classes changed between versions
        raise ModelNotFoundError(
            f"The model {name!r} ({repository}) cannot be fetched from {endpoint()}: {error} Check its name, set "
            "HF_ENDPOINT to a mirror, or give the path of a local folder."
        ) from error
    return Path(folder)


def _matching(files: Sequence[str], patterns: Sequence[str]) -> list[str]:
    """Return the files whose names, without folders, match one of the patterns."""
    return [file for file in files if any(fnmatchcase(PurePosixPath(file).name, pattern) for pattern in patterns)]


def find_model(name: str | Path, *, local_files_only: bool = False) -> Path:
    """Return the folder of a model: a local one, one in the hub's cache, or a fresh download.

    The hub is asked whether it is there before anything is fetched: a download from a hub that is blocked would try
    for more than a minute before it gives up.

    Parameters
    ----------
    name : str or Path
        A folder, a short name or a hub id. A `Path` is always a folder.
    local_files_only : bool, default=False
        Ask no hub.

    Returns
    -------
    Path
        The folder.

    Raises
    ------
    ModelNotFoundError
        There is no such folder or model, or the hub cannot be reached.

    Examples
    --------
    >>> find_model(Path("no/such/folder"))
    Traceback (most recent call last):
    concept_memes.errors.ModelNotFoundError: 'no/such/folder': there is no such folder. Check the path.
    """
    folder = Path(os.path.expanduser(name))
    if folder.is_dir() and name not in SHORT_NAMES:
        return folder
    if isinstance(name, Path) or name.startswith((".", "~", "/", "\\")) or name.count("/") > 1:
        raise ModelNotFoundError(f"{str(name)!r}: there is no such folder. Check the path.")
    cached = cached_folder(name)
    if cached is not None:
        return cached
    if name not in SHORT_NAMES and not re.fullmatch(r"[\w.-]+/[\w.-]+", name):
        near = difflib.get_close_matches(name, [*SHORT_NAMES, *OWN_NAMES])
        known = f"Did you mean {' or '.join(map(repr, near))}?" if near else f"Short names: {', '.join(SHORT_NAMES)}."
        raise ModelNotFoundError(
            f"{name!r} is no folder in {Path.cwd()}, no short name, and no hub id, which would be owner/name. {known}"
        )
    missing = f"The model {name!r} is not in the local cache"
    advice = "Connect to the hub once, or set HF_ENDPOINT to a mirror if it is blocked."
    if name not in SHORT_NAMES:
        missing, advice = f"{missing}, and there is no folder of that name", f"Check the name or path. {advice}"
    if local_files_only or is_offline():
        why = "local_files_only=True" if local_files_only else "HF_HUB_OFFLINE or TRANSFORMERS_OFFLINE is set"
        raise ModelNotFoundError(f"{missing}; the hub was not asked, because {why}. {advice}")
    if not hub_answers(PATIENCE):
        raise ModelNotFoundError(f"{missing}; the hub at {endpoint()} did not answer within {PATIENCE:g} s. {advice}")
    return download(name)


def weights_hash(folder: Path) -> str:
    """Hash settings and weights of a checkpoint, all bytes of them.

    Other weights of the same shapes are another model, so sizes and headers are not enough. In the hub's cache a file
    of weights is a link to one that is named by its SHA-256, so nothing large is read there.

    Parameters
    ----------
    folder : Path
        The folder with ``config.json``.

    Returns
    -------
    str
        SHA-256 in 64 hexadecimal digits.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     _ = (Path(folder) / "config.json").write_text("{}")
    ...     len(weights_hash(Path(folder)))
    64
    """
    digest = hashlib.sha256((folder / "config.json").read_bytes())
    for file in weight_files(folder):
        digest.update(_content_hash(file).encode())
    return digest.hexdigest()


def files_hash(folder: Path, *, weights: bool) -> str:
    """Hash the settings in a folder and the folders in it: configurations, vocabularies, rules of tokenizers.

    Parameters
    ----------
    folder : Path
        Of a checkpoint, or of a sentence-transformers model.
    weights : bool
        Whether the weights in it count as well.

    Returns
    -------
    str
        SHA-256 in 64 hexadecimal digits, of all names and bytes.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     empty = files_hash(Path(folder), weights=False)
    ...     _ = (Path(folder) / "vocab.txt").write_text("cat")
    ...     files_hash(Path(folder), weights=False) == empty
    False
    """
    patterns = [*_SETTINGS, "*.safetensors", "*.bin"] if weights else _SETTINGS
    digest = hashlib.sha256()
    for file in sorted(file for file in folder.rglob("*") if any(fnmatchcase(file.name, p) for p in patterns)):
        if file.is_file():
            digest.update(f"{file.relative_to(folder).as_posix()} {_content_hash(file)}\n".encode())
    return digest.hexdigest()


def _content_hash(file: Path) -> str:
    """Hash a file; one in the hub's cache that is named by its hash is not read."""
    blob = file.resolve().name
    if file.is_symlink() and len(blob) == 64:
        return blob
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
