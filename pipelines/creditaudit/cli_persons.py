"""``creditaudit reveal`` and ``erase``: what is done with one person's data."""

from __future__ import annotations

import os
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from creditaudit.cli_speech import BookOption, Tell
from creditaudit.errors import UsageError

if TYPE_CHECKING:
    from creditaudit.book.keys import Keyring

app = typer.Typer()


@app.command("reveal")
def reveal(
    case_id: Annotated[str, typer.Argument(help="A case of the last sealed night.")],
    book: BookOption,
    *,
    reason: Annotated[str, typer.Option(help="Why the number is needed.")],
    by: Annotated[str, typer.Option(help="Who needs it.")],
) -> None:
    """Show the ID number of a case's person; who asked and why is written to the log of accesses first."""
    from creditaudit.book.layout import open_book
    from creditaudit.reveal import reveal as reveal_case

    shown = reveal_case(open_book(book), _keys(book), case_id, by=by, reason=reason)
    Tell.note(
        f"access {shown.access.number} is recorded in {book}/access/log.jsonl. Note its mark elsewhere: `creditaudit"
        f" verify --access {shown.access.mark[:16]}` finds a log that was put back. PERSONAL DATA follows: the number"
        f" of case {case_id}.",
        access=shown.access.number,
        mark=shown.access.mark,
    )
    Tell.result(shown.id_norm)


@app.command("erase")
def erase(
    book: BookOption,
    *,
    by: Annotated[str, typer.Option(help="Who decided.")],
    reason: Annotated[str, typer.Option(help="Why.")],
    person: Annotated[
        Path | None,
        typer.Option(help="File with ID numbers, one a line; - for standard input. Never the number itself."),
    ] = None,
    case: Annotated[str | None, typer.Option(help="A case whose person is meant, in place of --person.")] = None,
    on: Annotated[datetime | None, typer.Option(formats=["%Y-%m-%d"], help="Date of the decision.")] = None,
) -> None:
    """Decide that a person's rows leave the book; refused while a case rests on them."""
    from creditaudit.book.layout import open_book
    from creditaudit.erasure import ask_erase, read_numbers

    if (person is None) == (case is None):
        raise UsageError(
            "the erasure was not recorded", why="exactly one of --person and --case is needed", next_step="name one"
        )
    opened, keys = open_book(book), _keys(book)
    entry = ask_erase(
        opened,
        keys,
        numbers=read_numbers(person) if person is not None else (),
        case_id=case,
        by=by,
        reason=reason,
        on=on.date() if on is not None else None,
    )
    Tell.note(
        f"erasure of {len(entry.body['persons'])} persons recorded for {entry.decided_on}: {entry.file_name}. The next"
        " night is judged without their rows and seals the tombstone; then go, from all nights before: typed rows,"
        " rows in force, raw texts of the quarantine and corrected rows of the inbox. What was published or reported"
        " stays, with tokens, masks and account codes. What is delivered from that night on is new. Backups are yours"
        " to erase. Until that night, the decision is taken back by removing its file from the inbox.",
        persons=len(entry.body["persons"]),
    )


def _keys(book: Path) -> Keyring:
    from creditaudit.book.keys import KEY_VARIABLE, load_keys

    return load_keys(os.environ.get(KEY_VARIABLE), book)
