"""Scenes in which the rules per person and the fault lane are at their boundaries (SPEC 6.2, 6.3, 7)."""

from __future__ import annotations

from datetime import datetime, time, timedelta
from typing import TYPE_CHECKING

from reference.hostile_accounts import TYPES, Accounts
from reference.hostile_cells import (
    DAY,
    ERAS,
    SECOND,
    make_name,
    make_number,
    near,
    spell_date,
    spell_number,
)
from reference.hostile_checks import CARD_RESULTS
from reference.hostile_people import CLOCKS, LAST_MOMENT, PROVIDERS
from reference.hostile_scopes import COMPLETE

if TYPE_CHECKING:
    from reference.hostile_files import Cells
    from reference.hostile_people import Life

BURST_PROVIDERS = ("B01", "B02", "B04", "B05", "B08")
# What an account's checks of the card say, in order of time; soon: within a day after, late: one second beyond it.
CARD_CHECKS: tuple[tuple[str, ...], ...] = (
    (),
    (),
    (),
    ("valid",),
    ("reported_lost",),
    ("invalid",),
    ("error",),
    ("error", "error"),
    ("valid", "error"),
    ("reported_lost", "valid"),
    ("valid", "reported_lost"),
    ("soon",),
    ("late",),
    ("late",),
)


