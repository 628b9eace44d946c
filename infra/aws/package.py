"""The artifacts, the same bytes from the same sources: one zip for all functions, and one for the sandbox, which runs what users wrote.

The first holds our code, the migrations and the packages of requirements.txt. The second holds the sandbox and the interpreters and nothing else of ours: what is
not there cannot be read by code that escapes, and the other functions do not carry 44 MB that they never use. Dates are fixed and entries sorted, so its hash changes only with its contents.
"""

from __future__ import annotations

import hashlib
import json
import shutil
import tempfile
import zipfile
from collections import Counter
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from infra.aws.dependencies import CannotBuild, Dependencies, Say, can_compile, compile_folder, install

CHECKOUT = Path(__file__).resolve().parents[2]
CACHE = CHECKOUT / ".cache"
LIMIT_BYTES = 130_000_000  # unzipped; Lambda itself takes 250 MB, but a cold start reads what is there


@dataclass(frozen=True)
class Kit:
    """What goes into an artifact: our files and folders, and the list of packages."""

    name: str
    note: str
    requirements: str
    ours: tuple[str, ...]


MAIN = Kit(
    "millrace",
    "artifact.json",
    "requirements.txt",
    (
        "app.py",
        "chalicelib",
        "functions",
        "infra/__init__.py",
        "infra/aws/__init__.py",
        "infra/aws/migrate.py",
        "infra/migrations",
    ),
)
SANDBOX = Kit(
    "sandbox",
    "sandbox.json",
    "requirements-sandbox.txt",
    (
        "chalicelib/__init__.py",
        "chalicelib/core/__init__.py",
        "chalicelib/core/sandbox",
        "functions/__init__.py",
        "functions/sandbox.py",
    ),
)
_DATE = (1980, 1, 1, 0, 0, 0)


@dataclass(frozen=True)
class PackageSize:
    """What one package takes, in bytes."""

    name: str
    unzipped: int
    zipped: int


@dataclass(frozen=True)
class Artifact:
    """What was built. `key` is a good name for it in S3: another content has another name, so that CloudFormation sees a change."""

    path: Path
    sha256: str
    zipped: int
    unzipped: int
    compiled: bool
    packages: tuple[PackageSize, ...]
    name: str = MAIN.name

    @property
    def key(self) -> str:
        """Where to put it in the bucket."""
        return f"{self.name}/{self.sha256[:16]}.zip"

    def report(self) -> str:
        """The ten largest packages, and the whole."""
        lines = [f"{'package':<28}{'unzipped MB':>12}{'zipped MB':>12}"]
        for each in self.packages[:10]:
            lines.append(f"{each.name:<28}{each.unzipped / 1e6:>12.1f}{each.zipped / 1e6:>12.1f}")
        lines.append(f"{f'all {len(self.packages)}':<28}{self.unzipped / 1e6:>12.1f}{self.zipped / 1e6:>12.1f}")
        return "\n".join(lines)


def build(out: Path, say: Say, *, kit: Kit = MAIN, cache: Path = CACHE, limit: int = LIMIT_BYTES) -> Artifact:
    """Build `out`/millrace.zip and artifact.json (or the sandbox's sandbox.zip and sandbox.json). Raises CannotBuild, also when it would unzip to `limit` bytes or more; then nothing is left in `out`."""
    out.mkdir(parents=True, exist_ok=True)
    zip_name = f"{kit.name}.zip"
    for name in (zip_name, kit.note):
        (out / name).unlink(missing_ok=True)
    dependencies = install(CHECKOUT / kit.requirements, cache / ("lambda" if kit is MAIN else f"lambda-{kit.name}"), say)
    with tempfile.TemporaryDirectory(prefix="millrace-artifact-") as name:
        ours = Path(name) / "ours"
        _copy_ours(ours, kit)
        if can_compile():
            compile_folder(ours)
        say("Zipping")
        packed = Path(name) / zip_name
        _zip([dependencies.folder, ours], packed)
        artifact = _measure(packed, dependencies, kit)
        if artifact.unzipped >= limit:
            raise CannotBuild(
                f"{artifact.report()}\nThe artifact unzips to {artifact.unzipped / 1e6:.1f} MB; it must stay under {limit / 1e6:.0f} MB."
            )
        shutil.copyfile(packed, out / zip_name)
    artifact = replace(artifact, path=out / zip_name)
    (out / kit.note).write_text(json.dumps({**asdict(artifact), "path": zip_name, "key": artifact.key}, indent=2) + "\n", "utf-8")
    return artifact


def our_files(kit: Kit = MAIN) -> Iterator[Path]:
    """Our own files that run in Lambda, relative to the checkout."""
    for name in kit.ours:
        top = CHECKOUT / name
        for path in [top] if top.is_file() else sorted(top.rglob("*")):
            if path.is_file() and "__pycache__" not in path.parts and not path.name.startswith("."):
                yield path.relative_to(CHECKOUT)


def _copy_ours(folder: Path, kit: Kit) -> None:
    for relative in our_files(kit):
        target = folder / relative
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(CHECKOUT / relative, target)


def _zip(folders: list[Path], target: Path) -> None:
    """All files of the folders, by name. A name in two folders is an error: one would hide the other."""
    files: dict[str, Path] = {}
    for folder in folders:
        for path in folder.rglob("*"):
            if path.is_file():
                name = path.relative_to(folder).as_posix()
                if name in files:
                    raise CannotBuild(f"{name} is both ours and a package's")
                files[name] = path
    with zipfile.ZipFile(target, "w") as packed:
        for name in sorted(files):
            entry = zipfile.ZipInfo(name, _DATE)
            entry.compress_type, entry.create_system = zipfile.ZIP_DEFLATED, 3
            entry.external_attr = (0o100755 if ".so" in files[name].suffixes or name.startswith("bin/") else 0o100644) << 16
            packed.writestr(entry, files[name].read_bytes())


def _measure(packed: Path, dependencies: Dependencies, kit: Kit) -> Artifact:
    unzipped: Counter[str] = Counter()
    zipped: Counter[str] = Counter()
    with zipfile.ZipFile(packed) as opened:
        for entry in opened.infolist():
            owner = _owner(entry.filename, dependencies.owners)
            unzipped[owner] += entry.file_size
            zipped[owner] += entry.compress_size
    sizes = tuple(PackageSize(name, size, zipped[name]) for name, size in unzipped.most_common())
    digest = hashlib.sha256(packed.read_bytes()).hexdigest()
    return Artifact(packed, digest, packed.stat().st_size, unzipped.total(), dependencies.compiled, sizes, kit.name)


def _owner(name: str, owners: dict[str, str]) -> str:
    """The package of a file; of byte code, its source's."""
    if name.endswith(".pyc"):
        folder, _, file = name.rpartition("__pycache__/")
        name = f"{folder}{file.split('.', 1)[0]}.py"
    return owners.get(name, "millrace")
