"""From a case to its person's number: written down first, a changed log is named; rotation of keys (SPEC 9, 10.4)."""

from __future__ import annotations

import json
import os
import stat
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import pytest

from creditaudit.book.access import Asked, check_accesses, record_access
from creditaudit.book.key_changes import destroy, retire, rotate
from creditaudit.book.keys import load_keys
from creditaudit.book.layout import open_book
from creditaudit.engines.duckdb import DuckDBEngine
from creditaudit.errors import BookBrokenError, StorageError, UsageError
from creditaudit.reveal import reveal
from reference.small import NEXT, NIGHT, NUMBER
from unit.responding import OTHER_NUMBER, SECRETS, Answered, answered, cases

if TYPE_CHECKING:
    from pathlib import Path

    from place import Place, Spoken

WHY = ("--by", "王审计", "--reason", "核实客户 2026-11-20")


@pytest.fixture
def house(sent_cases: Place, tmp_path: Path) -> Place:
    return sent_cases.copied(tmp_path / "house")


def case(place: Place, account: str = "A1") -> str:
    return cases(place)[account]["case_id"]


def ask(place: Place, account: str = "A1", *why: str) -> Spoken:
    return place.say("reveal", case(place, account), "--book", str(place.book), *(why or WHY))


def log(place: Place) -> Path:
    return place.book / "access" / "log.jsonl"


def lines(place: Place) -> list[dict[str, object]]:
    return [json.loads(line) for line in log(place).read_text(encoding="utf-8").splitlines()]


def checked(place: Place, *, with_key: bool = True) -> int:
    keys = load_keys(str(place.key), place.book) if with_key else None
    return check_accesses(open_book(place.book), keys)


def test_the_number_is_shown_and_the_access_is_on_record(house: Place) -> None:
    before = house.sealed()
    assert [(said.code, said.out) for said in (ask(house), ask(house, "A4"))] == [
        (0, f"{NUMBER}\n"),
        (0, f"{OTHER_NUMBER}\n"),
    ]
    first, second = lines(house)
    assert (first["access"], first["case_id"], first["by"], first["reason"]) == (1, case(house), WHY[1], WHY[3])
    assert (first["night"], second["previous"]) == (NIGHT.isoformat(), first["mark"])
    assert str(first["at"]).endswith("+08:00")
    assert (checked(house), checked(house, with_key=False)) == (2, 2)
    assert house.sealed() == before
    for path in (log(house), log(house).parent / "head.json"):
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(log(house).parent.stat().st_mode) == 0o700
    assert "2 times a person's number was shown" in house.say("verify", "--book", str(house.book)).out


def test_accesses_at_once_come_one_after_the_other(house: Place) -> None:
    keys, book = load_keys(str(house.key), house.book), open_book(house.book)
    asked = Asked(case(house), NIGHT.isoformat(), "王审计", "核实", "audit", "2026-11-21T08:00:00+08:00")
    with ThreadPoolExecutor(4) as pool:
        made = list(pool.map(lambda _: record_access(book, keys, asked).number, range(12)))
    assert sorted(made) == list(range(1, 13))
    assert checked(house) == 12


def test_the_log_holds_no_number_name_or_phone(house: Place) -> None:
    """What the asker writes is free text: what names the person is hidden in it."""
    written = f"查 {NUMBER}，欧阳 测试 电话 139-1234-5678"
    said = ask(house, "A1", "--by", f"李 {OTHER_NUMBER}", "--reason", written)
    assert said.code == 0
    content = log(house).read_text(encoding="utf-8")
    assert not [secret for secret in (*SECRETS, "欧阳 测试", "139-1234-5678") if secret in content]
    assert not [secret for secret in SECRETS if secret in said.err]


@pytest.mark.parametrize("missing", [("--by", " ", "--reason", "x"), ("--by", "x", "--reason", "")])
def test_nobody_and_no_reason_see_nothing(house: Place, missing: tuple[str, ...]) -> None:
    said = ask(house, "A1", *missing)
    assert (said.code, said.out) == (2, "")
    assert not log(house).exists()


def test_a_case_that_is_none_is_refused_with_the_nearest(house: Place) -> None:
    said = house.say("reveal", f"{case(house)[:-1]}_", "--book", str(house.book), *WHY)
    assert (said.code, said.out) == (2, "")
    assert case(house) in said.err
    assert not log(house).exists()


@pytest.mark.parametrize("failing", ["log", "head"])
def test_no_number_is_shown_when_the_log_cannot_be_written(
    house: Place, monkeypatch: pytest.MonkeyPatch, failing: str
) -> None:
    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(*(("os.fsync", full) if failing == "log" else ("pathlib.Path.replace", full)))
    said = ask(house)
    assert (said.code, said.out) == (70, "")
    monkeypatch.undo()
    assert ask(house).out == f"{NUMBER}\n"
    assert checked(house) == 2  # the one that failed is on record, too: nobody can say that it was not shown


