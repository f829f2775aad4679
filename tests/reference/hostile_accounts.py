"""Random accounts of a life: openings, renames, transferred debts and credit lines (SPEC 3.3, 4)."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING

from reference.hostile_cells import DAY, SECOND, make_name, make_number, near, near_day, spell_name
from reference.hostile_checks import Checks
from reference.hostile_people import LAST_MOMENT, PROVIDERS

if TYPE_CHECKING:
    from random import Random

    from reference.hostile_files import Cells, Landing
    from reference.hostile_people import Life

Place = tuple[str, str]  # provider_code, account_code
TYPES = ("D1", "R1", "R2", "R3", "R4", "deposit", "wealth", "securities")
REGIONS = ("110000", "440300", "310000", "650100", "")


class Accounts(Checks):
    """Makes the accounts of the lives that People makes."""

    def __init__(self, rng: Random, landing: Landing) -> None:
        super().__init__(rng, landing)
        self.instants: dict[str, datetime] = {}  # when an account was opened, by its code
        self.others: list[Cells] = []  # some accounts of other persons, to be named wrongly

    def accounts(self, life: Life) -> None:
        """Deliver one to five accounts with all that belongs to them."""
        places = [(self.rng.choice(PROVIDERS), self.code("A")) for _ in range(self.rng.choice((1, 1, 2, 2, 3, 5)))]
        rows = []
        for number, place in enumerate(places):
            link: Place | None = None
            if self.chance(0.12):  # a chain, which ends or is a cycle, or names itself
                link = places[(number + 1) % len(places)]
            elif self.others and self.chance(0.05):
                named = self.rng.choice(self.others)
                link = named["provider_code"], named["account_code"]
            rows.append(self.account(life, place, link))
        for row in rows:
            kind = self.rng.random()
            if kind < 0.08:
                self.rename(row)
            elif kind < 0.18:
                self.transferred(life, row)
        if len(rows) > 2 and self.chance(0.15):
            self.ring(rows[:2])
        if self.chance(0.05):
            self.others.append(rows[0])

    def moment(self, life: Life) -> datetime:
        rng = self.rng
        if life.exact:
            return min(rng.choice(life.points), LAST_MOMENT)
        at = near(rng, rng.choice(life.points))
        if self.chance(0.3):
            at = life.reported + timedelta(days=rng.randint(-200, 400), seconds=rng.randint(0, 86_399))
        return min(at, LAST_MOMENT)

    def opened(self, at: datetime) -> str:
        """Spell opened_at; now and then it lies before the birth of some of the persons."""
        return "1965-07-01" if self.chance(0.004) else self.instant(at)

    def account(self, life: Life, place: Place, link: Place | None = None) -> Cells:
        """Deliver one account with its opening and its checks; ``link`` is its settlement account."""
        rng = self.rng
        at = self.moment(life)
        self.instants[place[1]] = at
        kind = rng.choice(TYPES)
        agreed = at if kind == "R4" or self.chance(0.1) else None
        agreement = "" if agreed is None or (kind == "R4" and self.chance(0.4)) else self.instant(agreed)
        row = {
            "provider_code": place[0],
            "account_code": place[1],
            "report_date": self.day(date(2026, 9, 1) + rng.randint(0, 70) * DAY),
            **self.who(life),
            "id_type": rng.choices(("10", "0", "7", "1"), (85, 5, 5, 5))[0],
            "account_type": kind,
            "business_code": rng.choice(("11", "21", "81", "")),
            "opened_at": self.opened(at if not agreement else at - rng.randint(0, 40) * DAY),
            "agreement_at": agreement,
            "region_code": rng.choice(REGIONS),
            "currency": "CNY",
            "amount": rng.choice(("", "5000", "-5", "007")),
            "balance": rng.choices(("0", "12", "1.5", ""), (60, 20, 2, 18))[0],
            "status": rng.choice(("1", "2", "")),
            "closed_on": self.closed(at),
        }
        if life.names and self.chance(0.5):
            row["name"] = spell_name(rng, rng.choice(life.names))
        elif self.chance(0.03):
            row["name"] = make_name(rng)
        if link is not None:
            row["settlement_provider_code"], row["settlement_account_code"] = link
        night = self.night()
        self.deliver("accounts", row, night)
        if self.chance(0.12):
            self.account_again(row, night)
        if self.chance(0.88):
            has_no_moment = kind == "R4" and not agreement
            self.opening(life, row, at, night, may_be_other=not has_no_moment)
        for _ in range(rng.choice((0, 0, 1, 2))):
            self.check(row, at)
        return row

    def closed(self, at: datetime) -> str:
        """Close an account before, on or after the days on which records may go (SPEC 7.3), or not at all."""
        kept = [self.rng.choice(self.landing.nights) + days * DAY for days in (-2, -1, 0, 1)]
        days = [*(day.replace(year=day.year - 5) for day in kept), date(2024, 12, 31), date(2025, 1, 1)]
        day = self.rng.choice(days)
        if self.chance(0.15) and day >= at.date():
            return self.day(day)
        return self.rng.choices(("", "1970-01-01", "20261101", "2016-01-01"), (88, 6, 5, 1))[0]

    def account_again(self, row: Cells, night: int) -> None:
        """Deliver an account again: older, newer or the same day; the same, another amount or another row."""
        rng = self.rng
        changed = dict(row)
        day = datetime.strptime(row["report_date"].replace("-", ""), "%Y%m%d").date()  # noqa: DTZ007
        changed["report_date"] = self.day(day + rng.choice((-1, 0, 0, 1)) * DAY)
        what = rng.random()
        if what < 0.4:
            changed["balance"], changed["status"] = rng.choice(("77", "-1", "")), rng.choice(("1", "3"))
        elif what < 0.8:
            changed["opened_at"] = self.instant(near(rng, LAST_MOMENT - rng.randint(1, 900) * DAY))
        self.deliver("accounts", changed, night + rng.choice((0, 0, 1, 2)))

    def opening(self, life: Life, row: Cells, at: datetime, night: int, *, may_be_other: bool) -> None:
        rng = self.rng
        cards = [life.card, life.card, life.card, life.next_card, life.card - 900 * DAY, None]
        cards += [near_day(rng, at.date()), near_day(rng, life.reported.date() - rng.choice((0, 90)) * DAY)]
        if life.temporary is not None:
            cards += [life.temporary, life.temporary]
        shown = rng.choice(cards)
        ends = [None, None, at.date() - DAY, at.date(), at.date() + DAY]
        if shown is not None:
            ends += [shown + days * DAY for days in (100, 101, 3650, 3650)]
        cells = {
            "provider_code": row["provider_code"],
            "account_code": row["account_code"],
            "session_id": self.code("S") if self.chance(0.6) else "",
            "document_kind": rng.choices(("permanent", "temporary", ""), (70, 6, 24))[0],
            "card_valid_from": self.day(min(shown, date(2026, 11, 20)) if shown else None),
            "card_valid_to": self.day(rng.choice(ends)),
            "card_issuer": rng.choice(("", "某市公安局")),
            "channel": rng.choice(("counter", "machine", "online", "agent", "mail", "")),
            "operator_id": rng.choice(("", "op7")),
            "handler_id_number": self.handler(at.date()) if self.chance(0.06) else "",
            "exception_code": "urgent_need" if self.chance(0.1) else "",
            "exception_followed_up_on": self.followed_up(at.date()) if self.chance(0.15) else "",
        }
        if may_be_other and self.chance(0.07):
            cells["document_kind"] = "other"
        self.deliver("openings", cells, night + (1 if self.chance(0.05) else 0))
        if self.chance(0.06):  # a different one: later the first judges, in one night both conflict
            other = {**cells, "card_valid_from": self.day(life.card), "channel": "counter"}
            self.deliver("openings", other, night + rng.choice((0, 1, 1, 2)))
        row["session_id"] = cells["session_id"]

    def successor(self, row: Cells, *, provider: str | None = None) -> Cells:
        """Copy an account under a new code."""
        new = {key: value for key, value in row.items() if key != "session_id"}
        new["account_code"] = self.code("A")
        new["provider_code"] = provider or row["provider_code"]
        return new

    def join(self, old: Cells, new: Cells, effective: date) -> None:
        same = old["provider_code"] == new["provider_code"]
        cells = {
            "provider_code": old["provider_code"],
            "old_account_code": old["account_code"],
            "new_provider_code": "" if same and self.chance(0.7) else new["provider_code"],
            "new_account_code": new["account_code"],
            "effective_on": self.day(effective),
        }
        self.deliver("account_renames", cells)

    def rename(self, row: Cells) -> None:
        """Rename once to three times; the new codes may have no row, or one of another person or day."""
        rng = self.rng
        old = row
        for _ in range(rng.choice((1, 1, 2, 3))):
            new = self.successor(old, provider=rng.choice(PROVIDERS) if self.chance(0.3) else None)
            if self.chance(0.2):
                new["opened_at"] = self.instant(near(rng, LAST_MOMENT - rng.randint(1, 900) * DAY))
            if self.chance(0.15):
                new["id_number"] = make_number(rng)[0]
            if self.chance(0.5):
                new["report_date"] = self.day(date(2026, 9, 1) + rng.randint(0, 80) * DAY)
            if self.chance(0.7):
                self.deliver("accounts", new)
            # The last of these come into force on one of the later nights, or after all of them.
            effective = rng.choice((date(2025, 5, 5), *self.landing.nights, self.landing.nights[-1] + DAY))
            self.join(old, new, effective)
            if self.chance(0.5):  # under a code that the account had, or is to have
                at = self.instants[row["account_code"]]
                self.check({**new, "session_id": row.get("session_id", "")}, at)
            old = new

    def ring(self, rows: list[Cells]) -> None:
        """Rename two accounts into each other; across providers only on different days."""
        first, second = rows
        second = {**first, "account_code": second["account_code"], "report_date": second["report_date"]}
        third = self.successor(second)
        for row in (second, third):
            if self.chance(0.7):
                self.deliver("accounts", row)
        days = [date(2025, 1, 1), self.rng.choice((date(2025, 1, 1), date(2025, 3, 1))), date(2025, 2, 1)]
        for old, new, day in zip((first, second, third), (second, third, first), days, strict=True):
            self.join(old, new, day)

    def transferred(self, life: Life, row: Cells) -> None:
        """Sell the debt: a chain of C1 accounts, to the true original, to none, to another's, or in a cycle."""
        rng = self.rng
        length = rng.choice((1, 1, 2, 3))
        chain = [self.successor(row, provider=rng.choice(PROVIDERS)) for _ in range(length)]
        end: Cells = row
        if self.chance(0.15):
            end = {"provider_code": row["provider_code"], "account_code": rng.choice(("A999999", ""))}
        elif self.chance(0.15) and self.others:
            end = rng.choice(self.others)
        elif self.chance(0.15):
            end = chain[-1]
        for number, debt in enumerate(chain):
            named = chain[number - 1] if number else end
            debt["account_type"] = "C1"
            debt["original_provider_code"] = named["provider_code"]
            debt["original_account_code"] = named["account_code"]
            debt["id_number"] = self.who(life)["id_number"]
            debt["name"] = make_name(rng) if self.chance(0.1) else debt["name"]
            at = self.instants[row["account_code"]]
            bought = rng.choice((near(rng, at), at, at + SECOND, at + DAY, self.moment(life) + 60 * DAY))
            debt["opened_at"] = self.instant(bought)
            self.deliver("accounts", debt)
