"""The chain of seals: each manifest names every file of its night and the seal of the night before."""

from __future__ import annotations

import hmac
import json
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any

from creditaudit.book.files import sha256_of, storage, write_bytes
from creditaudit.book.layout import MANIFEST, Book, night_of, read_manifest
from creditaudit.errors import BookBrokenError

if TYPE_CHECKING:
    from datetime import date
    from pathlib import Path

    from creditaudit.book.keys import Keyring


def canonical(content: Any) -> bytes:
    """Return JSON with one spelling: sorted keys, no spaces, UTF-8."""
    return json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def files_of(folder: Path) -> list[dict[str, Any]]:
    """List every file of a night but its manifest: path, bytes, SHA-256, sorted by path."""
    found = (p for p in folder.rglob("*") if p.is_file())
    named = {p.relative_to(folder).as_posix(): p for p in found}
    return [
        {"path": name, "bytes": named[name].stat().st_size, "sha256": sha256_of(named[name])}
        for name in sorted(named)
        if name != MANIFEST
    ]


def seal(manifest: dict[str, Any], keys: Keyring) -> str:
    """Return the seal of a manifest: an HMAC over everything in it but the seal itself."""
    content = {k: v for k, v in manifest.items() if k != "seal"}
    return hmac.digest(keys.active.derived("seal"), canonical(content), "sha256").hex()


def write_manifest(folder: Path, manifest: dict[str, Any], keys: Keyring) -> dict[str, Any]:
    """Add the file list and the seal to a manifest and write it; returns it whole."""
    whole = {**manifest, "files": files_of(folder)}
    whole["seal"] = seal(whole, keys)
    write_bytes(folder / MANIFEST, _spelled(whole))
    return whole


def _spelled(manifest: dict[str, Any]) -> bytes:
    """Return a manifest as it is written: one spelling, for people to read."""
    return (json.dumps(manifest, sort_keys=True, indent=1, ensure_ascii=False) + "\n").encode()


@dataclass(frozen=True, slots=True)
class Verified:
    """What ``creditaudit verify`` found to hold."""

    nights: int
    files: int
    with_key: bool


def verify(book: Book, keys: Keyring | None) -> Verified:
    """Recompute the hashes and the chain of a whole book.

    Parameters
    ----------
    book : Book
    keys : Keyring or None
        Without keys only the hashes and the links between nights are checked.

    Raises
    ------
    BookBrokenError
        Names the first broken thing.
    """
    previous: str | None = None
    files = 0
    _check_nights(book)
    for night in book.sealed:
        folder = book.folder(night)
        manifest = read_manifest(folder)
        _check_spelling(night, folder, manifest)
        _check_chain(night, manifest, previous, keys)
        files += _check_files(night, folder, manifest)
        previous = manifest["seal"]
    return Verified(len(book.sealed), files, keys is not None)


def _check_spelling(night: date, folder: Path, manifest: dict[str, Any]) -> None:
    """Refuse a manifest that its content does not spell: a name twice in it would tell two readers two things."""
    missing = [name for name in ("files", "previous_seal", "seal") if name not in manifest]
    if missing:
        raise _broken(night, MANIFEST, f"it has no {missing[0]}")
    with storage(folder / MANIFEST):
        written = (folder / MANIFEST).read_bytes()
    if written != _spelled(manifest):
        raise _broken(night, MANIFEST, "its bytes are not those that were sealed")


def _check_nights(book: Book) -> None:
    """Name what lies among the nights and is none; a partial is what a killed run left, and is no night yet."""
    if not book.nights.is_dir():
        return
    for path in sorted(book.nights.iterdir()):
        partial = path.name.startswith(".") and path.name.endswith(".partial")
        if not partial and (night_of(path.name) is None or path.is_symlink() or not path.is_dir()):
            raise BookBrokenError(
                f"nights/{path.name} does not belong to the book",
                why="it is no sealed night",
                next_step="move it away; if a night was renamed, give it its name back",
            )


def _check_chain(night: date, manifest: dict[str, Any], previous: str | None, keys: Keyring | None) -> None:
    if manifest.get("night") != night.isoformat():
        raise _broken(night, MANIFEST, f"it is the manifest of night {manifest.get('night')}")
    if manifest.get("previous_seal") != previous:
        raise _broken(night, MANIFEST, "it does not follow the night before it")
    if keys is None:
        return
    key = next((k for k in keys.keys if k.key_id == manifest.get("key", {}).get("key_id")), None)
    if key is None:
        raise _broken(night, MANIFEST, "the key file does not hold the key that sealed it")
    content = {k: v for k, v in manifest.items() if k != "seal"}
    expected = hmac.digest(key.derived("seal"), canonical(content), "sha256").hex()
    if not hmac.compare_digest(expected, str(manifest.get("seal"))):
        raise _broken(night, MANIFEST, "its seal does not fit its content")


def _check_files(night: date, folder: Path, manifest: dict[str, Any]) -> int:
    named = {f["path"]: f for f in manifest["files"]}
    folders = {parent.as_posix() for name in named for parent in PurePosixPath(name).parents}
    there = set()
    for path in sorted(folder.rglob("*")):
        name = path.relative_to(folder).as_posix()
        if path.is_symlink():  # what it points to can change without a byte of the night changing
            raise _broken(night, name, "it is a link, not a file")
        if not path.is_dir():
            there.add(name)
        elif name not in folders:
            raise _broken(night, name, "the manifest names no file in this folder")
    for name in sorted(there - named.keys() - {MANIFEST}):
        raise _broken(night, name, "the manifest does not name it")
    for name, entry in sorted(named.items()):
        if name not in there:
            raise _broken(night, name, "it is missing")
        if sha256_of(folder / name) != entry["sha256"]:
            raise _broken(night, name, "its bytes are not those that were sealed")
    return len(named)


def _broken(night: date, name: str, why: str) -> BookBrokenError:
    return BookBrokenError(
        f"night {night.isoformat()} is broken at {name}",
        why=why,
        next_step="restore this night from a backup; nothing after it can be trusted until then",
    )
