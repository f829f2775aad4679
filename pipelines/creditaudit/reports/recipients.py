"""Files per recipient: new and changed cases, all open ones, doubts on data, and a manifest (SPEC 10.1)."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.compute as pc

from creditaudit.book.files import sha256_of, write_bytes
from creditaudit.engines import quoted
from creditaudit.errors import UsageError, Where
from creditaudit.reports.masks import Mask, read_mask
from creditaudit.reports.sheets import EXCEPTIONS, LEAD_NOTE, SheetColumn, csvw, sheet
from creditaudit.reports.side_sheets import side_sheets

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import date
    from pathlib import Path

    from creditaudit.book.keys import Keyring
    from creditaudit.engines import Engine

INSTITUTION = "institution"
KINDS = ("pboc_liaison", INSTITUTION)
ENCODINGS = ("utf-8-sig", "gb18030")
LANGUAGES = ("zh", "en")


@dataclass(frozen=True, slots=True)
class Recipient:
    """Who gets a folder of reports, and how it reads."""

    name: str
    kind: str
    mask: Mask
    encoding: str
    language: str


def read_recipients(table: pa.Table) -> tuple[Recipient, ...]:
    """Check the reference table of recipients and return it, sorted by name.

    Raises
    ------
    UsageError
        A name that cannot be a folder or comes twice, or a value outside its list.
    """
    found = [_recipient(row) for row in table.to_pylist()]
    names = [r.name for r in found]
    for name in names:
        if names.count(name) > 1:
            raise _bad(name, "recipient", "the name comes twice")
    return tuple(sorted(found, key=lambda r: r.name))


def _recipient(row: dict[str, Any]) -> Recipient:
    name = row["recipient"] or ""
    if not name or name.startswith(".") or any(c in name for c in "/\\\x00"):
        raise _bad(name, "recipient", "it cannot be the name of a folder")
    kind, encoding = row["kind"], row["encoding"] or "utf-8-sig"
    language = row["language"] or "zh"
    for column, value, known in (
        ("kind", kind, KINDS),
        ("encoding", encoding, ENCODINGS),
        ("language", language, LANGUAGES),
    ):
        if value not in known:
            raise _bad(name, column, f"it must be one of {', '.join(known)}")
    if kind == INSTITUTION and not row["provider_code"]:
        raise _bad(name, "provider_code", "an institution needs one: nobody could tell which cases are its own")
    return Recipient(name, kind, read_mask(row["id_mask"], name), encoding, language)


def _bad(name: str, column: str, why: str) -> UsageError:
    return UsageError(
        "the table of recipients cannot be used",
        why=f"recipient '{name}': {why}",
        next_step="mend reference/recipients.csv in the book",
        where=Where("reference/recipients.csv", column=column),
    )


@dataclass(frozen=True, slots=True)
class ReportContext:
    """What every recipient's manifest says of the night."""

    night: date
    mandate: str
    previous_seal: str | None
    published: Mapping[str, Path]
    covered: list[dict[str, Any]]


def write_reports(
    engine: Engine, recipients: tuple[Recipient, ...], folder: Path, context: ReportContext, keys: Keyring
) -> dict[str, int]:
    """Write the folder of every recipient; returns rows of ``exceptions.csv`` by recipient.

    Reads ``case_rows``, ``case_recipients``, ``case_subjects``, ``documents`` (document_id, zh, en), and what
    ``build_side_rows`` makes.
    """
    tables = {name: sha256_of(path) for name, path in sorted(context.published.items())}
    sent: dict[str, int] = {}
    for recipient in recipients:
        rows = _rows(engine, recipient, keys, "NOT c.is_data_quality")
        fresh = rows.filter(pc.is_valid(rows["change"]))
        whole = pa.array(["all"] * rows.num_rows, type=pa.string())
        every = rows.set_column(rows.schema.get_field_index("change"), "change", whole)
        doubtful = _rows(engine, recipient, keys, "c.is_data_quality")
        told = pc.fill_null(doubtful["change"], "all")
        doubtful = doubtful.set_column(doubtful.schema.get_field_index("change"), "change", told)
        files = [
            _write(folder / recipient.name, name, sheet_rows, recipient, columns)
            for name, columns, sheet_rows in (
                ("exceptions.csv", EXCEPTIONS, fresh),
                ("exceptions_all.csv", EXCEPTIONS, every),
                ("data_quality.csv", EXCEPTIONS, doubtful),
                *side_sheets(engine, recipient),
            )
        ]
        manifest = {
            "format": 1,
            "night": context.night.isoformat(),
            "recipient": recipient.name,
            "mandate": context.mandate,
            "note": LEAD_NOTE,
            "files": files,
            "seal_of_the_night_before": context.previous_seal,
            "published": tables,
            "covered": context.covered,
        }
        text = json.dumps(manifest, ensure_ascii=False, sort_keys=True, indent=1) + "\n"
        write_bytes(folder / recipient.name / "manifest.json", text.encode())
        sent[recipient.name] = fresh.num_rows
    return sent


