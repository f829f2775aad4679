"""What people decide between nights: one immutable file each, taken by the next night (SPEC 9)."""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

from creditaudit.book.files import listed, place_bytes
from creditaudit.book.rights import private
from creditaudit.book.seal import canonical
from creditaudit.errors import BookBrokenError, UsageError, Where
from creditaudit.masking import numbers_hidden
from creditaudit.visible import visible

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from creditaudit.book.layout import Book

KINDS = ("answer", "model", "readmission", "recall", "removal", "rule_approval", "smaller_base")
ANSWER = "answer"
MODEL = "model"
RULE_APPROVAL = "rule_approval"
REMOVAL = "removal"
_FORMAT = 1
_SHA256 = re.compile("[0-9a-f]{64}", re.ASCII)
_RULE_FOLDER = re.compile("R[0-9]{3}_[a-z0-9_]{1,80}", re.ASCII)


@dataclass(frozen=True, slots=True)
class Entry:
    """One decision.

    Parameters
    ----------
    decided_on : date
        Business date; the first night that may take it.
    kind : str
        One of ``KINDS``.
    by : str
        Who decided.
    reason : str
        Why, in words.
    body : dict
        What the kind needs.
    sha256 : str
        Of the entry's canonical JSON; also in the file name.
    """

    decided_on: date
    kind: str
    by: str
    reason: str
    body: dict[str, Any]
    sha256: str

    @property
    def file_name(self) -> str:
        """Name in the inbox; manifests name it."""
        return f"{self.decided_on.isoformat()}-{self.sha256}.json"


def put(book: Book, kind: str, *, by: str, reason: str, body: dict[str, Any], on: date | None) -> Entry:
    """Put one decision into the inbox, by rename, without the lock.

    Parameters
    ----------
    on : date or None
        When it was decided. None, or a day before the last sealed night + 1 day, becomes that day; a book without a
        sealed night needs the date.

    Raises
    ------
    UsageError
        Unknown kind, nobody named, or no date in a book without a sealed night.
    """
    if kind not in KINDS:
        raise UsageError("this decision cannot be recorded", why=f"unknown kind {kind}", next_step="use a known one")
    if not by.strip():
        raise UsageError("this decision cannot be recorded", why="nobody is named", next_step="give --by NAME")
    by, reason = _told(by), _told(reason)
    decided = decided_day(book, on)
    content = {
        "creditaudit_inbox": _FORMAT,
        "decided_on": decided.isoformat(),
        "kind": kind,
        "by": by,
        "reason": reason,
        "body": body,
    }
    data = canonical(content)
    entry = Entry(decided, kind, by, reason, body, hashlib.sha256(data).hexdigest())
    target = book.inbox / entry.file_name
    if not target.exists():
        with private():  # corrected rows hold numbers and names
            place_bytes(target, data)
    return entry


def _told(text: str) -> str:
    """Return what a person wrote as it is sealed with the night, for everyone to read."""
    return numbers_hidden(visible(text))


def decided_day(book: Book, on: date | None) -> date:
    """Return the day that a decision gets: ``on``, but not before the last sealed night + 1 day.

    Raises
    ------
    UsageError
        Neither is there.
    """
    earliest = book.last + timedelta(days=1) if book.last else None
    if on is None and earliest is None:
        raise UsageError(
            "this decision cannot be recorded",
            why="the book has no sealed night, so there is no date to give it",
            next_step="give --on DATE",
        )
    return max(d for d in (on, earliest) if d is not None)


def read_entry(path: Path) -> Entry:
    """Read one inbox file and check that it is what its name says.

    Who put it there need not have been this program: numbers in what it says of who and why are hidden once more.
    """
    if path.is_symlink() or not path.is_file():
        raise _damaged(path, "it is no file")  # a pipe would be waited for without end
    try:
        data = path.read_bytes()
        content = json.loads(data)
        decided, body = date.fromisoformat(content["decided_on"]), content["body"]
        texts = [content[part] for part in ("kind", "by", "reason")]
        canonical(texts)  # half a letter could be written into no manifest
    except (OSError, ValueError, KeyError, TypeError, RecursionError) as error:
        raise _damaged(path, type(error).__name__) from error
    if not all(isinstance(text, str) for text in texts) or not isinstance(body, dict):
        raise _damaged(path, "a part of it has the wrong type")
    kind, by, reason = map(_told, texts)
    entry = Entry(decided, kind, by, reason, body, hashlib.sha256(data).hexdigest())
    if entry.file_name != path.name or content.get("creditaudit_inbox") != _FORMAT:
        raise _damaged(path, "its content does not fit its name")
    return entry


def flaw(entry: Entry) -> str | None:
    """Say why no night can take an entry, whatever the book holds; None: it has the shape of its kind.

    The rows of readmissions are checked by who reads them.
    """
    if entry.kind not in KINDS:
        return "its kind is not known to this version"
    return _FLAWS.get(entry.kind, _text_flaw)(entry.body) or _text_flaw(entry.body)


def _text_flaw(body: dict[str, Any]) -> str | None:
    try:
        canonical(body)
    except (ValueError, RecursionError):
        return "its body is not Unicode"
    return None


