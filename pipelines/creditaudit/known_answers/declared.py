"""The known-answer persons as they are declared (``persons/*.yaml``), with their days counted from a night."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import cache
from importlib import resources
from typing import TYPE_CHECKING, Any, Final

import yaml

from creditaudit.feeds import FEEDS

if TYPE_CHECKING:
    from collections.abc import Mapping

# The institutions of SPEC 11: no delivered row can speak for them, since nothing delivered is judged beside these.
RESERVED: Final = "KA999999"
AREA: Final = "999999"

# Who is meant where a row does not say so.
_AT, _OWN = "A", "@own"

# What every account says where it says nothing else: what a feed requires.
_DEFAULTS: Final[dict[str, dict[str, Any]]] = {
    "accounts": {"report_date": -1, "id_type": "10"},
}
_PROVIDERS: Final = frozenset(
    {"provider_code", "original_provider_code", "settlement_provider_code", "new_provider_code"}
)
# Columns whose texts name something within a person: they are made unlike those of every other person.
_CODES: Final = frozenset(
    {
        *("account_code", "old_account_code", "new_account_code", "original_account_code", "settlement_account_code"),
        *("session_id", "check_id", "event_id", "withdraws_event_id", "report_no", "person_ref", "inquiry_id"),
        "alert_id",
    }
)
_TIMED: Final = re.compile(r"(-?\d+)(?: (\d\d):(\d\d):(\d\d))?(?:([+-])(R\d+)\.(\w+))?", re.ASCII)
_DAY_SECONDS: Final = 86_400
_WEIGHTS: Final = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)


@dataclass(frozen=True)
class Moment:
    """A day or a second that a cell is to say.

    Parameters
    ----------
    at : datetime
    is_second : bool
        The time of day matters; else any spelling of the day will do.
    """

    at: datetime
    is_second: bool


# A cell as it is meant: a text, a day or a second, or None for what a sentinel says.
Meant = str | Moment | None


@dataclass(frozen=True)
class Person:
    """One declared person.

    Parameters
    ----------
    name : str
    number : int
        Place among all, from 1.
    rows : dict of str to list of dict
        Feed to rows, as declared.
    finds : tuple of str
        What is found, one line each, as declared.
    """

    name: str
    number: int
    rows: Mapping[str, list[dict[str, Any]]]
    finds: tuple[str, ...]


@cache
def persons() -> tuple[Person, ...]:
    """Return every declared person, in the order of the files."""
    folder = resources.files("creditaudit.known_answers") / "persons"
    declared: dict[str, dict[str, Any]] = {}
    for name in ("by_account.yaml", "by_person.yaml"):
        declared |= yaml.safe_load((folder / name).read_text(encoding="utf-8"))
    return tuple(
        Person(name, number, {feed: said[feed] for feed in FEEDS if feed in said}, tuple(said["finds"]))
        for number, (name, said) in enumerate(declared.items(), start=1)
    )


def provider(group: int, letter: str) -> str:
    """Return the code of an institution of one set of persons."""
    return f"{RESERVED}{group:02d}{letter}"


@dataclass(frozen=True)
class Terms:
    """In which terms persons are delivered.

    Parameters
    ----------
    group : int
        Number of the set: its institutions, numbers and codes are its own.
    night : date
        From which days are counted.
    params : mapping
        (rule_id, name) to value and unit of the parameters in force.
    account_type : str
        Of accounts of which nothing else is declared: any that is no C1 and no R4.
    """

    group: int
    night: date
    params: Mapping[tuple[str, str], tuple[int, str]]
    account_type: str


def meant_rows(person: Person, terms: Terms) -> dict[str, list[dict[str, Meant]]]:
    """Return what is to be delivered of a person in one set: feed to rows, column to cell."""
    return {
        feed: [_row(feed, _DEFAULTS.get(feed, {}) | row, person, terms) for row in rows]
        for feed, rows in person.rows.items()
    }


def _row(feed: str, said: Mapping[str, Any], person: Person, terms: Terms) -> dict[str, Meant]:
    spec = FEEDS[feed]
    values = dict(said)
    if "provider_code" in spec.by_name:
        values["provider_code"] = values.pop("at", _AT)
    if feed == "accounts":
        values.setdefault("account_type", terms.account_type)
    if "id_number" in spec.by_name:
        values["id_number"] = values.pop("id", _OWN)
    row: dict[str, Meant] = {}
    for name, value in values.items():
        if name in _PROVIDERS:
            row[name] = provider(terms.group, value)
        elif name in _CODES:
            row[name] = code(person, terms.group, value)
        elif value is None:
            row[name] = None
        elif spec.by_name[name].is_dated:
            row[name] = moment(value, terms)
        else:
            row[name] = _number(person, terms.group, value) if str(value).startswith("@") else str(value)
    return row


def code(person: Person, group: int, short: str) -> str:
    """Return a code of a person in full."""
    return f"KA{group:02d}{person.number:03d}{short}"


def moment(value: int | str, terms: Terms) -> Moment:
    """Return the day or second that a declared value names.

    Raises
    ------
    ValueError
        It is no such value; a parameter that no rule in force has is counted as nothing.
    """
    found = _TIMED.fullmatch(str(value))
    if found is None:
        raise ValueError(f"{value!r} is no day counted from the night")
    day, hour, minute, second, sign, rule, name = found.groups()
    at = datetime.combine(terms.night, datetime.min.time()) + timedelta(days=int(day))
    seconds = 0
    if sign is not None:
        amount, unit = terms.params.get((rule, name), (0, "second"))
        seconds = (amount if unit == "second" else amount * _DAY_SECONDS) * (1 if sign == "+" else -1)
    if hour is None:
        return Moment(at + timedelta(days=int(seconds / _DAY_SECONDS)), is_second=False)
    return Moment(at + timedelta(hours=int(hour), minutes=int(minute), seconds=int(second) + seconds), is_second=True)


def _number(person: Person, group: int, who: str) -> str:
    """Return an ID number of the reserved area: the person's own in some spelling, or a helper's (``@H1``)."""
    other = int(who[2:]) if who.startswith("@H") else 0
    born = date(1960, 1, 1) + timedelta(days=group * 10 + other)
    digits = f"{AREA}{born:%Y%m%d}{person.number:03d}"
    check = _check(digits)
    match who:
        case "@15":
            return digits[:6] + digits[8:]
        case "@wide":
            return "".join(chr(ord(letter) + 0xFEE0) for letter in digits[:9]) + "\u3000\u200b" + digits[9:] + check
        case "@date":
            no_day = f"{AREA}19601301{person.number:03d}"
            return no_day + _check(no_day)
        case "@form":
            return f"{digits}0{check}"
        case "@bad":
            return digits + ("0" if check != "0" else "1")
        case _:
            return digits + check


def _check(digits: str) -> str:
    """Return the check character (GB 11643; ISO 7064 MOD 11-2), counted apart from the code that reads numbers."""
    return "10X98765432"[sum(int(d) * w for d, w in zip(digits, _WEIGHTS, strict=True)) % 11]
