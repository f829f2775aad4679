"""`creditaudit respond`: answers of liaisons and institutions, into the inbox and into the next night (SPEC 8.2, 9)."""

from __future__ import annotations

import csv
import io
import json
import stat
from datetime import timedelta
from typing import TYPE_CHECKING

import pyarrow as pa
import pytest

from creditaudit.cases.answer_file import COLUMNS
from creditaudit.reports.sheets import plain
from creditaudit.responses import PEOPLE
from place import Place, changed
from reference.small import NEXT, NIGHT, NUMBER
from unit.responding import OTHER_NUMBER, SECRETS, answer, cases, inbox, refused, sheet, write

if TYPE_CHECKING:
    from pathlib import Path

    from creditaudit.engines import Engine
    from place import Spoken
    from unit.responding import Answered

AFTER = NEXT + timedelta(days=1)


@pytest.fixture
def house(sent_cases: Place, tmp_path: Path) -> Place:
    return sent_cases.copied(tmp_path / "house")


def respond(place: Place, file: Path, *words: str) -> Spoken:
    said = place.say("respond", "--book", str(place.book), str(file), *words)
    assert not any(secret in said.out + said.err for secret in SECRETS)
    return said


def states(place: Place) -> dict[str, str]:
    rows = place.rows(NEXT, "cases")
    return {str(r["account_code"]): str(r["state"]) for r in rows}


def test_sound_answers_are_one_entry_and_the_next_night_takes_them(answered_cases: Answered) -> None:
    house, said = answered_cases.place, answered_cases.said
    [entry] = inbox(house)
    assert (said.code, said.out) == (0, "")
    assert "4 answers recorded for the first night from 2026-11-21" in said.err
    assert (entry["kind"], entry["decided_on"], entry["by"]) == ("answer", "2026-11-21", "all, b02, north")
    kept = sorted(("row", "episode", *(c.name for c in COLUMNS)))
    assert [sorted(row) for row in entry["body"]["rows"]] == [kept] * 4
    assert not answered_cases.file.with_name("a.csv.refused.csv").exists()
    [judged] = [stage.note for stage in answered_cases.log.stages if stage.name == "judge"]
    assert "everyone" not in judged  # an answer touches nobody
    assert states(house) == {
        "A1": "correction_due",
        "A2": "holder_confirmed",
        "A3": "undetermined",
        "A4": "undetermined",
    }
    answered = [e for e in house.rows(NEXT, "case_events") if e["event"] == "answered"]
    assert sorted(str(e["by"]) for e in answered) == ["all", "all", "b02", "north"]
    before = house.tree()
    again = respond(house, answered_cases.file, "--on", AFTER.isoformat())
    assert (again.code, "already taken" in again.err) == (0, True)
    assert changed(before, house.tree()) == []


def test_the_sheet_that_was_sent_comes_back_with_the_answers_at_its_right(house: Place, tmp_path: Path) -> None:
    """As its recipient's spreadsheet saves it: other encodings, delimiters, dates; rows that wait are left blank."""
    titles, rows = sheet(house, "b02")
    given = {"核查结果": "4.0", "答复日期": "2026/11/21", "答复方": "b02", "证据编号": "'=函8"}
    full = [{**{title: row[title] for title in titles}, **given} for row in rows]
    said = respond(house, write(tmp_path / "b02.txt", full, encoding="utf-16", delimiter="\t"))
    assert (said.code, "1 answers recorded" in said.err) == (0, True)
    [row] = inbox(house)[0]["body"]["rows"]
    assert (row["outcome"], row["answered_on"], row["evidence_ref"]) == ("4", "2026-11-21", "=函8")
    titles, rows = sheet(house, "all")
    part = [{**r, **(dict.fromkeys(given, "") if r["账户标识"] != "A1" else {**given, "答复方": "all"})} for r in rows]
    said = respond(house, write(tmp_path / "all.csv", part, encoding="gbk", delimiter=";"))
    assert (said.code, "1 answers recorded" in said.err, "3 rows are not answered yet" in said.err) == (0, True, True)


def test_the_same_file_twice_changes_nothing(house: Place, tmp_path: Path) -> None:
    file = write(tmp_path / "a.csv", [answer(house, "A1"), answer(house, "A2", "9")])
    assert respond(house, file).code == 0
    beside = file.with_name("a.csv.refused.csv")
    beside.unlink()
    before = house.tree()
    again = respond(house, file)
    assert (again.code, "already taken" in again.err) == (0, True)
    assert changed(before, house.tree()) == []
    assert not beside.exists()


