"""Tonight's files of accounts as proofs see them: what each speaks for, and rows that could not stand (SPEC 8.3)."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from creditaudit.book.files import listed
from creditaudit.book.proof_state import ACCOUNT_DELIVERIES
from creditaudit.book.scopes import scope_text
from creditaudit.feeds import FEEDS
from creditaudit.intake.faults import ROW_QUARANTINED
from creditaudit.intake.identity import normalise_ids, numbers_in

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from creditaudit.engines import Engine
    from creditaudit.intake.admit import Admitted
    from creditaudit.intake.control import Control
    from creditaudit.intake.receive import FileReport

FEED = "accounts"

# One row per file of accounts, refused or not.
ACCOUNT_FILES = pa.schema(
    [
        pa.field("file", pa.string()),
        pa.field("sha256", pa.string()),
        pa.field("provider_code", pa.string()),  # that the control names; NULL: none, or all
        pa.field("scope", pa.string()),  # NULL: it can prove nothing (delta, late, or a scope key is missing)
        pa.field("is_full", pa.bool_()),  # of tonight
        pa.field("is_stated", pa.bool_()),  # the control gives rows and sha256
        pa.field("is_refused", pa.bool_()),
    ]
)

# One row per quarantined row of accounts. It may hold what no log may: it stays in the engine.
QUARANTINED_ACCOUNTS = pa.schema(
    [
        pa.field("file", pa.string()),
        pa.field("row", pa.int64()),
        pa.field("stated_provider", pa.string()),  # that the file's control names
        pa.field("provider_code", pa.string()),  # the row's own; NULL: not split, or nothing that looks like a code
        pa.field("account_code", pa.string()),
        pa.field("reasons", pa.string()),
        pa.field("is_known_key", pa.bool_()),  # read well; another row of its key stood, or none of several
        pa.field("is_anyones", pa.bool_()),  # not split, or with neither a code nor a number that can be read
    ]
)

# Texts of quarantined rows: their cells, and the ID numbers found in them, normalised.
QUARANTINED_WORDS = pa.schema(
    [pa.field("file", pa.string()), pa.field("row", pa.int64()), pa.field("word", pa.string())]
)

# What an institution's code looks like.
_CODE = "^[0-9A-Za-z]{1,14}$"

# What rows are refused for that were read well (SPEC 3.3).
_KEYS = pa.array(["stale", "duplicate", "conflict"])


def account_files(reports: Sequence[FileReport]) -> pa.Table:
    """Return tonight's files of accounts, schema ``ACCOUNT_FILES``, in the order of ``reports``.

    A late file speaks of its own day, so it proves nothing of tonight.
    """
    rows = [
        {
            "file": r.file.name,
            "sha256": r.sha256,
            "provider_code": r.control.provider_code or None,
            "scope": _scope(r.control) if _is_full(r) else None,
            "is_full": _is_full(r),
            "is_stated": r.control.rows is not None and r.control.sha256 is not None,
            "is_refused": r.refused is not None,
        }
        for r in reports
        if r.file.feed == FEED
    ]
    return pa.Table.from_pylist(rows, schema=ACCOUNT_FILES)


def _is_full(report: FileReport) -> bool:
    return report.control.kind == "full" and not _is_late(report.file.name)


def _scope(control: Control) -> str | None:
    if not (control.provider_given and control.region_given and control.business_given):
        return None
    return scope_text(control.provider_code, control.region_code, control.business_codes)


def _is_late(name: str) -> bool:
    first, slash, _ = name.partition("/")
    try:
        return bool(slash) and date.fromisoformat(first).isoformat() == first
    except ValueError:
        return False


def open_account_files(engine: Engine, reports: Sequence[FileReport], folder: Path) -> None:
    """Name ``account_files`` and ``delivered_accounts``: the rows of accounts that tonight accepted, as delivered."""
    engine.load("account_files", account_files(reports))
    engine.scan("delivered_accounts", listed(folder / "intake" / FEED), FEEDS[FEED].schema)


def account_deliveries(
    engine: Engine, admitted: Sequence[Admitted], reports: Sequence[FileReport], night: date
) -> pa.Table:
    """Return the files of tonight that can prove something (schema ``ACCOUNT_DELIVERIES``), sorted by file.

    Their rows are counted as delivered, but each key once: rows said twice must not hide that others are missing.
    Reads ``account_files`` and ``delivered_accounts``.
    """
    counts = {r.file.name: r.delivered or 0 for r in reports if r.file.feed == FEED and r.refused is None}
    files = engine.fetch(
        "SELECT file, sha256, scope, is_stated FROM account_files"
        " WHERE scope IS NOT NULL AND NOT is_refused ORDER BY file"
    )
    if not files.num_rows:
        return ACCOUNT_DELIVERIES.schema.empty_table()
    rows = _rows(admitted, reports)
    engine.load("key_losers", rows.filter(rows["is_known_key"]))
    found = engine.fetch(_REPEATED).to_pylist()
    engine.drop("key_losers")
    repeated = {r["file"]: r["repeated"] for r in found}
    names = files["file"].to_pylist()
    return (
        pa.table(
            {
                "night": pa.array([night] * len(names), type=pa.date32()),
                **{name: files[name] for name in ("file", "sha256", "scope", "is_stated")},
                "distinct_rows": pa.array([counts[n] - repeated.get(n, 0) for n in names], type=pa.int64()),
            }
        )
        .select(ACCOUNT_DELIVERIES.schema.names)
        .cast(ACCOUNT_DELIVERIES.schema)
    )


# Of several rows of one key the one that stands counts, or the first where none does.
_REPEATED = """
    SELECT file, count(*) AS repeated FROM (
        SELECT l.file, l.reasons, d.account_code IS NOT NULL AS has_standing, row_number() OVER (
            PARTITION BY l.provider_code, l.account_code, l.reasons = 'duplicate' ORDER BY l.file, l.row
        ) AS place
        FROM key_losers AS l
        LEFT JOIN (SELECT DISTINCT d.provider_code, d.account_code FROM delivered_accounts AS d
            WHERE EXISTS (SELECT 1 FROM key_losers AS k
                WHERE k.provider_code = d.provider_code AND k.account_code = d.account_code)) AS d
            ON d.provider_code = l.provider_code AND d.account_code = l.account_code
    ) AS placed
    WHERE reasons = 'duplicate' OR has_standing OR place > 1
    GROUP BY file
