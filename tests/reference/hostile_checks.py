"""Random checks of identity, exceptions and handlers of an account (SPEC 4 last, 6.2, 7.3)."""

from __future__ import annotations

import calendar
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING

from reference.hostile_cells import (
    DAY,
    SECOND,
    make_number,
    make_odd_number,
    near,
    no_date,
    spell_date,
    spell_number,
)
from reference.hostile_people import LAST_MOMENT, PROVIDERS, People

if TYPE_CHECKING:
    from reference.hostile_files import Cells

CARD_RESULTS = ("valid", "valid", "reported_lost", "invalid", "error", "error")
CHECKS = (
    ("network_check", ("match_photo", "match_no_photo", "name_mismatch", "number_unknown", "error")),
    ("invalid_card_check", CARD_RESULTS),
    ("invalid_card_check", CARD_RESULTS),
    ("face_match", ("pass", "fail", "fail", "error")),
    ("fingerprint_match", ("pass", "fail", "fail", "error")),
    ("in_person", ("pass", "pass", "fail", "error")),
)


def next_month(day: date) -> date:
    """Return the same day of the next month, or its last day."""
    year, month = day.year + day.month // 12, day.month % 12 + 1
    return date(year, month, min(day.day, calendar.monthrange(year, month)[1]))


class Checks(People):
    """Makes checks, at the boundaries of what counts, under every code and session that may or may not belong."""

    def check(self, row: Cells, at: datetime, kind: str = "", result: str = "") -> None:
        """Deliver one check of an account that was opened at ``at``; kind and result are random unless given."""
        rng = self.rng
        some_kind, results = rng.choice(CHECKS)
        kind, result = kind or some_kind, result or rng.choice(results)
        if self.chance(0.01):
            result = "pass" if kind == "invalid_card_check" else "valid"  # of another kind: bad_code
        times = [near(rng, at), at, at - SECOND, at + SECOND, at - 20 * DAY]
        times += [at + DAY, at + DAY + SECOND, at + timedelta(seconds=rng.randint(1, 86_400))]
        self.checked(row, rng.choice(times), kind, result)

    def checked(self, row: Cells, when: datetime, kind: str, result: str, spelled: str = "") -> None:
        """Deliver one check at a time, by account code, by session, by both, or of another provider."""
        rng = self.rng
        session, by = row.get("session_id", ""), rng.random()
        cells = {
            "provider_code": row["provider_code"] if by < 0.93 else rng.choice(PROVIDERS),
            "check_id": self.code("V"),
            "session_id": session if 0.4 < by < 0.96 else "",
            "account_code": "" if session and 0.5 < by < 0.9 else row["account_code"],
            "checked_at": spelled or self.instant(when),
            "check_kind": kind,
            "result": result,
        }
        night = self.night()  # now and then long after the account: backfilled
        self.deliver("verifications", cells, night)
        if self.chance(0.02):  # the same night in another way: both conflict; later: the later one stands
            other = {**cells, "result": "error" if result != "error" else "pass"}
            if kind == "invalid_card_check":
                other["result"] = "valid" if result != "valid" else "invalid"
            self.deliver("verifications", other, night + rng.randint(0, 2))

    def followed_up(self, day: date) -> str:
        """Spell a follow-up of an exception, on the boundary days."""
        month = next_month(day)
        days = (day - DAY, day, day + DAY, day + 5 * DAY, month - DAY, month, month, month + DAY, None)
        return self.day(self.rng.choice(days))

    def handler(self, day: date) -> str:
        """Spell the number of somebody who acted for the holder, and list him or not, at the edges of a term."""
        rng = self.rng
        number = make_number(rng)[0] if self.chance(0.7) else make_odd_number(rng)
        for _ in range(rng.choice((0, 1, 1, 1, 1, 2))):
            found = min(rng.choice((day, day - DAY, day + DAY, day - 400 * DAY)), LAST_MOMENT.date())
            impostor = {
                "person_ref": self.code("I"),
                "id_number": spell_number(rng, number),
                "finding_on": spell_date(rng, found),
                "term_ends_on": rng.choice((no_date(rng), *(spell_date(rng, day + days * DAY) for days in (-1, 0, 1)))),
                "revoked_on": "",
            }
            if self.chance(0.4):
                revoked = rng.choice((day - DAY, day, day + DAY, None))
                impostor["revoked_on"] = self.day(None if revoked is None else min(revoked, LAST_MOMENT.date()))
            self.deliver("impostors", impostor)
        return spell_number(rng, number)