def test_rows_that_do_not_hold_are_refused_and_the_others_taken(house: Place, tmp_path: Path) -> None:
    known = cases(house)
    rows = [
        answer(house, "A1", "1", comment="=HYPERLINK(0)"),
        answer(house, "A2", "4", evidence_ref="", comment="=cmd|' /C calc'!A0"),
        {**answer(house, "A3"), "case_id": "CA-" + "0" * 24},
        {**answer(house, "A4"), "row_token": known["A4"]["row_token"][:-1] + "x", "answered_on": "21/11/2026"},
    ]
    file = write(tmp_path / "a.csv", [{**row, "注": "+1"} for row in rows])
    said = respond(house, file)
    assert (said.code, "1 answers recorded" in said.err, "3 rows refused" in said.err) == (0, True, True)
    beside = file.with_name("a.csv.refused.csv")
    assert str(beside) in said.err
    assert stat.S_IMODE(beside.stat().st_mode) == 0o600
    assert beside.read_bytes().startswith(b"\xef\xbb\xbf")
    told = refused(file)
    assert [row["case_id"] for row in told] == [row["case_id"] for row in rows[1:]]
    assert [[part.split(":")[0] for part in row["refused"].split("; ") if ":" in part] for row in told] == [
        ["no_evidence"],
        ["unknown_case"],
        ["unclear_date", "wrong_token"],
    ]
    assert told[0]["comment"] == "'" + rows[1]["comment"]
    assert {row["注"] for row in told} == {"'+1"}
    assert plain(told[0]["comment"]) == rows[1]["comment"]
    assert list(told[0])[-1] == "refused"


@pytest.mark.parametrize("form", ["table", "json", "csv"])
def test_what_became_of_each_row_is_said_on_stdout_where_it_is_asked(house: Place, tmp_path: Path, form: str) -> None:
    known = cases(house)
    rows = [
        answer(house, "A1", "1"),
        {**answer(house, "A2"), "case_id": NUMBER},  # whatever a person typed there is not said again
        answer(house, "A1", "1"),
        {**known["A4"], "outcome": "", "answered_on": "", "answered_by": ""},
        answer(house, "A3", "4", evidence_ref=""),
    ]
    file = write(tmp_path / "a.csv", rows)
    file.write_bytes(file.read_bytes() + b'"x\r\n')
    said = respond(house, file, "--format", form)
    told = [
        (1, known["A1"]["case_id"], "taken", None),
        (2, None, "refused", "unknown_case"),
        (3, known["A1"]["case_id"], "repeated", None),
        (4, None, "unanswered", None),
        (5, known["A3"]["case_id"], "refused", "no_evidence"),
        (6, None, "refused", "bad_quotes"),
    ]
    names = ("row", "case_id", "result", "reasons")
    if form == "json":
        assert [tuple(row[name] for name in names) for row in json.loads(said.out)] == told
    elif form == "csv":
        found = list(csv.DictReader(io.StringIO(said.out)))
        assert [tuple(row.values()) for row in found] == [tuple("" if c is None else str(c) for c in t) for t in told]
    else:
        assert [all(str(cell) in said.out for cell in row if cell is not None) for row in told] == [True] * 6
    assert (said.code, "1 answers recorded" in said.err, "3 rows refused" in said.err) == (0, True, True)
    again = respond(house, file, "--format", "json")
    assert (again.code, json.loads(again.out)) == (0, [])


def test_a_corrected_file_of_refusals_is_taken(house: Place, tmp_path: Path) -> None:
    file = write(tmp_path / "a.csv", [answer(house, "A1", "4", evidence_ref="", comment="-1")])
    assert respond(house, file).code == 2
    assert inbox(house) == []
    [row] = refused(file)
    mended = write(tmp_path / "mended.csv", [{**row, "evidence_ref": "e"}])
    assert respond(house, mended).code == 0
    assert inbox(house)[0]["body"]["rows"][0]["comment"] == "-1"
    again = write(tmp_path / "again.csv", [{**row, "outcome": "8"}])
    assert respond(house, again).code == 2
    assert list(refused(again)[0]).count("refused") == 1


