"""A house in which many institutions correct, hide and bring back one flagged account each, night by night."""

from __future__ import annotations

import hashlib
import json
from collections import defaultdict
from copy import copy
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

from creditaudit.book.inbox import ANSWER, put
from creditaudit.book.keys import load_keys
from creditaudit.book.layout import open_book
from place import Cells, Place

if TYPE_CHECKING:
    from pathlib import Path

    from creditaudit.runlog import RunLog

FIRST = date(2026, 11, 20)
OPENED = "2024-01-10 10:00:01"
AMOUNT = "52000"
# Accounts of each institution beside the flagged one, by other people.
OTHERS = 9
_WEIGHTS = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)

RECIPIENTS = """recipient,kind,provider_code,region_prefix,id_mask,encoding,language,pseudonym_key_id
all,pboc_liaison,,,3+4,utf-8-sig,zh,
"""


def number(count: int, *, born: str = "19800101") -> str:
    """Return the ID number of person ``count``: no real one, and with the right check character."""
    body = f"110105{born[:2]}{int(born[2:4]) + count // 1000:02d}{born[4:]}{count % 1000:03d}"
    return body + "10X98765432"[sum(int(d) * w for d, w in zip(body, _WEIGHTS, strict=True)) % 11]


def nth(night: int) -> date:
    """Return a night by its number, from 1."""
    return FIRST + timedelta(days=night - 1)


@dataclass
class File:
    """One file of an institution: its rows, what its control says (None: it has none), lines after the rows."""

    rows: list[Cells]
    control: dict[str, Any] | None = field(default_factory=dict)
    kind: str = "full"
    broken: str = ""
    provider: str | None = None
    without: tuple[str, ...] = ()


