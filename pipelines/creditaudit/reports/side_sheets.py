"""What recipients get beside cases: rows that could not be judged, numbers that may be mistyped (SPEC 4, 10.1)."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.compute as pc

from creditaudit.book.addressed import addressed
from creditaudit.engines import quoted
from creditaudit.feeds import ACCOUNTS
from creditaudit.masking import HIDDEN
from creditaudit.reports.sheets import LEAD_NOTE, SheetColumn
from creditaudit.tables import COVERAGE, QUARANTINE

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import date
    from pathlib import Path

    from creditaudit.engines import Engine
    from creditaudit.reports.foreign import Foreign
    from creditaudit.reports.recipients import Recipient

UNJUDGED: tuple[SheetColumn, ...] = (
    SheetColumn("night", "批次", "date"),
    SheetColumn("provider_code", "机构代码"),
    SheetColumn("account_code", "账户标识"),
    SheetColumn("id_masked", "证件号码(脱敏)"),
    SheetColumn("file", "文件"),
    SheetColumn("row", "数据行", "integer"),
    SheetColumn("line", "物理行", "integer"),
    SheetColumn("reasons", "隔离原因"),
    SheetColumn("lead_note", "声明"),
)

SUGGESTIONS: tuple[SheetColumn, ...] = (
    SheetColumn("provider_code", "机构代码"),
    SheetColumn("account_code", "账户标识"),
    SheetColumn("id_masked", "证件号码(脱敏)"),
    SheetColumn("suggested_masked", "疑似号码(脱敏)"),
    SheetColumn("fix", "差异"),
    SheetColumn("registry", "登记来源"),
    SheetColumn("lead_note", "声明"),
)

# No ID number, phone or name: Latin letters and few digits.
_PLAIN = re.compile(r"(?=.{1,24}\Z)[A-Za-z_.-]*(?:[0-9]{1,7}[A-Za-z_.-]*)?", re.ASCII)

_RAW = pa.schema([*QUARANTINE, pa.field("cells", pa.list_(pa.string()))])


def build_side_rows(engine: Engine, folder: Callable[[date], Path]) -> dict[str, int]:
    """Make ``unjudged`` and ``suggested``, and who gets them; returns what the page says of them.

    Reads ``standing_quarantined_numbers``, ``standing_accounts``, ``notices``,
    ``suggestions``, ``institutions``, ``recipients``, ``addressed_regions``.

    Parameters
    ----------
    engine : Engine
    folder : callable
        Where a night's files lie, tonight's too.
    """
    engine.load("unjudged", _unjudged(engine, folder))
    engine.table(
        "suggested",
        "SELECT *, row_number() OVER (ORDER BY provider_code, account_code, suggested) AS place FROM suggestions",
    )
    for relation in ("unjudged", "suggested"):
        engine.table(f"{relation}_recipients", addressed(relation, "place"))
    return {
        "unjudged": _count(engine, "SELECT DISTINCT night, file, row FROM unjudged"),
        "unjudged_without_recipient": _count(
            engine,
            "SELECT DISTINCT u.place FROM unjudged AS u WHERE u.place NOT IN (SELECT place FROM unjudged_recipients)",
        ),
        "suggestions": _count(engine, "SELECT place FROM suggested"),
    }


def _unjudged(engine: Engine, folder: Callable[[date], Path]) -> pa.Table:
    """Return quarantined account rows with a noticed number: one row per row and number; ``place`` counts the rows."""
    engine.table(
        "noticed_hits",
        "SELECT DISTINCT q.night, q.file, q.row, q.id_norm FROM standing_quarantined_numbers AS q"
        " WHERE q.feed = 'accounts' AND q.id_norm IN (SELECT id_norm FROM notices)",
    )
    nights = engine.fetch("SELECT DISTINCT night FROM noticed_hits ORDER BY night")["night"].to_pylist()
    engine.scan("held_rows", [folder(n) / "quarantine" / "accounts.parquet" for n in nights], _RAW)
    engine.scan("held_files", [folder(n) / "published" / "coverage.parquet" for n in nights], COVERAGE)
    found = engine.fetch(
        """
        SELECT h.night, h.file, h.row, h.line, h.reasons, h.cells, n.id_norm, c.provider_code AS sender,
            dense_rank() OVER (ORDER BY h.night, h.file, h.row) AS place
        FROM noticed_hits AS n
        JOIN held_rows AS h ON h.night = n.night AND h.file = n.file AND h.row = n.row
        LEFT JOIN held_files AS c ON c.night = n.night AND c.feed = 'accounts' AND c.file = n.file
        WHERE h.disposition = 'row_quarantined'
        ORDER BY h.night, h.file, h.row, n.id_norm
        """
    )
    engine.drop("held_rows", "held_files", "noticed_hits")
    own = {name: _cell(found["cells"], name) for name in ("provider_code", "account_code", "region_code")}
    own["provider_code"] = pc.coalesce(own["provider_code"], found["sender"])
    for name, column in own.items():
        found = found.append_column(name, column)
    return _without_strangers(engine, found.drop_columns(["cells", "sender"]))


def _without_strangers(engine: Engine, rows: pa.Table) -> pa.Table:
    """Hide codes that may be something else: in a row that slipped a number, a phone or a name stands in any cell.

    Shown are codes of the book, and short plain ones, which no number fits into.
    """
    pairs: set[tuple[str, str]] = set()
    if rows.num_rows:
        engine.load("slipped", rows.select(["provider_code", "account_code"]))
        accounts = engine.fetch(
            "SELECT DISTINCT s.provider_code, s.account_code FROM slipped AS s JOIN standing_accounts AS a"
            " ON a.provider_code = s.provider_code AND a.account_code = s.account_code"
        )
        engine.drop("slipped")
        pairs = set(zip(*(column.to_pylist() for column in accounts.columns), strict=True))
    institutions = engine.fetch("SELECT DISTINCT provider_code FROM institutions")
    providers = {*institutions["provider_code"].to_pylist(), *(provider for provider, _ in pairs)}
    given = list(zip(rows["provider_code"].to_pylist(), rows["account_code"].to_pylist(), strict=True))
    shown = {
        "provider_code": [provider if provider in providers else _plain_or_hidden(provider) for provider, _ in given],
        "account_code": [code if (who, code) in pairs else _plain_or_hidden(code) for who, code in given],
    }
    for name, cells in shown.items():
        at = rows.schema.get_field_index(name)
        rows = rows.set_column(at, f"{name}_shown", pa.array(cells, type=pa.string())).append_column(name, rows[name])
    return rows


def _plain_or_hidden(code: str | None) -> str | None:
    return code if code is None or _PLAIN.fullmatch(code) else HIDDEN


def _cell(cells: pa.ChunkedArray, name: str) -> pa.ChunkedArray:
    """Return one cell of rows that split; NULL of the others, and where it is empty."""
    if not len(cells):
        return pa.chunked_array([pa.nulls(0, pa.string())])
    return pc.list_element(cells, list(ACCOUNTS.by_name).index(name))


def side_sheets(
    engine: Engine, recipient: Recipient, foreign: Foreign
) -> list[tuple[str, tuple[SheetColumn, ...], pa.Table]]:
    """Return the name, columns and rows of a recipient's further files: ``suggestions.csv`` is for liaisons only."""
    unjudged = _unjudged_sheet(engine, recipient)
    if recipient.provider_code is not None:
        # A row that names an institution may lie in another's file.
        file = foreign.file_hidden_from(recipient.provider_code, unjudged["file"])
        unjudged = unjudged.set_column(unjudged.schema.get_field_index("file"), "file", file)
    sheets = [("unjudged.csv", UNJUDGED, unjudged)]
    if recipient.kind == "pboc_liaison":
        sheets.append(("suggestions.csv", SUGGESTIONS, _suggestions_sheet(engine, recipient)))
    return sheets


