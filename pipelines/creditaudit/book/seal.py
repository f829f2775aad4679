"""The chain of seals: each manifest names every file of its night and the seal of the night before."""

from __future__ import annotations

import hmac
import json
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any

from creditaudit.book.files import below, listed, sha256_of, storage, write_bytes
from creditaudit.book.layout import (
    FORMAT,
    MANIFEST,
    OLDEST_FORMAT,
    Book,
    manifest_content,
    night_of,
    unknown_format,
)
from creditaudit.book.tombstones import Content, entries_left, of_manifest
from creditaudit.errors import BookBrokenError

if TYPE_CHECKING:
    from collections.abc import Collection
    from datetime import date
    from pathlib import Path

    from creditaudit.book.keys import Keyring
    from creditaudit.book.tombstones import RemovedFile, Tombstone


def canonical(content: Any) -> bytes:
    """Return JSON with one spelling: sorted keys, no spaces, UTF-8."""
    return json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def files_of(folder: Path) -> list[dict[str, Any]]:
    """List every file of a night but its manifest: path, bytes, SHA-256, sorted by path."""
    found = (p for p in below(folder) if p.is_file())
    named = {p.relative_to(folder).as_posix(): p for p in found}
    return [
        {"path": name, "bytes": named[name].stat().st_size, "sha256": sha256_of(named[name])}
        for name in sorted(named)
        if name != MANIFEST
    ]


def seal(manifest: dict[str, Any], keys: Keyring) -> str:
    """Return the seal of a manifest: an HMAC over everything in it but the seal itself."""
    content = {k: v for k, v in manifest.items() if k != "seal"}
    return keys.active.signed("seal", canonical(content))


def write_manifest(folder: Path, manifest: dict[str, Any], keys: Keyring) -> dict[str, Any]:
    """Add the file list and the seal to a manifest and write it; returns it whole."""
    whole = {**manifest, "files": files_of(folder)}
    whole["seal"] = seal(whole, keys)
    write_bytes(folder / MANIFEST, _spelled(whole))
    return whole


def _spelled(manifest: dict[str, Any]) -> bytes:
    """Return a manifest as it is written: one spelling, for people to read."""
    # Half a letter is in none that was sealed: whoever compares finds other bytes.
    return (json.dumps(manifest, sort_keys=True, indent=1, ensure_ascii=False) + "\n").encode(errors="surrogatepass")


@dataclass(frozen=True, slots=True)
class Verified:
    """What ``creditaudit verify`` found to hold.

    Parameters
    ----------
    nights, files : int
        Sealed nights, and files that their manifests name.
    with_key : bool
        Whether the seals were recomputed, too.
    removals : tuple of Tombstone
        What was removed, and who decided it.
    unfinished : int
        Files that a sealed tombstone names and that are still what they were.
    """

    nights: int
    files: int
    with_key: bool
    removals: tuple[Tombstone, ...]
    unfinished: int


def verify(book: Book, keys: Keyring | None) -> Verified:
    """Recompute the hashes and the chain of a whole book: first the chain, then the files, each in date order.

    Parameters
    ----------
    book : Book
    keys : Keyring or None
        Without keys only the hashes and the links between nights are checked.

    Raises
    ------
    BookBrokenError
        Names the first broken thing.
    UsageError
        A night is of a format that this program does not know (and, with the key, its seal holds).
    """
    previous: str | None = None
    files = 0
    _check_nights(book)
    manifests = {}
    stones: list[Tombstone] = []
    for night in book.sealed:
        folder = book.folder(night)
        manifest = manifest_content(folder)
        _check_chain(night, folder, manifest, previous, keys)
        previous = manifest["seal"]
        manifests[night] = manifest
        stones += of_manifest(night, manifest)
    _check_tombstones(manifests, stones)
    removed = {file.key: file for stone in stones for file in stone.files}
    waiting = 0
    for night, manifest in manifests.items():
        files += len(manifest["files"])
        waiting += _check_files(night, book.folder(night), manifest, removed)
    waiting += len(entries_left(book.inbox, stones))
    return Verified(len(manifests), files, keys is not None, tuple(stones), waiting)


def _check_shape(night: date, folder: Path, manifest: dict[str, Any]) -> None:
    """Refuse a manifest that its content does not spell: a name twice in it would tell two readers two things."""
    missing = [name for name in ("files", "previous_seal", "seal") if name not in manifest]
    if missing:
        raise _broken(night, MANIFEST, f"it has no {missing[0]}")
    with storage(folder / MANIFEST):
        written = (folder / MANIFEST).read_bytes()
    if written != _spelled(manifest):
        raise _broken(night, MANIFEST, "its bytes are not those that were sealed")
    listed = manifest["files"]
    types = {"path": str, "bytes": int, "sha256": str}
    if not isinstance(listed, list) or not all(
        isinstance(f, dict) and f.keys() == types.keys() and all(isinstance(f[n], t) for n, t in types.items())
        for f in listed
    ):
        raise _broken(night, MANIFEST, "its list of files cannot be read")


