"""Erasure: a person's rows leave the book, everything else is as if they had never come (SPEC 9, 10.4)."""

from __future__ import annotations

import io
import json
import os
import stat
from typing import TYPE_CHECKING, Any

import pyarrow.parquet as pq
import pytest
from erasing import (
    FIFTH,
    FIRST,
    FOURTH,
    GOING,
    GOING_15,
    GONE,
    NAME,
    OTHER,
    PHONE,
    SECOND,
    SPELLED,
    STAYS,
    THIRD,
    TOLD,
    WHY,
    deliver,
    erase,
    numbers,
    readmit,
)
from pruning import checked, manifest, pulled_after_each_file

from creditaudit.as_of import open_book as reader
from creditaudit.book.inbox import REMOVAL, put
from creditaudit.book.key_changes import destroy, retire, rotate
from creditaudit.book.keys import load_keys
from creditaudit.book.layout import open_book
from creditaudit.errors import BookBrokenError
from place import Place, changed, tree_of
from reference.small import ACCOUNT, NUMBER
from unit.responding import OTHER_NUMBER, answer, cases, write

if TYPE_CHECKING:
    from datetime import date
    from pathlib import Path

WHOLE = pytest.mark.skipif(not os.environ.get("ERASE_FULL"), reason="nights more: make test-erase")
TOLD_OF = ("findings", "cases", "case_events", "clearances", "institutions")


@pytest.fixture(scope="module")
def before(tmp_path_factory: pytest.TempPathFactory) -> Place:
    """Three sealed nights with the person, and two delivered; copied, never used."""
    place = Place(tmp_path_factory.mktemp("before")).made()
    deliver(place, is_there=True)
    place.night(FIRST)
    place.night(SECOND)
    readmit(place)
    place.night(THIRD)
    return place


@pytest.fixture(scope="module")
def erased(before: Place, tmp_path_factory: pytest.TempPathFactory) -> Place:
    """The fourth night took the decision."""
    place = before.copied(tmp_path_factory.mktemp("erased") / "house")
    erase(place)
    place.night(FOURTH)
    return place


@pytest.fixture(scope="module")
def never(tmp_path_factory: pytest.TempPathFactory) -> Place:
    """The same nights in a house to which the person never came."""
    place = Place(tmp_path_factory.mktemp("never")).made()
    deliver(place, is_there=False)
    for night in (FIRST, SECOND, THIRD, FOURTH):
        place.night(night)
    return place


@pytest.fixture
def house(before: Place, tmp_path: Path) -> Place:
    return before.copied(tmp_path / "house")


def holds(book: Path) -> list[str]:
    """Name the files in which the person stands, by number, name or phone, however it is written."""
    secrets = (*SPELLED, NAME, PHONE)
    found = []
    for path in sorted(p for p in book.rglob("*") if p.is_file() and not p.is_symlink()):
        content = path.read_bytes()
        cells = str(pq.read_table(path).to_pylist()) if path.suffix == ".parquet" else ""
        if any(secret in cells or secret.encode() in content for secret in secrets):
            found.append(path.relative_to(book).as_posix())
    return found


def test_nothing_in_the_book_holds_the_person_any_more(before: Place, erased: Place) -> None:
    tops = {name.split("/")[2] if name.startswith("nights/") else name.split("/")[0] for name in holds(before.book)}
    assert tops == {"intake", "state", "quarantine", "inbox"}
    assert holds(erased.book) == []


def test_what_others_delivered_stays(before: Place, erased: Place) -> None:
    def kept(place: Place, table: str) -> list[Any]:
        rows = pq.read_table(place.folder(FIRST) / "state" / table).to_pylist()
        return [row for row in rows if row["id_norm"] not in {GOING}]

    for table in ("accounts", "issuances", "impostors", "fraud_alerts"):
        assert kept(erased, table) == kept(before, table) != []
    raw = pq.read_table(erased.folder(SECOND) / "quarantine" / "accounts.parquet")
    assert raw["row"].to_pylist() == [6]


def test_who_acted_for_somebody_else_is_emptied_there(before: Place, erased: Place) -> None:
    """The row is another person's, and stays."""
    cells = ("handler_id_number", "handler_id_norm", "handler_id_status")
    for folder in ("state", "intake"):
        old, new = (pq.read_table(p.folder(FIRST) / folder / "openings").to_pylist() for p in (before, erased))
        [was] = [row for row in old if row["account_code"] == "Z1"]
        [now] = [row for row in new if row["account_code"] == "Z1"]
        assert (was["handler_id_norm"], [now[name] for name in cells]) == (GOING, [None] * 3)
        assert {n: v for n, v in was.items() if n not in cells} == {n: v for n, v in now.items() if n not in cells}