def test_a_link_in_the_place_of_the_log_is_not_followed(house: Place, tmp_path: Path) -> None:
    log(house).parent.mkdir()
    log(house).symlink_to(tmp_path / "elsewhere")
    keys = load_keys(str(house.key), house.book)
    with pytest.raises(StorageError):
        reveal(open_book(house.book), keys, case(house), by="x", reason="y")
    assert not (tmp_path / "elsewhere").exists()


def _three(place: Place) -> list[bytes]:
    for account in ("A1", "A2", "A4"):
        assert ask(place, account).code == 0
    return log(place).read_bytes().splitlines(keepends=True)


CHANGES = {
    "reason": lambda ls: [ls[0], ls[1].replace("核实".encode(), "无关".encode()), ls[2]],
    "cut_in_the_middle": lambda ls: [ls[0], ls[2]],
    "cut_at_the_head": lambda ls: ls[1:],
    "cut_at_the_end": lambda ls: ls[:2],
    "cut_within_the_last": lambda ls: [*ls[:2], ls[2][:40]],
    "all": lambda _: [],
    "turned": lambda ls: [ls[1], ls[0], ls[2]],
    "twice": lambda ls: [*ls, ls[2]],
    "spelled_otherwise": lambda ls: [ls[0].replace(b'":"', b'": "', 1), *ls[1:]],
    "foreign": lambda ls: [*ls[:2], b"{}\n", ls[2]],
    "noise_behind": lambda ls: [*ls, b"x\n", b"y\n"],
}


@pytest.fixture(scope="module")
def thrice(sent_cases: Place, tmp_path_factory: pytest.TempPathFactory) -> Place:
    place = sent_cases.copied(tmp_path_factory.mktemp("thrice") / "house")
    _three(place)
    return place


@pytest.mark.parametrize("change", CHANGES)
def test_a_line_that_was_cut_or_changed_is_named_and_nothing_is_shown(
    thrice: Place, tmp_path: Path, change: str
) -> None:
    place = thrice.copied(tmp_path / "house")
    held = log(place).read_bytes().splitlines(keepends=True)
    log(place).write_bytes(b"".join(CHANGES[change](held)))
    with pytest.raises(BookBrokenError, match="log of accesses is broken") as broken:
        checked(place)
    assert broken.value.where is not None
    assert broken.value.where.line
    if change == "reason":  # what the commands make of it
        said, shown = place.say("verify", "--book", str(place.book)), ask(place)
        assert (said.code, "line 2" in said.err) == (70, True)
        assert (shown.code, shown.out) == (70, "")


@pytest.mark.parametrize("left", [None, b"", b"[]", b'{"access":3,"mark":"x"}', b'{"access":1,"mark":""}'])
def test_a_head_that_is_not_the_last_line_is_named(thrice: Place, tmp_path: Path, left: bytes | None) -> None:
    place = thrice.copied(tmp_path / "house")
    head = log(place).with_name("head.json")
    head.unlink() if left is None else head.write_bytes(left)
    with pytest.raises(BookBrokenError, match="log of accesses is broken"):
        checked(place)


def test_who_has_no_key_cannot_make_a_line(thrice: Place, tmp_path: Path) -> None:
    """Without the key the chain alone is checked; with it a line that somebody else made is found."""
    place = thrice.copied(tmp_path / "house")
    first, second, third = lines(place)
    third["reason"] = "无关"
    text = "".join(
        json.dumps(one, sort_keys=True, separators=(",", ":"), ensure_ascii=False) + "\n"
        for one in (first, second, third)
    )
    log(place).write_text(text, encoding="utf-8")
    assert checked(place, with_key=False) == 3
    with pytest.raises(BookBrokenError, match="mark does not fit") as broken:
        checked(place)
    assert broken.value.where is not None
    assert broken.value.where.line == 3


@pytest.mark.parametrize("left", [b"{", b'{"access":4,"at":"2026'])
def test_what_a_killed_run_left_of_a_line_stays_and_is_told(thrice: Place, tmp_path: Path, left: bytes) -> None:
    """It showed nothing. The next access vouches for it, so nobody can put such a line in later."""
    place = thrice.copied(tmp_path / "house")
    with log(place).open("ab") as file:
        file.write(left)
    assert checked(place) == 3
    assert ask(place).out == f"{NUMBER}\n"
    assert checked(place) == 4
    kept = log(place).read_bytes()
    assert b"\n" + left + b"\n" in kept
    log(place).write_bytes(kept.replace(b"\n" + left + b"\n", b"\n"))
    with pytest.raises(BookBrokenError):
        checked(place)


def test_a_run_killed_between_the_line_and_the_head_loses_nothing(thrice: Place, tmp_path: Path) -> None:
    place = thrice.copied(tmp_path / "house")
    head = log(place).with_name("head.json")
    before = head.read_bytes()
    assert ask(place).code == 0
    head.write_bytes(before)
    assert checked(place) == 4
    assert ask(place).code == 0
    assert checked(place) == 5


