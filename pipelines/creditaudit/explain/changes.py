"""One fact with another value, and the rows that say so."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

    from creditaudit.explain.worlds import Row, Rows

EPOCH = datetime(1970, 1, 1, tzinfo=UTC).replace(tzinfo=None)
BELOW_ALL = "\x01"  # a made duty wins every tie
ABOVE_ALL = "\U0010ffff"  # a made check is the last of its second


@dataclass(frozen=True)
class Change:
    """One fact with another value.

    Parameters
    ----------
    fact : str
        ``card_check``, ``visible``, ``duty`` …; the words of ``words.py`` name them.
    value : str
        The other value.
    about : str or None
        The notice (``loss_reports L1``), where the fact is one of a notice.
    is_unknown : bool
        The fact is not known today: a document could settle it. Otherwise what is known would have to be wrong.
    apply : callable
        Makes the change in a world's rows; gives new rows, never changes one in place.
    """

    fact: str
    value: str
    about: str | None
    is_unknown: bool
    apply: Callable[[Rows], None]

    @property
    def slot(self) -> tuple[str, str | None]:
        """What the change speaks of: two changes of one slot exclude each other."""
        return self.fact, self.about


@dataclass(frozen=True)
class Judged:
    """What the judgment says of one account as it is, in the engine's units (days, seconds)."""

    account: Row
    pairs: tuple[Row, ...]
    findings: tuple[Row, ...]
    checks: Row
    opening: Row | None
    faults: tuple[Row, ...]
    institution: Row | None

    @property
    def here(self) -> tuple[str, str]:
        """The account's newest codes."""
        return self.account["provider_code"], self.account["account_code"]


def without_dropped(row: Row, column: str) -> Row:
    """Return a row whose cell of one column is not unreadable any more; its other dropped cells stay so."""
    dropped = [one for one in (row["dropped"] or "").split(";") if one and not one.endswith(f":{column}")]
    return {**row, "dropped": ";".join(dropped) or None}


def instant(stem: str, second: int | None) -> Row:
    """Return the two cells of an instant that is known to the second; None: missing."""
    moment = None if second is None else EPOCH + timedelta(seconds=second)
    return {f"{stem}_from": moment, f"{stem}_to": moment}


def seconds_of(moment: datetime) -> int:
    """Return an instant of a row in the engine's seconds."""
    return (moment - EPOCH) // timedelta(seconds=1)


def date_of(day: int) -> date:
    """Return a day of the engine as a date."""
    return (EPOCH + timedelta(days=day)).date()


def with_provenance(cells: dict[str, Any]) -> Row:
    """Give a row that nobody delivered what every delivered row has."""
    return {"night": date(1970, 1, 1), "file": BELOW_ALL, "row": 0, "line": 0, "dropped": None, **cells}