def test_the_night_is_judged_as_if_the_person_had_never_come(erased: Place, never: Place) -> None:
    """SPEC 2: also the night that takes the decision, and those after it, whoever is judged."""
    for table in TOLD_OF:
        assert erased.published(FOURTH, table).equals(never.published(FOURTH, table)), table
    assert erased.rows(FOURTH, "findings")


@WHOLE
def test_later_nights_are_those_of_a_house_without_the_person(erased: Place, never: Place, tmp_path: Path) -> None:
    """Delivered again, the person is new: also with an older report_date than the row that went."""
    outcome = {}
    for name, place, everyone in (("gone", erased, False), ("full", erased, True), ("never", never, False)):
        house = place.copied(tmp_path / name)
        back = [{**GONE, "report_date": "2026-07-01"}, {**GONE, "account_code": "S9", "report_date": "2026-07-01"}]
        house.deliver(FIFTH, "accounts", back, name="back.csv")
        house.deliver(FIFTH, "loss_reports", [{"report_no": "L9", "id_number": GOING, "reported_at": "2024-01-10"}])
        house.night(FIFTH, everyone=everyone)
        outcome[name] = house
    for table in (*TOLD_OF, "quarantine", "coverage"):
        assert outcome["gone"].published(FIFTH, table).equals(outcome["never"].published(FIFTH, table)), table
    assert changed(tree_of(outcome["gone"].folder(FIFTH)), tree_of(outcome["full"].folder(FIFTH))) == []
    assert {row["account_code"] for row in outcome["gone"].rows(FIFTH, "findings")} >= {"S1", "S9"}
    assert checked(outcome["gone"]).nights == 5


def test_the_tombstone_says_what_by_whom_and_why_and_names_nobody(before: Place, erased: Place) -> None:
    content = manifest(erased, FOURTH)
    [stone] = content["removals"]
    assert (stone["kind"], stone["by"], stone["reason"], stone["persons"]) == ("erase", WHY["by"], WHY["reason"], 1)
    assert content["inbox"] == [stone["entry"]]
    sealed = {(n, f["path"]): f["sha256"] for n in (FIRST, SECOND, THIRD) for f in manifest(before, n)["files"]}
    for file in stone["files"]:
        assert file["old"]["sha256"] == sealed[_day(file["night"]), file["path"]]
    [entry] = stone["inbox"]
    assert not (erased.book / "inbox" / entry["file"]).exists()
    assert entry["file"] in manifest(erased, THIRD)["inbox"]
    lost = sum(file["rows"] - file["rows_kept"] for file in stone["files"])
    said = erased.say("verify", "--book", str(erased.book))
    assert (said.code, "hashes and seals hold" in said.out) == (0, True)
    assert f"1 person erased by decision of {WHY['by']}" in said.out
    assert all(f"{part}" in said.out for part in (f"{lost} rows", "1 entries of the inbox", "keep the tokens"))
    assert WHY["reason"] in (erased.folder(FOURTH) / "night.html").read_text(encoding="utf-8")
    assert (checked(erased).unfinished, len(checked(erased).removals)) == (0, 1)


def _day(text: str) -> date:
    return FIRST.fromisoformat(text)


def test_all_that_was_published_or_reported_stays(before: Place, erased: Place) -> None:
    for night in (FIRST, SECOND, THIRD):
        tops = {name.split("/")[0] for name in changed(tree_of(before.folder(night)), tree_of(erased.folder(night)))}
        assert tops <= {"intake", "state", "quarantine"}


def test_the_book_as_it_was_has_everybody_else(before: Place, erased: Place) -> None:
    for night in (FIRST, THIRD):
        then, now = (reader(p.book).as_of(night).standing("accounts").to_pylist() for p in (before, erased))
        assert now == [row for row in then if row["id_norm"] != GOING] != []


def test_rights_of_what_was_written_anew(erased: Place) -> None:
    """Also where the caller's umask would let others read."""
    files = [path for path in erased.folder(FOURTH).rglob("*") if not path.is_symlink()]
    wrong = [p for p in files if stat.S_IMODE(p.stat().st_mode) != (0o700 if p.is_dir() else 0o600)]
    assert wrong == []


