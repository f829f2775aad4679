"""What can happen to the rows of a few persons between two nights, by chance."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING, Any

from property.history_rows import CHECKS, DAY, PROVIDERS, Rows, write_file

if TYPE_CHECKING:
    from collections.abc import Callable

    from property.histories import History
    from property.history_rows import Person


class Family(Rows):
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
        super().__init__(seed, letter, history)
        self._calls, self._weights = zip(*self._weighted, strict=True)

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
