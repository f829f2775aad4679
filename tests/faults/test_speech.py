"""How a night speaks: JSON lines, exit 1 on new findings, internal errors without values (SPEC 2)."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, NoReturn

from faults.answers import assert_nothing_raw, next_night
from faults.conftest import HOLDER, deliver_sound
from reference.small import ACCOUNT, NEXT, NIGHT, NUMBER

if TYPE_CHECKING:
    import pytest

    from place import Place


def _objects(text: str) -> list[dict[str, object]]:
    found = [json.loads(line) for line in text.splitlines()]
    assert found
    assert all(isinstance(one, dict) for one in found)
    return found


def test_a_refusal_in_json(house: Place) -> None:
    """SPEC 2: ``--log-format json`` makes it one JSON object a line; as a process."""
    house.drop(NEXT, "loss_reports", b"")
    said = house.run("--log-format", "json", *next_night(house))
    assert (said.code, said.out) == (3, "")
    [error] = _objects(said.err)
    assert error["exit_code"] == 3
    assert "loss_reports/f.csv" in str(error["why"])
    assert error["next_step"]


def test_an_error_with_a_place_in_json(house: Place) -> None:
    """File, line and column are keys of their own."""
    table = house.book / "reference" / "institutions.csv"
    header = table.read_text(encoding="utf-8").partition("\n")[0]
    table.write_text(f"{header}\nB01,a,b,11,,2020-02-30,\n", encoding="utf-8")
    [error] = _objects(house.say("--log-format", "json", *next_night(house)).err)
    place = {key: error[key] for key in ("exit_code", "file", "line", "column")}
    assert place == {"exit_code": 2, "file": "reference/institutions.csv", "line": 2, "column": "valid_from"}


def test_usage_in_json(house: Place) -> None:
    """SPEC 2: everything a person must read, so also what the command line itself refuses."""
    said = house.say("--log-format", "json", *house.asked("--night", "2026-02-30"))
    assert said.code == 2
    [error] = _objects(said.err)
    assert error["exit_code"] == 2


def test_a_sealed_night_in_json(house: Place) -> None:
    """Notes of a degraded night are JSON lines too."""
    house.drop(NEXT, "accounts", b"", name="zero.csv")
    said = house.say("--log-format", "json", *next_night(house))
    assert said.code == 5
    assert any("accounts/zero.csv" in str(note["note"]) for note in _objects(said.err))


def test_an_unknown_log_format(house: Place) -> None:
    """Refused, not guessed."""
    said = house.say("--log-format", "xml", *next_night(house))
    assert said.code == 2
    assert "xml" in said.err


def test_exit_1_only_when_there_are_new_findings(house: Place) -> None:
    """SPEC 2: the same findings again are none; a new account of the same holder is one; without the option, 0."""
    assert house.say(*next_night(house, "--fail-on-findings")).code == 0
    third = NEXT.replace(day=NEXT.day + 1)
    deliver_sound(house, third)
    house.deliver(third, "accounts", [{**ACCOUNT, "account_code": "NEW"}], name="more.csv")
    copy = house.copied(house.root.parent / "copy")
    arguments = ("--night", third.isoformat())
    assert house.run(*house.asked(*arguments, "--fail-on-findings")).code == 1
    assert copy.say(*copy.asked(*arguments)).code == 0
    assert house.sealed() == copy.sealed(), "the option changes no sealed byte"


def test_degraded_comes_before_new_findings(sealed: Place) -> None:
    """SPEC 2: of several codes the first of 2, 4, 70, 3, 6, 5, 1, 0."""
    codes = [line.split()[0] for line in sealed.say("exit-codes").out.splitlines()]
    assert codes == ["2", "4", "70", "3", "6", "5", "1", "0"]


def test_new_findings_of_a_degraded_night(place: Place) -> None:
    """Exit 5, not 1."""
    deliver_sound(place, NIGHT, without=("invalid_cards",))
    said = place.say(*place.asked("--night", NIGHT.isoformat(), "--fail-on-findings"))
    assert said.code == 5
    assert place.published(NIGHT, "findings").num_rows


def test_an_error_that_nobody_foresaw_tells_no_values(house: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    """SPEC 10.4: an exception's own text may quote a row; only its kind and place are told."""

    def failing(*arguments: object, **named: object) -> NoReturn:
        raise ValueError(f"cannot read {NUMBER} of {HOLDER}")

    before = house.tree()
    with monkeypatch.context() as patched:
        patched.setattr("creditaudit.night.judge_night", failing)
        said = house.say(*next_night(house))
    assert (said.code, said.out) == (70, "")
    assert said.err.count("\n") == 1
    assert "ValueError" in said.err
    assert "Next step" in said.err
    assert_nothing_raw(said)
    assert house.tree() == before
