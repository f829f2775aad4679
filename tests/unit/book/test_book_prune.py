"""Retention: old nights give up their rows; what cases rest on stays; what was removed is told (SPEC 9)."""

from __future__ import annotations

import json
import shutil
from datetime import date
from typing import TYPE_CHECKING, Any

import pyarrow.parquet as pq
import pytest
from pruning import NIGHTS, STRANGER, TOLD, WHY, accounts_in, checked, manifest

from creditaudit.as_of import open_book as reader
from creditaudit.book.inbox import REMOVAL as KIND
from creditaudit.book.inbox import put
from creditaudit.book.layout import open_book
from creditaudit.book.prune import ask_prune
from creditaudit.book.seal import verify
from creditaudit.drift import drift
from creditaudit.drift.between import find_changes
from creditaudit.drift.rows import open_rows
from creditaudit.engines import engine_aside
from creditaudit.errors import UsageError
from place import Place, changed, tree_of
from reference.small import ACCOUNT, NUMBER, REPORT

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def house(begun: Place, tmp_path: Path) -> Place:
    return begun.copied(tmp_path / "house")


def test_what_no_case_rests_on_goes_and_what_one_rests_on_stays(begun: Place, pruned: Place) -> None:
    first = pruned.folder(NIGHTS[0])
    assert accounts_in(pruned, NIGHTS[0]) == ["A1"]
    kept = {p.parent.name: pq.read_table(p).to_pylist() for p in (first / "intake").rglob("*.parquet")}
    assert sorted(kept) == ["accounts", "invalid_cards", "issuances", "loss_reports", "openings", "verifications"]
    assert [r["account_code"] for r in kept["openings"]] == ["A1"]
    assert [r["check_id"] for r in kept["verifications"]] == ["V1"]
    assert [r["id_norm"] for r in kept["issuances"]] == [NUMBER]
    assert not (first / "state").exists()
    assert accounts_in(pruned, NIGHTS[1]) == []
    raw = pq.read_table(pruned.folder(NIGHTS[1]) / "quarantine" / "accounts.parquet")
    assert [row["row"] for row in raw.to_pylist()] == [1]  # the other row is of nobody who has a case or a notice
    for night in NIGHTS[2:4]:  # these nights stay whole
        before, after = tree_of(begun.folder(night)), tree_of(pruned.folder(night))
        assert changed(before, after) == []


def test_all_that_was_published_or_reported_stays(begun: Place, pruned: Place) -> None:
    for night in NIGHTS[:4]:
        before, after = tree_of(begun.folder(night)), tree_of(pruned.folder(night))
        tops = {name.split("/")[0] for name in changed(before, after)}
        assert tops <= {"intake", "state", "quarantine"}


def test_the_tombstone_says_what_by_whom_and_why(begun: Place, pruned: Place) -> None:
    """SPEC 9: files and rows, old and new SHA-256, reason, who; the page says it, too."""
    [stone] = manifest(pruned, NIGHTS[4])["removals"]
    assert (stone["kind"], stone["by"], stone["reason"]) == ("prune", WHY["by"], WHY["reason"])
    assert (stone["before"], stone["decided_on"]) == (NIGHTS[2].isoformat(), NIGHTS[4].isoformat())
    assert manifest(pruned, NIGHTS[4])["inbox"] == [stone["entry"]]
    [accounts] = [
        f
        for f in stone["files"]
        if (f["night"], f["path"]) == (NIGHTS[0].isoformat(), "intake/accounts/part-00001.parquet")
    ]
    assert (accounts["rows"], accounts["rows_kept"]) == (3, 1)
    sealed = {f["path"]: f["sha256"] for f in manifest(pruned, NIGHTS[0])["files"]}
    assert accounts["old"]["sha256"] == sealed[accounts["path"]] != accounts["new"]["sha256"]
    assert accounts["new"]["sha256"] == tree_of(pruned.folder(NIGHTS[0]))[accounts["path"]]
    assert {f["new"] is None for f in stone["files"] if f["path"].startswith("state/")} == {True}
    assert WHY["reason"] in (pruned.folder(NIGHTS[4]) / "night.html").read_text(encoding="utf-8")
    assert NUMBER not in json.dumps(manifest(pruned, NIGHTS[4]))


