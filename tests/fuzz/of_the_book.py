"""What a book takes from people's hands: decisions of every kind, reference tables, the log of accesses, manifests."""

from __future__ import annotations

import json
import tempfile
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING

from creditaudit.audit.rulebook import load_rules
from creditaudit.audit.rules_tonight import rules_tonight
from creditaudit.book.access import Asked, check_accesses, record_access
from creditaudit.book.against import compare
from creditaudit.book.erase import erase
from creditaudit.book.inbox import KINDS, decisions
from creditaudit.book.layout import FORMAT, MANIFEST, Book
from creditaudit.book.prune import refusal
from creditaudit.book.reference import AREA_CODES, TABLES, read, shipped, snapshot_of
from creditaudit.book.seal import canonical, seal
from creditaudit.cases.answers import take_answers
from creditaudit.cases.clocks import read_clocks
from creditaudit.cases.remedy_lint import doubts_of
from creditaudit.engines import engine_aside
from creditaudit.errors import BookBrokenError, StorageError, UsageError
from creditaudit.intake.readmission import ReadmittedFile, cells_of_rows, label, readmissions
from creditaudit.intake.recalls import recalls
from creditaudit.intake.receive import read_file
from creditaudit.masking import numbers_hidden
from creditaudit.reports.recipients import read_recipients
from creditaudit.scoring.in_force import model_tonight
from reference.small import ACCOUNT, NIGHT
from unit.cases.answer_desk import answer, case, load_cases
from unit.kit import PERSON, demo_keys

if TYPE_CHECKING:
    from collections.abc import Callable

    from creditaudit.book.inbox import Entry

# One input is several files: what is before such a line, and what is behind it.
CUT = b"\n=====\n"
_NUMBERED = f"x {PERSON} 13912345678"


def _decision(data: bytes, folder: Path) -> str:
    """An entry of the inbox whose kind is the first line and whose body is the rest: what a night makes of it."""
    kind, _, body = data.partition(b"\n")
    try:
        said = {"kind": kind.decode("utf-8", "replace"), "body": json.loads(body), "by": _NUMBERED, "reason": "y"}
        content = json.dumps({"creditaudit_inbox": 1, "decided_on": NIGHT.isoformat(), **said}).encode()
    except (ValueError, RecursionError):
        return "no JSON"
    book = Book(folder / "book")
    book.inbox.mkdir(parents=True)
    (book.inbox / f"{NIGHT}-{sha256(content).hexdigest()}.json").write_bytes(content)
    try:
        due = decisions(book, NIGHT)
    except BookBrokenError as error:
        return f"refused: {error}"
    told = [*due.refused]
    for entry in due.sound:
        told += _TAKEN[entry.kind](book, entry, folder)
    for sentence in told:
        assert sentence.encode()
        assert numbers_hidden(sentence) == sentence
    return f"{[entry.kind for entry in due.sound]}: {told}"


def _rule(book: Book, entry: Entry, folder: Path) -> list[str]:
    return [*rules_tonight(book, [entry], NIGHT, folder / "rules").refused]


def _model(book: Book, entry: Entry, folder: Path) -> list[str]:
    return model_tonight(book, [entry], folder / "model")[1]


def _recall(book: Book, entry: Entry, _: Path) -> list[str]:
    return [*recalls(book, [entry]).refused]


def _removal(book: Book, entry: Entry, folder: Path) -> list[str]:
    with engine_aside(threads=1) as engine:
        refused = erase(engine, book, folder, [entry], keys=demo_keys(), night=NIGHT).refused
    return refused or [refusal(book, entry.body) or "taken"]


def _base(_: Book, entry: Entry, __: Path) -> list[str]:
    return [] if entry.body["evidence_ref"].strip() else ["no evidence"]


def _answer(_: Book, entry: Entry, __: Path) -> list[str]:
    with engine_aside(threads=1) as engine:
        load_cases(engine, [case(), case("CA-2", state="correction_due")])
        return [*take_answers(engine, [entry], NIGHT, demo_keys())]


def _readmission(book: Book, entry: Entry, folder: Path) -> list[str]:
    found = readmissions(book, [entry], NIGHT)
    assert not found.files, "nothing is quarantined in this book"
    rows = len(cells_of_rows(entry))
    if rows:
        taken = tuple(range(1, rows + 1))
        file = ReadmittedFile(entry.body["feed"], label(entry.sha256), book.inbox / entry.file_name, taken)
        made = read_file(file, night=NIGHT, scratch=folder, part="p")
        assert made.refused is not None or made.delivered == (made.typed or 0) + (made.quarantined or 0)
    return [*found.refused]


_TAKEN: dict[str, Callable[[Book, Entry, Path], list[str]]] = {
    "answer": _answer,
    "model": _model,
    "readmission": _readmission,
    "recall": _recall,
    "removal": _removal,
    "rule_approval": _rule,
    "smaller_base": _base,
}
assert set(_TAKEN) == set(KINDS)


