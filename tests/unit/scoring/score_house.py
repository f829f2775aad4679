"""A small house whose persons lost a card: enough cases to train on, and nights that touch few of them."""

from __future__ import annotations

from datetime import date, timedelta
from typing import TYPE_CHECKING

from place import Place

if TYPE_CHECKING:
    from pathlib import Path

FIRST = date(2026, 11, 1)
PERSONS = 40
_WEIGHTS = [pow(2, 17 - n, 11) for n in range(17)]


def number(n: int, *, area: str = "110105", born: str = "19800101") -> str:
    """Return an ID number with its check character."""
    body = f"{area}{born}{n:03d}"
    return body + "10X98765432"[sum(int(d) * w for d, w in zip(body, _WEIGHTS, strict=True)) % 11]


def account(n: int, **cells: str) -> dict[str, str]:
    """Return person n's account, opened n days after the report of the card."""
    opened = date(2026, 1, 10) + timedelta(days=n)
    row = {
        "provider_code": f"B{n % 3:02d}",
        "account_code": f"A{n}",
        "report_date": "2026-10-31",
        "id_type": "10",
        "id_number": number(n),
        "account_type": "D1",
        "business_code": "11",
        "opened_at": f"{opened} 10:00:00",
        "region_code": "110000",
        "currency": "CNY",
        "amount": str(1000 * (n + 1)),
        "overdue_amount": "0",
    }
    return {**row, **cells}


def opening(n: int, **cells: str) -> dict[str, str]:
    """Return its opening, in which the reported card was shown."""
    row = {
        "provider_code": f"B{n % 3:02d}",
        "account_code": f"A{n}",
        "card_valid_from": "2015-01-01",
        "channel": "counter" if n % 2 else "online",
        "operator_id": f"O{n % 4}",
        "phone": f"1380000{n % 10:04d}",
    }
    return {**row, **cells}


def loss(n: int, *, born: str = "19800101", area: str = "110105") -> dict[str, str]:
    """Return the report of person n's card."""
    return {
        "report_no": f"L{n}",
        "id_number": number(n, born=born, area=area),
        "card_valid_from": "2015-01-01",
        "lost_at": "2026-01-05",
        "reported_at": "2026-01-08 09:00:00",
    }


def sealed_house(root: Path, persons: int = PERSONS) -> Place:
    """Return a house after its first night: one R101 violation a person, but every fourth, whose card was not shown."""
    place = Place(root).made()
    place.deliver(FIRST, "accounts", [account(n) for n in range(persons)])
    shown = [opening(n, card_valid_from="" if n % 4 == 0 else "2015-01-01") for n in range(persons)]
    place.deliver(FIRST, "openings", shown)
    place.deliver(FIRST, "loss_reports", [loss(n) for n in range(persons)])
    place.night(FIRST)
    return place