@WHOLE
def test_pulled_at_any_step_the_book_verifies_and_the_next_writer_finishes(
    before: Place, erased: Place, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Killed at any point: as before, or after; who writes next makes up for what is left. Threads change no byte."""
    place = before.copied(tmp_path / "half")
    erase(place)
    as_it_was = place.tree()

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr("creditaudit.night.commit", full)
        with pytest.raises(OSError, match="No space"):
            place.night(FOURTH)
    assert changed(as_it_was, place.tree()) == []
    steps = 0
    for steps in pulled_after_each_file(place, FOURTH, monkeypatch, threads=2):
        found = checked(place)
        assert found.unfinished == len(found.removals[0].files) - steps + 1  # and the entry of the inbox
    assert steps == len(manifest(place, FOURTH)["removals"][0]["files"])
    assert checked(place).unfinished == 0
    assert changed(erased.tree(), place.tree()) == []


@WHOLE
def test_an_older_row_of_another_number_does_not_come_back_into_force(tmp_path: Path) -> None:
    """A key whose row in force is the person's goes whole; a row that was corrected to somebody else stays."""
    place = Place(tmp_path).made()
    slip, right = {**GONE, "account_code": "K1", "id_number": OTHER}, {**GONE, "account_code": "K2"}
    place.deliver(FIRST, "accounts", [slip, right])
    place.night(FIRST)
    newer = {"report_date": "2026-09-20"}
    corrected = [{**slip, **newer, "id_number": GOING}, {**right, **newer, "id_number": OTHER, "name": ""}]
    place.deliver(SECOND, "accounts", corrected)
    place.night(SECOND)
    erase(place)
    place.deliver(THIRD, "accounts", [{**ACCOUNT, **newer}])
    place.night(THIRD)
    standing = reader(place.book).as_of().standing("accounts").to_pylist()
    assert [(row["account_code"], row["id_norm"]) for row in standing] == [("A1", NUMBER), ("K2", OTHER)]
    assert holds(place.book) == []


def test_whom_a_case_rests_on_is_not_erased(house: Place) -> None:
    before = house.tree()
    said = house.say("erase", "--book", str(house.book), "--person", numbers(house.root, NUMBER), *TOLD)
    assert (said.code, "a case that is not at its end" in said.err) == (2, True)
    assert NUMBER not in said.err
    assert changed(before, house.tree()) == []


BODIES: dict[str, dict[str, Any]] = {
    "nobody": {"removal": "erase", "key_id": "DEMO", "persons": []},
    "no_key": {"removal": "erase", "persons": ["0" * 32]},
    "no_list": {"removal": "erase", "key_id": "DEMO", "persons": "0" * 32},
    "numbers": {"removal": "erase", "key_id": "DEMO", "persons": [1]},
    "another_key": {"removal": "erase", "key_id": "K9", "persons": ["0" * 32]},
    "destroyed_key": {"removal": "erase", "key_id": "DEMO", "persons": ["0" * 32]},
}


def test_an_erasure_is_checked_again_by_the_night(house: Place) -> None:
    """SPEC 9: what is refused is taken, listed, and changes nothing. What holds shares one tombstone.

    A prune of the same night is asked for again; a case that came meanwhile stops the erasure; the tokens of a
    superseded key are known, those of a destroyed one are not.
    """
    rotate(house.key)
    retire(house.key, "DEMO")
    destroy(house.key, "DEMO")
    keys = load_keys(str(house.key), house.book)
    named = {"removal": "erase", "key_id": keys.active.key_id}
    bodies = [*BODIES.values(), {**named, "persons": ["0" * 32]}, {**named, "persons": keys.tokens("person", [NUMBER])}]
    entries = [put(open_book(house.book), REMOVAL, body=body, on=None, **WHY).file_name for body in bodies]
    assert house.say("prune", "--book", str(house.book), "--keep-nights", "1", *TOLD).code == 0
    file = numbers(house.root, GOING)
    why = ("--by", f"李 {GOING}", "--reason", f"{NAME} {PHONE} 申请")
    assert house.say("erase", "--book", str(house.book), "--person", file, *why).code == 0
    erase(house, OTHER)
    rotate(house.key)
    house.night(FOURTH)
    content = manifest(house, FOURTH)
    refused = content["summary"]["refused_decisions"]
    assert len(refused) == len(bodies) + 1
    assert all(any(name in line for line in refused) for name in entries)
    for said in ("record it again", "which the key file does not have any more", "no row of a person", "rests on the"):
        assert any(said in line for line in refused), said
    [stone] = content["removals"]
    assert (stone["kind"], stone["persons"]) == ("erase", 2)
    assert set(stone["reason"].split("; ")) == {WHY["reason"], "*** *** 申请"}
    assert set(stone["entry"].split(";")).isdisjoint(entries)
    assert holds(house.book) == []
    assert checked(house).unfinished == 0
    codes = reader(house.book).as_of().standing("accounts")["account_code"].to_pylist()
    assert codes == ["A1", f"Z{FOURTH.day + 10}"]


@WHOLE
def test_erasing_after_pruning_and_pruning_after_erasing(house: Place) -> None:
    """Rows that were kept of older nights lose the person, too."""
    assert house.say("prune", "--book", str(house.book), "--keep-nights", "2", *TOLD).code == 0
    house.night(FOURTH)
    erase(house)
    house.night(FIFTH)
    assert holds(house.book) == []
    assert house.say("prune", "--book", str(house.book), "--keep-nights", "1", *TOLD).code == 0
    after = FIFTH.replace(day=FIFTH.day + 1)
    late = {**ACCOUNT, "report_date": "2026-09-01", "account_code": "Z20", "id_number": OTHER}
    house.deliver(after, "accounts", [late])
    house.night(after)
    assert (checked(house).unfinished, len(checked(house).removals)) == (0, 3)


def test_a_forged_tombstone_removes_no_file_of_the_machine(erased: Place, tmp_path: Path) -> None:
    place = erased.copied(tmp_path / "house")
    path = place.folder(FOURTH) / "manifest.json"
    content = json.loads(path.read_text(encoding="utf-8"))
    for name in ("../../key.json", "../reference/duties.csv", "/etc/passwd", ""):
        content["removals"][0]["inbox"][0]["file"] = name
        path.write_text(json.dumps(content, sort_keys=True, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
        with pytest.raises(BookBrokenError, match="broken at manifest"):
            place.night(FIFTH)
    assert place.key.exists()


@pytest.mark.parametrize(
    ("given", "why"),
    [
        (("--person", GOING), "a number stands on the command line"),
        (("--person", GOING_15), "a number stands on the command line"),
        (("--person", f"./{GOING}.txt"), "a number stands on the command line"),
        (("--person", "none.txt"), "no such file"),
        ((), "exactly one of --person and --case"),
        (("--person", "-", "--case", "CA-1"), "exactly one of --person and --case"),
        (("--case", "CA-1"), "no such case"),
    ],
)
def test_what_is_not_clear_is_refused(house: Place, given: tuple[str, ...], why: str) -> None:
    said = house.say("erase", "--book", str(house.book), *given, *TOLD)
    assert (said.code, said.out, why in said.err) == (2, "", True), said
    assert GOING not in said.err
    assert [p.name for p in (house.book / "inbox").iterdir()] == manifest(house, THIRD)["inbox"]


@pytest.mark.parametrize(
    ("lines", "code"),
    [("", 2), ("\n \n", 2), ("110105190001011237\n", 2), (f"{GOING}\n", 0), (f"\n {GOING_15} \n{SPELLED[0]}\n", 0)],
)
def test_numbers_come_by_standard_input_in_any_spelling(
    house: Place, monkeypatch: pytest.MonkeyPatch, lines: str, code: int
) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO(lines))
    said = house.say("erase", "--book", str(house.book), "--person", "-", *TOLD)
    assert said.code == code, said
    entries = [json.loads(p.read_bytes()) for p in sorted((house.book / "inbox").iterdir())]
    assert sum(entry["kind"] == REMOVAL for entry in entries) == (code == 0)
    assert GOING not in str([e for e in entries if e["kind"] == REMOVAL])


def test_what_is_no_number_names_nobody(tmp_path: Path) -> None:
    """Many accounts may have the same words in its place: they would all go with one person."""
    place = Place(tmp_path).made()
    place.deliver(FIRST, "accounts", [{**GONE, "id_number": "无证件"}, {**STAYS, "id_number": "无证件"}])
    place.night(FIRST)
    said = place.say("erase", "--book", str(place.book), "--person", numbers(place.root, "无证件"), *TOLD)
    assert (said.code, "many may share it" in said.err) == (2, True)


@WHOLE
def test_a_case_that_ended_is_told_without_its_person(sent_cases: Place, tmp_path: Path) -> None:
    """Closed as the holder's own: the case stays as published; nobody can be revealed by it any more."""
    place = sent_cases.copied(tmp_path / "house")
    case = cases(place)["A4"]["case_id"]
    night = place.book.parent  # the folder of the answers
    file = write(night / "a.csv", [answer(place, "A4", "2")])
    assert place.say("respond", "--book", str(place.book), str(file)).code == 0
    first, second = reader(place.book).nights[-1], sorted(p.name for p in place.landing.iterdir())[-1]
    assert place.say("erase", "--book", str(place.book), "--case", case, *TOLD).code == 2  # not at its end yet
    place.night(first.fromisoformat(second))
    assert place.say("erase", "--book", str(place.book), "--case", case, *TOLD).code == 0
    last = first.replace(day=first.day + 2)
    place.deliver(last, "accounts", [{**ACCOUNT, "name": "欧阳测试"}])
    place.night(last)
    assert OTHER_NUMBER not in "".join(str(pq.read_table(p).to_pylist()) for p in sorted(place.book.rglob("*.parquet")))
    [row] = [row for row in place.rows(last, "cases") if row["case_id"] == case]
    assert row["state"] == "holder_confirmed"
    said = place.say("reveal", case, "--book", str(place.book), *TOLD)
    assert (said.code, said.out, "removed" in said.err) == (2, "", True)
    assert not (place.book / "access").exists()
    for command in ("case", "trace"):
        assert place.say(command, case, "--book", str(place.book)).code == 0, command
