"""``creditaudit quarantine``: list, export, readmit."""

from __future__ import annotations

from datetime import date, datetime
from pathlib import Path
from typing import Annotated

import typer

from creditaudit.cli_speech import BookOption, Tell
from creditaudit.errors import ExitCode

app = typer.Typer(help="Quarantined rows: list, export for correction, readmit.", no_args_is_help=True)

NightOption = Annotated[datetime, typer.Option(formats=["%Y-%m-%d"], help="The night that quarantined the rows.")]
AnyNightOption = Annotated[datetime | None, typer.Option(formats=["%Y-%m-%d"], help="One night (default: all).")]


@app.command("list")
def list_rows(
    book: BookOption,
    night: AnyNightOption = None,
    feed: Annotated[str | None, typer.Option(help="One feed (default: all).")] = None,
) -> None:
    """List quarantined rows with their reasons; ID numbers are masked."""
    from creditaudit.book.layout import open_book
    from creditaudit.quarantine import listed

    Tell.result("night\tfeed\tfile\trow\tline\treasons\tid_masked\tstatus")
    count = 0
    for row in listed(open_book(book), night.date() if night else None, feed):
        cells = (row.night, row.feed, row.file, row.row, row.line, row.reasons, row.ids_masked, row.status)
        Tell.result("\t".join(map(str, cells)))
        count += 1
    Tell.note(f"{count} quarantined rows", rows=count)


@app.command("export")
def export_rows(
    book: BookOption,
    night: NightOption,
    feed: Annotated[str, typer.Option(help="The feed.")],
    out: Annotated[Path, typer.Option(help="CSV file to write; it may not be there yet.")],
) -> None:
    """Write a night's quarantined rows of one feed as a file to correct."""
    from creditaudit.book.layout import open_book
    from creditaudit.quarantine import export

    rows = export(open_book(book), night.date(), feed, out)
    Tell.note(
        f"PERSONAL DATA: {out} holds {rows} rows with ID numbers and names as they were delivered. Only you can read"
        " it (0600): keep it so, and delete it when the rows are readmitted.",
        rows=rows,
    )
    _tell_removed(book, night.date(), feed)


def _tell_removed(book: Path, night: date, feed: str) -> None:
    """Say of a night that gave up raw texts that there were more rows."""
    from creditaudit.book.layout import open_book
    from creditaudit.book.tombstones import tombstones

    for stone in tombstones(open_book(book)):
        for file in stone.files:
            if file.key == (night, f"quarantine/{feed}.parquet"):
                Tell.note(
                    f"{file.rows - file.rows_kept} more rows were there; their raw text was removed by decision of"
                    f" {stone.by} ({stone.reason}), sealed in night {stone.sealed_in}",
                    removed=file.rows - file.rows_kept,
                )


@app.command("readmit")
def readmit_rows(
    book: BookOption,
    file: Annotated[Path, typer.Argument(help="The exported file, corrected; rows left out stay quarantined.")],
    by: Annotated[str, typer.Option(help="Who decided.")],
    reason: Annotated[str, typer.Option(help="Why: who confirmed the corrected values.")],
    on: Annotated[datetime | None, typer.Option(formats=["%Y-%m-%d"], help="Date of the decision.")] = None,
) -> int:
    """Put corrected rows into the inbox; the next night takes them. Exit 2 if there was none to take."""
    from creditaudit.book.layout import open_book
    from creditaudit.quarantine import readmit

    done = readmit(open_book(book), file, by=by, reason=reason, on=on.date() if on is not None else None)
    if done.entry is not None:
        Tell.note(
            f"{done.taken} rows readmitted for the first night from {done.entry.decided_on}: {done.entry.file_name}",
            taken=done.taken,
        )
    if done.known:
        Tell.note(f"{done.known} rows already taken; nothing changed for them", known=done.known)
    if done.dropped:
        Tell.note(f"{done.dropped} of the rows taken have a bad optional cell, which will count as missing")
    if done.ignored:
        Tell.note(f"{len(done.ignored)} columns were not read: the feed does not have them")
    if done.refusals is not None:
        Tell.note(
            f"{done.refused} rows refused, each with its reason: {done.refusals} (personal data, 0600)."
            " Next step: correct that file and readmit it.",
            refused=done.refused,
        )
    return int(ExitCode.SEALED if done.taken or done.known else ExitCode.USAGE)
