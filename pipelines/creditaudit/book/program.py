"""Which program made a night: its version and the digest of its lock file (SPEC 2)."""

from __future__ import annotations

import hashlib
from importlib import resources
from pathlib import Path

from creditaudit import __version__


def lock_digest() -> str:
    """Return the SHA-256 of the lock file, as packaged, or as it lies in the source tree."""
    packaged = resources.files("creditaudit").joinpath("requirements.lock")
    source = Path(__file__).resolve().parents[3] / "requirements.lock"
    content = packaged.read_bytes() if packaged.is_file() else source.read_bytes()
    return hashlib.sha256(content).hexdigest()


def program() -> dict[str, str]:
    """Return name, version and lock digest, for the manifest."""
    return {"name": "creditaudit", "version": __version__, "lock_sha256": lock_digest()}
