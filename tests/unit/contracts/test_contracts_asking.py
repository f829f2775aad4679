"""What a suite says of rows: crashes told apart from failures, places named, nothing of a person's in a result."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from contract_cases import EXPECTATIONS, ROWS, compiled_of, said, write_part
from kit import NIGHT

from creditaudit.contracts.asking import PLACES, Outcome, ask
from creditaudit.contracts.contract import require_asked, require_kept
from creditaudit.contracts.results import suite_result
from creditaudit.errors import InternalError, StorageError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    import pyarrow as pa

    from creditaudit.engines import Engine


class Failing:
    """An engine that fails where it is told to; all else is the real one's."""

    def __init__(self, engine: Engine, fails: Callable[[str], bool], error: Exception) -> None:
        self._engine, self._fails, self._error = engine, fails, error

    def __getattr__(self, name: str) -> object:
        return getattr(self._engine, name)

    def fetch(self, select: str) -> pa.Table:
        if self._fails(select):
            raise self._error
        return self._engine.fetch(select)


CRASH = InternalError("a query failed", why="ConversionException in: SELECT secret", next_step="report")
GIVEN = said("column_values_to_not_be_null", "critical", column="amount")
GOOD = said("column_values_to_be_between", column="row", min_value=1)
CRASHING = said("column_values_to_match_regex", "critical", column="provider_code", regex="^B")


def test_a_crashed_check_is_neither_failed_nor_passed(engine: Engine, tmp_path: Path) -> None:
    compiled = compiled_of(GIVEN, CRASHING, GOOD)
    failing = Failing(engine, lambda sql: "regexp_matches" in sql, CRASH)
    failed, crashed, passed = ask(failing, compiled, write_part(tmp_path, "accounts", ROWS))
    assert (failed.success, failed.failed, failed.crash, failed.bad) == (False, True, None, 7)
    assert (crashed.success, crashed.failed, crashed.crash) == (False, False, "ConversionException")
    assert (passed.success, passed.failed, passed.crash) == (True, False, None)


def test_a_crash_stops_the_night_by_its_own_name(engine: Engine, tmp_path: Path) -> None:
    compiled = compiled_of(CRASHING, GOOD)
    failing = Failing(engine, lambda sql: "regexp_matches" in sql, CRASH)
    outcomes = ask(failing, compiled, write_part(tmp_path, "accounts", ROWS))
    with pytest.raises(InternalError, match="could not be made") as stopped:
        require_asked(compiled, outcomes)
    assert "secret" not in str(stopped.value)
    require_kept(compiled, outcomes)  # no promise is said to be broken


def test_a_crashed_check_is_told_apart_in_the_result(engine: Engine, tmp_path: Path) -> None:
    compiled = compiled_of(CRASHING, GIVEN)
    failing = Failing(engine, lambda sql: "regexp_matches" in sql, CRASH)
    outcomes = ask(failing, compiled, write_part(tmp_path, "accounts", ROWS))
    result = json.loads(suite_result(compiled, outcomes, NIGHT, []))
    crashed, failed = result["results"]
    assert crashed["exception_info"]["raised_exception"] is True
    assert crashed["result"] == {}
    assert failed["exception_info"]["raised_exception"] is False
    assert failed["result"]["unexpected_count"] == 7
    assert result["meta"]["creditaudit"]["crashed"] == 1
    assert result["statistics"]["successful_expectations"] == 0


def test_a_full_disk_is_no_crashed_check(engine: Engine) -> None:
    full = StorageError("full", why="no space", next_step="make room")
    with pytest.raises(StorageError):
        ask(Failing(engine, lambda sql: "count" in sql, full), compiled_of(GOOD), [])


def test_a_broken_promise_is_named_with_its_first_row(engine: Engine, tmp_path: Path) -> None:
    compiled = compiled_of(GOOD, GIVEN)
    outcomes = ask(engine, compiled, write_part(tmp_path, "accounts", ROWS))
    require_asked(compiled, outcomes)
    with pytest.raises(InternalError, match="does not hold") as broken:
        require_kept(compiled, outcomes)
    assert "expect_column_values_to_not_be_null(amount) is not met by 7 of 13 rows, first f.csv row 4" in str(
        broken.value
    )


