"""``creditaudit duties``: look through the calendar of duties."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Annotated

import typer

from creditaudit.cli_speech import Tell
from creditaudit.errors import ExitCode

app = typer.Typer(help="The calendar of duties.", no_args_is_help=True)


@app.callback()
def duties() -> None:
    """Look through the calendar of duties."""


@app.command("check")
def check(
    book: Annotated[Path | None, typer.Option("--book", help="A book (default: the table that is shipped).")] = None,
) -> int:
    """Name rows that tie or contradict each other, gaps, and rows without a source; exit 2 if there are any."""
    from creditaudit.book.layout import open_book
    from creditaudit.book.reference import read, snapshot_of
    from creditaudit.fault.calendar_lint import doubts_of

    with tempfile.TemporaryDirectory() as folder:
        snapshot_of(open_book(book) if book is not None else None, "duties", Path(folder))
        table = read(Path(folder), "duties")
    doubts = doubts_of(table)
    for doubt in doubts:
        Tell.result(f"{doubt.kind}: {', '.join(doubt.duties)}: {doubt.words}")
    Tell.note(f"{table.num_rows} rows of duties, {len(doubts)} to look at", rows=table.num_rows, doubts=len(doubts))
    return int(ExitCode.USAGE if doubts else ExitCode.SEALED)
