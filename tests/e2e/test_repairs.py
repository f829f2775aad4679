"""Quarantined rows: exported, corrected by a person, readmitted through the inbox, judged the next night."""

from __future__ import annotations

import csv
import io
import json
import re
import stat
from dataclasses import dataclass
from datetime import date, timedelta
from typing import TYPE_CHECKING

import pyarrow.parquet as pq
import pytest

from creditaudit.book.inbox import put
from creditaudit.book.layout import open_book
from e2e.hostile_texts import hostile_strings
from place import Place, Spoken, changed

if TYPE_CHECKING:
    from pathlib import Path

FIRST, SECOND, THIRD = (date(2026, 11, 20) + timedelta(days=n) for n in range(3))
NUMBER = "11010519491231002X"
ACCOUNT = {
    "provider_code": "B01",
    "account_code": "A1",
    "report_date": "2026-11-19",
    "name": "张三",
    "id_type": "10",
    "id_number": NUMBER,
    "account_type": "D1",
    "opened_at": "2024-03-01 10:00:00",
    "amount": "100",
}
LOSS = {
    "report_no": "L1",
    "id_number": NUMBER,
    "card_valid_from": "2020-01-01",
    "reported_at": "2024-01-10 10:00:00",
}
OPENING = {"provider_code": "B01", "account_code": "A1", "card_valid_from": "2020-01-01"}
QUIET = {"event_id": "E9", "id_number": "110101199003070011", "event": "damaged", "effective_at": "2024-01-01"}
GOOD_BY = ("--by", "Li", "--reason", "the branch confirmed")


@dataclass
class Desk:
    """A house with the files that a person exports and corrects."""

    place: Place

    def deliver(self, night: date, *accounts: dict[str, str]) -> None:
        """Deliver a night that is complete, with these accounts."""
        self.place.deliver(night, "accounts", list(accounts) or [{**ACCOUNT, "account_code": "Z"}])
        self.place.deliver(night, "loss_reports", [LOSS])
        self.place.deliver(night, "invalid_cards", [QUIET])

    def export(self, night: date, feed: str = "accounts", name: str = "out.csv") -> list[dict[str, str]]:
        """Export a quarantine; returns its lines as a spreadsheet program without guards would read them."""
        out = self.place.root / name
        said = self.say("export", "--night", night.isoformat(), "--feed", feed, "--out", str(out))
        assert said.code == 0, said.err
        assert "PERSONAL DATA" in said.err
        assert stat.S_IMODE(out.stat().st_mode) == 0o600
        return read(out)

    def readmit(self, lines: list[dict[str, str]], name: str = "back.csv", *more: str) -> Spoken:
        """Hand a corrected file back."""
        return self.say("readmit", str(self.write(lines, name)), *(more or GOOD_BY))

    def write(self, lines: list[dict[str, str]], name: str = "back.csv") -> Path:
        """Write a corrected file."""
        path = self.place.root / name
        out = io.StringIO(newline="")
        writer = csv.DictWriter(out, list(lines[0]), lineterminator="\r\n")
        writer.writeheader()
        writer.writerows(lines)
        path.write_bytes(out.getvalue().encode("utf-8-sig"))
        return path

    def say(self, verb: str, *arguments: str) -> Spoken:
        """Run ``creditaudit quarantine``."""
        return self.place.say("quarantine", verb, "--book", str(self.place.book), *arguments)

    def refused(self, name: str = "back.refused.csv") -> list[str]:
        """Reasons in the file of refusals."""
        path = self.place.root / name
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        return [line["refused"] for line in read(path)]


def read(path: Path) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(path.read_bytes().decode("utf-8-sig"), newline="")))


@pytest.fixture
def desk(place: Place) -> Desk:
    return Desk(place)


@pytest.fixture
def broken(desk: Desk) -> Desk:
    """A sealed night whose only row about A1 is quarantined; the shipped opening of A1 stands."""
    desk.deliver(FIRST, {**ACCOUNT, "account_type": "D9"}, {**ACCOUNT, "account_code": "Z", "opened_at": "2021-01-01"})
    desk.place.deliver(FIRST, "openings", [OPENING])
    desk.place.night(FIRST)
    return desk


