"""What the last night found, for a person at a terminal."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.table import Table

if TYPE_CHECKING:
    from creditaudit.book.layout import Book


def night_tables(book: Book) -> list[str]:
    """Return the last sealed night as lines: by rule, by institution, and where the reports lie."""
    if book.last is None:
        return ["The book has no sealed night yet."]
    summary = book.manifests[book.last]["summary"]
    folder = book.folder(book.last)
    out = Console(file=io.StringIO(), width=110, color_system=None)
    out.print(f"Night {book.last}: {summary['cases']} cases in all, {summary['new_cases']} new (待核查线索)")
    out.print(_table("Findings by rule", ("rule_id", "verdict", "rows"), summary["findings_by_rule"]))
    out.print(_table("Cleared, or not judged", ("reason", "rows"), summary["clearances_by_reason"]))
    out.print(
        _table(
            "Cases by institution",
            (
                "provider_code",
                "cases",
                "new_cases",
                "violations",
                "undocumented_duties",
                "only_replaced_cards",
                "data_quality",
                "without_recipient",
            ),
            summary["institutions"],
        )
    )
    if summary["undocumented_duties"]:
        out.print(f"Open cases for which no document says what the duty was: {summary['undocumented_duties']}")
    for feed, reasons in summary["stale"].items():
        out.print(f"Degraded: {feed}: {'; '.join(reasons)}")
    out.print(f"Page of the night: {folder / 'night.html'}", soft_wrap=True)
    for name, rows in summary["sent"].items():
        out.print(f"Reports for {name}: {folder / 'reports' / name} ({rows} rows tonight)", soft_wrap=True)
    file = out.file
    return file.getvalue().rstrip("\n").split("\n") if isinstance(file, io.StringIO) else []


def _table(title: str, columns: tuple[str, ...], rows: list[dict[str, Any]]) -> Table:
    table = Table(title=title, title_justify="left")
    for column in columns:
        is_count = bool(rows) and isinstance(rows[0][column], int)
        table.add_column(column.replace("_", " "), justify="right" if is_count else "left")
    for row in rows:
        table.add_row(*(str(row[column]) for column in columns))
    return table
