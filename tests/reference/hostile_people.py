"""Random lives: persons, cards, notices and accounts that meet at the boundaries of SPEC 5 and 6."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from typing import TYPE_CHECKING

from reference.hostile_cells import (
    DAY,
    ERAS,
    SECOND,
    make_name,
    make_number,
    make_odd_number,
    near,
    near_day,
    no_date,
    spell_date,
    spell_instant,
    spell_name,
    spell_number,
)

if TYPE_CHECKING:
    from random import Random

    from reference.hostile_files import Cells, Landing

PROVIDERS = tuple(f"B{number:02d}" for number in range(1, 9))
CLOCKS = (time(0, 0), time(23, 59, 59), time(12, 34, 56), time(0, 0, 59), time(23, 59), time(9, 30))
LAST_MOMENT = datetime.combine(date(2026, 11, 20), time(23, 59, 59))
SUPERSEDING = ("replaced", "renewed", "damaged", "name_changed", "item_error")


@dataclass
class Life:
    """One person and the days that matter to the rules."""

    number: str
    name: str
    card: date  # valid-from of the card that is lost, superseded or cancelled
    reported: datetime
    lost: datetime | None
    collected: datetime | None
    withdrawn: datetime | None
    next_card: date
    temporary: date | None
    points: list[datetime] = field(default_factory=list)
    exact: bool = False  # moments are the points themselves, to the second
    names: list[str] = field(default_factory=list)  # other names, some of them in a name_changed event


class People:
    """Makes lives and delivers their rows."""

    def __init__(self, rng: Random, landing: Landing) -> None:
        self.rng = rng
        self.landing = landing
        self.count = 0

    def code(self, letter: str) -> str:
        self.count += 1
        return f"{letter}{self.count:06d}"

    def chance(self, share: float) -> bool:
        return self.rng.random() < share

    def night(self) -> int:
        return 0 if self.chance(0.75) else self.rng.randint(0, len(self.landing.nights) - 1)

    def deliver(self, feed: str, cells: Cells, night: int | None = None) -> None:
        """Deliver a row, and now and then the same row again, tonight or later."""
        at = self.night() if night is None else night
        self.landing.add(at, feed, cells)
        if self.chance(0.03):
            self.landing.add(at + self.rng.randint(0, 1), feed, dict(cells))

    def instant(self, at: datetime | None) -> str:
        return no_date(self.rng, instant=True) if at is None else spell_instant(self.rng, min(at, LAST_MOMENT))

    def day(self, day: date | None) -> str:
        return no_date(self.rng) if day is None else spell_date(self.rng, day)

    def life(self) -> Life:
        """Make one person; every day is drawn beside another, so that boundaries meet."""
        rng = self.rng
        number = make_number(rng)[0] if self.chance(0.85) else make_odd_number(rng)
        era = rng.choice(ERAS) if self.chance(0.5) else date(2017, 1, 1) + rng.randint(0, 3500) * DAY
        reported = datetime.combine(era, rng.choice(CLOCKS))
        lost = None
        if self.chance(0.6):
            lost = rng.choice((near(rng, reported), reported - rng.randint(1, 30) * DAY, reported - SECOND))
        card = era - rng.choice((0, 1, 89, 90, 91, 400, 1500, 3000)) * DAY
        after_days = rng.choice((0, 1, 10, 30, 89, 90, 91, 200))
        collected = near(rng, reported + after_days * DAY) if self.chance(0.55) else None
        withdrawn = None
        if self.chance(0.35):
            next_in_hand = collected or reported + 20 * DAY
            base = rng.choice((reported, reported + 5 * DAY, next_in_hand, reported + 60 * DAY))
            withdrawn = near(rng, base)
        next_card = near_day(rng, rng.choice(((lost or reported).date(), era, era + 10 * DAY, era + 60 * DAY)))
        temporary = near_day(rng, rng.choice((era, era - 60 * DAY, card))) if self.chance(0.25) else None
        life = Life(number, make_name(rng), card, reported, lost, collected, withdrawn, next_card, temporary)
        life.points = [reported, reported] + [point for point in (lost, collected, withdrawn) if point is not None]
        life.points += [reported + 90 * DAY, reported - 7 * DAY, reported + 30 * DAY]
        return life

    def who(self, life: Life) -> Cells:
        return {"id_number": spell_number(self.rng, life.number), "name": spell_name(self.rng, life.name)}

    # The registries --------------------------------------------------------------------------

    def notices(self, life: Life) -> None:
        """Deliver one life's notices: lost in one registry or both, superseded, cancelled, or several."""
        kind = self.rng.random()
        if kind < 0.62:
            self.lost(life)
        if 0.5 < kind < 0.75:
            self.superseded(life)
        if 0.7 < kind < 0.9:
            self.cancelled(life)
        if kind < 0.05:  # a second loss, so that more than one pair of twins is possible
            again = self.life()
            again.number, again.name = life.number, life.name
            again.reported = near(self.rng, life.reported + self.rng.choice((0, 3, 30, 60)) * DAY)
            self.lost(again)

    def noticed(self, life: Life) -> str:
        """Spell the noticed card: given, missing, or unreadable where that does not cost the row."""
        kind = self.rng.random()
        if kind < 0.6:
            return self.day(life.card)
        return self.day(None) if kind < 0.93 else "不详"

    def lost(self, life: Life) -> None:
        kind = self.rng.random()
        if kind < 0.7:
            self.loss_report(life)
        if kind > 0.45:
            reported = life.reported
            if 0.45 < kind < 0.7 and self.chance(0.5):  # twins, to the edge of 30 days
                reported += self.rng.choice((-30, 30, 30, 2)) * DAY + self.rng.choice((-1, 0, 0, 1)) * SECOND
            self.lost_event(life, reported)

    def loss_report(self, life: Life) -> None:
        rng = self.rng
        withdrawn = "不详" if self.chance(0.03) else self.instant(life.withdrawn)
        row = {
            "report_no": self.code("L"),
            **self.who(life),
            "card_valid_from": self.noticed(life),
            "card_valid_to": self.day(life.card + rng.choice((100, 101, 3650)) * DAY) if self.chance(0.2) else "",
            "lost_at": "不详" if self.chance(0.02) else self.instant(life.lost),
            "reported_at": self.instant(life.reported),
            "entered_at": self.instant(near(rng, life.reported)) if self.chance(0.5) else "",
            "visible_at": self.instant(near(rng, life.reported)) if self.chance(0.2) else "",
            "channel": rng.choice(("phone", "counter", "")),
            "withdrawn_at": withdrawn,
        }
        self.deliver("loss_reports", row, 0 if self.chance(0.8) else None)
        if self.chance(0.08):  # replaced later, or stale, or in conflict
            changed = {**row, "withdrawn_at": self.instant(near(rng, life.reported + 4 * DAY))}
            changed["entered_at"] = self.instant(near(rng, life.reported)) if self.chance(0.7) else ""
            self.deliver("loss_reports", changed, rng.randint(0, len(self.landing.nights)))

    def event(self, life: Life, event: str, at: datetime, **cells: str) -> str:
        event_id = self.code("E")
        rng = self.rng
        row = {
            "event_id": event_id,
            **self.who(life),
            "event": event,
            "effective_at": self.instant(at),
            "entered_at": self.instant(near(rng, at)) if self.chance(0.4) else "",
            "card_issuer": rng.choice(("", "某市公安局", '某县公安局"城关"分局, 二所')),
            **cells,
        }
        self.deliver("invalid_cards", row)
        if self.chance(0.05):
            changed = {**row, "effective_at": self.instant(near(rng, at)), "entered_at": ""}
            self.deliver("invalid_cards", changed, rng.randint(0, len(self.landing.nights)))
        return event_id

    def lost_event(self, life: Life, reported: datetime) -> None:
        event_id = self.event(life, "reported_lost", reported, card_valid_from=self.noticed(life))
        if life.withdrawn is not None:
            self.event(life, "withdrawn", near(self.rng, life.withdrawn), withdraws_event_id=event_id)
        if self.chance(0.05):
            self.event(life, "withdrawn", life.reported + 3 * DAY, withdraws_event_id=self.rng.choice(("E999999", "")))

    def superseded(self, life: Life) -> None:
        event = self.rng.choice(SUPERSEDING)
        card = self.day(life.card) if self.chance(0.9) else ""
        name = {}
        if event == "name_changed" and self.chance(0.6):  # both names are one then
            life.names.append(make_name(self.rng))
            name = {"name": spell_name(self.rng, life.names[-1])}
        event_id = self.event(life, event, near(self.rng, life.reported), card_valid_from=card, **name)
        if self.chance(0.12):  # annuls it
            self.event(life, "withdrawn", life.reported + 2 * DAY, withdraws_event_id=event_id)

    def cancelled(self, life: Life) -> None:
        event = "cancelled_death" if self.chance(0.5) else "cancelled_other"
        event_id = self.event(life, event, life.reported, card_valid_from=self.noticed(life))
        if self.chance(0.12):
            self.event(life, "withdrawn", life.reported + 2 * DAY, withdraws_event_id=event_id)

    def issuances(self, life: Life) -> None:
        """Deliver the cards that were issued: the old one, the next one, a temporary one."""
        rng = self.rng
        if self.chance(0.3):
            first = datetime.combine(life.card, time(10)) + rng.choice((0, 5, 30)) * DAY
            self.issuance(life, life.card, "permanent", first if self.chance(0.8) else None)
        if life.collected is not None or self.chance(0.3):
            self.issuance(life, life.next_card, "permanent", life.collected)
        if life.temporary is not None and self.chance(0.7):
            collected = datetime.combine(life.temporary, time(15)) if self.chance(0.6) else None
            self.issuance(life, life.temporary, "temporary", collected)

    def issuance(self, life: Life, card: date, kind: str, collected: datetime | None) -> None:
        days = 90 if kind == "temporary" else 3650
        row = {
            "id_number": spell_number(self.rng, life.number),
            "card_valid_from": self.day(card),
            "card_valid_to": self.day(card + timedelta(days=days)) if self.chance(0.5) else "长期",
            "kind": kind,
            "reason": self.rng.choice(("lost", "")),
            "collected_at": "未领" if self.chance(0.04) else self.instant(collected),
        }
        self.deliver("issuances", row)
