"""Random histories of families: few persons, several nights, and all that can happen to a row between two nights.

A family is small, so that most nights touch only some of it: what is left out by mistake shows as a difference. Several
families share a book and its nights, since a night costs the same for one family as for ten.
"""

from __future__ import annotations

import csv
import io
import json
from collections import defaultdict
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from random import Random
from typing import TYPE_CHECKING, Any

from creditaudit.book.inbox import put
from creditaudit.book.layout import open_book
from reference.columns import FEEDS
from reference.hostile_cells import make_number, make_odd_number, spell_number

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from place import Place

Cells = dict[str, str]
DAY = timedelta(days=1)
NIGHTS = 6
PROVIDERS = ("B01", "B02", "B03", "B04")
STARTS = (date(2024, 12, 18), date(2026, 11, 20), date(2034, 12, 29))
GAPS = (1, 1, 1, 2, 3, 29, 90, 91, 366)
KEYS = {
    "accounts": ("provider_code", "account_code"),
    "openings": ("provider_code", "account_code"),
    "verifications": ("check_id",),
    "invalid_cards": ("event_id",),
    "loss_reports": ("report_no",),
    "issuances": ("id_number", "card_valid_from", "kind"),
    "impostors": ("person_ref",),
    "inquiries": ("inquiry_id",),
    "fraud_alerts": ("alert_id",),
    "objections": ("objection_no",),
    "account_renames": ("provider_code", "old_account_code"),
}
CHECKS = {
    "network_check": ("match_photo", "name_mismatch", "number_unknown", "error"),
    "invalid_card_check": ("valid", "reported_lost", "invalid", "error"),
    "face_match": ("pass", "fail"),
    "in_person": ("pass", "fail"),
}
INSTITUTIONS = """provider_code,name,kind,region_code,parent_code,valid_from,valid_to,source
G1,集团1,state_bank,110000,,2000-01-01,,test
B01,机构01,state_bank,110000,G1,2000-01-01,,test
B02,机构02,state_bank,440300,G1,2000-01-01,{ends},test
B02,机构02,state_bank,440300,{parent},{begins},,test
B03,机构03,rural_bank,440300,,2000-01-01,,test
B04,机构04,city_bank,310000,B03,2000-01-01,,test
"""


@dataclass
class Person:
    """A number, the name it goes by, and the day around which things happen to it."""

    number: str
    name: str
    card: date
    lost: datetime


@dataclass
class Tonight:
    """The files of one night while they are made: lines of cells, or broken lines, by feed and file."""

    lines: dict[tuple[str, str], list[Cells | str]] = field(default_factory=lambda: defaultdict(list))
    controls: dict[tuple[str, str], dict[str, Any]] = field(default_factory=dict)