def _unjudged_sheet(engine: Engine, recipient: Recipient) -> pa.Table:
    rows = engine.fetch(_of(recipient, "unjudged", "u.place, u.id_norm"))
    masked = recipient.mask.apply(rows["id_norm"]).to_pylist()
    whole: dict[int, dict[str, Any]] = {}
    for row, shown in zip(rows.to_pylist(), masked, strict=True):
        first = whole.setdefault(row["place"], {**row, "id_masked": []})
        first["id_masked"].append(shown)
    lines = [
        {
            **row,
            **{name: row[f"{name}_shown"] for name in ("provider_code", "account_code")},
            **{"night": row["night"].isoformat(), "id_masked": ";".join(row["id_masked"]), "lead_note": LEAD_NOTE},
        }
        for row in whole.values()
    ]
    lines.sort(key=lambda r: (r["provider_code"] or "", r["account_code"] or "", r["night"], r["file"], r["row"]))
    return pa.table({c.name: pa.array([_text(r[c.name]) for r in lines], pa.string()) for c in UNJUDGED})


def _text(value: object) -> str | None:
    return None if value is None else str(value)


def _suggestions_sheet(engine: Engine, recipient: Recipient) -> pa.Table:
    rows = engine.fetch(_of(recipient, "suggested", "u.place"))
    extra = {
        "id_masked": recipient.mask.apply(rows["id_norm"]),
        "suggested_masked": recipient.mask.apply(rows["suggested"]),
        "lead_note": pa.array([LEAD_NOTE] * rows.num_rows, type=pa.string()),
    }
    return pa.table({c.name: extra[c.name] if c.name in extra else rows[c.name] for c in SUGGESTIONS})


def _of(recipient: Recipient, relation: str, order: str) -> str:
    return (
        f"SELECT u.* FROM {relation} AS u JOIN {relation}_recipients AS t ON t.place = u.place"
        f" WHERE t.recipient = {quoted(recipient.name)} ORDER BY {order}"
    )


def _count(engine: Engine, select: str) -> int:
    return int(engine.fetch(f"SELECT count(*) AS n FROM ({select}) AS s")["n"][0].as_py())
