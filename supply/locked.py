"""What a lock file pins: name, version, hashes, and on which machines."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
RUNTIME, DEVELOPMENT = ROOT / "requirements.lock", ROOT / "requirements-dev.lock"
_PIN = re.compile(r"(?P<name>[A-Za-z0-9._-]+)==(?P<version>[^\s;\\]+)(?:\s*;\s*(?P<marker>[^\\]+?))?\s*\\?")
_HASH = re.compile(r"\s+--hash=sha256:(?P<digest>[0-9a-f]{64})\s*\\?")


@dataclass(frozen=True, slots=True)
class Pin:
    """One requirement of a lock file.

    Parameters
    ----------
    name : str
        As the index spells it, in lower case.
    version : str
    marker : str
        On which machines; empty: on all.
    hashes : tuple of str
        SHA-256 of the files that may be installed, in the file's order.
    """

    name: str
    version: str
    marker: str
    hashes: tuple[str, ...]

    @property
    def purl(self) -> str:
        """Address of the package, as bills of materials write it."""
        return f"pkg:pypi/{self.name}@{self.version}"


def normalised(name: str) -> str:
    """Return a package's name as the index compares it."""
    return re.sub(r"[-_.]+", "-", name).lower()


def locked(path: Path) -> list[Pin]:
    """Return what a lock file pins, in its order.

    Raises
    ------
    ValueError
        A line is neither a pin nor a hash, or a pin has no hash: such a file would not be installed either.
    """
    pins: list[Pin] = []
    hashes: list[str] = []
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        if not line.strip() or line.startswith("#"):
            continue
        digest = _HASH.fullmatch(line)
        if digest is not None and pins:
            hashes.append(digest["digest"])
            continue
        pin = _PIN.fullmatch(line)
        if pin is None:
            raise ValueError(f"{path.name}, line {number}: neither a pinned version nor a hash")
        pins = _closed(path, pins, hashes)
        pins.append(Pin(normalised(pin["name"]), pin["version"], pin["marker"] or "", ()))
        hashes = []
    return _closed(path, pins, hashes)


def _closed(path: Path, pins: list[Pin], hashes: list[str]) -> list[Pin]:
    """Give the last pin its hashes."""
    if not pins:
        return pins
    last = pins[-1]
    if not hashes:
        raise ValueError(f"{path.name}: {last.name} has no hash")
    return [*pins[:-1], Pin(last.name, last.version, last.marker, tuple(hashes))]