def _write(
    folder: Path, name: str, rows: pa.Table, recipient: Recipient, columns: tuple[SheetColumn, ...]
) -> dict[str, Any]:
    content = sheet(rows, columns, encoding=recipient.encoding, language=recipient.language)
    write_bytes(folder / name, content)
    meta = csvw(name, columns, encoding=recipient.encoding, language=recipient.language)
    write_bytes(folder / f"{name}-metadata.json", meta)
    return {"file": name, "rows": rows.num_rows, "sha256": hashlib.sha256(content).hexdigest()}


def _rows(engine: Engine, recipient: Recipient, keys: Keyring, which: str) -> pa.Table:
    """Return some of a recipient's open cases as text cells, sorted by provider_code, account_code, case_id."""
    rows = engine.fetch(
        "SELECT c.case_id, c.episode, c.change, c.provider_code, c.account_code, r.id_norm, r.account_type,"
        " r.opened_from, r.opened_to, c.tier, c.verdict, c.notice_source,"
        " epoch_second(c.reported_from) AS reported_from, epoch_second(c.reported_to) AS reported_to,"
        " c.fault, CAST(c.due_on AS VARCHAR) AS due_on,"
        " CAST(NULL AS VARCHAR) AS due_kind, c.reasons, c.next_step, c.ask_for, c.blind_spots"
        " FROM case_rows AS c JOIN case_recipients AS t ON t.case_id = c.case_id"
        " LEFT JOIN case_subjects AS r ON r.provider_code = c.provider_code AND r.subject = c.subject"
        f" WHERE t.recipient = {quoted(recipient.name)} AND {which} ORDER BY c.provider_code, c.account_code, c.case_id"
    )
    count = rows.num_rows
    tokens = keys.row_tokens(rows["case_id"].to_pylist(), rows["episode"].to_pylist())
    extra = {
        "row_token": pa.array(tokens, type=pa.string()),
        "id_masked": recipient.mask.apply(rows["id_norm"]),
        "opened": spoken(rows["opened_from"], rows["opened_to"]),
        "reported": spoken(rows["reported_from"], rows["reported_to"]),
        "ask_for": _asked_for(engine, rows["ask_for"], recipient.language),
        "lead_note": pa.array([LEAD_NOTE] * count, type=pa.string()),
    }
    return pa.table({c.name: extra[c.name] if c.name in extra else rows[c.name] for c in EXCEPTIONS})


def _asked_for(engine: Engine, ids: pa.ChunkedArray, language: str) -> pa.Array:
    """Return the documents of ``ask_for`` by name, in the order in which they are to be asked for."""
    named = engine.fetch(f"SELECT document_id, {language} AS name FROM documents")
    names = dict(zip(named["document_id"].to_pylist(), named["name"].to_pylist(), strict=True))
    between = "；" if language == "zh" else "; "
    asked = [one and between.join(names[i] for i in one.split(";")) for one in ids.to_pylist()]
    return pa.array(asked, type=pa.string())


def spoken(start: pa.ChunkedArray, end: pa.ChunkedArray) -> pa.ChunkedArray:
    """Return intervals of whole seconds as they were given: a day, a minute, or a second."""
    day, minute = 86_399, 59
    length = pc.subtract(end, start)
    instant = start.cast(pa.timestamp("s"))
    return pc.case_when(
        pc.make_struct(pc.equal(length, day), pc.equal(length, minute), pc.is_valid(length)),
        pc.strftime(instant, format="%Y-%m-%d"),
        pc.strftime(instant, format="%Y-%m-%d %H:%M"),
        pc.strftime(instant, format="%Y-%m-%d %H:%M:%S"),
    )
