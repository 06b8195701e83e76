"""Look into the built wheel and sdist, then install the wheel far from the checkout and try it.

    python scripts/check_wheel.py dist

The wheel goes into a bare virtual environment in a temporary folder. Its dependencies are several gigabytes, so they
are not downloaded again: a ``.pth`` file lets the bare environment see the packages of the one that runs this script.
That path only comes after the bare environment's own, and ``.pth`` files found through a ``.pth`` file are not read:
so the editable install of the checkout, which lives in one, stays out, and the package can only come from the wheel.
The last step proves it by looking at ``concept_memes.__file__``.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import sysconfig
import tarfile
import tempfile
import venv
import zipfile
from pathlib import Path, PurePosixPath

PACKAGE = "concept_memes"
CHECKOUT = Path(__file__).resolve().parents[1]
SDIST_MUST_HAVE = (
    "benchmarks",
    "concept_memes",
    "constraints.txt",
    "demo",
    "docs",
    "LICENSE",
    "Makefile",
    "README.md",
    "tests",
)
JUNK = {"__pycache__", ".venv", "demo-output", "dist", "site", ".DS_Store", ".ipynb_checkpoints"}

# Runs inside the bare environment, isolated (-I): neither the current folder nor PYTHONPATH can lend it the checkout.
PROBE = """
import json
from importlib.metadata import version
from importlib.resources import files
import concept_memes

for name in concept_memes.__all__:
    getattr(concept_memes, name)
print(json.dumps({
    "file": concept_memes.__file__,
    "version": concept_memes.__version__,
    "metadata": version("concept-memes"),
    "names": len(concept_memes.__all__),
    "data": {file.name: len(file.read_bytes()) for file in files("concept_memes").joinpath("data").iterdir()
             if file.is_file() and not file.name.endswith((".py", ".pyc"))},
}))
"""


def main() -> None:
    """Check the one wheel and the one sdist in the folder that was named."""
    if len(sys.argv) != 2:
        sys.exit("usage: python scripts/check_wheel.py FOLDER")
    wheel = only(Path(sys.argv[1]), "*.whl")
    check_wheel_contents(wheel)
    check_sdist_contents(only(Path(sys.argv[1]), "*.tar.gz"))
    with tempfile.TemporaryDirectory(prefix="concept-memes-wheel-") as folder:
        check_installed(wheel.resolve(), Path(folder).resolve())


def only(folder: Path, pattern: str) -> Path:
    """Return the one file in a folder that fits a pattern."""
    found = sorted(folder.glob(pattern))
    if len(found) != 1:
        sys.exit(f"{folder}: one {pattern} was expected, there are {len(found)}. Run `make package`.")
    return found[0]


def data_files() -> dict[str, int]:
    """Return the data files of the checkout with their sizes in bytes."""
    folder = CHECKOUT / PACKAGE / "data"
    return {f.name: f.stat().st_size for f in folder.iterdir() if f.is_file() and f.suffix not in {".py", ".pyc"}}


def check_wheel_contents(wheel: Path) -> None:
    """Check that a wheel holds the package, its data and nothing else."""
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())
    strangers = {n for n in names if not n.startswith((f"{PACKAGE}/", f"{PACKAGE}-"))} | junk(names)
    missing = {f"{PACKAGE}/py.typed", *(f"{PACKAGE}/data/{n}" for n in data_files())} - names
    stop_if(strangers, f"{wheel.name} holds what does not belong there")
    stop_if(missing, f"{wheel.name} lacks files")
    print(f"{wheel.name}: {len(names)} files, {wheel.stat().st_size / 1024:.0f} KiB")


def check_sdist_contents(sdist: Path) -> None:
    """Check that an sdist holds what one needs to build, test and read, and no junk."""
    with tarfile.open(sdist) as archive:
        names = {str(PurePosixPath(*PurePosixPath(n).parts[1:])) for n in archive.getnames()}
    missing = {m for m in SDIST_MUST_HAVE if not any(n == m or n.startswith(f"{m}/") for n in names)}
    stop_if(missing, f"{sdist.name} lacks files")
    stop_if(junk(names), f"{sdist.name} holds what does not belong there")
    print(f"{sdist.name}: {len(names)} files, {sdist.stat().st_size / 1024:.0f} KiB")


def junk(names: set[str]) -> set[str]:
    """Return the names that are left-overs of running something."""
    return {n for n in names if n.endswith(".pyc") or JUNK.intersection(PurePosixPath(n).parts)}


def check_installed(wheel: Path, folder: Path) -> None:
    """Install a wheel into a bare environment in a folder and try it from another folder."""
    environment, elsewhere = folder / "environment", folder / "elsewhere"
    elsewhere.mkdir()
    builder = venv.EnvBuilder(with_pip=False, symlinks=os.name != "nt")
    builder.create(environment)
    context = builder.ensure_directories(environment)
    python = context.env_exe
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--python", python]
    run([*pip, "install", "--quiet", "--no-deps", "--no-index", str(wheel)], elsewhere)

    own = Path(run([python, "-I", "-c", "import sysconfig; print(sysconfig.get_path('purelib'))"], elsewhere).strip())
    dependencies = dict.fromkeys(sysconfig.get_path(kind) for kind in ("purelib", "platlib"))
    (own / "dependencies.pth").write_text("\n".join(dependencies) + "\n", encoding="utf-8")

    found = json.loads(run([python, "-I", "-c", PROBE], elsewhere))
    expected = wheel.name.split("-")[1]
    if not Path(found["file"]).resolve().is_relative_to(own.resolve()):
        sys.exit(f"{PACKAGE} was imported from {found['file']}, not from the wheel in {own}.")
    if not found["version"] == found["metadata"] == expected:
        sys.exit(f"versions differ: {found['version']} in the code, {found['metadata']} installed, {expected} built.")
    if found["data"] != data_files():
        sys.exit(f"data files differ: {found['data']} installed, {data_files()} in the checkout.")
    script = Path(context.bin_path) / "concept-memes"
    if "fit" not in run([str(script), "--help"], elsewhere):
        sys.exit("`concept-memes --help` does not speak of `fit`.")
    if left := sorted(p.name for p in elsewhere.iterdir()):
        sys.exit(f"importing the package or asking for help wrote {left} into the current folder.")
    print(f"installed from the wheel: version {found['version']}, {found['names']} public names, command line answers")


def run(command: list[str], folder: Path) -> str:
    """Run a command in a folder and return what it printed; stop with its output where it fails."""
    clean = {key: value for key, value in os.environ.items() if not key.startswith("PYTHON")}
    done = subprocess.run(command, cwd=folder, env=clean, capture_output=True, text=True, check=False, timeout=300)
    if done.returncode != 0:
        sys.exit(f"{' '.join(command[:3])} ... failed with {done.returncode}:\n{done.stdout}{done.stderr}")
    return done.stdout


def stop_if(names: set[str], what: str) -> None:
    """Stop with a list of names, where there are any."""
    if names:
        sys.exit(f"{what}: {', '.join(sorted(names)[:10])}")


if __name__ == "__main__":
    main()
