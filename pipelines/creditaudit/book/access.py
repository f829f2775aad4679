"""The log of accesses: who had a person's number shown, when and why, before it was shown (SPEC 9, 10.4).

``BOOK/access/log.jsonl`` has one line per access, only ever written behind the last (the file may have the append-only
attribute of the file system). A line holds no ID number, name or phone. Each is signed under the key of seals and
names the mark of the line before it, so a line that was changed, added or cut out is found by whoever has the key.
``head.json`` names the last line, so a tail that was cut off is found, too; who puts back an older copy of both is
found only by a mark that was noted elsewhere, which is why a mark is told with every access.

The log lies outside the chain of seals: it is no part of a night.
"""

from __future__ import annotations

import fcntl
import hashlib
import hmac
import json
import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from creditaudit.book.files import place_bytes, storage, sync
from creditaudit.book.rights import private
from creditaudit.book.seal import canonical
from creditaudit.errors import BookBrokenError, Where

if TYPE_CHECKING:
    from pathlib import Path

    from creditaudit.book.keys import Keyring
    from creditaudit.book.layout import Book

_PARTS = frozenset({"access", "at", "by", "case_id", "key_id", "mark", "night", "previous", "reason", "torn", "user"})
_DOMAIN = b"access\x1f"  # no manifest begins so: what signs nights signs accesses, and one is never taken for the other


@dataclass(frozen=True, slots=True)
class Access:
    """One access.

    Parameters
    ----------
    number : int
        1-based.
    mark : str
        Its HMAC, as 64 hex digits: it proves this line and all before it.
    """

    number: int
    mark: str


@dataclass(frozen=True, slots=True)
class Asked:
    """What is recorded of an access; none of it may hold a number, name or phone of a person.

    Parameters
    ----------
    case_id : str
    night : str
        The sealed night whose case it is.
    by, reason : str
        Who asked, and why, in words.
    user : str
        User of the machine.
    at : str
        When, with the offset from UTC: the clock of the machine, which enters no night.
    """

    case_id: str
    night: str
    by: str
    reason: str
    user: str
    at: str


def record_access(book: Book, keys: Keyring, asked: Asked) -> Access:
    """Write one access and flush it to the disk; only then may a number be shown.

    Raises
    ------
    BookBrokenError
        The log is not what was written: nothing is added to it, and nothing may be shown.
    StorageError
        It cannot be written.
    """
    log = _log(book)
    with private(), storage(log):
        log.parent.mkdir(exist_ok=True)
        # A link is not followed: the log would lie wherever somebody wants it.
        handle = os.open(log, os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX)  # two accesses at once come one after the other
            content = log.read_bytes()
            last, torn = _checked(book, content, keys)
            line = {
                **{name: getattr(asked, name) for name in Asked.__slots__},
                "access": last.number + 1,
                "key_id": keys.active.key_id,
                "previous": last.mark,
                # What a run that was killed left of a line; it showed nothing.
                "torn": hashlib.sha256(torn).hexdigest() if torn else None,
            }
            line["mark"] = _mark(line, keys, keys.active.key_id)
            whole = (b"\n" if torn else b"") + canonical(line) + b"\n"
            with os.fdopen(handle, "ab", closefd=False) as file:
                file.write(whole)
            os.fsync(handle)
            access = Access(last.number + 1, str(line["mark"]))
            place_bytes(_head(book), canonical({"access": access.number, "mark": access.mark}))
        finally:
            os.close(handle)
    sync(log.parent)
    return access


def check_accesses(book: Book, keys: Keyring | None, *, noted: str | None = None) -> int:
    """Check the log from its first line to its last; returns how many accesses it has.

    Parameters
    ----------
    book : Book
    keys : Keyring or None
        Without keys only the numbers, the links between lines and the last line are checked.
    noted : str, optional
        The mark of an access, or its beginning, as it was told and noted elsewhere: the log must have it.

    Raises
    ------
    BookBrokenError
        Names the first line that is not what was written.
    """
    log = _log(book)
    with storage(log):
        if log.is_symlink():
            raise _broken(book, 1, "the log is a link, not a file")
        content = log.read_bytes() if log.exists() else b""
    last = _checked(book, content, keys)[0].number
    marks = (line["mark"] for text in content.split(b"\n") if (line := _line(text)) is not None)
    if noted is not None and not any(str(mark).startswith(noted.lower()) for mark in marks):
        raise _broken(book, last + 1, "it does not have the access that was noted: an older log was put in its place")
    return last


def _checked(book: Book, content: bytes, keys: Keyring | None) -> tuple[Access, bytes]:
    """Return the last access (number 0: none), and what a killed run left of a line behind it."""
    *lines, tail = content.split(b"\n")
    last, torn = Access(0, ""), b""
    head = _read_head(book)
    seen = {last}
    for place, text in enumerate([*lines, *([tail] if tail else [])], start=1):
        line = _line(text)
        if line is None:
            if torn:
                raise _broken(book, place, "it cannot be read")
            torn = text
            continue
        if line["torn"] != (hashlib.sha256(torn).hexdigest() if torn else None):
            raise _broken(book, place - 1 if torn else place, "it is not what was written")
        if line["access"] != last.number + 1 or line["previous"] != last.mark:
            raise _broken(book, place, f"it does not follow access {last.number}: lines are missing or were changed")
        if keys is not None and not _is_ours(line, keys):
            raise _broken(book, place, "its mark does not fit what it says")
        last, torn = Access(last.number + 1, str(line["mark"])), b""
        seen.add(last)
    if head not in seen:
        raise _broken(book, last.number + 1, f"{head.number} accesses were recorded, and it ends with {last.number}")
    if head.number < last.number - 1:  # the head is written right behind its line
        raise _broken(book, head.number + 1, f"the head names access {head.number}, and more follow")
    return last, torn


def _line(text: bytes) -> dict[str, Any] | None:
    try:
        line = json.loads(text)
        return line if isinstance(line, dict) and line.keys() == _PARTS and canonical(line) == text else None
    except (ValueError, RecursionError):  # no JSON, or half a letter in it
        return None


def _mark(line: dict[str, Any], keys: Keyring, key_id: str) -> str:
    """Return the mark that a line must have; nothing where the key file does not have its key."""
    key = keys.named(key_id)
    content = canonical({name: value for name, value in line.items() if name != "mark"})
    return "" if key is None else key.signed("seal", _DOMAIN + content)


def _is_ours(line: dict[str, Any], keys: Keyring) -> bool:
    """Compare the mark of a line with what it must be, as bytes: a changed one may hold any letter."""
    return hmac.compare_digest(_mark(line, keys, line["key_id"]).encode(), str(line["mark"]).encode())


def _read_head(book: Book) -> Access:
    path = _head(book)
    with storage(path):
        if not path.exists():
            return Access(0, "")
        text = path.read_bytes()
    try:
        content = json.loads(text)
        return Access(int(content["access"]), str(content["mark"]))
    except (ValueError, KeyError, TypeError, OverflowError, RecursionError) as error:
        raise _broken(book, 1, f"access/{path.name} cannot be read ({type(error).__name__})") from error


def _log(book: Book) -> Path:
    return book.root / "access" / "log.jsonl"


def _head(book: Book) -> Path:
    return book.root / "access" / "head.json"


def _broken(book: Book, line: int, why: str) -> BookBrokenError:
    return BookBrokenError(
        "the log of accesses is broken",
        why=why,
        next_step="find out who changed it and restore access/ from a backup; no number is shown until then",
        where=Where(str(_log(book)), line=line),
    )