def test_a_file_for_another_book_is_refused_row_by_row(house: Place, tmp_path: Path) -> None:
    rows = [{**answer(house, account), "case_id": f"CA-{n:024x}"} for n, account in enumerate(("A1", "A2"))]
    file = write(tmp_path / "a.csv", rows)
    said = respond(house, file)
    assert (said.code, inbox(house)) == (2, [])
    assert ["unknown_case" in row["refused"] for row in refused(file)] == [True, True]


def test_tokens_swapped_between_rows_are_refused(house: Place, tmp_path: Path) -> None:
    one, two, three = (answer(house, account) for account in ("A1", "A2", "A3"))
    swapped = [{**one, "row_token": two["row_token"]}, {**two, "row_token": one["row_token"]}, three]
    file = write(tmp_path / "a.csv", swapped)
    assert respond(house, file).code == 0
    assert ["token_of_another_case" in row["refused"] for row in refused(file)] == [True, True]
    assert [row["case_id"] for row in inbox(house)[0]["body"]["rows"]] == [three["case_id"]]


def test_a_case_twice_with_different_outcomes_is_refused_and_with_equal_ones_taken_once(
    house: Place, tmp_path: Path
) -> None:
    rows = [answer(house, "A1", "1"), answer(house, "A2", "0"), answer(house, "A1", "3"), answer(house, "A2", "0")]
    file = write(tmp_path / "a.csv", rows)
    said = respond(house, file)
    assert [row["outcome"] for row in refused(file)] == ["1", "3"]
    assert all("contradicts_row" in row["refused"] for row in refused(file))
    assert (said.code, "1 rows say what an earlier row says" in said.err) == (0, True)
    assert [row["row"] for row in inbox(house)[0]["body"]["rows"]] == [2]


def test_a_row_that_is_wrong_otherwise_still_contradicts_the_other(house: Place, tmp_path: Path) -> None:
    rows = [answer(house, "A1", "1"), answer(house, "A1", "3", answered_on="3/1/2026")]
    file = write(tmp_path / "a.csv", rows)
    assert respond(house, file).code == 2
    assert len(refused(file)) == 2


@pytest.mark.parametrize(
    ("who", "account", "is_taken"),
    [("all", "A3", True), ("b01", "A1", True), ("b02", "A1", False), ("north", "A3", False), ("nobody", "A1", False)],
)
def test_who_may_answer(house: Place, tmp_path: Path, who: str, account: str, is_taken: bool) -> None:
    file = write(tmp_path / "a.csv", [answer(house, account, answered_by=who)])
    assert (respond(house, file).code == 0) is is_taken


def test_no_number_phone_or_name_of_a_person_is_kept_and_the_night_checks_again(house: Place, tmp_path: Path) -> None:
    """SPEC 10.4: what is written freely may hold anything; the book keeps none of it, nor does what it publishes."""
    rows = [
        answer(house, "A1", "4", evidence_ref=f"{NUMBER} 复印件", comment="欧 阳测 试，电话 139-1234-5678"),
        answer(house, "A3", "5", evidence_ref="欧阳 测试的声明", comment="１１０１０５１９４９１２３１００２Ｘ\x1b[2J"),
        answer(house, "A4", "4", evidence_ref="", comment=f"司马测试 {NUMBER}"),
    ]
    file = write(tmp_path / "a.csv", rows)
    assert respond(house, file).code == 0
    assert len(refused(file)) == 1
    kept = inbox(house)[0]["body"]["rows"]
    assert [(row["evidence_ref"], row["comment"]) for row in kept] == [
        ("*** 复印件", "***，电话 ***"),
        ("***的声明", "*** [2J"),
    ]
    # Two files of one day that contradict each other: each was sound when it was handed in.
    respond(house, write(tmp_path / "b.csv", [answer(house, "A2", "1"), answer(house, "A4", "2")]))
    respond(house, write(tmp_path / "c.csv", [answer(house, "A4", "1")]))
    outcome = house.night(NEXT)
    assert len([line for line in outcome.summary["refused_decisions"] if "contradicts" in line]) == 2
    assert "contradicts it" in (house.folder(NEXT) / "night.html").read_text(encoding="utf-8")
    assert states(house) == {"A1": "correction_due", "A2": "correction_due", "A3": "correction_due", "A4": "sent"}
    kept_texts = [p for p in (house.book / "nights" / NEXT.isoformat()).rglob("*") if p.suffix in {".json", ".html"}]
    for path in [*kept_texts, *(house.book / "inbox").iterdir()]:
        assert not any(secret in path.read_text(encoding="utf-8") for secret in SECRETS)
    assert not any(s in json.dumps(house.rows(NEXT, "case_events"), default=str) for s in SECRETS)


