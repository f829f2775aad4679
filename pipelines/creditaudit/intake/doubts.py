"""Warnings of tier 3 that need the book: notices that vanished, accounts under new codes, area codes (SPEC 3.4).

They count and name nobody; no finding, case or row depends on them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from creditaudit.book.files import listed, storage
from creditaudit.book.reference import AREA_CODES, read_optional
from creditaudit.book.state import open_state
from creditaudit.book.state_files import state_files
from creditaudit.engines import quoted
from creditaudit.feeds import FEEDS
from creditaudit.intake.coverage import file_warnings
from creditaudit.intake.labels import masked

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date
    from pathlib import Path

    from creditaudit.book.layout import Book
    from creditaudit.engines import Engine
    from creditaudit.intake.receive import FileReport

# Registries of notices: their key, the instant of a notice, and which of their rows are notices.
_NOTICES = {
    "loss_reports": ("report_no", "reported_from", "TRUE"),
    "invalid_cards": ("event_id", "effective_from", "s.event <> 'withdrawn'"),
}

# A file of which at least one row in this many was another provider's has new codes for old accounts.
_REKEYED_ONE_IN = 2

# Numbers whose first six digits are an area code, and whose birth date is real.
_WITH_AREA = ("ok", "legacy15")


def doubts(engine: Engine, book: Book, folder: Path, reports: Sequence[FileReport], night: date) -> list[str]:
    """Return the warnings on tonight's delivery, in a fixed order.

    Reads ``standing_loss_reports``, ``standing_invalid_cards`` and the night's ``intake/``, ``quarantine/`` and
    ``reference/``.

    Parameters
    ----------
    engine : Engine
    book : Book
        As the last sealed night left it.
    folder : Path
        The night's folder while it is written.
    reports : sequence of FileReport
    night : date
    """
    read = [r for r in reports if r.refused is None]
    return [
        *file_warnings(reports),
        *_vanished(engine, folder, read, night),
        *_rekeyed(engine, book, folder),
        *_areas(engine, folder),
    ]


def _vanished(engine: Engine, folder: Path, reports: Sequence[FileReport], night: date) -> list[str]:
    """Count notices of earlier nights that tonight's full files of their registry do not have.

    Asked of full files for all regions, and of notices whose day such a file covers. A row that a file has and that
    was quarantined has not vanished.
    """
    said = []
    for feed, (key, instant, is_notice) in _NOTICES.items():
        full = [r for r in reports if r.file.feed == feed and _is_for_all(r)]
        if not full:
            continue
        engine.load("keys_of_full_files", _keys(folder, feed, key, [r.file.name for r in full]))
        covered = " OR ".join(_covers(r, f"CAST(s.{instant} AS DATE)") for r in full)
        found = engine.fetch(
            f"SELECT count(*) AS n FROM standing_{feed} AS s"
            f" WHERE s.night < DATE '{night.isoformat()}' AND {is_notice} AND ({covered})"
            f" AND NOT EXISTS (SELECT 1 FROM keys_of_full_files AS k WHERE k.name = s.{key})"
        )
        engine.drop("keys_of_full_files")
        if rows := found["n"][0].as_py():
            said.append(
                f"vanished_notice: {feed}: {rows} notices of earlier nights are not in tonight's full files;"
                " absence withdraws nothing"
            )
    return said


def _covers(report: FileReport, day: str) -> str:
    """Return SQL that asks whether a file covers a day; a date that the control does not give is no bound."""
    begin, end = report.control.covers_from, report.control.covers_to
    bounds = [f"{day} >= DATE '{begin.isoformat()}'"] if begin else []
    bounds += [f"{day} <= DATE '{end.isoformat()}'"] if end else []
    return f"({' AND '.join(bounds) or 'TRUE'})"


def _is_for_all(report: FileReport) -> bool:
    return report.control.kind == "full" and report.control.region_given and report.control.region_code is None


def _keys(folder: Path, feed: str, key: str, files: Sequence[str]) -> pa.Table:
    """Return the keys that some files of tonight have, of rows that stand and of rows that do not."""
    wanted = pa.array(list(files), pa.string())
    found = [pa.chunked_array([], pa.string())]
    for path in listed(folder / "intake" / feed):
        with storage(path):
            rows = pq.read_table(path, columns=["file", key])
        found.append(rows.filter(pc.is_in(rows["file"], value_set=wanted))[key])
    path = folder / "quarantine" / f"{feed}.parquet"
    with storage(path):
        lost = pq.read_table(path, columns=["file", "cells"])
    lost = lost.filter(pc.and_(pc.is_in(lost["file"], value_set=wanted), pc.is_valid(lost["cells"])))
    if lost.num_rows:
        place = [c.name for c in FEEDS[feed].columns].index(key)
        found.append(pc.list_element(lost["cells"], place))
    return pa.table({"name": pa.chunked_array([chunk for column in found for chunk in column.chunks], pa.string())})


def _rekeyed(engine: Engine, book: Book, folder: Path) -> list[str]:
    """Name the first accounts files of providers of which half the accounts were known under another provider."""
    parts = listed(folder / "intake" / "accounts")
    complete, changes = state_files(book, "accounts")
    if not parts or not (complete or changes):
        return []
    schema = FEEDS["accounts"].schema
    engine.scan("accounts_here", parts, schema)
    engine.scan("accounts_ever", [*complete, *changes], schema)
    fresh = engine.fetch(
        "SELECT DISTINCT provider_code FROM accounts_here AS h WHERE NOT EXISTS"
        " (SELECT 1 FROM (SELECT DISTINCT provider_code FROM accounts_ever) AS e"
        " WHERE e.provider_code = h.provider_code) ORDER BY provider_code"
    )["provider_code"].to_pylist()
    said = []
    if fresh:
        open_state(engine, book, "accounts", "accounts_before")
        found = engine.fetch(
            "SELECT h.file, h.provider_code, count(*) AS accounts,"
            " sum(CASE WHEN h.id_status <> 'bad_form' AND EXISTS"
            " (SELECT 1 FROM accounts_before AS b WHERE b.id_norm = h.id_norm"
            " AND b.provider_code <> h.provider_code"
            " AND b.opened_from = h.opened_from AND b.opened_to = h.opened_to"
            " AND b.amount IS NOT DISTINCT FROM h.amount) THEN 1 ELSE 0 END) AS known"
            f" FROM accounts_here AS h WHERE h.provider_code IN ({', '.join(map(quoted, fresh))})"
            " GROUP BY h.file, h.provider_code ORDER BY h.file, h.provider_code"
        )
        said = [
            f"mass_rekey: accounts/{r['file']}: {r['known']} of {r['accounts']} accounts in the first file of"
            f" {masked(r['provider_code'])} have person, opening and amount of an account of another provider"
            for r in found.to_pylist()
            if r["known"] and r["known"] * _REKEYED_ONE_IN >= r["accounts"]
        ]
    engine.drop("accounts_here", "accounts_ever")
    return said


def _areas(engine: Engine, folder: Path) -> list[str]:
    """Count ID numbers whose area code was not in force at birth, where the house has a table of area codes."""
    table = read_optional(folder / "reference", AREA_CODES)
    if table is None:
        return []
    engine.load(
        "area_codes",
        pa.table(
            {
                "prefix": table["prefix"],
                "born_from": _letters(table["valid_from"], "00000000"),
                "born_to": _letters(table["valid_to"], "99999999"),
            }
        ),
    )
    said = []
    for feed, spec in FEEDS.items():
        parts = listed(folder / "intake" / feed)
        if "id_norm" not in spec.schema.names or not parts:
            continue
        by_number = " AND id_type = '10'" if "id_type" in spec.by_name else ""
        engine.scan("numbers_here", parts, spec.schema)
        found = engine.fetch(
            "SELECT file, count(*) AS n FROM numbers_here AS h"
            f" WHERE id_status IN ({', '.join(map(quoted, _WITH_AREA))}){by_number}"
            " AND NOT EXISTS (SELECT 1 FROM area_codes AS a WHERE a.prefix = substr(h.id_norm, 1, 6)"
            " AND a.born_from <= substr(h.id_norm, 7, 8) AND substr(h.id_norm, 7, 8) <= a.born_to)"
            " GROUP BY file ORDER BY file"
        )
        engine.drop("numbers_here")
        said += [
            f"{feed}/{r['file']}: {r['n']} ID numbers with an area code that was not in force at birth"
            for r in found.to_pylist()
        ]
    engine.drop("area_codes")
    return said


def _letters(days: pa.ChunkedArray, missing: str) -> pa.ChunkedArray:
    """Return dates as YYYYMMDD, as they stand in a number."""
    return pc.fill_null(pc.strftime(days, format="%Y%m%d"), missing)
