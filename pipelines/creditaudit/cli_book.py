"""``creditaudit verify``, ``as-of``, ``prune``, ``upgrade``: what is done with a book of sealed nights."""

from __future__ import annotations

import os
import re
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from creditaudit.cli_speech import BookOption, ConfigOption, Tell
from creditaudit.errors import UsageError

if TYPE_CHECKING:
    from creditaudit.book.keys import Keyring

app = typer.Typer()

_SHORTEST_MARK = 16  # as many digits as `creditaudit reveal` tells


@app.command("verify")
def verify(
    book: BookOption,
    against: Annotated[
        Path | None, typer.Option(help="A manifest.json that left the house, of a night or of a recipient.")
    ] = None,
    access: Annotated[
        str | None, typer.Option(help="The mark of an access, as `creditaudit reveal` told it: the log must have it.")
    ] = None,
    config: ConfigOption = None,
) -> None:
    """Recompute hashes, the chain of seals and the log of accesses; name the first broken thing, and wider rights."""
    from creditaudit.book.access import check_accesses
    from creditaudit.book.against import compare
    from creditaudit.book.layout import open_book
    from creditaudit.book.seal import verify as verify_book
    from creditaudit.intake.recalls import told

    opened, keys = open_book(book), _keys(book)
    found = verify_book(opened, keys)
    kind = "hashes and seals hold" if found.with_key else "hashes hold (without the key, seals were not checked)"
    if access is not None and len(access) < _SHORTEST_MARK:
        raise UsageError("the mark is too short", why="others begin alike", next_step="give it as `reveal` told it")
    accesses = check_accesses(opened, keys, noted=access)
    Tell.result(f"{found.nights} nights, {found.files} files: {kind}")
    if accesses:
        Tell.result(f"{accesses} times a person's number was shown (access/log.jsonl); the log is whole")
    for stone in found.removals:
        Tell.result(f"night {stone.sealed_in}: {stone}")
    for line in told(opened):
        Tell.result(line)
    if found.unfinished:
        Tell.note(
            f"{found.unfinished} of these files are still there: the next night removes them first, and so does"
            " `creditaudit upgrade`",
            unfinished=found.unfinished,
        )
    if against is not None:
        Tell.result(compare(opened, against, keys))
    _tell_rights(book, config)


def _tell_rights(book: Path, config: Path | None) -> None:
    """Say what others may read; no byte is changed by that, so the book is none the less whole."""
    from creditaudit.book.rights import wider
    from creditaudit.feeds import FEEDS
    from creditaudit.settings import load_settings

    wide = wider(book, group_reads_reports=load_settings(book, config, FEEDS).reports.are_for_a_group)
    if wide:
        Tell.note(
            f"WIDER RIGHTS: {len(wide)} files or folders of the book are open to others, the first is {wide[0]}. Next"
            " step:"
            f' chmod -R go-rwx {book}; to let a group read reports, set [reports] readable_by = "group".',
            wider_rights=wide,
        )


def _keys(book: Path) -> Keyring | None:
    from creditaudit.book.keys import KEY_VARIABLE, load_keys

    variable = os.environ.get(KEY_VARIABLE)
    return load_keys(variable, book) if variable else None


@app.command("as-of")
def as_of(
    night: Annotated[datetime, typer.Argument(formats=["%Y-%m-%d"], help="A sealed night.")],
    book: BookOption,
    table: Annotated[
        str | None, typer.Argument(help="A published table, or a feed for the rows then in force.")
    ] = None,
    to: Annotated[Path | None, typer.Option(help="File to write, .csv or .parquet; it may not be there yet.")] = None,
) -> None:
    """Show the book as it was: its tables with their rows, or one table."""
    from creditaudit.as_of import open_book
    from creditaudit.as_of_export import csv_lines, is_personal, rows_of, write_table

    then = open_book(book).as_of(night.date())
    if table is None:
        if to is not None:
            raise UsageError("nothing was written", why="no table is named", next_step="name one before --to")
        for name, path in then.paths.items():
            Tell.result(f"{name}\t{rows_of(path)}")
        return
    personal = is_personal(then, table)
    if to is None:
        if personal:
            raise UsageError(
                f"the rows of {table} are not shown",
                why="they hold ID numbers and names, and a terminal keeps what it shows",
                next_step="write them to a file with --to FILE",
            )
        for line in csv_lines(then, table):
            Tell.result(line)
        return
    rows = write_table(then, table, to)
    kind = (
        "PERSONAL DATA: rows with ID numbers and names as delivered; only you can read it (0600). " if personal else ""
    )
    Tell.note(f"{kind}{to}: {rows} rows of {table} as of night {then.night}", rows=rows)


@app.command("prune")
def prune(
    book: BookOption,
    *,
    by: Annotated[str, typer.Option(help="Who decided.")],
    reason: Annotated[str, typer.Option(help="Why: the rule of retention.")],
    keep: Annotated[str | None, typer.Option(help="Days before the last night whose rows stay, as 400d.")] = None,
    keep_nights: Annotated[int | None, typer.Option(help="How many of the last nights keep their rows.")] = None,
    feed: Annotated[
        list[str] | None,
        typer.Option(help="A feed that gives up its rows; give the option once for each (default: all)."),
    ] = None,
    on: Annotated[datetime | None, typer.Option(formats=["%Y-%m-%d"], help="Date of the decision.")] = None,
) -> None:
    """Decide that old nights give up their typed rows and raw texts; what cases rest on stays."""
    from creditaudit.book.layout import open_book
    from creditaudit.book.prune import ask_prune

    entry = ask_prune(
        open_book(book),
        keep_days=None if keep is None else _days(keep),
        keep_nights=keep_nights,
        by=by,
        reason=reason,
        on=on.date() if on is not None else None,
        feeds=feed or (),
    )
    if entry is None:
        Tell.note("no night is that old; nothing was recorded")
        return
    Tell.note(
        f"removal of the rows of nights before {entry.body['before']} recorded for {entry.decided_on}:"
        f" {entry.file_name}. The next night seals it; after that the rows go and cannot be had back. Until then, the"
        " decision is taken back by removing that file from the inbox."
    )


def _days(text: str) -> int:
    found = re.fullmatch(r"([0-9]{1,5})d", text, re.ASCII)
    if found is None:
        raise UsageError("--keep is not understood", why=f"{text!r} is no number of days", next_step="write it as 400d")
    return int(found[1])


@app.command("upgrade")
def upgrade(book: BookOption) -> None:
    """Bring a book of an older program up to date; sealed nights stay as they are."""
    from creditaudit.book.layout import FORMAT
    from creditaudit.book.upgrade import FORMATS
    from creditaudit.book.upgrade import upgrade as upgrade_book

    done = upgrade_book(book)
    for version, (first, last, count) in done.formats.items():
        Tell.result(f"{count} nights, {first} to {last}, format {version}: {FORMATS[version]}")
    if done.tables:
        Tell.note(f"reference tables written: {', '.join(done.tables)}")
    if done.removed:
        Tell.note(f"{done.removed} files removed that a sealed decision names")
    if done.is_current:
        Tell.note(f"the book is up to date (format {FORMAT})")
    else:
        Tell.note(f"the next night is sealed in format {FORMAT}; older nights are read as they are")
