"""The given of a case, in words that an auditor writes, turned into rows of the four tables that judging reads.

An instant is a day (the whole day), ``'2021-03-01 10:00'`` (a minute) or ``2021-03-01 10:00:00`` (a second), as
delivered data have it. What is not said has the default that the functions below name.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING, Any

from creditaudit import tables

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    import pyarrow as pa

_DAY = 86_400
_EPOCH = date(1970, 1, 1)
_MINUTE = re.compile(r"\d{4}-\d{2}-\d{2} \d{2}:\d{2}\Z")

Row = dict[str, Any]

_KIND_OF_EVENT = {
    "reported_lost": "lost",
    **dict.fromkeys(("replaced", "renewed", "damaged", "name_changed", "item_error"), "superseded"),
    **dict.fromkeys(("cancelled_death", "cancelled_other"), "cancelled"),
}


class CaseError(ValueError):
    """A case says something that cannot be read; the casebook adds the place."""


@dataclass(frozen=True)
class Facts:
    """The rows of one case; codes are its own, the casebook keeps cases apart.

    Parameters
    ----------
    accounts, notices, issued : tuple of dict
        Rows of JUDGED_ACCOUNTS, NOTICES and ISSUED_CARDS.
    coverage : tuple of (int, int)
        ISSUANCE_COVERAGE, sorted: no person owns it, so only cases with the same can be run at once.
    """

    accounts: tuple[Row, ...]
    notices: tuple[Row, ...]
    issued: tuple[Row, ...]
    coverage: tuple[tuple[int, int], ...]


def day_number(value: object) -> int | None:
    """Return days since 1970-01-01, or None for a date that is not given."""
    if value is None:
        return None
    if type(value) is not date:
        raise CaseError(f"{value!r} is not a date (YYYY-MM-DD)")
    return (value - _EPOCH).days


def seconds(value: object) -> tuple[int | None, int | None]:
    """Return the closed interval of an instant in seconds since 1970-01-01 (SPEC 4)."""
    if value is None:
        return None, None
    if type(value) is date:
        first = (value - _EPOCH).days * _DAY
        return first, first + _DAY - 1
    if isinstance(value, str) and _MINUTE.match(value):
        first = _second(datetime.fromisoformat(value))
        return first, first + 59
    if isinstance(value, datetime) and value.tzinfo is None and not value.microsecond:
        return (_second(value),) * 2
    raise CaseError(f"{value!r} is not a day, a minute in quotes, or a second")


def _second(value: datetime) -> int:
    return (value - datetime.combine(_EPOCH, datetime.min.time())) // timedelta(seconds=1)


def facts_of(given: object) -> Facts:
    """Read the ``given`` of a case.

    Parameters
    ----------
    given : mapping
        ``account`` or ``accounts``, ``notice`` or ``notices``, ``issued``, ``coverage``.

    Raises
    ------
    CaseError
        Unknown words, or values that cannot be read.
    """
    words = _mapping(given, "given", ("account", "accounts", "notice", "notices", "issued", "coverage"))
    return Facts(
        accounts=_rows(words, "account", _account),
        notices=_rows(words, "notice", _notice),
        issued=tuple(_issued(i, row) for i, row in enumerate(words.get("issued") or (), 1)),
        coverage=tuple(sorted(_covered(row) for row in words.get("coverage") or ())),
    )


def _rows(words: Mapping[str, Any], one: str, make: Callable[[int, object], Row]) -> tuple[Row, ...]:
    if one in words and f"{one}s" in words:
        raise CaseError(f"{one} and {one}s: give one of them")
    given = words.get(f"{one}s", [words[one]] if one in words else [])
    if not isinstance(given, list):
        raise CaseError(f"{one}s must be a list")
    return tuple(make(number, row) for number, row in enumerate(given, 1))


def _mapping(value: object, what: str, words: tuple[str, ...]) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise CaseError(f"{what} must be a mapping")
    unknown = [str(word) for word in value if word not in words]
    if unknown:
        raise CaseError(f"{what}: unknown {', '.join(unknown)}; known are {', '.join(words)}")
    return value


def _account(number: int, value: object) -> Row:
    """By default: code A<number> of B01, a loan (D1) of the case's person, id_type 10, no opening."""
    words = ("code", "provider", "person", "id_type", "id_status", "type", "moment", "no_moment", "document")
    given = _mapping(value, "account", (*words, "shown", "shown_to"))
    if (given.get("moment") is None) == (given.get("no_moment") is None):
        raise CaseError("account: give moment, or no_moment (why there is none)")
    if given.get("document") == "other" and ("shown" in given or "shown_to" in given):
        raise CaseError("account: with document other no ID card was shown (SPEC 3.2)")
    moment_from, moment_to = seconds(given.get("moment"))
    return {
        "provider_code": given.get("provider", "B01"),
        "account_code": given.get("code", f"A{number}"),
        "id_norm": given.get("person", "P1"),
        "id_status": given.get("id_status", "ok"),
        "id_type": str(given.get("id_type", "10")),
        "account_type": given.get("type", "D1"),
        "region_code": None,
        "business_code": None,
        "moment_from": moment_from,
        "moment_to": moment_to,
        "moment_day": None if moment_from is None else moment_from // _DAY,
        "no_moment": given.get("no_moment"),
        "document_kind": given.get("document"),
        "shown_on": day_number(given.get("shown")),
        "shown_to": day_number(given.get("shown_to")),
    }