def test_verify_accepts_what_the_tombstone_names_and_says_it(pruned: Place) -> None:
    found = checked(pruned)
    assert (found.nights, found.unfinished, len(found.removals)) == (5, 0, 1)
    said = pruned.say("verify", "--book", str(pruned.book))
    assert (said.code, "hashes and seals hold" in said.out) == (0, True)
    assert f"removed by decision of {WHY['by']}" in said.out


def test_the_night_judges_as_if_nothing_went(begun: Place, pruned: Place, tmp_path: Path) -> None:
    """SPEC 2: the outcome equals that of judging everyone; only the raw texts that went are not there any more."""
    whole = begun.copied(tmp_path / "whole")
    whole.night(NIGHTS[4])
    for table in ("findings", "cases", "case_events", "clearances", "quarantine", "coverage"):
        assert pruned.published(NIGHTS[4], table).equals(whole.published(NIGHTS[4], table)), table
    after = date(2026, 10, 4)
    for place in (whole, pruned.copied(tmp_path / "next")):
        place.deliver(
            after, "loss_reports", [{**REPORT, "report_no": "L9", "id_number": STRANGER, "card_valid_from": ""}]
        )
        place.night(after)
    other = Place(tmp_path / "next")
    for table in ("findings", "cases", "clearances"):
        assert other.published(after, table).equals(whole.published(after, table)), table
    assert {r["account_code"] for r in whole.rows(after, "findings")} >= {"S1", "S2", "S3"}
    assert checked(other).nights == 6


def test_feeds_have_terms_of_their_own(begun: Place, house: Place) -> None:
    """Only the tables that are named give up their rows."""
    feeds = ("--feed", "verifications", "--feed", "issuances", "--feed", "verifications")
    assert house.say("prune", "--book", str(house.book), "--keep-nights", "2", *feeds, *TOLD).code == 0
    house.night(NIGHTS[4])
    for night in NIGHTS[:4]:
        for name in changed(tree_of(begun.folder(night)), tree_of(house.folder(night))):
            assert name.split("/")[1].split(".")[0] in {"verifications", "issuances"}, name
    kept = pq.read_table(house.folder(NIGHTS[0]) / "intake" / "verifications")
    assert kept["check_id"].to_pylist() == ["V1"]
    assert accounts_in(house, NIGHTS[0]) == ["A1", "S1", "S2"]
    assert (checked(house).unfinished, len(checked(house).removals)) == (0, 1)


@pytest.mark.parametrize("night", NIGHTS[:2])
def test_what_was_in_force_before_is_refused_with_the_reason(pruned: Place, night: date) -> None:
    then = reader(pruned.book).as_of(night)
    assert then.table("findings").num_rows == begun_findings(pruned, night)
    with pytest.raises(UsageError, match="cannot be told any more") as refused:
        then.standing("accounts")
    assert all(text in str(refused.value) for text in (WHY["by"], WHY["reason"], str(NIGHTS[4]), str(NIGHTS[2])))
    said = pruned.say("explain", "--book", str(pruned.book), "--account", "B01/A1", "--night", night.isoformat())
    assert (said.code, "cannot be told any more" in said.err) == (2, True)


def begun_findings(place: Place, night: date) -> int:
    return len(place.rows(night, "findings"))


@pytest.mark.parametrize("night", NIGHTS[2:])
def test_the_rows_in_force_of_every_night_that_stays_can_be_told(begun: Place, pruned: Place, night: date) -> None:
    now = reader(pruned.book).as_of(night)
    if night in NIGHTS[:4]:
        assert now.standing("accounts").equals(reader(begun.book).as_of(night).standing("accounts"))
    assert {"A1", "S1", "S2", "S3"} <= set(now.standing("accounts")["account_code"].to_pylist())


def test_an_export_of_the_quarantine_says_what_is_not_there_any_more(pruned: Place, tmp_path: Path) -> None:
    """Fewer rows than the night quarantined are never handed out in silence."""
    out = tmp_path / "q.csv"
    where = ("--night", NIGHTS[1].isoformat(), "--feed", "accounts", "--out", str(out))
    said = pruned.say("quarantine", "export", "--book", str(pruned.book), *where)
    assert said.code == 0
    assert f"{out} holds 1 rows" in said.err
    assert f"1 more rows were there; their raw text was removed by decision of {WHY['by']}" in said.err