class Family:
    """One random history of a few persons.

    Parameters
    ----------
    seed : str
        The same seed gives the same rows.
    letter : str
        Begins every code of the family.
    history : History
        The nights that it shares with others.
    """

    def __init__(self, seed: str, letter: str, history: History) -> None:
        self.rng = rng = Random(seed)  # noqa: S311 - test data
        self.letter = letter
        self.history = history
        self.count = 0
        self.rows: dict[str, list[Cells]] = defaultdict(list)
        self.broken: list[tuple[date, str, str, int, Cells]] = []
        self.told: list[str] = []
        self.people = [self._person() for _ in range(rng.randint(3, 6))]
        self.handlers = [make_number(rng)[0] for _ in range(2)]
        self._calls, self._weights = zip(*self._weighted, strict=True)

    @property
    def days(self) -> list[date]:
        return self.history.days

    @property
    def day(self) -> date:
        return self.history.day

    @property
    def tonight(self) -> Tonight:
        return self.history.tonight

    def live(self) -> None:
        """Deliver what happens before the next night."""
        if self.history.at == 0:
            for person in self.people:
                self._begin(person)
        for happening in self.rng.choices(self._calls, self._weights, k=self.rng.choice((0, 0, 0, 1, 1, 2, 4))):
            self.told.append(f"{self.day} {happening.__name__.strip('_')}")
            happening()

    def _begin(self, person: Person) -> None:
        if self.chance(0.8):
            self._lose(person)
        if self.chance(0.4):
            self._event(person)
        for _ in range(self.rng.choice((1, 2, 2, 3, 4))):
            self._account(person)
        for _ in range(self.rng.randint(0, 1)):
            self._issuance(person)
            self._inquiry(person)

    def _person(self) -> Person:
        rng = self.rng
        number = make_number(rng)[0] if rng.random() < 0.9 else make_odd_number(rng)
        since = rng.choice((20, 20, 95, 5 * 365 + 30, 10 * 365 + 30))
        lost = datetime.combine(self.days[0] - since * DAY, time(rng.choice((0, 9, 23)), rng.choice((0, 30))))
        return Person(number, rng.choice(("王甲", "李乙", "赵丙")), lost.date() - 900 * DAY, lost)

    @property
    def _weighted(self) -> list[tuple[Callable[[], None], int]]:
        return [
            (self._new_account, 6),
            (self._new_notice, 5),
            (self._again, 4),
            (self._corrected, 9),
            (self._moved, 7),
            (self._renamed, 6),
            (self._reopened, 3),
            (self._checked, 5),
            (self._withdrawn, 4),
            (self._inquired, 3),
            (self._alerted, 2),
            (self._impostor, 3),
            (self._covered_issuances, 1),
            (self._covered_checks, 2),
            (self._collected, 3),
            (self._broken, 4),
            (self._late, 3),
            (self._stranger, 2),
        ]

    # What happens ----------------------------------------------------------------------------

    def _new_account(self) -> None:
        self._account(self.anyone())

    def _new_notice(self) -> None:
        person = self.anyone()
        self.rng.choice((self._lose, self._event))(person)

    def _again(self) -> None:
        """Deliver a row again as it stands: it touches nobody."""
        feed, cells = self._any_row()
        self.send(feed, dict(cells))

    def _corrected(self) -> None:
        """Deliver an account again with other dates, type, links or names."""
        if not self.rows["accounts"]:
            return
        old = self.rng.choice(self.rows["accounts"])
        person = self._owner(old)
        new = {**old, "report_date": self._report_date(old)}
        for _ in range(self.rng.randint(0, 2)):
            what = self.rng.choice(("opened_at", "closed_on", "links", "type", "name", "region_code", "amount"))
            if what == "links":
                new |= self._links(new["account_type"])
            elif what == "type":
                new["account_type"] = self._type()
            else:
                new[what] = {
                    "opened_at": self._moment(person),
                    "closed_on": self._closed(),
                    "name": self.rng.choice(("王甲", "李乙", "")),
                    "region_code": self.rng.choice(("110000", "440300", "")),
                    "amount": str(self.rng.randint(1, 3)),
                }[what]
        self.send("accounts", new)

    def _moved(self) -> None:
        """Give a row to another person, or a check to another account."""
        feed = self.rng.choice(
            ("accounts", "accounts", "accounts", "loss_reports", "invalid_cards", "inquiries", "verifications")
        )
        if not self.rows[feed]:
            return
        new = dict(self.rng.choice(self.rows[feed]))
        if feed == "verifications":
            new |= self._whose_check()
        else:
            new["id_number"] = self.spelled(self.anyone())
        if feed == "accounts":
            new["report_date"] = self._report_date(new)
        if "entered_at" in new:
            new["entered_at"] = self._entered()
        self.send(feed, new)

    def _renamed(self) -> None:
        """Rename an account, point a rename elsewhere, or close a ring; now, long ago, or on a night to come."""
        old = self._some_code()
        new = self._some_code() if self.chance(0.5) else (self.rng.choice(PROVIDERS), self.code("A"))
        if self.rows["account_renames"] and self.chance(0.3):
            known = self.rng.choice(self.rows["account_renames"])
            old = (known["provider_code"], known["old_account_code"])
        cells = {
            "provider_code": old[0],
            "old_account_code": old[1],
            "new_provider_code": new[0] if new[0] != old[0] or self.chance(0.5) else "",
            "new_account_code": new[1],
            "effective_on": self.rng.choice((*self.days, date(2015, 1, 1), self.days[0])).isoformat(),
        }
        if old != new:
            self.send("account_renames", cells)
            self._successor(old, new)

    def _successor(self, old: tuple[str, str], new: tuple[str, str]) -> None:
        """Deliver, more often than not, a row of the new code that can be the same account."""
        rows = [r for r in self.rows["accounts"] if (r["provider_code"], r["account_code"]) == old]
        taken = [r for r in self.rows["accounts"] if (r["provider_code"], r["account_code"]) == new]
        if rows and not taken and self.chance(0.7):
            fresh = {**rows[-1], "provider_code": new[0], "account_code": new[1]}
            fresh["report_date"] = self._report_date(fresh)
            if self.chance(0.2):
                fresh["id_number"] = self.spelled(self.anyone())
            self.send("accounts", fresh)

    def _reopened(self) -> None:
        """Deliver an opening: the first of its account, or a later one that differs."""
        provider, code = self._some_code()
        self._opening(provider, code, self.anyone())

    def _checked(self) -> None:
        kind = self.rng.choice(tuple(CHECKS))
        person = self.anyone()
        cells = {
            "provider_code": self.rng.choice(PROVIDERS),
            "check_id": self.code("V"),
            "checked_at": self._moment(person),
            "check_kind": kind,
            "result": self.rng.choice(CHECKS[kind]),
        }
        self.send("verifications", {**cells, **self._whose_check()})

    def _withdrawn(self) -> None:
        """Withdraw a loss: in the report itself, or by an event that names another."""
        day = self.rng.choice((self.day, self.days[0] - 10 * DAY, self.days[0] - 60 * DAY)).isoformat()
        if self.rows["loss_reports"] and self.chance(0.5):
            old = self.rng.choice(self.rows["loss_reports"])
            new = {**old, "withdrawn_at": self.rng.choice((day, "", "不详")), "entered_at": self._entered()}
            self.send("loss_reports", new)
        elif self.rows["invalid_cards"]:
            named = self.rng.choice(self.rows["invalid_cards"])
            cells = {"event_id": self.code("E"), "id_number": named["id_number"], "event": "withdrawn"}
            withdraws = self.rng.choice((named["event_id"], named["event_id"], "E999999", ""))
            self.send("invalid_cards", {**cells, "effective_at": day, "withdraws_event_id": withdraws})

    def _inquired(self) -> None:
        self._inquiry(self.anyone())

    def _alerted(self) -> None:
        person = self.anyone()
        known = [r["alert_id"] for r in self.rows["fraud_alerts"]]
        start = person.lost.date() + self.rng.randint(-3, 3) * DAY
        cells = {
            "alert_id": self.rng.choice(known) if known and self.chance(0.4) else self.code("F"),
            "id_number": self.spelled(person),
            "effective_from": start.isoformat(),
            "effective_to": self.rng.choice(("", (start + 5 * DAY).isoformat())),
        }
        self.send("fraud_alerts", cells)

    def _impostor(self) -> None:
        """List a handler as an impostor, revoke the finding, or say that it was another number."""
        known = [r["person_ref"] for r in self.rows["impostors"]]
        cells = {
            "person_ref": self.rng.choice(known) if known and self.chance(0.6) else self.code("I"),
            "id_number": self.rng.choice(self.handlers),
            "finding_on": date(2014, 1, 1).isoformat(),
            "term_ends_on": self.rng.choice(("", "", "2020-01-01")),
            "revoked_on": self.rng.choice(("", "", self.days[0].isoformat(), "2015-01-01")),
        }
        self.send("impostors", cells)

    def _covered_issuances(self) -> None:
        """Deliver a full issuances file: it answers for the collections of everyone."""
        start = self.days[0] - self.rng.choice((15, 100, 4000)) * DAY
        self._full("issuances", {"region_code": self.rng.choice((None, None, "110000"))}, start)
        if self.chance(0.5):
            self._issuance(self.anyone(), "full.csv")

    def _covered_checks(self) -> None:
        """Deliver a full verifications file, now and then with lines that may be the record that is looked for."""
        provider = self.rng.choice(PROVIDERS)
        start = self.days[0] - self.rng.choice((15, 100, 4000, 4000)) * DAY
        scope: dict[str, Any] = {"provider_code": provider, "region_code": None, "business_codes": None}
        if self.chance(0.2):
            scope["region_code"] = "4403"
        file = self._full("verifications", scope, start)
        kind = self.rng.choice(tuple(CHECKS))
        for _ in range(self.rng.randint(0, 2)):
            cells = {
                "provider_code": provider,
                "check_id": self.code("V"),
                "checked_at": self._moment(self.anyone()),
                "check_kind": kind,
                "result": self.rng.choice(CHECKS[kind]),
                **self._whose_check(),
            }
            if self.chance(0.4):
                self._spoilt("verifications", cells, file)
            else:
                self.send("verifications", cells, file)

    def _collected(self) -> None:
        self._issuance(self.anyone())

    def _broken(self) -> None:
        """Deliver a row that is quarantined, with a number that may hide something."""
        feed, cells = self._any_row()
        self._spoilt(feed, dict(cells), "f.csv")

    def _late(self) -> None:
        """Put a file into the folder of a night that is sealed."""
        if not self.history.at:
            return
        day = self.rng.choice(self.days[: self.history.at])
        feed, cells = self._any_row()
        cells = dict(cells)
        if feed == "accounts":
            cells |= {"report_date": self._report_date(cells), "opened_at": self._moment(self.anyone())}
        write_file(self.history.landing / day.isoformat() / feed / f"late{self.code('X')}.csv", feed, [cells])

    def _stranger(self) -> None:
        """Someone turns up of whom nothing was known."""
        self.people.append(self._person())
        self._begin(self.people[-1])

    # Rows ------------------------------------------------------------------------------------

    def _account(self, person: Person) -> None:
        provider = self.rng.choice(PROVIDERS)
        again = self.rows["account_renames"] and self.chance(0.15)
        code = self.rng.choice(self.rows["account_renames"])["new_account_code"] if again else self.code("A")
        kind = self._type()
        cells = {
            "provider_code": provider,
            "account_code": code,
            "report_date": (self.days[0] - self.rng.randint(5, 9) * DAY).isoformat(),
            "name": person.name if self.chance(0.8) else "钱丁",
            "id_type": "10" if self.chance(0.93) else "1",
            "id_number": self.spelled(person),
            "account_type": kind,
            "business_code": self.rng.choice(("11", "")),
            "opened_at": self._moment(person),
            "agreement_at": self._moment(person) if kind == "R4" and self.chance(0.5) else "",
            "region_code": self.rng.choice(("110000", "440300", "")),
            "closed_on": self._closed(),
            **self._links(kind),
        }
        self.send("accounts", cells)
        if self.chance(0.8):
            self._opening(provider, code, person)
        if self.chance(0.5):
            kind = self.rng.choice(tuple(CHECKS))
            check = {"provider_code": provider, "check_id": self.code("V"), "account_code": code, "session_id": ""}
            result = {"check_kind": kind, "result": self.rng.choice(CHECKS[kind])}
            self.send("verifications", {**check, **result, "checked_at": cells["opened_at"]})

    def _links(self, kind: str) -> Cells:
        cells = {}
        for name, wanted in (("settlement", self.chance(0.2)), ("original", kind == "C1")):
            provider, code = self._some_code() if wanted else ("", "")
            if wanted and self.chance(0.1):
                code = ""
            cells |= {f"{name}_provider_code": provider, f"{name}_account_code": code}
        return cells

    def _opening(self, provider: str, code: str, person: Person) -> None:
        shown = self.rng.choice((person.card, person.card, person.card + 900 * DAY, None))
        cells = {
            "provider_code": provider,
            "account_code": code,
            "session_id": self.rng.choice((f"S{code}", f"S{code}", f"S{code}", f"S{self.letter}", "")),
            "document_kind": self.rng.choice(("permanent", "permanent", "", "temporary", "other")),
            "card_valid_from": shown.isoformat() if shown else "",
            "card_valid_to": self.rng.choice(("", "", person.lost.date().isoformat())),
            "channel": self.rng.choice(("counter", "online", "")),
            "handler_id_number": self.rng.choice((*self.handlers, "", "", "")),
            "exception_code": self.rng.choice(("urgent_need", "", "")),
            "exception_followed_up_on": (person.lost.date() + 5 * DAY).isoformat(),
        }
        self.send("openings", cells)

    def _lose(self, person: Person) -> None:
        reported = person.lost + self.rng.choice((0, 1, 2)) * DAY
        cells = {
            "report_no": self.code("L"),
            "id_number": self.spelled(person),
            "card_valid_from": self.rng.choice((person.card.isoformat(), "", "不详")),
            "lost_at": self.rng.choice((person.lost.isoformat(sep=" "), "")),
            "reported_at": self.rng.choice((reported.isoformat(sep=" "), reported.date().isoformat())),
            "entered_at": "",
            "withdrawn_at": "",
        }
        self.send("loss_reports", cells)

    def _event(self, person: Person) -> None:
        event = self.rng.choice(("reported_lost", "reported_lost", "replaced", "name_changed", "cancelled_other"))
        cells = {
            "event_id": self.code("E"),
            "id_number": self.spelled(person),
            "name": self.rng.choice((person.name, "钱丁")),
            "card_valid_from": self.rng.choice((person.card.isoformat(), "")),
            "event": event,
            "effective_at": (person.lost + self.rng.randint(0, 3) * DAY).isoformat(sep=" "),
            "entered_at": "",
        }
        self.send("invalid_cards", cells)

    def _issuance(self, person: Person, file: str = "f.csv") -> None:
        start = self.rng.choice((person.card, person.card + 900 * DAY, person.lost.date() + 9 * DAY))
        cells = {
            "id_number": person.number,
            "card_valid_from": start.isoformat(),
            "kind": self.rng.choice(("permanent", "permanent", "temporary")),
            "collected_at": self.rng.choice(("", "不详", (person.lost.date() + 15 * DAY).isoformat())),
        }
        self.send("issuances", cells, file)

    def _inquiry(self, person: Person) -> None:
        asked = self.rng.choice((*self.days, self.days[0])) - self.rng.choice((90, 91, 92)) * DAY
        if self.chance(0.4):
            asked = person.lost.date() + 3 * DAY
        cells = {
            "provider_code": self.rng.choice(PROVIDERS),
            "inquiry_id": self.code("Q"),
            "id_number": self.spelled(person),
            "inquired_at": min(asked, self.day).isoformat(),
            "reason": self.rng.choice(("loan_approval", "loan_approval", "post_loan")),
        }
        self.send("inquiries", cells)

    # Cells -----------------------------------------------------------------------------------

    def chance(self, share: float) -> bool:
        return self.rng.random() < share

    def code(self, letter: str) -> str:
        self.count += 1
        return f"{letter}{self.letter}x{self.count}"

    def anyone(self) -> Person:
        return self.rng.choice(self.people)

    def spelled(self, person: Person) -> str:
        return spell_number(self.rng, person.number)

    def _owner(self, cells: Cells) -> Person:
        return next((p for p in self.people if p.number[6:14] in cells["id_number"]), self.people[0])

    def _type(self) -> str:
        return self.rng.choice(("D1", "D1", "R2", "deposit", "deposit", "R4", "C1"))

    def _moment(self, person: Person) -> str:
        at = person.lost + self.rng.choice((-3, 0, 1, 2, 4, 4, 6, 20)) * DAY
        at = min(at, datetime.combine(self.day, time(12)))
        return self.rng.choice((at.isoformat(sep=" "), at.date().isoformat()))

    def _closed(self) -> str:
        """Spell a closing day: none, or one whose five or ten years end on one of the nights."""
        if self.chance(0.6):
            return ""
        night = self.rng.choice(self.days)
        day = date(night.year - self.rng.choice((5, 10)), night.month, min(night.day, 28))
        return (day + self.rng.randint(-2, 2) * DAY).isoformat()

    def _report_date(self, cells: Cells) -> str:
        day = date.fromisoformat(cells["report_date"])
        return (day + self.rng.choice((-1, 0, 0, 1, 1)) * DAY).isoformat()

    def _entered(self) -> str:
        return self.rng.choice(("", (self.day - DAY).isoformat(), self.day.isoformat()))

    def _whose_check(self) -> Cells:
        _, code = self._some_code()
        by_session = self.chance(0.5)
        session = self.rng.choice((f"S{code}", f"S{self.letter}"))
        return {"account_code": "" if by_session else code, "session_id": session if by_session else ""}

    def _some_code(self) -> tuple[str, str]:
        rows = self.rows["accounts"]
        if not rows or self.chance(0.03):
            return "B01", f"A{self.letter}x999"
        row = self.rng.choice(rows)
        return row["provider_code"], row["account_code"]

    def _any_row(self) -> tuple[str, Cells]:
        feed = self.rng.choice([feed for feed, rows in self.rows.items() if rows])
        return feed, self.rng.choice(self.rows[feed])

    # Files -----------------------------------------------------------------------------------

    def send(self, feed: str, cells: Cells, file: str = "f.csv") -> None:
        """Deliver a row tonight, and remember it as the row of its key."""
        self.tonight.lines[feed, file].append(cells)
        key = KEYS[feed]
        others = [row for row in self.rows[feed] if any(row[name] != cells[name] for name in key)]
        self.rows[feed] = [*others, cells]

    def _spoilt(self, feed: str, cells: Cells, file: str) -> None:
        """Deliver a row with a cell that costs it, or one cell too many; it may be readmitted on a later night."""
        required = [c for c in FEEDS[feed] if c.required and c.kind in {"date", "instant"}]
        names = [column.name for column in FEEDS[feed]]
        lines = self.tonight.lines[feed, file]
        if required and self.chance(0.6):
            lines.append({**cells, required[0].name: "2024-13-45"})
            self.broken.append((self.day, feed, file, len(lines), cells))
        else:
            lines.append(_line([*(cells.get(name, "") for name in names), "spare"]))

    def _full(self, feed: str, scope: dict[str, Any], start: date) -> str:
        file = f"full{self.code('N')}.csv"
        covers = {"covers_from": start.isoformat(), "covers_to": self.day.isoformat()}
        self.tonight.controls[feed, file] = {"kind": "full", **scope, **covers}
        self.tonight.lines[feed, file].extend([])
        return file


