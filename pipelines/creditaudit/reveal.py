"""From a case to its person's number: the one way, and it is written down before the number is shown (SPEC 10.4)."""

from __future__ import annotations

import os
import pwd
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import pyarrow as pa

from creditaudit.book.access import Access, Asked, record_access
from creditaudit.book.case_state import CASE_LIFE, CASE_OBJECTIONS, CASE_SUBJECTS
from creditaudit.book.state import open_state
from creditaudit.case_view import last_night, no_case
from creditaudit.cases.free_text import hide_names, hide_numbers
from creditaudit.cases.sealed_cases import open_sealed_cases
from creditaudit.engines import Engine, engine_aside, quoted
from creditaudit.errors import UsageError
from creditaudit.intake.names import normalise_names

if TYPE_CHECKING:
    from creditaudit.book.keys import Keyring
    from creditaudit.book.layout import Book

# Feeds whose rows name a person.
_NAMED = ("accounts", "invalid_cards", "loss_reports", "inquiries")


@dataclass(frozen=True, slots=True)
class Revealed:
    """A number, and the access that is on record for it.

    Parameters
    ----------
    id_norm : str
        **Personal data**: the ID number, normalised (SPEC 4).
    access : Access
    """

    id_norm: str
    access: Access


def reveal(book: Book, keys: Keyring, case_id: str, *, by: str, reason: str) -> Revealed:
    """Return the ID number of a case's person, after the access is on record.

    Parameters
    ----------
    book : Book
    keys : Keyring
        One that is neither retired nor destroyed must have made the case's person_token.
    case_id : str
        Of the last sealed night.
    by, reason : str
        Who asks, and why. ID numbers, phones, and the names that the book has of the person are hidden in the record.

    Raises
    ------
    UsageError
        Nobody or no reason is named; there is no such case; its token cannot be resolved.
    BookBrokenError, StorageError
        The log of accesses is broken or cannot be written.
    """
    if not by.strip() or not reason.strip():
        raise UsageError(
            "no number is shown",
            why="nobody is named" if not by.strip() else "no reason is given",
            next_step="give --by NAME and --reason TEXT",
        )
    night = last_night(book)
    with engine_aside(reads=book.root) as engine:
        number = person_of(engine, book, keys, case_id)
        names = names_of(engine, book, number)
    asked = Asked(
        case_id=case_id,
        night=night.isoformat(),
        by=without_person(by, names),
        reason=without_person(reason, names),
        user=_user(),
        at=datetime.now(ZoneInfo("Asia/Shanghai")).isoformat(timespec="seconds"),
    )
    return Revealed(number, record_access(book, keys, asked))


def person_of(engine: Engine, book: Book, keys: Keyring, case_id: str) -> str:
    """Return the number that a case's person_token stands for; nothing is shown, and nothing recorded.

    Raises
    ------
    UsageError
        There is no such case in the last sealed night, or no number that the book has for it gives its token.
    """
    open_sealed_cases(engine, book, last_night(book))
    for table in (CASE_LIFE, CASE_SUBJECTS, CASE_OBJECTIONS):
        open_state(engine, book, table.name, f"standing_{table.name}")
    open_state(engine, book, "accounts", "standing_accounts")
    here = f"case_id = {quoted(case_id)}"
    found = engine.fetch(f"SELECT person_token FROM last_cases WHERE {here}")
    if not found.num_rows:
        raise no_case(engine, case_id)
    token = found["person_token"][0].as_py()
    numbers = engine.fetch(
        f"""
        SELECT l.id_norm FROM standing_case_life AS l WHERE l.{here} AND l.id_norm IS NOT NULL
        UNION SELECT o.id_norm FROM standing_case_objections AS o WHERE o.{here} AND o.id_norm IS NOT NULL
        UNION SELECT s.id_norm FROM standing_case_subjects AS s JOIN last_cases AS c
            ON c.provider_code = s.provider_code AND c.subject = s.subject WHERE c.{here} AND s.id_norm IS NOT NULL
        UNION SELECT a.id_norm FROM standing_accounts AS a JOIN last_cases AS c
            ON c.provider_code = a.provider_code AND c.account_code = a.account_code
            WHERE c.{here} AND a.id_norm IS NOT NULL
        ORDER BY 1
        """
    )["id_norm"].to_pylist()
    for number in numbers if token is not None else ():
        if any(keys.tokens("person", [number], length=len(token), key=key) == [token] for key in keys.accepted):
            return str(number)
    raise UsageError(
        f"case {case_id} cannot be revealed",
        why="the book has no number that gives its person_token under a key that is in use"
        if numbers
        else "the book has no number for it any more: its person's rows were removed",
        next_step="see `creditaudit keys list`: the key that made the token may be retired or destroyed"
        if numbers
        else "see `creditaudit verify`, which names every removal",
    )


def names_of(engine: Engine, book: Book, number: str) -> list[str]:
    """Return the names that the book has of a person, as they are compared: **personal data**, sorted."""
    for feed in _NAMED:
        open_state(engine, book, feed, f"standing_{feed}")
    engine.load("asked_person", pa.table({"id_norm": [number]}))  # never in the text of a query: errors quote it
    spelled = " UNION ".join(
        f"SELECT name_norm FROM standing_{feed} WHERE id_norm IN (SELECT id_norm FROM asked_person)"
        " AND length(name_norm) > 1"
        for feed in _NAMED
    )
    return [str(name) for name in engine.fetch(f"SELECT * FROM ({spelled}) AS n ORDER BY 1")["name_norm"].to_pylist()]


def without_person(text: str, names: list[str]) -> str:
    """Return what somebody wrote without numbers, phones and these names: the log may hold none (SPEC 10.4)."""
    hidden = str(hide_numbers(pa.chunked_array([[text]]))[0].as_py())
    compared = normalise_names(pa.array([hidden]))[0][0].as_py() or ""
    held = [name for name in names if name in compared]
    return hide_names(hidden, held) if held else hidden


def _user() -> str:
    try:
        return pwd.getpwuid(os.geteuid()).pw_name
    except KeyError:  # a container may run under a number that has no name
        return str(os.geteuid())
