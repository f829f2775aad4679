"""Queue, case, trace and drift as lines: tables for people, JSON and CSV for programs (SPEC 8)."""

from __future__ import annotations

import csv
import io
import json
from dataclasses import asdict
from typing import TYPE_CHECKING, Any, Literal

import pyarrow as pa
from rich.console import Console
from rich.table import Table
from rich.text import Text

from creditaudit.case_view import QUEUE, CaseView, shown_rows
from creditaudit.cases.remedies import BETWEEN
from creditaudit.reports.sheets import LEAD_NOTE, guarded

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from creditaudit.drift import Drift

Row = dict[str, Any]
Form = Literal["table", "json", "csv"]

_WIDTH = 170
_WHOLE = frozenset({"case_id", "state", "fault", "rule_id", "verdict", "night", "event", "name", "status"})
# A table of the queue has the first next step only: a case has the others.
_STEP = 60
_TOLD_BELOW = frozenset({"next_step", "ask_for"})
_PARTS = ("case", "episodes", "findings", "elements", "ask_for", "remedies", "events", "recalls")


def queue_lines(rows: Sequence[Row], form: Form) -> list[str]:
    """Return the queue as lines; CSV has a header, JSON is one array."""
    return _listed(rows, form, QUEUE, _SHOWN, _in_short)


def trace_lines(found: pa.Table, form: Form) -> list[str]:
    """Return what findings rest on as lines; CSV has a header, JSON is one array."""
    return _listed(shown_rows(found), form, found.column_names, _TRACED, _traced)


def drift_lines(found: Drift, form: Form) -> list[str]:
    """Return what changed between two nights as lines.

    JSON is one array of changes, each with its causes, what was sent and who must be told. CSV has a header and one
    line per change and cause; what was sent and who must be told stand in one cell each.
    """
    changes = shown_rows(found.changes)
    for change in changes:
        change |= {"causes": [], "sent": [], "tell": []}
    for cause in shown_rows(found.causes):
        changes[cause.pop("change") - 1]["causes"].append(cause)
    of_case: dict[str, list[Row]] = {}
    for change in changes:
        of_case.setdefault(change["case_id"], []).append(change)
    for name, table in (("sent", found.sent), ("tell", found.tell)):
        for row in shown_rows(table):
            for change in of_case.get(row.pop("case_id"), ()):
                change[name].append(row)
    if form == "json":
        return [json.dumps(changes, ensure_ascii=False, indent=1)]
    if form == "csv":
        flat = [{**_told(change), **cause} for change in changes for cause in change["causes"]]
        names = (*found.changes.column_names, *found.causes.column_names[1:], "sent", "tell")
        return _csv(names, [[row[name] for name in names] for row in flat])
    return _printed(_table("", _DRIFTED, [_drifted(change) for change in changes])) if changes else []


_DRIFTED = ("case_id", "what", "was", "now", "causes", "sent", "tell")


def _told(change: Row) -> Row:
    """Put what was sent, and who must be told, into one text each."""
    sent = (f"{row['night']} {row['recipient']}/{row['file']} {row['row_token']}" for row in change["sent"])
    tell = (
        f"{row['recipient'] or 'nobody'}: {row['why']}, "
        + (f"told {row['told_on']} in {row['file']}" if row["told_on"] else "not told yet")
        for row in change["tell"]
    )
    return {**change, "sent": "; ".join(sent), "tell": "; ".join(tell)}


def _drifted(change: Row) -> Row:
    what = (change[name] for name in ("kind", "rule_id", "provider_code", "subject", "notice_source", "notice_id"))
    episode = None if change["episode"] is None else f"episode {change['episode']}"
    told = _told(change)
    return {
        **{name: told[name] for name in ("case_id", "was", "now")},
        "what": " ".join(part for part in (*what, episode) if part),
        "causes": "\n".join(map(_caused, change["causes"])),
        **{name: told[name].replace("; ", "\n") for name in ("sent", "tell")},
    }


def _caused(cause: Row) -> str:
    place = "/".join(cause[name] for name in ("feed", "file") if cause[name])
    line = None if cause["line"] is None else f"line {cause['line']}"
    entry = cause["entry"] and cause["entry"][:23]
    return " ".join(part for part in (cause["night"], cause["cause"], place, line, entry, cause["detail"]) if part)


def resting_lines(rows: pa.Table, form: Form) -> list[str]:
    """Return what rests on recalled files as lines; CSV has a header, JSON is one array."""
    return _listed(shown_rows(rows), form, rows.column_names, _RESTS, _rests)


def fate_lines(rows: pa.Table, form: Form) -> list[str]:
    """Return what became of each row of a file of answers as lines; CSV has a header, JSON is one array."""
    return _listed(rows.to_pylist(), form, rows.column_names, rows.column_names, lambda row: row)


