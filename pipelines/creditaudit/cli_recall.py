"""``creditaudit recall``: what rests on a delivered file, and the decision to take it back."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

import typer

from creditaudit.cli_speech import BookOption, Tell
from creditaudit.errors import UsageError


def recall(
    book: BookOption,
    files: Annotated[
        list[str], typer.Argument(metavar="FILE_SHA256...", help="SHA-256 of delivered files, or its first 8 digits.")
    ],
    *,
    apply: Annotated[bool, typer.Option("--apply", help="Decide it: the next night takes it back.")] = False,
    by: Annotated[str | None, typer.Option(help="With --apply: who decided.")] = None,
    reason: Annotated[str | None, typer.Option(help="With --apply: why, in words.")] = None,
    on: Annotated[
        datetime | None, typer.Option(formats=["%Y-%m-%d"], help="With --apply: date of the decision.")
    ] = None,
    form: Annotated[
        Literal["table", "json", "csv"], typer.Option("--format", help="For people or programs.")
    ] = "table",
) -> None:
    """List every finding, case and deadline that rests on a file, and what each would be without it; or recall it."""
    from creditaudit.book.layout import open_book
    from creditaudit.case_print import resting_lines
    from creditaudit.recall import record, resting

    opened = open_book(book)
    if apply:
        for entry in record(opened, files, by=by or "", reason=reason or "", on=on.date() if on is not None else None):
            Tell.note(
                f"recall of {entry.body['sha256']} recorded for {entry.decided_on}: {entry.file_name}. The next night"
                " takes it: its rows count no more, and what was sent of cases that fall is taken back. Until then the"
                " decision is undone by removing that file from the inbox."
            )
        return
    if (by, reason, on) != (None, None, None):
        raise UsageError(
            "nothing was recalled",
            why="--by, --reason and --on belong to --apply",
            next_step="add --apply to decide it",
        )
    found = resting(opened, files)
    for text in resting_lines(found.rows, form):
        Tell.result(text)
    rows = found.rows.to_pylist()
    cases = {row["case_id"] for row in rows if row["case_id"]}
    moved = {row["case_id"] for row in rows if row["case_id"] and row["state"] != row["state_without"]}
    Tell.note(
        f"{', '.join(f'{one.feed}/{one.file} of night {one.read_on}' for one in found.files)}: {len(rows)} findings and"
        f" proofs, {len(cases)} cases (待核查线索: leads to check), of which {len(moved)} would be in another state."
        " Nothing was changed; --apply --by NAME --reason TEXT recalls.",
        rows=len(rows),
        cases=len(cases),
    )