def findings(place: Place, night: date) -> list[dict[str, object]]:
    return [
        {k: v for k, v in row.items() if k not in {"night", "fingerprint"}} for row in place.rows(night, "findings")
    ]


def test_a_corrected_row_is_judged_the_next_night_as_if_it_had_been_delivered_then(broken, tmp_path_factory):
    other = Desk(broken.place.copied(tmp_path_factory.mktemp("other")))
    lines = broken.export(FIRST)
    assert [(line["reasons"], line["account_code"]) for line in lines] == [("bad_code:account_type", "A1")]
    said = broken.readmit([{**line, "account_type": "D1"} for line in lines])
    assert said.code == 0, said.err
    for desk, accounts in ((broken, []), (other, [ACCOUNT])):
        desk.deliver(SECOND, {**ACCOUNT, "account_code": "Y", "opened_at": "2021-01-01"}, *accounts)
        desk.deliver(THIRD)
        desk.place.night(SECOND)
        desk.place.night(THIRD)
    for night in (SECOND, THIRD):
        assert findings(broken.place, night) == findings(other.place, night)
        assert any(row["account_code"] == "A1" and row["rule_id"] == "R101" for row in findings(broken.place, night))


def test_the_row_counts_as_delivered_and_names_what_it_replaces(broken):
    lines = broken.export(FIRST)
    broken.readmit([{**line, "account_type": "D1"} for line in lines])
    broken.deliver(SECOND)
    broken.place.night(SECOND)
    manifest = json.loads((broken.place.folder(SECOND) / "manifest.json").read_text())
    (entry,) = manifest["inbox"]
    label = f"inbox/{entry.split('-')[3][:16]}"
    (row,) = [r for r in broken.place.rows(SECOND, "coverage") if r["file"] == label]
    assert (row["feed"], row["delivered"], row["accepted"], row["quarantined"]) == ("accounts", 1, 1, 0)
    assert f"{row['sha256']}.json" == entry[11:]
    assert manifest["summary"]["readmitted_rows"] == 1
    (link,) = pq.read_table(broken.place.folder(SECOND) / "state" / "readmitted_rows").to_pylist()
    assert (link["file"], link["row"]) == (label, 1)
    assert (link["replaces_night"], link["replaces_file"], link["replaces_row"]) == (FIRST, "f.csv", 1)
    assert {"folder": "inbox", "feed": "accounts", "file": label[6:]}.items() <= manifest["inputs"][1].items()
    again = broken.place.night(SECOND)
    assert again.was_sealed


def test_the_blind_spot_goes_with_the_repair(broken):
    def spots(night: date) -> list[object]:
        return [row["blind_spots"] for row in broken.place.rows(night, "cases") if row["account_code"] == "B"]

    row = {**ACCOUNT, "account_code": "B", "opened_at": "2024-04-01"}
    broken.place.deliver(SECOND, "openings", [{**OPENING, "account_code": "B"}])
    broken.deliver(SECOND, row)
    broken.place.night(SECOND)
    assert spots(SECOND) == ["quarantined_rows:accounts"]
    broken.readmit([{**line, "account_type": "D1"} for line in broken.export(FIRST)])
    broken.deliver(THIRD, row)
    broken.place.night(THIRD)
    assert spots(THIRD) == [None]


def test_rows_that_are_still_bad_or_not_quarantined_are_refused_one_by_one(broken):
    (line,) = broken.export(FIRST)
    good = {**line, "account_type": "D1"}
    said = broken.readmit(
        [
            {**line, "opened_at": "yesterday"},
            {**good, "row": "2"},
            {**good, "night": "2026-11-21"},
            {**good, "night": "soon"},
            {**good, "row": "one"},
            {**good, "feed": "openings"},
            good,
            good,
        ],
        "back.csv",
        *GOOD_BY,
    )
    assert said.code == 0, said.err
    assert "1 rows readmitted" in said.err
    assert broken.refused()[0] == "bad_code:account_type;bad_type:opened_at"
    assert broken.refused()[1:6] == [
        "not in the quarantine of that night",
        "not in the quarantine of that night",
        "night is no date",
        "row is no number",
        "the file's first row is of feed accounts; give other feeds a file of their own",
    ]
    assert broken.refused()[6:] == ["this file repairs the row twice"]