"""


def quarantined_accounts(admitted: Sequence[Admitted], reports: Sequence[FileReport]) -> dict[str, pa.Table]:
    """Return tonight's quarantined rows of accounts, for the engine alone: they hold persons' numbers.

    Returns
    -------
    dict
        ``quarantined_accounts`` (schema ``QUARANTINED_ACCOUNTS``) and ``quarantined_words`` (``QUARANTINED_WORDS``).
    """
    held = _held(admitted)
    return {"quarantined_accounts": _rows(admitted, reports), "quarantined_words": _words(held)}


def _held(admitted: Sequence[Admitted]) -> pa.Table:
    [quarantine] = [a.quarantine for a in admitted if a.feed == FEED]
    return quarantine.filter(pc.equal(quarantine["disposition"], ROW_QUARANTINED)).combine_chunks()


def _rows(admitted: Sequence[Admitted], reports: Sequence[FileReport]) -> pa.Table:
    held = _held(admitted)
    stated = {r.file.name: r.control.provider_code or None for r in reports if r.file.feed == FEED}
    cells = held["cells"].combine_chunks()
    _, status = normalise_ids(_cell(cells, "id_number"))
    has_number = np.zeros(held.num_rows, dtype=bool)
    has_number[numbers_in(held["raw"])["index"].to_numpy()] = True
    readable = pc.coalesce(pc.not_equal(status.cast(pa.string()), "bad_form"), pa.scalar(value=False))
    code, provider = _cell(cells, "account_code"), _cell(cells, "provider_code")
    was_read = pc.is_in(held["reasons"].combine_chunks(), value_set=_KEYS)
    # Of a row that slipped the provider's cell may hold anything.
    is_code = pc.or_(was_read, pc.coalesce(pc.match_substring_regex(provider, _CODE), pa.scalar(value=False)))
    nameless = pc.and_(pc.is_null(code), pc.invert(pc.or_(readable, pa.array(has_number))))
    return pa.table(
        {
            "file": held["file"],
            "row": held["row"],
            "stated_provider": pa.array([stated.get(name) for name in held["file"].to_pylist()], pa.string()),
            "provider_code": pc.if_else(is_code, provider, pa.scalar(None, pa.string())),
            "account_code": code,
            "reasons": held["reasons"],
            "is_known_key": was_read,
            "is_anyones": pc.or_(pc.is_null(cells), nameless),
        },
        schema=QUARANTINED_ACCOUNTS,
    )


def _words(held: pa.Table) -> pa.Table:
    cells = held["cells"].combine_chunks()
    numbers = numbers_in(held["raw"])
    own, _ = normalise_ids(_cell(cells, "id_number"))
    places = pa.concat_arrays(
        [
            pc.list_parent_indices(cells).cast(pa.int64()),
            numbers["index"].combine_chunks(),
            pa.array(np.arange(held.num_rows)),
        ]
    )
    words = pa.concat_arrays([pc.list_flatten(cells), numbers["id_norm"].combine_chunks(), own])
    table = pa.table({"place": places, "word": words})
    table = table.filter(pc.and_(pc.is_valid(table["word"]), pc.not_equal(table["word"], "")))
    table = table.group_by(["place", "word"], use_threads=False).aggregate([])
    return pa.table(
        {"file": held["file"].take(table["place"]), "row": held["row"].take(table["place"]), "word": table["word"]},
        schema=QUARANTINED_WORDS,
    )


def _cell(cells: pa.ListArray, column: str) -> pa.Array:
    """Return one column of kept cells; NULL: empty, or the row did not split."""
    if not len(cells):
        return pa.nulls(0, pa.string())
    texts = pc.list_element(cells, [c.name for c in FEEDS[FEED].columns].index(column))
    return pc.if_else(pc.equal(texts, ""), pa.scalar(None, pa.string()), texts)
