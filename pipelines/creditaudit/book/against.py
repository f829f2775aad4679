"""A book against a manifest that left the house: whether its tail was cut off, or sealed anew (SPEC 9, 10.1)."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from creditaudit.book.layout import MANIFEST, night_of
from creditaudit.book.seal import canonical, doubt
from creditaudit.errors import BookBrokenError, UsageError, Where

if TYPE_CHECKING:
    from datetime import date
    from pathlib import Path

    from creditaudit.book.keys import Keyring
    from creditaudit.book.layout import Book


def compare(book: Book, manifest: Path, keys: Keyring | None) -> str:
    """Compare a book that verifies with a manifest that left the house.

    Parameters
    ----------
    book : Book
    manifest : Path
        A copy of a night's ``manifest.json``, or of a recipient's.
    keys : Keyring or None
        With them, a night's manifest that this house never sealed is told from a book that was changed.

    Returns
    -------
    str
        What holds, in words.

    Raises
    ------
    BookBrokenError
        The night is not in the book any more (cut), or not as it was when the manifest was written (forked).
    UsageError
        The file is no such manifest, or was changed itself.
    """
    content = _read(manifest)
    night = night_of(content["night"]) if isinstance(content.get("night"), str) else None
    is_night, is_report = "files" in content and "seal" in content, "seal_of_the_night_before" in content
    if night is None or is_night == is_report:
        raise _no_manifest(manifest, "it is neither the manifest of a night nor that of a recipient")
    if is_night and keys is not None:
        why = doubt(content, keys)
        if why is not None:
            raise _no_manifest(manifest, f"{why}: not the book, but this file was changed, or it is of another house")
    if night not in book.sealed:
        raise _cut(book, night)
    if is_night:
        _same_night(book, night, content)
    else:
        _same_report(book, night, content, manifest)
    return f"night {night} is the one that the manifest tells of"


def _read(path: Path) -> dict[str, Any]:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        canonical(content)  # half a letter has no bytes to compare
    except (OSError, ValueError, RecursionError) as error:
        why = error.strerror if isinstance(error, OSError) and error.strerror else "it is not JSON in UTF-8"
        raise _no_manifest(path, why) from error
    if not isinstance(content, dict):
        raise _no_manifest(path, "it is no JSON object")
    return content


def _same_night(book: Book, night: date, content: dict[str, Any]) -> None:
    ours = book.manifests[night]
    if canonical(content) != canonical(ours):
        earlier = content.get("previous_seal") != ours.get("previous_seal")
        raise _forked(
            night, "its seal is another" if content["seal"] != ours["seal"] else "it says other things", earlier=earlier
        )


def _same_report(book: Book, night: date, content: dict[str, Any], manifest: Path) -> None:
    ours = book.manifests[night]
    if content["seal_of_the_night_before"] != ours.get("previous_seal"):
        raise _forked(night, "the seal of the night before it is another", earlier=True)
    digests = {f["path"]: f["sha256"] for f in ours["files"]}
    published = content.get("published")
    if not isinstance(published, dict):
        raise _no_manifest(manifest, "it names no published table")
    for table, digest in sorted(published.items()):
        if digests.get(f"published/{table}.parquet") != digest:
            raise _forked(night, f"its published table {table} is another")
    place = f"reports/{content.get('recipient')}/{MANIFEST}"
    if place not in digests:
        raise _forked(night, f"it sent nothing to {content.get('recipient')}")
    if canonical(content) != canonical(_read(book.folder(night) / place)):
        raise _forked(night, f"{place} says other things")


def _cut(book: Book, night: date) -> BookBrokenError:
    last = f"its last night is {book.last}" if book.last is not None else "it has no night"
    earlier = book.last is None or night > book.last
    return BookBrokenError(
        f"night {night} was cut off from the book" if earlier else f"night {night} is not in the book",
        why=f"a manifest of it left the house, and {last}",
        next_step="restore the nights from a backup; do not seal over the gap",
    )


def _forked(night: date, why: str, *, earlier: bool = False) -> BookBrokenError:
    return BookBrokenError(
        f"the book is forked at night {night}" + (" or before" if earlier else ""),
        why=f"it is not the night that the manifest tells of: {why}",
        next_step="find out who sealed it anew, and restore the nights from a backup",
    )


def _no_manifest(path: Path, why: str) -> UsageError:
    return UsageError(
        "the book cannot be compared with this file",
        why=why,
        next_step="name a manifest.json of a night, or the one in a recipient's folder",
        where=Where(str(path)),
    )