def _listed(
    rows: Sequence[Row], form: Form, names: Sequence[str], shown: Sequence[str], in_short: Callable[[Row], Row]
) -> list[str]:
    if form == "json":
        return [json.dumps(rows, ensure_ascii=False, indent=1)]
    if form == "csv":
        return _csv(names, [[row[name] for name in names] for row in rows])
    return _printed(_table("", shown, [in_short(row) for row in rows])) if rows else []


_RESTS = ("case_id", "finding", "notice", "without", "is_direct", "state", "state_without", "due_on", "recipients")


def _rests(row: Row) -> Row:
    return {
        **row,
        "finding": " ".join(row[name] for name in ("rule_id", "verdict", "provider_code", "subject") if row[name]),
        "notice": "/".join(row[name] for name in ("notice_source", "notice_id") if row[name]),
        "without": " ".join(row[name] for name in ("without", "verdict_without") if row[name]),
    }


_TRACED = ("case_id", "finding", "notice", "role", "place", "sha256", "entry")


def _traced(row: Row) -> Row:
    at = f"{row['night']}/{row['feed']}/{row['file']}" if row["file"] else row["night"]
    return {
        **row,
        "finding": " ".join(row[name] for name in ("rule_id", "verdict", "provider_code", "subject") if row[name]),
        "notice": "/".join(row[name] for name in ("notice_source", "notice_id") if row[name]),
        "place": f"{at} line {row['line']}" if row["line"] is not None else at,
        "sha256": row["sha256"] and row["sha256"][:12],
        "entry": row["entry"] and row["entry"][:23],
    }


_SHOWN = ("case_id", "account", "state", "finding", "fault", "due_on", "days_left", "holds_the_ball", "next_step")


def _in_short(row: Row) -> Row:
    step = (row["next_step"] or "").split(BETWEEN)[0]
    return {
        **row,
        "account": "/".join(row[name] or "-" for name in ("provider_code", "account_code")),
        "finding": " ".join(
            [*(row[name] for name in ("tier", "verdict") if row[name]), *(["(sampled)"] if row["sampled"] else [])]
        ),
        "due_on": row["due_on"] and f"{row['due_on']} ({row['due_kind']})",
        "next_step": step if len(step) <= _STEP else f"{step[:_STEP]}…",
    }


def case_lines(view: CaseView, form: Form) -> list[str]:
    """Return one case as lines.

    CSV has one line per value: part (case, episodes, …), row (from 1), name, value.
    """
    parts = asdict(view)
    if form == "json":
        return [json.dumps(parts, ensure_ascii=False, indent=1)]
    if form == "csv":
        rows = [
            (part, number, name, value)
            for part in _PARTS
            for number, row in enumerate([parts[part]] if part == "case" else parts[part], 1)
            for name, value in row.items()
        ]
        return _csv(("part", "row", "name", "value"), rows)
    own = {name: value for name, value in view.case.items() if name not in _TOLD_BELOW}
    told: list[Table] = [_pairs(f"Case {view.case['case_id']} ({LEAD_NOTE}: a lead to check)", own)]
    for part in _PARTS[1:]:
        if parts[part]:
            names = [n for n in parts[part][0] if n != "fingerprint" and any(r[n] is not None for r in parts[part])]
            told.append(_table(part.replace("_", " ").capitalize(), names, parts[part]))
    return _printed(*told)


def _csv(header: Sequence[str], rows: Sequence[Sequence[object]]) -> list[str]:
    """Return lines of CSV in which no cell is one that a spreadsheet would run or mangle."""
    columns = [
        guarded(pa.chunked_array([[None if row[place] is None else _text(row[place]) for row in rows]], pa.string()))
        for place in range(len(header))
    ]
    out = io.StringIO(newline="")
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(header)
    writer.writerows(zip(*(column.to_pylist() for column in columns), strict=True))
    return out.getvalue().rstrip("\n").split("\n")


def _text(value: object) -> str:
    return (
        json.dumps(value, ensure_ascii=False, sort_keys=True) if isinstance(value, dict | list | bool) else str(value)
    )


def _table(title: str, names: Sequence[str], rows: Sequence[Row]) -> Table:
    table = Table(title=title or None, title_justify="left")
    for name in names:
        table.add_column(name.replace("_", " "), overflow="fold", no_wrap=name in _WHOLE)
    for row in rows:
        table.add_row(*(_cell(row[name]) for name in names))
    return table


def _pairs(title: str, row: Row) -> Table:
    table = Table(title=title, title_justify="left", show_header=False)
    table.add_column("name", no_wrap=True)
    table.add_column("value", overflow="fold")
    for name, value in row.items():
        if value is not None:
            table.add_row(name.replace("_", " "), _cell(value))
    return table


def _cell(value: object) -> Text:
    """Return a cell whose text is printed as it is: what looks like markup is none."""
    return Text("" if value is None else _text(value))


def _printed(*tables: Table) -> list[str]:
    out = io.StringIO()
    console = Console(file=out, width=_WIDTH, color_system=None)
    for table in tables:
        console.print(table)
    return out.getvalue().rstrip("\n").split("\n")
