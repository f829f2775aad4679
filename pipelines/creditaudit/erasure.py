"""Asking for a person's erasure: the decision goes into the inbox, the next night takes it (SPEC 9).

A number is never taken from the command line: process lists and shell histories keep what stands there. The decision
names persons by their tokens.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import pyarrow as pa

from creditaudit.book.erase import close_book_rows, numbers_of_book, open_book_rows, why_not
from creditaudit.book.files import storage
from creditaudit.book.inbox import REMOVAL, put
from creditaudit.book.tombstones import ERASE
from creditaudit.case_view import last_night
from creditaudit.engines import engine_aside
from creditaudit.errors import UsageError, Where
from creditaudit.intake.identity import normalise_ids
from creditaudit.masking import numbers_hidden
from creditaudit.reveal import names_of, person_of, without_person

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date
    from pathlib import Path

    from creditaudit.book.inbox import Entry
    from creditaudit.book.keys import Keyring
    from creditaudit.book.layout import Book

STDIN = "-"


def read_numbers(file: Path) -> list[str]:
    """Return the ID numbers in a file, one a line, as the book compares them (SPEC 4); ``-`` is standard input.

    Raises
    ------
    UsageError
        There is no such file (or a number stands in its place), it is not text, or no number is in it.
    """
    if numbers_hidden(str(file)) != str(file):
        raise _not_recorded(
            "a number stands on the command line, where process lists and shell histories keep it",
            "write it into a file that only you can read and name that, or give - and the number on standard input;"
            " then clear it from the shell's history",
        )
    if str(file) != STDIN and not file.is_file():
        raise _not_recorded(
            "there is no such file", "name a file with one number a line, or - for standard input", file
        )
    try:
        with storage(file):
            text = sys.stdin.read() if str(file) == STDIN else file.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise _not_recorded("the file is not UTF-8", "write one number a line", file) from error
    given = [line for line in text.splitlines() if line.strip()]
    if not given:
        raise _not_recorded("no number is given", "write one number a line", file)
    norms = normalise_ids(pa.array(given, pa.string()))[0].to_pylist()
    missing = next((place for place, norm in enumerate(norms, start=1) if not norm), None)
    if missing is not None:
        raise _not_recorded(f"line {missing} has no number", "write one number a line", file)
    return sorted(set(norms))


def ask_erase(
    book: Book,
    keys: Keyring,
    *,
    numbers: Sequence[str] = (),
    case_id: str | None = None,
    by: str,
    reason: str,
    on: date | None,
) -> Entry:
    """Put the decision to erase persons into the inbox; the next night takes it.

    Parameters
    ----------
    book : Book
    keys : Keyring
        The active key names the persons; while it has not been destroyed, the decision can be taken.
    numbers : sequence of str
        ID numbers, normalised.
    case_id : str, optional
        A case whose person is meant, in place of numbers. The number is not shown.
    by, reason : str
        Who decided, and why. Both are sealed: numbers, phones and the persons' names are hidden in them.
    on : date or None
        When; see :func:`creditaudit.book.inbox.decided_day`.

    Raises
    ------
    UsageError
        Nobody or no reason is named, the book has no row of a person, or a person's rows must be kept.
    """
    if not by.strip() or not reason.strip():
        raise _not_recorded(
            "nobody is named" if not by.strip() else "no reason is given", "give --by NAME and --reason TEXT"
        )
    last_night(book)
    with engine_aside(reads=book.root) as engine:
        persons = [person_of(engine, book, keys, case_id)] if case_id is not None else sorted(set(numbers))
        open_book_rows(engine, book)
        strangers = set(persons)
        for block in numbers_of_book(engine):
            strangers -= set(block)
        for place, person in enumerate(persons, start=1):
            which = "the person" if len(persons) == 1 else f"person {place} of {len(persons)} (in the order of numbers)"
            if person in strangers:
                raise _not_recorded(f"the book has no row of {which}", "check the number; nothing is there to erase")
            if why := why_not(engine, person):
                raise _not_recorded(
                    f"{which} cannot be erased: {why}",
                    "see `creditaudit queue`; `creditaudit keys destroy` ends what tokens tell instead",
                )
        names = [name for person in persons for name in names_of(engine, book, person)]
        close_book_rows(engine)
    body = {
        "removal": ERASE,
        "key_id": keys.active.key_id,
        "persons": sorted(keys.tokens("person", persons)),
    }
    said = {"by": without_person(by, names), "reason": without_person(reason, names)}
    return put(book, REMOVAL, by=said["by"], reason=said["reason"], body=body, on=on)


def _not_recorded(why: str, next_step: str, file: Path | None = None) -> UsageError:
    where = Where(str(file)) if file is not None and str(file) != STDIN else None
    return UsageError("the erasure was not recorded", why=why, next_step=next_step, where=where)