class House:
    """A book, its landing, and one institution for each way of the test."""

    def __init__(self, place: Place) -> None:
        self.place = place
        self.files: dict[tuple[int, str], list[File]] = defaultdict(list)
        self.late: dict[int, list[tuple[int, str, File]]] = defaultdict(list)
        self.feeds: dict[tuple[int, str], list[Cells]] = defaultdict(list)
        self.outcomes: dict[str, str] = {}
        self.people: dict[str, int] = {}
        self.cases: dict[str, str] = {}

    @classmethod
    def made(cls, root: Path) -> House:
        """Return an empty house with one liaison."""
        reference = root / "reference"
        reference.mkdir(parents=True)
        (reference / "recipients.csv").write_text(RECIPIENTS, encoding="utf-8")
        return cls(Place(root).made(reference))

    def way(self, name: str, outcome: str = "4") -> None:
        """Add an institution: on the first two nights it delivers everything in full."""
        self.people[name] = 10 * (len(self.people) + 1)
        self.outcomes[name] = outcome
        report = {"report_no": f"L-{name}", "id_number": self.id_of(name), "card_valid_from": "2020-01-01"}
        self.feeds[1, "loss_reports"].append({**report, "reported_at": "2024-01-10 10:00:00"})
        shown = {"document_kind": "permanent", "card_valid_from": "2020-01-01"}
        self.feeds[1, "openings"].append({"provider_code": name, "account_code": f"A-{name}", **shown})
        for night in (1, 2):
            self.deliver(night, name, File([self.flagged(name), *self.others(name, night)]))

    def id_of(self, name: str) -> str:
        """Return the number of the person whose account a way is about."""
        return number(self.people[name])

    def flagged(self, name: str, **cells: str) -> Cells:
        """Return the row of the flagged account."""
        row = self.account(name, f"A-{name}", self.id_of(name), OPENED)
        return {**row, **cells}

    def others(self, name: str, night: int) -> list[Cells]:
        """Return the rows of the institution's other accounts; a balance moves every night."""
        first = self.people[name]
        return [
            self.account(name, f"O{i}-{name}", number(first + i), "2019-05-05", balance=str(night * 100 + i))
            for i in range(1, OTHERS + 1)
        ]

    @staticmethod
    def account(provider: str, code: str, id_number: str, opened_at: str, **cells: str) -> Cells:
        """Return a row of accounts."""
        base = {"provider_code": provider, "account_code": code, "report_date": "2026-11-01", "id_type": "10"}
        rest = {"id_number": id_number, "account_type": "D1", "opened_at": opened_at, "amount": AMOUNT}
        empty = dict.fromkeys(("balance", "status", "region_code", "business_code", "agreement_at"), "")
        links = dict.fromkeys(("original_provider_code", "original_account_code"), "")
        return {**base, **rest, **empty, **links, **cells}

    def deliver(self, night: int, name: str, *files: File) -> None:
        """Let an institution deliver files of accounts."""
        self.files[night, name] += files

    def copied(self, root: Path) -> House:
        """Return the same house in another folder, as far as it has come."""
        other = copy(self)
        other.place = self.place.copied(root)
        return other

    def run(self, night: int, *, everyone: bool = False, log: RunLog | None = None) -> None:
        """Write what is delivered and run the night; after the first one every case is answered."""
        day = nth(night)
        for (when, name), files in self.files.items():
            if when == night:
                for place, file in enumerate(files):
                    self._write(day, name, f"{name}-{place}.csv", file)
        for other, name, file in self.late[night]:
            self._write(nth(other), name, f"late-{name}.csv", file)
        for feed in ("loss_reports", "invalid_cards", "openings", "account_renames"):
            rows = self.feeds[night, feed]
            if rows or feed in {"loss_reports", "invalid_cards"}:
                head = {"invalid_cards": "event_id,id_number,event,effective_at", "loss_reports": _REPORT_HEAD}
                if rows:
                    self.place.deliver(day, feed, rows)
                else:
                    self.place.drop(day, feed, f"{head[feed]}\n".encode())
        self.place.night(day, everyone=everyone, log=log)
        if night == 1:
            self.answer_all()

    def _write(self, day: date, name: str, file_name: str, file: File) -> None:
        path = self.place.deliver(day, "accounts", file.rows, name=file_name)
        if file.broken:
            path.write_bytes(path.read_bytes() + file.broken.encode())
        if file.control is None:
            return
        said: dict[str, Any] = {
            "rows": len(file.rows) + file.broken.count("\n"),
            "sha256": hashlib.sha256(path.read_bytes()).hexdigest(),
            "kind": file.kind,
            "provider_code": file.provider or name,
            "region_code": None,
            "business_codes": None,
        }
        said |= file.control
        said = {key: value for key, value in said.items() if key not in file.without}
        path.with_name(f"{file_name}.ctl").write_text(json.dumps(said), encoding="utf-8")

    def answer_all(self) -> None:
        """Answer the case of every way, as the liaison does."""
        cases = {row["account_code"]: row for row in self.place.rows(nth(1), "cases")}
        keys = load_keys(str(self.place.key), self.place.book)
        rows: list[dict[str, Any]] = []
        for name, outcome in self.outcomes.items():
            case = str(cases[f"A-{name}"]["case_id"])
            self.cases[name] = case
            [token] = keys.row_tokens([case], [1])
            rows.append(
                {
                    "row": len(rows) + 1,
                    "case_id": case,
                    "episode": 1,
                    "row_token": token,
                    "outcome": outcome,
                    "answered_on": nth(1).isoformat(),
                    "answered_by": "all",
                    "evidence_ref": "E-1",
                    "comment": None,
                }
            )
        body = {"file_sha256": "0" * 64, "rows": rows}
        put(open_book(self.place.book), ANSWER, by="all", reason="answers", body=body, on=nth(2))

    def case(self, night: int, name: str) -> dict[str, Any]:
        """Return the case of a way as a night published it."""
        [row] = [r for r in self.place.rows(nth(night), "cases") if r["case_id"] == self.cases[name]]
        return row

    def state(self, night: int, name: str) -> str:
        """Return its state."""
        return str(self.case(night, name)["state"])


_REPORT_HEAD = "report_no,id_number,card_valid_from,reported_at"
