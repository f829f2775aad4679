"""The rows of a random history: what a family delivers, its cells and its files.

What happens to the rows between two nights stands in ``families.py``, the nights themselves in ``histories.py``.
"""

from __future__ import annotations

import csv
import io
from collections import defaultdict
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from random import Random
from typing import TYPE_CHECKING, Any

from reference.columns import FEEDS
from reference.hostile_cells import make_number, make_odd_number, spell_number

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from property.histories import History

Cells = dict[str, str]
DAY = timedelta(days=1)
PROVIDERS = ("B01", "B02", "B03", "B04")
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


class Rows:
    """What a family of few persons delivers.

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
        self.elsewhere: Callable[[str, str], str] = lambda _, file: file  # in which file a row comes instead
        self.people = [self._person() for _ in range(rng.randint(3, 6))]
        self.handlers = [make_number(rng)[0] for _ in range(2)]

    @property
    def days(self) -> list[date]:
        return self.history.days

    @property
    def day(self) -> date:
        return self.history.day

    @property
    def tonight(self) -> Tonight:
        return self.history.tonight

    def _person(self) -> Person:
        rng = self.rng
        number = make_number(rng)[0] if rng.random() < 0.9 else make_odd_number(rng)
        since = rng.choice((20, 20, 95, 5 * 365 + 30, 10 * 365 + 30))
        lost = datetime.combine(self.days[0] - since * DAY, time(rng.choice((0, 9, 23)), rng.choice((0, 30))))
        return Person(number, rng.choice(("王甲", "李乙", "赵丙")), lost.date() - 900 * DAY, lost)

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
        cells: Cells = {}
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
        file = self.elsewhere(feed, file)
        self.tonight.lines[feed, file].append(cells)
        key = KEYS[feed]
        others = [row for row in self.rows[feed] if any(row[name] != cells[name] for name in key)]
        self.rows[feed] = [*others, cells]

    def _spoilt(self, feed: str, cells: Cells, file: str) -> None:
        """Deliver a row with a cell that costs it, or one cell too many; it may be readmitted on a later night."""
        required = [c for c in FEEDS[feed] if c.required and c.kind in {"date", "instant"}]
        names = [column.name for column in FEEDS[feed]]
        file = self.elsewhere(feed, file)
        lines = self.tonight.lines[feed, file]
        if required and self.chance(0.6):
            lines.append({**cells, required[0].name: "2024-13-45"})
            self.broken.append((self.day, feed, file, len(lines), cells))
        else:
            lines.append(line_of([*(cells.get(name, "") for name in names), "spare"]))

    def _full(self, feed: str, scope: dict[str, Any], start: date) -> str:
        file = f"full{self.code('N')}.csv"
        covers = {"covers_from": start.isoformat(), "covers_to": self.day.isoformat()}
        self.tonight.controls[feed, file] = {"kind": "full", **scope, **covers}
        self.tonight.lines[feed, file].extend([])
        return file


def write_file(path: Path, feed: str, lines: Sequence[Cells | str]) -> None:
    """Write one CSV file of rows, or of lines as they are."""
    names = [column.name for column in FEEDS[feed]]
    texts = [line if isinstance(line, str) else line_of([line.get(name, "") for name in names]) for line in lines]
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join([",".join(names), *texts]) + "\n", encoding="utf-8", newline="\n")


def line_of(cells: Sequence[str]) -> str:
    out = io.StringIO(newline="")
    csv.writer(out, lineterminator="").writerow(cells)
    return out.getvalue()
