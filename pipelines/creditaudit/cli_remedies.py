"""``creditaudit remedies``: look through the table of next steps and their legal basis."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from creditaudit.cli_speech import Tell
from creditaudit.errors import ExitCode

if TYPE_CHECKING:
    import pyarrow as pa

    from creditaudit.cases.remedy_lint import Doubt

app = typer.Typer(help="The table of next steps and their legal basis.", no_args_is_help=True)


@app.callback()
def remedies() -> None:
    """Look through the table of next steps and their legal basis."""


@app.command("check")
def check(
    book: Annotated[Path | None, typer.Option("--book", help="A book (default: the table that is shipped).")] = None,
) -> int:
    """Name rows that nobody can check or no case can match, and cases without a next step; exit 2 if there are any."""
    from creditaudit.book.layout import open_book
    from creditaudit.book.reference import read, snapshot_of
    from creditaudit.cases.remedy_lint import doubts_of

    with tempfile.TemporaryDirectory() as folder:
        snapshot_of(open_book(book) if book is not None else None, "remedies", Path(folder))
        table = read(Path(folder), "remedies")
    doubts = [*doubts_of(table), *(_cases_without(book, table) if book is not None else ())]
    for doubt in doubts:
        Tell.result(f"{doubt.kind}: {doubt.about}: {doubt.words}")
    Tell.note(f"{table.num_rows} rows of remedies, {len(doubts)} to look at", rows=table.num_rows, doubts=len(doubts))
    return int(ExitCode.USAGE if doubts else ExitCode.SEALED)


def _cases_without(book: Path, remedies: pa.Table) -> tuple[Doubt, ...]:
    """Return the cases of the last sealed night that match no row of the table as it is now."""
    from creditaudit.book.layout import open_book
    from creditaudit.cases.remedy_lint import without_remedy
    from creditaudit.cases.sealed_cases import open_sealed_cases
    from creditaudit.engines import engine_aside

    opened = open_book(book)
    if opened.last is None:
        Tell.note("the book has no sealed night yet, so no case was looked at")
        return ()
    with engine_aside(reads=opened.root) as engine:
        open_sealed_cases(engine, opened, opened.last)
        engine.load("remedies", remedies)
        return without_remedy(engine, opened.last)
