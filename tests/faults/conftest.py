"""A small sound delivery, and a book in which its first night is sealed."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from place import Place
from reference.small import ACCOUNT, EVENT, ISSUANCE, NEXT, NIGHT, NUMBER, OPENING, REPORT

if TYPE_CHECKING:
    from datetime import date
    from pathlib import Path

# Raw values of the delivery: none may stand in a message.
HOLDER = "欧阳测试"
PHONE = "13912345678"
SECRETS = (NUMBER, HOLDER, PHONE)


def deliver_sound(place: Place, night: date, *, without: tuple[str, ...] = ()) -> None:
    """Deliver one account opened a second after the loss report, and all that belongs to it."""
    feeds = {
        "accounts": [{**ACCOUNT, "name": HOLDER}],
        "openings": [{**OPENING, "phone": PHONE}],
        "loss_reports": [{**REPORT, "name": HOLDER}],
        "invalid_cards": [{**EVENT, "name": HOLDER}],
        "issuances": [ISSUANCE],
    }
    for feed, rows in feeds.items():
        if feed not in without:
            place.deliver(night, feed, rows)


@pytest.fixture(scope="session")
def sealed(tmp_path_factory: pytest.TempPathFactory) -> Place:
    """A house whose first night is sealed; copied, never used."""
    place = Place(tmp_path_factory.mktemp("sealed")).made()
    deliver_sound(place, NIGHT)
    place.night(NIGHT)
    return place


@pytest.fixture
def house(sealed: Place, tmp_path: Path) -> Place:
    """A house with one sealed night, and the next night delivered, sound."""
    place = sealed.copied(tmp_path / "house")
    deliver_sound(place, NEXT)
    return place