def test_the_day_is_the_latest_answer_or_the_one_given(house: Place, tmp_path: Path) -> None:
    early = [answer(house, "A1", answered_on="2026-10-01"), answer(house, "A2", "0", answered_on=AFTER.isoformat())]
    respond(house, write(tmp_path / "a.csv", early))
    assert inbox(house)[0]["decided_on"] == AFTER.isoformat()
    late = answer(house, "A3", answered_on="2026-10-01")
    respond(house, write(tmp_path / "b.csv", [late]))
    assert sorted(e["decided_on"] for e in inbox(house)) == [NEXT.isoformat(), AFTER.isoformat()]
    respond(house, write(tmp_path / "c.csv", [{**late, "comment": "x"}]), "--on", "2026-12-24")
    assert inbox(house)[-1]["decided_on"] == "2026-12-24"


@pytest.mark.parametrize(("day", "on"), [("2027-11-22", ()), ("2026-12-02", ("--on", "2026-12-01"))])
def test_an_answer_from_too_far_ahead_is_refused(house: Place, tmp_path: Path, day: str, on: tuple[str, ...]) -> None:
    file = write(tmp_path / "a.csv", [answer(house, "A1", answered_on=day)])
    assert respond(house, file, *on).code == 2
    assert "too_late" in refused(file)[0]["refused"]


def test_without_a_night_a_key_or_an_answer_nothing_is_recorded(house: Place, tmp_path: Path) -> None:
    empty = Place(tmp_path / "empty")
    empty.root.mkdir()
    empty.made()
    file = write(tmp_path / "a.csv", [answer(house, "A1")])
    said = respond(empty, file)
    assert (said.code, "no sealed night" in said.err) == (2, True)
    before = house.tree()
    bare = {k: v for k, v in house.environment().items() if k != "CREDITAUDIT_KEY_FILE"}
    assert house.say("respond", "--book", str(house.book), str(file), environment=bare).code == 2
    blank = write(tmp_path / "b.csv", [{**cases(house)["A1"], "outcome": "", "answered_on": "", "answered_by": ""}])
    said = respond(house, blank)
    assert (said.code, "no row is answered" in said.err) == (2, True)
    said = respond(house, write(tmp_path / "c.csv", [{"x": "y"}]))
    assert (said.code, "lacks case_id" in said.err) == (2, True)
    assert changed(before, house.tree()) == []
    assert NIGHT.isoformat() in before["latest"]


def test_the_names_of_the_cases_person_are_hidden_as_well_as_those_of_whoever_has_the_account_now(
    engine: Engine,
) -> None:
    """SPEC 10.4: an institution may have put another person's number in; who was robbed is named all the same."""
    text = pa.string()
    case = [("case_id", text), ("episode", pa.int32())]
    spoken = pa.schema([("row", pa.int64()), *case, ("evidence_ref", text), ("comment", text)])
    subject = [("provider_code", text), ("subject", text)]
    one = {"case_id": "CA-1", "episode": 2}
    rows = [{"row": 1, **one, "comment": "张三"}, {"row": 2, **one, "episode": 1, "comment": "张三"}, {"row": 3, **one}]
    engine.load("held_answers", pa.Table.from_pylist(rows, schema=spoken))
    known = [{**one, "provider_code": "B01", "subject": "account:A"}]
    engine.load("previous_cases", pa.Table.from_pylist(known, schema=pa.schema([*case, *subject])))
    now = [{"provider_code": "B01", "subject": "account:A", "id_norm": OTHER_NUMBER}]
    engine.load("standing_case_subjects", pa.Table.from_pylist(now, schema=pa.schema([*subject, ("id_norm", text)])))
    lives = [{**one, "id_norm": NUMBER}]
    engine.load("standing_case_life", pa.Table.from_pylist(lives, schema=pa.schema([*case, ("id_norm", text)])))
    found = engine.fetch(f"{PEOPLE} ORDER BY ALL").to_pylist()
    assert found == [{"row": 1, "id_norm": number} for number in sorted((NUMBER, OTHER_NUMBER))]