def _table(data: bytes, folder: Path) -> str:
    """A reference table, named in the first line, as a night copies and reads it."""
    name, _, content = data.partition(b"\n")
    table = next((known for known in (*TABLES, AREA_CODES) if known.encode() == name), "institutions")
    book = Book(folder / "book")
    book.reference.mkdir(parents=True)
    (book.reference / f"{table}.csv").write_bytes(content)
    try:
        snapshot_of(book, table, folder)
        rows = read(folder, table)
        if table == "recipients":
            read_recipients(rows)
        elif table == "clocks":
            read_clocks(rows)
        elif table == "remedies":
            doubts_of(rows)
    except (UsageError, StorageError) as error:
        return f"refused: {error}"
    assert numbers_hidden(str(rows.to_pylist())) == str(rows.to_pylist())
    return f"read: {min(rows.num_rows, 2)} rows"


def _accesses(data: bytes, folder: Path) -> str:
    log, _, head = data.partition(CUT)
    book = Book(folder)
    (folder / "access").mkdir()
    (folder / "access" / "log.jsonl").write_bytes(log)
    (folder / "access" / "head.json").write_bytes(head)
    try:
        return f"read: {check_accesses(book, demo_keys())}"
    except BookBrokenError as error:
        return f"refused: {error.why}"


def _against(data: bytes, folder: Path) -> str:
    (folder / "m.json").write_bytes(data)
    sealed = Book(folder).folder(NIGHT)
    sealed.mkdir(parents=True)
    (sealed / MANIFEST).write_bytes(_SEALED)
    try:
        return compare(Book(folder), folder / "m.json", demo_keys())
    except (UsageError, BookBrokenError) as error:
        return f"refused: {error.why}"


def _logged() -> bytes:
    """A log of two accesses, and its head."""
    with tempfile.TemporaryDirectory() as place:
        for number in (1, 2):
            asked = Asked(f"CA-{number}", NIGHT.isoformat(), "x", "y", "z", "2026-11-20T00:00:00+08:00")
            record_access(Book(Path(place)), demo_keys(), asked)
        kept = Path(place) / "access"
        return (kept / "log.jsonl").read_bytes() + CUT + (kept / "head.json").read_bytes()


def _body(kind: str, **body: object) -> bytes:
    return f"{kind}\n{json.dumps(body, ensure_ascii=False)}".encode()


def _said(**content: object) -> bytes:
    return json.dumps(content).encode()


[_RULE] = [rule for rule in load_rules() if rule.rule_id == "R101"]
_TARGET = {"night": "2026-11-19", "file": f"f {PERSON}.csv", "row": 3, "cells": list(ACCOUNT.values())}
_NIGHT = {"format": FORMAT, "night": NIGHT.isoformat(), "files": [], "key": {"key_id": "K1"}, "previous_seal": None}
_SEALED = canonical({**_NIGHT, "seal": seal(_NIGHT, demo_keys())})
_LOG = _logged()
_SENT = {"recipient": "pboc", "seal_of_the_night_before": None, "published": {"cases": "0" * 64}}

# Name to what reads it, and sound inputs.
OF_THE_BOOK: dict[str, tuple[Callable[[bytes, Path], str], tuple[bytes, ...]]] = {
    "decision": (
        _decision,
        (
            _body("readmission", feed="accounts", columns=list(ACCOUNT), rows=[_TARGET, {**_TARGET, "row": 4}]),
            _body("recall", sha256="0" * 64),
            _body("removal", removal="prune", before=NIGHT.isoformat(), feeds=["accounts"]),
            _body("removal", removal="erase", key_id="K1", persons=["0" * 32]),
            _body("smaller_base", provider_code="B01", region_code=None, business_codes=["11"], evidence_ref="x"),
            _body("answer", file_sha256="0" * 64, rows=[answer(), answer("CA-2", "4", row=2, evidence_ref="x")]),
            _body("rule_approval", folder=f"R101_{_RULE.name}", text=_RULE.text.replace("'lost'", "'lost' ")),
        ),
    ),
    "table": (_table, tuple(f"{name}\n".encode() + shipped(name)[:3_000].rpartition(b"\n")[0] for name in TABLES)),
    "accesses": (
        _accesses,
        (_LOG, _LOG.replace(b'"by":"x"', b'"by":"\\ud800"'), _LOG.replace(b'"mark":"', b'"mark":"\xc3\xa9'), CUT),
    ),
    "outside_manifest": (
        _against,
        (_SEALED, _SEALED.replace(b'"K1"', b'"\\ud800"'), _said(night=NIGHT.isoformat(), **_SENT), b"[]"),
    ),
}
