"""Two books, file by file."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path


def sealed(book: Path) -> dict[str, str]:
    """Return every file of every sealed night with its SHA-256: manifests and seals, too."""
    nights = book / "nights"
    return {
        path.relative_to(nights).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(nights.rglob("*"))
        if path.is_file()
    }


def differing(one: dict[str, str], other: dict[str, str]) -> list[str]:
    """Return the files that one of two books alone has, or that differ."""
    return sorted(name for name in one.keys() | other.keys() if one.get(name) != other.get(name))