def _notice(number: int, value: object) -> Row:
    """By default: id N<number>, a loss report that nobody withdrew; shared_reported is its own reported."""
    instants = ("lost", "reported", "shared_reported", "entered", "visible", "withdrawn", "collected")
    flags = ("noticed_unreadable", "withdrawn_unreadable", "collected_unreadable")
    given = _mapping(value, "notice", ("id", "person", "event", "noticed", "noticed_to", *instants, *flags))
    if "reported" not in given:
        raise CaseError("notice: reported is required")
    event = given.get("event")
    if event is not None and event not in _KIND_OF_EVENT:
        raise CaseError(f"notice: event {event}; known are {', '.join(_KIND_OF_EVENT)}")
    row: Row = {
        "id_norm": given.get("person", "P1"),
        "notice_source": "loss_reports" if event is None else "invalid_cards",
        "notice_id": given.get("id", f"N{number}"),
        "kind": "lost" if event is None else _KIND_OF_EVENT[event],
        "event": event,
        "noticed_on": day_number(given.get("noticed")),
        "noticed_to": day_number(given.get("noticed_to")),
    }
    for name in instants:
        stood_in_for = given["reported"] if name == "shared_reported" else None
        row[f"{name}_from"], row[f"{name}_to"] = seconds(given.get(name, stood_in_for))
    if row["visible_from"] is None:  # SPEC 5: from reported on, without an end
        row["visible_from"] = row["reported_from"]
    return {**row, **{flag: bool(given.get(flag, False)) for flag in flags}}


def _issued(number: int, value: object) -> Row:
    """By default a permanent card that is not known to be collected."""
    given = _mapping(value, f"issued {number}", ("person", "kind", "valid_from", "collected"))
    collected_from, collected_to = seconds(given.get("collected"))
    return {
        "id_norm": given.get("person", "P1"),
        "kind": given.get("kind", "permanent"),
        "valid_from": day_number(given.get("valid_from")),
        "collected_from": collected_from,
        "collected_to": collected_to,
    }


def _covered(value: object) -> tuple[int, int]:
    given = _mapping(value, "coverage", ("from", "to"))
    first, last = day_number(given.get("from")), day_number(given.get("to"))
    if first is None or last is None:
        raise CaseError("coverage needs from and to")
    return first, last


# relation → (schema, the part of Facts that it is made of)
INPUTS: dict[str, tuple[pa.Schema, str]] = {
    "judged_accounts": (tables.JUDGED_ACCOUNTS, "accounts"),
    "notices": (tables.NOTICES, "notices"),
    "issued_cards": (tables.ISSUED_CARDS, "issued"),
}