class History:
    """The nights of a book in which several families live, delivered into a landing that several books read.

    Parameters
    ----------
    seed : int
        The same seed gives the same bytes.
    landing : Path
    families : int
    """

    def __init__(self, seed: int, landing: Path, families: int) -> None:
        self.rng = rng = Random(seed)  # noqa: S311 - test data
        self.landing = landing
        self.days = [rng.choice(STARTS)]
        while len(self.days) < NIGHTS:
            self.days.append(self.days[-1] + rng.choice(GAPS) * DAY)
        self.at = 0
        self.tonight = Tonight()
        self.told: list[str] = []
        self.families = [Family(f"{seed} {number}", f"{number}", self) for number in range(families)]
        self.ends = rng.choice((*self.days[1:], *(self.days[-1] + 99 * DAY for _ in self.days)))
        self.parent = rng.choice(("B03", "", "G9"))

    @property
    def day(self) -> date:
        return self.days[self.at]

    @property
    def institutions(self) -> str:
        """The table of institutions: one of them changes its parent on one of the nights, by date alone."""
        return INSTITUTIONS.format(ends=self.ends, begins=self.ends + DAY, parent=self.parent)

    def next_night(self, places: Sequence[Place]) -> date:
        """Deliver the next night, and what people decide before it; returns its date."""
        self.tonight = Tonight()
        for family in self.families:
            family.live()
        self._decide(places)
        self._write()
        self.at += 1
        return self.days[self.at - 1]

    def _decide(self, places: Sequence[Place]) -> None:
        """Readmit quarantined rows of sealed nights, corrected; end a rule on a coming night; change who gets what."""
        for family in self.families:
            sealed = [one for one in family.broken if one[0] < self.day]
            if not sealed or self.rng.random() < 0.5:
                continue
            one = self.rng.choice(sealed)
            family.broken.remove(one)
            night, feed, file, row, cells = one
            columns = [column.name for column in FEEDS[feed]]
            line = {"night": night.isoformat(), "file": file, "row": row, "cells": [cells.get(c, "") for c in columns]}
            body = {"feed": feed, "columns": columns, "rows": [line]}
            for place in places:
                put(open_book(place.book), "readmission", by="Li", reason="corrected", body=body, on=self.day)
            family.told.append(f"{self.day} readmitted {feed}")
        if self.at == 0:
            for place in places:
                path = place.book / "reference" / "institutions.csv"
                path.write_text(self.institutions, encoding="utf-8", newline="\n")
        elif self.rng.random() < 0.1:
            self.told.append(f"{self.day} recipients")
            line = f"house{self.at},institution,{self.rng.choice(PROVIDERS)},,3+4,utf-8-sig,zh,\n"
            for place in places:
                with (place.book / "reference" / "recipients.csv").open("a", encoding="utf-8") as recipients:
                    recipients.write(line)

    def _write(self) -> None:
        folder = self.landing / self.day.isoformat()
        for feed in ("accounts", "invalid_cards", "loss_reports"):  # no night without them
            self.tonight.lines[feed, "f.csv"].extend([])
        for (feed, file), lines in self.tonight.lines.items():
            write_file(folder / feed / file, feed, lines)
        for (feed, file), control in self.tonight.controls.items():
            path = folder / feed / f"{file}.ctl"
            path.write_text(json.dumps({**control, "rows": len(self.tonight.lines[feed, file])}), encoding="utf-8")


def write_file(path: Path, feed: str, lines: Sequence[Cells | str]) -> None:
    """Write one CSV file of rows, or of lines as they are."""
    names = [column.name for column in FEEDS[feed]]
    texts = [line if isinstance(line, str) else _line([line.get(name, "") for name in names]) for line in lines]
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join([",".join(names), *texts]) + "\n", encoding="utf-8", newline="\n")


def _line(cells: Sequence[str]) -> str:
    out = io.StringIO(newline="")
    csv.writer(out, lineterminator="").writerow(cells)
    return out.getvalue()