def test_a_token_resolves_until_its_key_is_retired_and_its_lines_are_proven_after(house: Place) -> None:
    assert ask(house).code == 0
    rotate(house.key)
    assert ask(house).out == f"{NUMBER}\n"
    assert lines(house)[0]["key_id"] != lines(house)[1]["key_id"]
    retire(house.key, "DEMO")
    said = ask(house)
    assert (said.code, said.out) == (2, "")
    assert "under a key that is in use" in said.err
    assert len(lines(house)) == 2
    destroy(house.key, "DEMO")
    assert ask(house).code == 2
    assert checked(house) == 2
    verified = house.say("verify", "--book", str(house.book))
    assert (verified.code, "hashes and seals hold" in verified.out) == (0, True)


@pytest.fixture(scope="module")
def rotated(sent_cases: Place, tmp_path_factory: pytest.TempPathFactory) -> Answered:
    """The key was rotated after the cases were sent; answers with the old row tokens, and the next night."""
    place = sent_cases.copied(tmp_path_factory.mktemp("rotated") / "house")
    rotate(place.key, "sm3")
    return answered(place)


def test_rotation_changes_nothing_but_tokens_of_later_nights(answered_cases: Answered, rotated: Answered) -> None:
    """SPEC 9. Answers with tokens of the superseded key are taken (8.2); case_ids were made once."""
    assert rotated.said.code == 0
    for table in ("findings", "cases", "case_events", "clearances", "quarantine", "coverage", "institutions"):
        new, old = (house.place.published(NEXT, table) for house in (rotated, answered_cases))
        told = [name for name in new.column_names if name != "person_token"]
        assert new.select(told).equals(old.select(told)), table
        assert rotated.place.published(NIGHT, table).equals(answered_cases.place.published(NIGHT, table))
        if "person_token" in new.column_names:
            assert set(new["person_token"].to_pylist()).isdisjoint(old["person_token"].to_pylist())
    found = rotated.place.say("verify", "--book", str(rotated.place.book))
    assert (found.code, "hashes and seals hold" in found.out) == (0, True)


def test_a_log_that_was_put_back_is_found_by_a_mark_that_was_noted(house: Place) -> None:
    """Log and head of an older copy are whole in themselves."""
    verify = ("verify", "--book", str(house.book), "--access")
    assert ask(house).code == 0
    older = {path: path.read_bytes() for path in log(house).parent.iterdir()}
    noted = ask(house, "A4").err.split("--access ")[1].split("`")[0]
    assert house.say(*verify, noted).code == 0
    for path, content in older.items():
        path.write_bytes(content)
    assert (checked(house), house.say(*verify, str(lines(house)[0]["mark"])).code) == (1, 0)
    said = house.say(*verify, noted)
    assert (said.code, "an older log was put in its place" in said.err) == (70, True)
    assert house.say(*verify, noted[:15]).code == 2


def test_a_failed_query_does_not_tell_the_number(house: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    """Errors of the engine quote the query."""
    asked: list[str] = []
    for name in ("fetch", "view", "table", "scan"):
        kept = getattr(DuckDBEngine, name)

        def heard(engine: DuckDBEngine, *words: Any, kept: Any = kept) -> Any:
            asked.append(str(words))
            return kept(engine, *words)

        monkeypatch.setattr(DuckDBEngine, name, heard)
    assert ask(house).out == f"{NUMBER}\n"
    assert asked
    assert NUMBER not in str(asked)


def test_after_a_rotation_the_new_key_reveals(rotated: Answered, tmp_path: Path) -> None:
    place = rotated.place.copied(tmp_path / "house")
    retire(place.key, "DEMO")
    assert ask(place).out == f"{NUMBER}\n"


def test_answers_with_tokens_of_a_retired_key_are_refused(sent_cases: Place, tmp_path: Path) -> None:
    place = sent_cases.copied(tmp_path / "house")
    rotate(place.key)
    retire(place.key, "DEMO")
    keys = load_keys(str(place.key), place.book)
    assert [key.state for key in keys.keys] == ["retired", "active"]
    file = place.root / "a.csv"
    file.write_text(
        f"case_id,row_token,outcome,answered_on,answered_by\n{case(place)},{cases(place)['A1']['row_token']},1,"
        f"{NEXT},all\n",
        encoding="utf-8",
    )
    said = place.say("respond", "--book", str(place.book), str(file), "--format", "json")
    assert (said.code, json.loads(said.out)[0]["result"]) == (2, "refused")


def test_the_environment_names_the_key_file_alone(house: Place) -> None:
    bare = {name: value for name, value in house.environment().items() if name != "CREDITAUDIT_KEY_FILE"}
    said = house.say("reveal", case(house), "--book", str(house.book), *WHY, environment=bare)
    assert (said.code, said.out) == (2, "")
    assert "creditaudit keys new FILE" in said.err
    with pytest.raises(UsageError):
        load_keys(None, house.book)
    assert os.environ.get("CREDITAUDIT_KEY_FILE") != str(house.key)
