"""The given of a case, in words that an auditor writes, turned into rows of the tables that judging reads.

An instant is a day (the whole day), ``'2021-03-01 10:00'`` (a minute) or ``2021-03-01 10:00:00`` (a second), as
delivered data have it. What is not said has the default that the functions below name.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from creditaudit import tables
from creditaudit.audit.case_beside import (
    OPENING_WORDS,
    Codes,
    alert_of,
    impostor_of,
    inquiry_of,
    numbered,
    opening_of,
)
from creditaudit.audit.case_words import DAY, CaseError, Row, day_number, mapping_of, seconds
from creditaudit.audit.readable import JUDGED

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    import pyarrow as pa

_KIND_OF_EVENT = {
    "reported_lost": "lost",
    **dict.fromkeys(("replaced", "renewed", "damaged", "name_changed", "item_error"), "superseded"),
    **dict.fromkeys(("cancelled_death", "cancelled_other"), "cancelled"),
}


@dataclass(frozen=True)
class Facts:
    """The rows of one case; codes are its own, the casebook keeps cases apart.

    Parameters
    ----------
    rows : mapping of str to tuple of dict
        Relation of ``INPUTS`` to its rows.
    coverage : tuple of (int, int)
        ISSUANCE_COVERAGE, sorted: no person owns it, so only cases with the same can be run at once.
    """

    rows: Mapping[str, tuple[Row, ...]]
    coverage: tuple[tuple[int, int], ...]

    @property
    def accounts(self) -> tuple[Row, ...]:
        """Rows of JUDGED_ACCOUNTS."""
        return self.rows["judged_accounts"]

    @property
    def notices(self) -> tuple[Row, ...]:
        """Rows of NOTICES."""
        return self.rows["notices"]

    @property
    def inquiries(self) -> tuple[Row, ...]:
        """Rows of JUDGED_INQUIRIES."""
        return self.rows["judged_inquiries"]


def facts_of(given: object) -> Facts:
    """Read the ``given`` of a case.

    Parameters
    ----------
    given : mapping
        ``account`` or ``accounts``, and likewise ``notice``, ``check``, ``impostor``, ``alert``, ``inquiry``
        (``inquiries``), ``link``, ``debt``; ``issued``, ``coverage``, ``violating``. docs/write-a-rule.md has the words
        of each.

    Raises
    ------
    CaseError
        Unknown words, or values that cannot be read.
    """
    several = {one: f"{one}s" for one in ("account", "notice", "check", "impostor", "alert", "link", "debt")}
    several["inquiry"] = "inquiries"
    known = [word for pair in several.items() for word in pair]
    words = mapping_of(given, "given", (*known, "issued", "coverage", "violating"))

    def rows(one: str, make: Callable[[int, object], Row]) -> tuple[Row, ...]:
        return _rows(words, one, several[one], make)

    accounts = rows("account", _account)
    codes = Codes(accounts)
    return Facts(
        rows={
            "judged_accounts": accounts,
            "judged_openings": tuple(row for row in rows("account", opening_of) if row),
            "notices": rows("notice", _notice),
            "issued_cards": tuple(_issued(i, row) for i, row in enumerate(words.get("issued") or (), 1)),
            "account_checks": rows("check", codes.check),
            "listed_impostors": numbered(rows("impostor", impostor_of)),
            "person_alerts": rows("alert", alert_of),
            "judged_inquiries": rows("inquiry", inquiry_of),
            "account_links": rows("link", codes.link),
            "lone_debts": rows("debt", codes.debt),
            "violating_accounts": tuple(codes.account(code) for code in words.get("violating") or ()),
        },
        coverage=tuple(sorted(_covered(row) for row in words.get("coverage") or ())),
    )


def _rows(words: Mapping[str, Any], one: str, several: str, make: Callable[[int, object], Row]) -> tuple[Row, ...]:
    if one in words and several in words:
        raise CaseError(f"{one} and {several}: give one of them")
    given = words.get(several, [words[one]] if one in words else [])
    if not isinstance(given, list):
        raise CaseError(f"{several} must be a list")
    return tuple(make(number, row) for number, row in enumerate(given, 1))


def _account(number: int, value: object) -> Row:
    """By default: code A<number> of B01, a group of its own, a loan (D1) of the case's person, id_type 10, no name."""
    words = ("code", "provider", "group", "person", "id_type", "id_status", "type", "moment", "no_moment", "name")
    given = mapping_of(value, "account", (*words, "original", *OPENING_WORDS))
    if (given.get("moment") is None) == (given.get("no_moment") is None):
        raise CaseError("account: give moment, or no_moment (why there is none)")
    if given.get("document") == "other" and ("shown" in given or "shown_to" in given):
        raise CaseError("account: with document other no ID card was shown (SPEC 3.2)")
    moment_from, moment_to = seconds(given.get("moment"))
    provider = given.get("provider", "B01")
    return {
        "provider_code": provider,
        "account_code": given.get("code", f"A{number}"),
        "id_norm": given.get("person", "P1"),
        "id_status": given.get("id_status", "ok"),
        "id_type": str(given.get("id_type", "10")),
        "account_type": given.get("type", "D1"),
        "region_code": None,
        "business_code": None,
        "moment_from": moment_from,
        "moment_to": moment_to,
        "moment_day": None if moment_from is None else moment_from // DAY,
        "no_moment": given.get("no_moment"),
        "document_kind": given.get("document"),
        "shown_on": day_number(given.get("shown")),
        "shown_to": day_number(given.get("shown_to")),
        "group_code": given.get("group", provider),
        "name_key": given.get("name"),
        "original": given.get("original"),
    }


def _notice(number: int, value: object) -> Row:
    """By default: id N<number>, a loss report that nobody withdrew; shared_reported is its own reported."""
    instants = ("lost", "reported", "shared_reported", "entered", "visible", "withdrawn", "collected")
    flags = ("noticed_unreadable", "withdrawn_unreadable", "collected_unreadable")
    given = mapping_of(value, "notice", ("id", "person", "event", "noticed", "noticed_to", *instants, *flags))
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
    given = mapping_of(value, f"issued {number}", ("person", "kind", "valid_from", "collected"))
    collected_from, collected_to = seconds(given.get("collected"))
    return {
        "id_norm": given.get("person", "P1"),
        "kind": given.get("kind", "permanent"),
        "valid_from": day_number(given.get("valid_from")),
        "collected_from": collected_from,
        "collected_to": collected_to,
    }


def _covered(value: object) -> tuple[int, int]:
    given = mapping_of(value, "coverage", ("from", "to"))
    first, last = day_number(given.get("from")), day_number(given.get("to"))
    if first is None or last is None:
        raise CaseError("coverage needs from and to")
    return first, last


# What a case gives: relation → schema. Coverage is given for all cases of a batch.
INPUTS: Mapping[str, pa.Schema] = {
    **{name: schema for name, schema in JUDGED.items() if name != "issuance_coverage"},
    "violating_accounts": tables.VIOLATING_ACCOUNTS,
}
