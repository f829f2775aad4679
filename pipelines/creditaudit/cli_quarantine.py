"""``creditaudit quarantine``: list, export, readmit."""

from __future__ import annotations

from datetime import datetime
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
    count = gone = 0
    for row in listed(open_book(book), night.date() if night else None, feed):
        cells = (row.night, row.feed, row.file, row.row, row.line, row.reasons, row.ids_masked, row.status)
        Tell.result("\t".join(map(str, cells)))
        count += 1
        gone += row.status == "removed"
    told = f"; of {gone} the raw text was removed by decision, see `creditaudit verify`" if gone else ""
    Tell.note(f"{count} quarantined rows{told}", rows=count)


@app.command("export")
def export_rows(
    book: BookOption,
    night: NightOption,
    feed: Annotated[str, typer.Option(help="The feed.")],
    out: Annotated[Path, typer.Option(help="CSV file to write; it may not be there yet.")],
) -> None:
    """Write a night's quarantined rows of one feed as a file to correct."""
    from creditaudit.book.layout import open_book
    from creditaudit.quarantine import export, removed

    opened = open_book(book)
    rows = export(opened, night.date(), feed, out)
    Tell.note(
        f"PERSONAL DATA: {out} holds {rows} rows with ID numbers and names as they were delivered. Only you can read"
        " it (0600): keep it so, and delete it when the rows are readmitted.",
        rows=rows,
    )
    gone, why = removed(opened, night.date(), feed)
    if gone:
        Tell.note(f"{gone} more rows were there; their raw text was removed by {why}", removed=gone)


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