def _check_tombstones(manifests: dict[date, dict[str, Any]], stones: list[Tombstone]) -> None:
    """Refuse a tombstone for a file that is not in the book as it says, and one whose kept rows are not sealed."""
    known = {(n, f["path"]): Content(f["bytes"], f["sha256"]) for n, m in manifests.items() for f in m["files"]}
    now: dict[tuple[date, str], Content | None] = dict(known)
    for stone in stones:
        for file in stone.files:
            if now.get(file.key) != file.old:
                raise _broken(
                    stone.sealed_in, MANIFEST, f"its tombstone for {file.night}/{file.path} names no such file"
                )
            if file.new is not None and known.get((file.sealed_in, file.kept_path)) != file.new:
                raise _broken(stone.sealed_in, MANIFEST, f"it does not hold the rows kept of {file.night}/{file.path}")
            now[file.key] = file.new


def _check_nights(book: Book) -> None:
    """Name what lies among the nights and is none; a partial is what a killed run left, and is no night yet."""
    if not book.nights.is_dir():
        return
    for path in listed(book.nights):
        partial = path.name.startswith(".") and path.name.endswith(".partial")
        if not partial and (night_of(path.name) is None or path.is_symlink() or not path.is_dir()):
            raise BookBrokenError(
                f"nights/{path.name} does not belong to the book",
                why="it is no sealed night",
                next_step="move it away; if a night was renamed, give it its name back",
            )


def _check_chain(
    night: date, folder: Path, manifest: dict[str, Any], previous: str | None, keys: Keyring | None
) -> None:
    _check_shape(night, folder, manifest)
    if manifest.get("night") != night.isoformat():
        raise _broken(night, MANIFEST, f"it is the manifest of night {manifest.get('night')}")
    if manifest.get("previous_seal") != previous:
        raise _broken(night, MANIFEST, "it does not follow the night before it")
    if keys is not None:
        why = doubt(manifest, keys)
        if why is not None:
            raise _broken(night, MANIFEST, why)
    # Asked last: with the key, a damaged number is told from a format that is truly another.
    if not OLDEST_FORMAT <= manifest["format"] <= FORMAT:
        raise unknown_format(folder, manifest["format"])


def doubt(manifest: dict[str, Any], keys: Keyring) -> str | None:
    """Say why a manifest is not shown to be sealed with one of these keys; None where it is."""
    named = manifest.get("key")
    key = keys.named(str(named.get("key_id"))) if isinstance(named, dict) else None
    if key is None:
        return "the key file does not hold the key that sealed it"
    content = {k: v for k, v in manifest.items() if k != "seal"}
    expected = key.signed("seal", canonical(content))
    if not hmac.compare_digest(expected.encode(), str(manifest.get("seal")).encode()):
        return "its seal does not fit its content"
    return None


def _check_files(
    night: date, folder: Path, manifest: dict[str, Any], removed: dict[tuple[date, str], RemovedFile]
) -> int:
    """Compare the files of a night with its manifest and the tombstones; returns how many still wait to be removed."""
    named = {f["path"]: Content(f["bytes"], f["sha256"]) for f in manifest["files"]}
    there = _files_there(night, folder, named)
    waiting = 0
    for name, sealed in sorted(named.items()):
        word = removed.get((night, name))
        if name not in there:
            if word is None or word.new is not None:
                raise _broken(night, name, "it is missing")
            continue
        found = Content((folder / name).stat().st_size, sha256_of(folder / name))
        if found == (sealed if word is None else word.new):
            continue
        if word is None or found != word.old:
            raise _broken(night, name, "its bytes are not those that were sealed")
        waiting += 1
    return waiting


def _files_there(night: date, folder: Path, named: Collection[str]) -> set[str]:
    """Return the paths of a night's files; whatever the manifest does not name is refused."""
    folders = {parent.as_posix() for name in named for parent in PurePosixPath(name).parents}
    there = set()
    for path in below(folder):
        name = path.relative_to(folder).as_posix()
        if path.is_symlink():  # what it points to can change without a byte of the night changing
            raise _broken(night, name, "it is a link, not a file")
        if not path.is_dir():
            if not path.is_file():  # a pipe would be waited for without end
                raise _broken(night, name, "it is no file")
            there.add(name)
        elif name not in folders:
            raise _broken(night, name, "the manifest names no file in this folder")
    for name in sorted(there - set(named) - {MANIFEST}):
        raise _broken(night, name, "the manifest does not name it")
    return there


def _broken(night: date, name: str, why: str) -> BookBrokenError:
    return BookBrokenError(
        f"night {night.isoformat()} is broken at {name}",
        why=why,
        next_step="restore this night from a backup; nothing after it can be trusted until then",
    )