class Scenes(Accounts):
    """Makes whole persons around one question each."""

    def exactly(self, at: datetime) -> str:
        """Spell an instant to the second, so that it stands on one side of a boundary."""
        return min(at, LAST_MOMENT).isoformat(sep=" ")

    def _someone(self, reported: datetime) -> Life:
        """Make a person whose notice was reported then, and who has no second card."""
        life = self.life()
        life.number = make_number(self.rng)[0]
        life.reported, life.card = reported, reported.date() - 900 * DAY
        life.lost = life.collected = life.withdrawn = life.temporary = None
        life.next_card = reported.date()
        return life

    def _lost(self, life: Life, **cells: str) -> None:
        """Deliver one notice of the loss, exactly."""
        row = {
            "report_no": self.code("L"),
            **self.who(life),
            "card_valid_from": self.day(life.card),
            "reported_at": self.exactly(life.reported),
            **cells,
        }
        self.deliver("loss_reports", row, 0 if self.chance(0.8) else None)

    def fault(self) -> None:
        """One account after (now and then before) a report that was to be seen, or not; every cell of the grid."""
        rng = self.rng
        at = datetime.combine(rng.choice(ERAS) + rng.choice((-1, 0, 0, 0, 1)) * DAY, rng.choice(CLOCKS))
        at = min(at, LAST_MOMENT - DAY)
        life = self._someone(at - rng.choice((SECOND, DAY, 40 * DAY, 40 * DAY, 400 * DAY)))
        if self.chance(0.08):
            life.reported = at + DAY  # R105, where the day of the loss is known
        row = self._fault_account(life, at)
        self._fault_notice(life, at)
        self._fault_checks(row, at)

    def kept(self) -> None:
        """No check of an account that closed when its records may just go, or may not yet."""
        at = datetime.combine(self.rng.choice(ERAS[:2]) - self.rng.choice((0, 2)) * DAY, self.rng.choice(CLOCKS))
        life = self._someone(at - 40 * DAY)
        life.card = at.date() - 400 * DAY
        row = self._fault_account(life, at)
        self._lost(life, visible_at=self.exactly(at - self.rng.choice((1, 1, 86_400)) * SECOND))
        if self.chance(0.2):
            self.checked(row, at, "invalid_card_check", "error", self.exactly(at))

    def urgent(self) -> None:
        """A card that was said to be lost, and an urgent need that was followed up within a month, or nearly."""
        at = datetime.combine(self.rng.choice((*ERAS, *ERAS[2:4] * 4)), self.rng.choice(CLOCKS))
        life = self._someone(at - 40 * DAY)
        row = self._fault_account(life, at, urgent=True)
        self._fault_notice(life, at)
        self.checked(row, at, "invalid_card_check", self.rng.choice(("reported_lost", "invalid")), self.exactly(at))

    def _fault_notice(self, life: Life, at: datetime) -> None:
        rng = self.rng
        kind = rng.random()
        near_moment = rng.choice((at, at - SECOND, at + SECOND, at - DAY, at + DAY, life.reported))
        seen: Cells = {}
        if self.chance(0.65):
            seen["visible_at"] = self.exactly(near_moment) if self.chance(0.7) else self.instant(near_moment)
        elif self.chance(0.6):
            seen["entered_at"] = self.exactly(near_moment)
        if kind < 0.6:
            lost = life.reported - rng.choice((2, 60)) * DAY
            self._lost(life, lost_at=self.instant(lost) if self.chance(0.4) else "", **seen)
        else:
            event = "reported_lost"
            if kind > 0.75:
                event = rng.choice(("replaced", "renewed", "cancelled_death", "cancelled_other"))
            self.event(life, event, life.reported, card_valid_from=self.day(life.card), **seen)

    def _fault_account(self, life: Life, at: datetime, *, urgent: bool = False) -> Cells:
        rng = self.rng
        closed = [night.replace(year=night.year - 5) + days * DAY for night in self.landing.nights for days in (-1, 0)]
        row = {
            "provider_code": rng.choice((*PROVIDERS, *sorted(COMPLETE))),
            "account_code": self.code("A"),
            "report_date": "2026-10-01",
            **self.who(life),
            "id_type": "10",
            "account_type": rng.choice([kind for kind in TYPES if kind != "R4"]),
            "business_code": rng.choice(("11", "21", "81", "")),
            "opened_at": self.exactly(at),
            "region_code": rng.choice(("110000", "440300", "310000", "650100", "")),
            "closed_on": "",
            "session_id": self.code("S"),
        }
        if at.date() <= closed[0] and self.chance(0.7):
            row["closed_on"] = self.day(rng.choice(closed))
        elif self.chance(0.1):
            row["closed_on"] = self.closed(at)
        self.deliver("accounts", row)
        opening = {
            "provider_code": row["provider_code"],
            "account_code": row["account_code"],
            "session_id": row["session_id"],
            "document_kind": "permanent",
            "card_valid_from": self.day(life.card if self.chance(0.75) else None),
            "card_valid_to": self.day(rng.choice((None, None, None, at.date() - DAY, at.date()))),
            "channel": rng.choice(("counter", "machine", "online", "agent", "mail", "")),
            "exception_code": "urgent_need" if urgent or self.chance(0.3) else "",
            "exception_followed_up_on": self.followed_up(at.date()) if urgent or self.chance(0.8) else "",
        }
        self.deliver("openings", opening)
        return row

    def _fault_checks(self, row: Cells, at: datetime) -> None:
        rng = self.rng
        told = rng.choice(CARD_CHECKS)
        for number, word in enumerate(told):
            when = at - (len(told) - 1 - number) * rng.choice((SECOND, 30 * DAY))
            result = word
            if word in {"soon", "late"}:
                when = at + (DAY if word == "soon" else DAY + SECOND)
                result = rng.choice(CARD_RESULTS)
            elif self.chance(0.2):
                when += SECOND  # one second after the moment it does not count
            self.checked(row, when, "invalid_card_check", result, self.exactly(when))
        if self.chance(0.3):
            self.check(row, at, "network_check")
        if self.chance(0.3):
            self.check(row, at, rng.choice(("face_match", "fingerprint_match")))
            if self.chance(0.5):
                self.check(row, at, "in_person")

    def burst(self) -> None:
        """Three accounts and more in the thirty days after a report, to the second."""
        rng = self.rng
        life = self._someone(datetime.combine(rng.choice(ERAS[:-1]), rng.choice(CLOCKS)))
        days = rng.choice((30, 30, 30, 90))
        life.points = [life.reported + days * DAY + seconds * SECOND for seconds in (0, 0, 1, -1)]
        life.points += [life.reported + SECOND, life.reported, life.reported + 15 * DAY]
        life.exact = True
        if days == 90:  # where it is unknown which card was lost, and whether another was collected (R102)
            self._lost(life, card_valid_from="不详")
        else:
            self._lost(life)
        if self.chance(0.2):  # another notice of it, for which other accounts qualify
            self.event(life, "reported_lost", life.reported + rng.choice((-40, 10, 31)) * DAY)
        for _ in range(rng.choice((2, 3, 3, 4, 5))):
            self.account(life, (rng.choice(BURST_PROVIDERS), self.code("A")))

    def before(self) -> None:
        """Accounts between the loss and its report, and in the seven days before a report (R105, R106)."""
        rng = self.rng
        life = self._someone(datetime.combine(rng.choice(ERAS), rng.choice(CLOCKS)))
        life.points = [life.reported - 7 * DAY + seconds * SECOND for seconds in (0, 1, -1, -1)]
        cells = {"card_valid_from": ""} if self.chance(0.6) else {}
        if self.chance(0.5):
            lost = life.reported - 20 * DAY
            cells["lost_at"] = lost.date().isoformat() if self.chance(0.5) else self.exactly(lost)
            life.points += [lost, lost, lost + SECOND, lost - SECOND]
        if self.chance(0.3):
            cells["withdrawn_at"] = self.exactly(life.reported + DAY)
        life.exact = True
        self._lost(life, **cells)
        for _ in range(rng.choice((1, 2, 3))):
            self.account(life, (rng.choice(PROVIDERS), self.code("A")))

    def inquiry(self) -> None:
        """An inquiry 90 days before the night, or before an account of that group, and a day or second more or less."""
        rng = self.rng
        recent = self.chance(0.5)
        day = self.landing.nights[0] - rng.choice((88, 89, 90, 91, 92)) * DAY if recent else rng.choice(ERAS[:-2])
        asked = datetime.combine(day, rng.choice(CLOCKS))
        life = self._someone(asked - rng.choice((SECOND, SECOND, 0 * SECOND, DAY, 40 * DAY)))
        self._lost(life)
        if self.chance(0.15):
            self.event(life, "reported_lost", life.reported - 5 * DAY)
        provider = rng.choice(PROVIDERS)
        row = {
            "provider_code": provider,
            "inquiry_id": self.code("Q"),
            **self.who(life),
            "inquired_at": self.exactly(asked) if self.chance(0.8) else self.instant(asked),
            "reason": rng.choice(("loan_approval", "card_approval", "loan_approval", "post_loan")),
        }
        self.deliver("inquiries", row)
        if self.chance(0.7):
            points = [asked, asked - SECOND, asked + SECOND] + [asked + 90 * DAY + at * SECOND for at in (-1, 0, 0, 1)]
            life.points, life.exact = [point for point in points if point < LAST_MOMENT], True
            self.account(life, (provider if self.chance(0.6) else rng.choice(PROVIDERS), self.code("A")))

    def alert(self, life: Life) -> None:
        """Fraud alerts whose days are those of an account, and those beside them."""
        rng = self.rng
        for _ in range(rng.choice((1, 1, 2))):
            day = min(rng.choice(life.points), LAST_MOMENT).date()
            alert = {
                "alert_id": self.code("F"),
                "id_number": spell_number(rng, life.number),
                "effective_from": spell_date(rng, day + rng.choice((-30, -1, 0, 0, 1)) * DAY),
                "effective_to": self.day(rng.choice((None, day - DAY, day, day, day + DAY, day + 30 * DAY))),
            }
            self.deliver("fraud_alerts", alert)

    def several_names(self) -> None:
        """Two names of one number at one group or at two, one of them in a name_changed event or not."""
        life = self._someone(datetime.combine(self.rng.choice(ERAS), time(10)))
        life.names = [make_name(self.rng)]
        if self.chance(0.5):
            self.event(life, "name_changed", near(self.rng, life.reported), name=life.names[0])
            if self.chance(0.6):
                self.event(life, "name_changed", near(self.rng, life.reported), name=life.name)
        life.points = [life.reported + timedelta(days=self.rng.randint(-300, 300))]
        for _ in range(self.rng.choice((2, 3))):
            self.account(life, (self.rng.choice(PROVIDERS), self.code("A")))

    def scene(self) -> None:
        """Deliver one scene."""
        kind = self.rng.random()
        if kind < 0.46:
            self.fault()
        elif kind < 0.56:
            self.kept()
        elif kind < 0.66:
            self.urgent()
        elif kind < 0.73:
            self.before()
        elif kind < 0.81:
            self.burst()
        elif kind < 0.92:
            self.inquiry()
        else:
            self.several_names()