def test_only_what_is_old_enough_goes(house: Place) -> None:
    assert ask_prune(open_book(house.book), keep_days=3, keep_nights=None, on=None, **WHY) is None
    assert ask_prune(open_book(house.book), keep_days=None, keep_nights=4, on=None, **WHY) is None
    said = house.say("prune", "--book", str(house.book), "--keep", "400d", *TOLD)
    assert (said.code, "nothing was recorded" in said.err) == (0, True)
    assert list((house.book / "inbox").iterdir()) == []
    entry = ask_prune(open_book(house.book), keep_days=1, keep_nights=None, on=None, **WHY)
    assert entry is not None
    assert (entry.decided_on, entry.body["before"]) == (NIGHTS[4], NIGHTS[2].isoformat())


@pytest.mark.parametrize(
    "arguments",
    [
        ("--keep", "400"),
        ("--keep", "0d"),
        ("--keep-nights", "0"),
        ("--keep", "1d", "--keep-nights", "1"),
        (),
        ("--keep", "1d", "--by", " "),
        ("--keep", "1d", "--reason", ""),
        ("--keep", "1d", "--feed", "nothing"),
    ],
)
def test_a_decision_that_is_not_clear_is_refused(house: Place, arguments: tuple[str, ...]) -> None:
    before = house.tree()
    said = house.say("prune", "--book", str(house.book), *TOLD, *arguments)
    assert (said.code, said.out) == (2, "")
    assert "Next step" in said.err
    assert changed(before, house.tree()) == []


def test_pruning_again_later_goes_on_from_there(pruned: Place, tmp_path: Path) -> None:
    place = pruned.copied(tmp_path / "again")
    assert place.say("prune", "--book", str(place.book), "--keep-nights", "1", *TOLD).code == 0
    after = date(2026, 10, 4)
    place.deliver(
        after, "accounts", [{**ACCOUNT, "account_code": "S30", "id_number": STRANGER, "report_date": "2026-10-01"}]
    )
    place.night(after)
    assert (accounts_in(place, NIGHTS[0]), accounts_in(place, NIGHTS[3])) == (["A1"], [])
    assert (place.folder(NIGHTS[2]) / "state").is_dir()  # on it build the nights that stay
    found = checked(place)
    assert (found.nights, found.unfinished, len(found.removals)) == (6, 0, 2)
    assert {s.before for s in found.removals} == {NIGHTS[2], NIGHTS[4]}


def test_nights_whose_rows_are_gone_are_not_compared(pruned: Place) -> None:
    """Why something changed since cannot be told, and that is said; where nothing changed, nothing is asked for."""
    book = open_book(pruned.book)
    with engine_aside(reads=book.root) as engine:
        find_changes(engine, book, NIGHTS)
        with pytest.raises(UsageError, match="what was in force on night 2026-09-29 cannot be told any more"):
            open_rows(engine, book, NIGHTS)
    assert drift(book, NIGHTS[0], NIGHTS[4]).changes.num_rows == 0


BODIES: dict[str, dict[str, Any]] = {
    "no_date": {"removal": "prune", "before": "soon"},
    "another_kind": {"removal": "erase", "before": "2026-10-01"},
    "all_of_it": {"removal": "prune", "before": "2026-10-09"},
    "more": {"removal": "prune", "before": "2026-10-01", "night": "x"},
    "no_feed": {"removal": "prune", "before": "2026-10-01", "feeds": []},
    "another_feed": {"removal": "prune", "before": "2026-10-01", "feeds": ["accounts", "cases"]},
}


@pytest.mark.parametrize("kind", BODIES)
def test_a_removal_is_checked_again_by_the_night(house: Place, kind: str) -> None:
    """SPEC 9: a night checks what it takes again and lists refusals; what is refused is taken and changes nothing."""
    entry = put(open_book(house.book), KIND, body=BODIES[kind], on=None, **WHY)
    house.night(NIGHTS[4])
    content = manifest(house, NIGHTS[4])
    assert (content["inbox"], content["removals"]) == ([entry.file_name], [])
    assert any(entry.file_name in line for line in content["summary"]["refused_decisions"])
    assert accounts_in(house, NIGHTS[0]) == ["A1", "S1", "S2"]


def test_a_copier_that_does_not_keep_links_loses_nothing(pruned: Place, tmp_path: Path) -> None:
    """The rows kept are held once by a link; a copy holds them twice, and verifies."""
    copy = tmp_path / "copy"
    shutil.copytree(pruned.book, copy, symlinks=True)
    assert verify(open_book(copy), None).nights == 5
