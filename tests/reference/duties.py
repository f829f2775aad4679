"""The calendar of duties (SPEC 7.2)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from reference.institutions import Institutions, day_of, read_table

if TYPE_CHECKING:
    from datetime import date
    from pathlib import Path

    from reference.lineage import Account

FIELDS = ("provider_code", "institution_kind", "region_code", "business_code", "account_type", "channel")


class Duty(NamedTuple):
    """What the calendar says of one account and one kind of check."""

    duty: str  # in_force, not_in_force, unknown
    duty_id: str | None
    source: str | None


NO_DUTY = Duty("unknown", None, None)


@dataclass
class Asked:
    """The cells of an account that a row is held against; None is lacked."""

    day: date
    line: list[str]
    cells: dict[str, str | None]


def _is_any(cell: str) -> bool:
    """SPEC 7.2: an empty cell is ``*``."""
    return cell in {"", "*"}


def _holds(row: dict[str, str], day: date) -> bool:
    """Days are whole and inclusive; an empty end is open."""
    first, last = day_of(row["in_force_from"]), day_of(row["in_force_to"])
    return (first is None or first <= day) and (last is None or day <= last)


def matches(row: dict[str, str], asked: Asked) -> bool:
    """Return whether a row matches the account, whatever the day."""
    if not _is_any(row["provider_code"]) and row["provider_code"] not in asked.line:
        return False
    region = asked.cells["region_code"]
    if not _is_any(row["region_code"]) and (region is None or not region.startswith(row["region_code"])):
        return False
    for field in ("institution_kind", "business_code", "account_type", "channel"):
        if not _is_any(row[field]) and row[field] != asked.cells[field]:
            return False
    return True


def _smaller_wins(row: dict[str, str], asked: Asked) -> tuple[object, ...]:
    """Most fields other than ``*``, nearer provider, longest prefix, latest in_force_from, smallest duty_id."""
    stated = sum(1 for field in FIELDS if not _is_any(row[field]))
    provider = row["provider_code"]
    distance = len(asked.line) if _is_any(provider) else asked.line.index(provider)
    prefix = 0 if _is_any(row["region_code"]) else len(row["region_code"])
    first = day_of(row["in_force_from"])
    return (-stated, distance, -prefix, 0 if first is None else -first.toordinal(), row["duty_id"])


class Duties:
    """The table of duties of a book."""

    def __init__(self, reference_dir: Path, institutions: Institutions) -> None:
        self.rows = read_table(reference_dir / "duties.csv")
        self.institutions = institutions

    def asked(self, account: Account) -> Asked:
        """SPEC 12: duty is asked of the newest provider; institutions are in force at the moment."""
        if account.moment is None:
            raise ValueError(account.account_code)
        day, provider = account.moment.day, account.provider_code
        institution = self.institutions.in_force(provider, day) or {}
        own = account.row
        return Asked(
            day,
            self.institutions.line(provider, day),
            {
                "institution_kind": institution.get("kind") or None,
                "region_code": own.get("region_code") or institution.get("region_code") or None,
                "business_code": own.get("business_code"),
                "account_type": own.get("account_type"),
                "channel": account.opening.get("channel") if account.opening is not None else None,
            },
        )

    def competing(self, account: Account, check_kind: str) -> list[dict[str, str]]:
        """Return the rows that match, the winner first."""
        asked = self.asked(account)
        found = [
            row
            for row in self.rows
            if row["check_kind"] == check_kind and matches(row, asked) and _holds(row, asked.day)
        ]
        return sorted(found, key=lambda row: _smaller_wins(row, asked))

    def of(self, account: Account, check_kind: str) -> Duty:
        """Return the duty of an account to make a check."""
        found = self.competing(account, check_kind)
        if not found:
            return NO_DUTY
        won, asked_on = found[0], self.asked(account).day
        documented = day_of(won["documented_to"])
        # Its documents end before the day, and nothing says that it ended.
        undocumented = documented is not None and asked_on > documented and day_of(won["in_force_to"]) is None
        return Duty("unknown" if undocumented else won["status"], won["duty_id"], won["source"] or None)
