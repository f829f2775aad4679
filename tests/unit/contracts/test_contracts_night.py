"""The contract within a night: sealed with it, changed without Python, never in the way of what is found."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
from contract_cases import said, suite_bytes
from kit import NIGHT

from creditaudit.contracts.suite import shipped_suites
from creditaudit.errors import InternalError, UsageError
from place import Place, changed

if TYPE_CHECKING:
    from datetime import date
    from pathlib import Path

GOOD = {
    "provider_code": "B19001000H0001",
    "account_code": "A1",
    "report_date": "2026-11-19",
    "name": "测试",
    "id_type": "10",
    "id_number": "11010519491231002X",
    "account_type": "D1",
    "opened_at": "2020-01-02 10:00:00",
}
EVENT = {
    "event_id": "E1",
    "id_number": "11010519491231002X",
    "event": "reported_lost",
    "effective_at": "2019-01-01",
}
LOSS = {"report_no": "L1", "id_number": "11010519491231002X", "reported_at": "2019-01-01"}


@pytest.fixture
def place(tmp_path: Path) -> Place:
    made = Place(tmp_path).made()
    made.deliver(NIGHT, "accounts", [GOOD, {**GOOD, "account_code": "A2", "status": "77"}])
    made.deliver(NIGHT, "invalid_cards", [EVENT])
    made.deliver(NIGHT, "loss_reports", [LOSS])
    return made


def own_suite(place: Place, *expectations: dict[str, object]) -> None:
    """Put a suite into the book, as a person does: a file, no Python."""
    shipped = json.loads((shipped_suites() / "accounts" / "v1.json").read_bytes())
    shipped["expectations"] += expectations
    path = place.book / "reference" / "contracts" / "accounts" / "v1.json"
    path.parent.mkdir(parents=True)
    path.write_text(json.dumps(shipped), encoding="utf-8")


def result(place: Place, day: date = NIGHT) -> dict[str, object]:
    return json.loads((place.folder(day) / "contracts" / "accounts.json").read_bytes())


def test_results_and_suites_are_sealed_with_the_night(place: Place) -> None:
    outcome = place.night(NIGHT)
    manifest = json.loads((outcome.folder / "manifest.json").read_bytes())
    named = {f["path"] for f in manifest["files"]}
    assert {f"contracts/{feed}.json" for feed in ("accounts", "invalid_cards", "loss_reports")} <= named
    assert "contracts/openings.json" not in named  # nothing came, so nothing passed
    assert {"contracts/profile.parquet", "reference/contracts/openings/v1.json"} <= named
    assert result(place)["success"] is True
    assert outcome.summary["warnings"] == []


def test_an_expectation_of_one_s_own_works_without_python(place: Place) -> None:
    own_suite(place, said("column_values_to_be_in_set", column="status", value_set=["1", "2"]))
    outcome = place.night(NIGHT)
    assert outcome.summary["warnings"] == [
        "accounts: expect_column_values_to_be_in_set(status) is not met by 1 of 1 rows, first f.csv row 2"
    ]
    last = result(place)["results"][-1]
    assert last["success"] is False
    assert last["result"]["partial_unexpected_index_list"] == [{"status": "(not shown)", "file": "f.csv", "row": 2}]
    assert (place.folder(NIGHT) / "reference" / "contracts" / "accounts" / "v1.json").read_bytes() == (
        place.book / "reference" / "contracts" / "accounts" / "v1.json"
    ).read_bytes()
    assert "is not met by 1 of 1 rows" in (place.folder(NIGHT) / "night.html").read_text(encoding="utf-8")


def test_a_warning_changes_nothing_that_is_found(place: Place, tmp_path: Path) -> None:
    other = place.copied(tmp_path / "other")
    own_suite(other, said("column_values_to_be_in_set", column="status", value_set=["1", "2"]))
    place.night(NIGHT)
    other.night(NIGHT)
    differing = changed(place.sealed(), other.sealed())
    assert [name for name in differing if "/published/" in name] == []
    assert any(name.endswith("contracts/accounts.json") for name in differing)


def test_information_is_recorded_and_not_listed(place: Place) -> None:
    own_suite(place, said("column_values_to_be_null", "info", column="status"))
    outcome = place.night(NIGHT)
    assert outcome.summary["warnings"] == []
    assert result(place)["results"][-1]["success"] is False


def test_a_broken_promise_seals_nothing(place: Place) -> None:
    own_suite(place, said("column_values_to_be_null", "critical", column="status"))
    with pytest.raises(InternalError, match="what the intake promises"):
        place.night(NIGHT)
    assert list((place.book / "nights").iterdir()) == []
    spoken = place.say(*place.asked("--night", NIGHT.isoformat()))
    assert spoken.code == 70
    assert "expect_column_values_to_be_null(status)" in spoken.err


def test_an_unknown_type_is_refused_before_anything_is_read(place: Place) -> None:
    own_suite(place, said("column_values_to_be_lucky", column="status"))
    with pytest.raises(UsageError, match=r"expect_column_values_to_be_lucky.*not known") as refused:
        place.night(NIGHT)
    assert "reference/contracts/accounts/v1.json" in str(refused.value)
    spoken = place.say(*place.asked("--night", NIGHT.isoformat()))
    assert spoken.code == 2


def test_an_old_delivery_is_read_by_the_suite_of_its_day(place: Place) -> None:
    later = NIGHT.replace(day=NIGHT.day + 1)
    path = place.book / "reference" / "contracts" / "accounts" / "v2.json"
    path.parent.mkdir(parents=True)
    strict = said("column_values_to_be_null", column="status")
    path.write_bytes(suite_bytes(strict, version=2, in_force_from=later.isoformat()))
    assert place.night(NIGHT).summary["warnings"] == []
    place.deliver(later, "accounts", [{**GOOD, "account_code": "A3", "status": "9"}])
    place.deliver(later, "invalid_cards", [{**EVENT, "event_id": "E2"}])
    place.deliver(later, "loss_reports", [{**LOSS, "report_no": "L2"}])
    assert len(place.night(later).summary["warnings"]) == 1
    assert result(place)["meta"]["creditaudit"]["version"] == 1
    assert result(place, later)["meta"]["creditaudit"]["version"] == 2


def test_a_night_never_loads_the_library(place: Place) -> None:
    program = (
        "import sys; from creditaudit import cli; sys.argv = ['creditaudit', *sys.argv[1:]];"
        "\ntry: cli.main()"
        "\nexcept SystemExit as ended: print(ended.code, 'great_expectations' in sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, *place.asked("--night", NIGHT.isoformat())],
        env=place.environment(),
        capture_output=True,
        text=True,
        check=True,
        timeout=120,
    )
    assert done.stdout.split() == ["0", "False"]