def is_sha256(text: Any) -> bool:
    """Say whether a text is a whole SHA-256, as manifests spell it."""
    return isinstance(text, str) and _SHA256.fullmatch(text) is not None


def _answer_flaw(body: dict[str, Any]) -> str | None:
    rows = body.get("rows")
    if not isinstance(body.get("file_sha256"), str) or not isinstance(rows, list) or not rows:
        return "its body is not one of answers"
    return None if all(isinstance(row, dict) for row in rows) else "a row of it is no answer"


def _model_flaw(body: dict[str, Any]) -> str | None:
    """Check that a model came whole; what its numbers may be is known where they are used."""
    if not isinstance(body.get("model"), dict) or not isinstance(body.get("card"), dict):
        return "its body has no model or no card"
    try:
        same = hashlib.sha256(canonical(body["model"])).hexdigest() == body.get("sha256")
    except (ValueError, RecursionError):
        return "its model cannot be read"
    return None if same else "its sha256 is not that of its model"


def base_flaw(body: dict[str, Any]) -> str | None:
    """Say what is wrong with the body of a smaller base; None: it states a whole scope and what shows it."""
    codes = ("provider_code", "region_code", "business_codes")
    if not all(name in body for name in codes):
        return "its body does not state a whole scope"
    listed = body["business_codes"]
    given = [body["provider_code"], body["region_code"], *(listed if isinstance(listed, list) else [])]
    is_text = all(isinstance(code, str) and code.strip() for code in given if code is not None)
    if not is_text or not (listed is None or (isinstance(listed, list) and listed and None not in listed)):
        return "its scope is not one that a delivery can have"
    evidence = body.get("evidence_ref")
    return None if isinstance(evidence, str) and evidence.strip() else "its body has no evidence_ref"


def _recall_flaw(body: dict[str, Any]) -> str | None:
    return None if is_sha256(body.get("sha256")) else "its body names no file by its SHA-256"


def _approval_flaw(body: dict[str, Any]) -> str | None:
    folder, text = body.get("folder"), body.get("text")
    if not isinstance(folder, str) or not _RULE_FOLDER.fullmatch(folder):
        return "its body names no rule"
    if not isinstance(text, str) or not text.strip():
        return "its body has no rule text"
    try:
        digest = hashlib.sha256(text.encode()).hexdigest()
    except UnicodeEncodeError:
        return "its rule text is not Unicode"
    return None if body.get("sha256", digest) == digest else "its sha256 is not that of its rule text"


_FLAWS = {
    ANSWER: _answer_flaw,
    MODEL: _model_flaw,
    "recall": _recall_flaw,
    RULE_APPROVAL: _approval_flaw,
    "smaller_base": base_flaw,
}


def pending(book: Book, night: date) -> list[Entry]:
    """Return what a night takes: entries with ``decided_on`` ≤ night that no manifest names, in order."""
    return [entry for entry in waiting(book) if entry.decided_on <= night]


@dataclass(frozen=True)
class Decisions:
    """What a night takes of the inbox.

    Parameters
    ----------
    taken : list of Entry
        All entries that are due, in order: the manifest names them, and no later night takes them again.
    sound : list of Entry
        Those that hold.
    refused : list of str
        One sentence for each of the others.
    """

    taken: list[Entry] = field(default_factory=list)
    sound: list[Entry] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)


def decisions(book: Book, night: date) -> Decisions:
    """Take what is due and check it again; what only another room can tell of a kind is checked there.

    Approvals of one day that say different things of one rule are all refused: which was meant nobody can tell.
    """
    due = Decisions(pending(book, night))
    texts: dict[tuple[date, str], set[str]] = {}
    for entry in due.taken:
        if entry.kind == RULE_APPROVAL and flaw(entry) is None:
            texts.setdefault((entry.decided_on, entry.body["folder"]), set()).add(entry.body["text"])
    for entry in due.taken:
        why = flaw(entry)
        if why is None and entry.kind == RULE_APPROVAL and len(texts[entry.decided_on, entry.body["folder"]]) > 1:
            why = f"another approval of {entry.body['folder']} of the same day contradicts it"
        if why is None:
            due.sound.append(entry)
        else:
            due.refused.append(f"inbox entry {entry.file_name}: {why}")
    return due


def waiting(book: Book) -> list[Entry]:
    """Return the entries that no manifest names, in the order in which nights take them."""
    named = {name for manifest in book.manifests.values() for name in manifest["inbox"]}
    return _ordered(path for path in listed(book.inbox) if path.suffix == ".json" and path.name not in named)


def taken(book: Book) -> list[Entry]:
    """Return the entries that sealed nights took, in the same order; one that was removed since is left out."""
    named = {book.inbox / name for manifest in book.manifests.values() for name in manifest["inbox"]}
    return _ordered(path for path in named if path.exists())


def _ordered(paths: Iterable[Path]) -> list[Entry]:
    return sorted(map(read_entry, paths), key=lambda e: (e.decided_on, e.kind, e.sha256))


def _damaged(path: Path, why: str) -> BookBrokenError:
    return BookBrokenError(
        "an inbox entry cannot be read",
        why=why,
        next_step="restore the file from a backup, or remove it and record the decision again",
        where=Where(str(path)),
    )