@pytest.mark.parametrize(
    ("arguments", "word"),
    [
        (["--by", " ", "--reason", "x"], "nobody"),
        (["--by", "Li", "--reason", ""], "no reason"),
    ],
)
def test_somebody_must_say_why(broken, arguments, word):
    said = broken.readmit([{**line, "account_type": "D1"} for line in broken.export(FIRST)], "back.csv", *arguments)
    assert said.code == 2
    assert word in said.err


def test_a_row_is_readmitted_once(broken):
    (line,) = broken.export(FIRST)
    good = {**line, "account_type": "D1"}
    assert broken.readmit([good]).code == 0
    before = broken.place.tree()
    again = broken.readmit([good])
    assert again.code == 0
    assert "already taken" in again.err
    assert changed(before, broken.place.tree()) == []
    assert broken.readmit([{**good, "account_type": "R1"}]).code == 2
    assert broken.refused() == ["readmitted before"]
    broken.deliver(SECOND)
    broken.place.night(SECOND)
    assert "already taken" in broken.readmit([good]).err
    assert broken.readmit([{**good, "account_type": "R1"}]).code == 2


def test_the_night_refuses_what_two_people_readmitted_at_once(broken):
    """Entries are put without the lock, so two can pass the first check."""
    columns = list(ACCOUNT)
    for amount in ("1", "2"):
        cells = list({**ACCOUNT, "amount": amount}.values())
        row = {"night": FIRST.isoformat(), "file": "f.csv", "row": 1, "cells": cells}
        body = {"feed": "accounts", "columns": columns, "rows": [row]}
        put(open_book(broken.place.book), "readmission", by="Li", reason="x", body=body, on=SECOND)
    stray = {"feed": "accounts", "columns": columns, "rows": [{**row, "row": 77}]}
    put(open_book(broken.place.book), "readmission", by="Li", reason="x", body=stray, on=SECOND)
    put(open_book(broken.place.book), "readmission", by="Li", reason="x", body={"feed": "none"}, on=SECOND)
    broken.deliver(SECOND)
    outcome = broken.place.night(SECOND)
    refused = outcome.summary["refused_decisions"]
    assert outcome.summary["readmitted_rows"] == 1
    assert sorted(text.rpartition(": ")[2] for text in refused) == [
        "its body is not one of readmitted rows",
        "not in the quarantine of that night",
        "readmitted before",
    ]
    assert "decision of the inbox refused" in (broken.place.folder(SECOND) / "night.html").read_text()
    assert len(json.loads((broken.place.folder(SECOND) / "manifest.json").read_text())["inbox"]) == 4


def test_a_corrected_row_that_is_late_is_stale_and_can_be_corrected_again(broken):
    (line,) = broken.export(FIRST)
    broken.deliver(SECOND, {**ACCOUNT, "report_date": "2026-11-20"})
    broken.place.night(SECOND)
    assert broken.readmit([{**line, "account_type": "D1"}]).code == 0
    broken.deliver(THIRD)
    broken.place.night(THIRD)
    (late,) = [row for row in broken.export(THIRD, name="third.csv") if row["file"].startswith("inbox/")]
    assert (late["reasons"], late["account_type"], late["opened_at"]) == ("stale", "D1", "2024-03-01 10:00:00")
    assert broken.readmit([{**late, "report_date": "2026-11-21"}]).code == 0


def test_the_list_is_masked_and_says_what_became_of_a_row(broken):
    def listed() -> list[list[str]]:
        said = broken.say("list", "--night", FIRST.isoformat(), "--feed", "accounts")
        assert said.code == 0
        assert NUMBER not in said.out + said.err
        assert "张三" not in said.out
        return [line.split("\t") for line in said.out.splitlines()[1:]]

    assert listed() == [
        ["2026-11-20", "accounts", "f.csv", "1", "2", "bad_code:account_type", "110***********002X", "open"]
    ]
    broken.readmit([{**line, "account_type": "D1"} for line in broken.export(FIRST)])
    assert listed()[0][-1] == "waiting"
    broken.deliver(SECOND)
    broken.place.night(SECOND)
    assert listed()[0][-1].startswith("inbox/")


