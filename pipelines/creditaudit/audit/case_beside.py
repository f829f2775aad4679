"""The given of a case beside accounts and notices: openings, checks, handlers, alerts, inquiries, links, debts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from creditaudit.audit.case_words import DAY, CaseError, Row, day_number, mapping_of, seconds

if TYPE_CHECKING:
    from collections.abc import Iterable

# Words of an account that speak of the opening that judges it; with any of them it has one.
OPENING_WORDS = (
    *("document", "shown", "shown_to", "channel", "session", "handler", "handler_status"),
    *("exception", "followed_up"),
)


def opening_of(number: int, value: object) -> Row:
    """Return the opening that an account's words tell of; empty where they tell of none."""
    if not isinstance(value, dict) or not any(word in value for word in OPENING_WORDS):
        return {}
    handler = value.get("handler")
    provider = value.get("provider", "B01")
    return {
        "provider_code": provider,
        "account_code": value.get("code", f"A{number}"),
        "channel": value.get("channel"),
        "session_provider": provider,
        "session_id": value.get("session"),
        "handler_id_norm": handler,
        "handler_id_status": value.get("handler_status", None if handler is None else "ok"),
        "exception_code": value.get("exception"),
        "exception_followed_up_on": day_number(value.get("followed_up")),
    }


@dataclass(frozen=True)
class Codes:
    """The accounts of a case, by which checks, links and debts find them.

    Parameters
    ----------
    accounts : tuple of dict
        Rows of JUDGED_ACCOUNTS.
    """

    accounts: tuple[Row, ...]

    def account(self, named: object) -> Row:
        """Return the two codes of an account that is named by its code, or as PROVIDER/CODE where two have one code."""
        row = self._row(named)
        return {"provider_code": row["provider_code"], "account_code": row["account_code"]}

    def _row(self, named: object) -> Row:
        codes = [(row, row["account_code"], f"{row['provider_code']}/{row['account_code']}") for row in self.accounts]
        found = [row for row, *names in codes if named in names]
        if len(found) != 1:
            raise CaseError(f"{len(found)} accounts are called {named}")
        return found[0]

    def check(self, number: int, value: object) -> Row:
        """By default check K<number> of account A1, of the account's own provider."""
        given = mapping_of(value, "check", ("account", "id", "provider", "kind", "result", "at"))
        account = self.account(given.get("account", "A1"))
        checked_from, checked_to = seconds(given.get("at"))
        if checked_from is None or not given.get("kind") or not given.get("result"):
            raise CaseError("check: kind, result and at are required")
        return {
            **account,
            "check_provider": given.get("provider", account["provider_code"]),
            "check_id": given.get("id", f"K{number}"),
            "check_kind": given["kind"],
            "result": given["result"],
            "checked_from": checked_from,
            "checked_to": checked_to,
            "moment_to": self._row(given.get("account", "A1"))["moment_to"],
        }

    def link(self, _number: int, value: object) -> Row:
        """Return a link from one account of the case to another."""
        given = mapping_of(value, "link", ("from", "to"))
        start, end = self.account(given.get("from")), self.account(given.get("to"))
        return {
            **{"from_provider": start["provider_code"], "from_code": start["account_code"]},
            **{"to_provider": end["provider_code"], "to_code": end["account_code"]},
        }

    def debt(self, _number: int, value: object) -> Row:
        """Return a C1 whose original is not in the book; by default of the case's person."""
        given = mapping_of(value, "debt", ("account", "person", "group", "opened"))
        opened_from, _ = seconds(given.get("opened"))
        if opened_from is None or not given.get("group"):
            raise CaseError("debt: group (of who granted it) and opened are required")
        person = {"id_norm": given.get("person", "P1")}
        return {
            **self.account(given.get("account")),
            **person,
            "original_group": given["group"],
            "opened_from": opened_from,
        }


def impostor_of(_number: int, value: object) -> Row:
    """By default a finding without an end."""
    given = mapping_of(value, "impostor", ("person", "finding", "term_ends", "revoked"))
    finding = day_number(given.get("finding"))
    if finding is None or not given.get("person"):
        raise CaseError("impostor: person and finding are required")
    days = {"term_ends_on": day_number(given.get("term_ends")), "revoked_on": day_number(given.get("revoked"))}
    return {"id_norm": given["person"], "finding_on": finding, **days}


def numbered(impostors: Iterable[Row]) -> tuple[Row, ...]:
    """Return the findings with their number, of each person from the smallest on."""

    def size(row: Row) -> tuple[object, ...]:
        days = [row[name] for name in ("finding_on", "term_ends_on", "revoked_on")]
        return (row["id_norm"], *((day is not None, day or 0) for day in days))

    seen: dict[str, int] = {}
    made = []
    for row in sorted(impostors, key=size):
        seen[row["id_norm"]] = seen.get(row["id_norm"], 0) + 1
        made.append({**row, "entry": seen[row["id_norm"]]})
    return tuple(made)


def alert_of(number: int, value: object) -> Row:
    """By default alert F<number> of the case's person, without an end."""
    given = mapping_of(value, "alert", ("id", "person", "from", "to"))
    effective_from = day_number(given.get("from"))
    if effective_from is None:
        raise CaseError("alert: from is required")
    return {
        "id_norm": given.get("person", "P1"),
        "alert_id": given.get("id", f"F{number}"),
        "effective_from": effective_from,
        "effective_to": day_number(given.get("to")),
    }


def inquiry_of(number: int, value: object) -> Row:
    """By default inquiry I<number> of B01, a group of its own, on the case's person, for a loan."""
    words = ("id", "provider", "group", "person", "id_status", "reason", "at", "night")
    given = mapping_of(value, "inquiry", words)
    inquired_from, inquired_to = seconds(given.get("at"))
    night = day_number(given.get("night"))
    if inquired_from is None or night is None:
        raise CaseError("inquiry: at and night (on which it is judged) are required")
    provider = given.get("provider", "B01")
    return {
        "provider_code": provider,
        "inquiry_id": given.get("id", f"I{number}"),
        "id_norm": given.get("person", "P1"),
        "id_status": given.get("id_status", "ok"),
        "group_code": given.get("group", provider),
        "reason": given.get("reason", "loan_approval"),
        "inquired_from": inquired_from,
        "inquired_to": inquired_to,
        "inquired_on": inquired_from // DAY,
        "night_on": night,
    }