@pytest.mark.parametrize("severity", ["warning", "info"])
def test_what_is_no_promise_never_stops_a_night(engine: Engine, tmp_path: Path, severity: str) -> None:
    compiled = compiled_of({**GIVEN, "severity": severity})
    require_kept(compiled, ask(engine, compiled, write_part(tmp_path, "accounts", ROWS)))


def test_the_first_bad_rows_are_named_in_order(engine: Engine, tmp_path: Path) -> None:
    rows = tuple({"account_code": "x"} for _ in range(50))
    (outcome,) = ask(
        engine,
        compiled_of(said("column_values_to_be_unique", column="account_code")),
        write_part(tmp_path, "accounts", rows),
    )
    assert outcome.bad == 50
    assert outcome.places == tuple(("f.csv", row) for row in range(1, PLACES + 1))


def test_the_query_of_a_result_lists_its_bad_rows(
    engine: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "intake" / "accounts").mkdir(parents=True)
    parts = write_part(tmp_path / "intake" / "accounts", "accounts", ROWS)
    compiled = compiled_of(*EXPECTATIONS)
    outcomes = ask(engine, compiled, parts)
    monkeypatch.chdir(tmp_path)  # the query is for the night's folder
    asked = 0
    for told in json.loads(suite_result(compiled, outcomes, NIGHT, []))["results"]:
        query = told["result"].get("unexpected_index_query")
        if query is not None:
            found = engine.fetch(query).to_pylist()
            listed = told["result"]["partial_unexpected_index_list"]
            assert [(r["file"], r["row"]) for r in found] == [(r["file"], r["row"]) for r in listed]
            assert len(found) == told["result"]["unexpected_count"]
            asked += 1
    assert asked > 20


PLANTED = ("110105194912310021", "欧阳种植", "13900001111", "plantedcode")


def test_no_value_of_a_row_enters_a_result(engine: Engine, tmp_path: Path) -> None:
    number, name, phone, code = PLANTED
    rows = (
        {
            "provider_code": number,  # shifted cells: anything may stand anywhere
            "account_code": code,
            "id_number": number,
            "name": name,
            "status": name,
            "currency": phone,
            "region_code": number,
            "amount": int(phone),
        },
    ) * 2
    columns = ("provider_code", "account_code", "id_number", "id_norm", "name", "name_norm", "status", "currency")
    expectations = [
        *(said("column_values_to_match_regex", column=c, regex="^never$") for c in columns),
        *(said("column_values_to_be_null", column=c) for c in columns),
        *(said("column_values_to_be_unique", column=c) for c in columns),
        said("column_values_to_be_between", column="amount", max_value=1),
        said("compound_columns_to_be_unique", column_list=list(columns)),
    ]
    compiled = compiled_of(*expectations)
    outcomes = ask(engine, compiled, write_part(tmp_path, "accounts", rows))
    assert all(o.failed for o in outcomes)
    text = suite_result(compiled, outcomes, NIGHT, []).decode()
    assert [value for value in PLANTED if value in text] == []


def test_the_same_rows_give_the_same_bytes(engine: Engine, tmp_path: Path) -> None:
    compiled = compiled_of(*EXPECTATIONS)
    parts = write_part(tmp_path, "accounts", ROWS)
    assert suite_result(compiled, ask(engine, compiled, parts), NIGHT, []) == suite_result(
        compiled, ask(engine, compiled, parts), NIGHT, []
    )


def test_a_share_is_met_at_its_bound() -> None:
    check = compiled_of(said("column_values_to_not_be_null", column="name", mostly=0.9)).checks[0]
    assert Outcome(check, 10, 10, 1).success
    assert not Outcome(check, 100, 100, 11).success
    assert Outcome(check, 0, 0, 0).success