def test_readmitted_rows_alone_do_not_make_a_feed_complete(broken):
    broken.readmit([{**line, "account_type": "D1"} for line in broken.export(FIRST)])
    broken.place.deliver(SECOND, "loss_reports", [LOSS])
    broken.place.deliver(SECOND, "invalid_cards", [QUIET])
    outcome = broken.place.night(SECOND)
    assert list(outcome.summary["stale"]) == ["accounts"]
    assert outcome.summary["readmitted_rows"] == 1


@pytest.mark.parametrize(
    ("content", "word"),
    [
        (b"", "no column"),
        (b"night,feed,file,row\r\n", "no row"),
        (b"night,feed,file,row\r\n2026-11-20,accounts,f.csv,1\r\n", "no column provider_code"),
        (b"night,feed,file,row\r\n2026-11-20,acounts,f.csv,1\r\n", "no known feed"),
        (b"night,night\r\n", "named twice"),
        (b'night,feed\r\n"x', "quote"),
        (b"\xff\xff\xff", "neither"),
    ],
)
def test_a_file_that_cannot_be_read_changes_nothing(broken, content, word):
    path = broken.place.root / "bad.csv"
    path.write_bytes(content)
    before = broken.place.tree()
    said = broken.say("readmit", str(path), *GOOD_BY)
    assert said.code == 2
    assert word in said.err
    assert changed(before, broken.place.tree()) == []


def test_an_export_never_writes_over_a_file(broken):
    def export(night: str, name: str) -> Spoken:
        return broken.say("export", "--night", night, "--feed", "accounts", "--out", str(broken.place.root / name))

    broken.export(FIRST)
    assert export(FIRST.isoformat(), "out.csv").code == 2
    said = export("2026-11-01", "new.csv")
    assert (said.code, "not sealed" in said.err) == (2, True)


def test_a_line_of_another_width_is_refused_alone(broken):
    (line,) = broken.export(FIRST)
    good = {**line, "account_type": "D1"}
    path = broken.write([good], "wide.csv")
    path.write_bytes(path.read_bytes() + b"2026-11-20,accounts\r\n")
    assert broken.say("readmit", str(path), *GOOD_BY).code == 0
    assert broken.refused("wide.refused.csv") == ["another number of cells than the header"]


# What breaks readers, spreadsheets and shells: formulas, quotes, separators, controls, invisible letters, huge cells.
def test_hostile_strings_survive_delivery_quarantine_export_and_readmission(desk, rotating_seed):
    texts = hostile_strings(rotating_seed, 700)
    assert len(texts) >= 500
    rows = [
        {**ACCOUNT, "account_code": f"H{n}", "business_code": text, "account_type": "D9"}
        for n, text in enumerate(texts)
    ]
    out = io.StringIO(newline="")
    writer = csv.DictWriter(out, list(rows[0]), lineterminator="\n", quoting=csv.QUOTE_ALL)
    writer.writeheader()
    writer.writerows(rows)
    path = desk.place.drop(FIRST, "accounts", out.getvalue().encode())
    said = re.sub(r"(?m)^max_quarantine_share.*$", "max_quarantine_share = 1.0", desk.place.config.read_text())
    desk.place.config.write_text(said)
    desk.place.deliver(FIRST, "loss_reports", [LOSS])
    desk.place.deliver(FIRST, "invalid_cards", [QUIET])
    desk.place.night(FIRST)
    delivered = path.read_bytes().decode().split("\n")[1:-1]
    held = pq.read_table(desk.place.folder(FIRST) / "quarantine" / "accounts.parquet")
    assert held["raw"].to_pylist() == delivered
    exported = desk.export(FIRST)
    risky = re.compile(r"[=+\-@\t\r].*|[0-9]{16,}", re.DOTALL)
    assert not [cell for line in exported for cell in line.values() if risky.fullmatch(cell)]
    # The exported file itself, corrected in one column as text, goes back: no cell of it passes through our own reader.
    said = desk.readmit([{**line, "account_type": "D1"} for line in exported])
    assert said.code == 0, said.err
    desk.deliver(SECOND)
    desk.place.night(SECOND)
    parts = sorted((desk.place.folder(SECOND) / "intake" / "accounts").glob("*.parquet"))
    taken = {
        row["account_code"]: row["business_code"]
        for part in parts
        for row in pq.read_table(part).to_pylist()
        if row["file"].startswith("inbox/")
    }
    assert taken == {f"H{n}": text for n, text in enumerate(texts)}
