"""Who is judged on an ordinary night (SPEC 2): by count, in a book of a house where most things stay as they are."""

from __future__ import annotations

import shutil
from datetime import date, timedelta
from typing import TYPE_CHECKING

import pytest

from creditaudit.audit.tally import count_judged
from creditaudit.night import NightRequest, run_night
from creditaudit.runlog import RunLog
from place import Place

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from creditaudit.engines import Engine
    from place import Cells

FIRST, SECOND = date(2026, 11, 20), date(2026, 11, 21)
PEOPLE = 60
QUIET = {"event_id": "E0", "id_number": "110101199003070011", "event": "damaged", "effective_at": "2024-01-01"}


def number(person: int) -> str:
    """A citizen number with a right check character."""
    body = f"1101051970010{person:04d}"
    weights = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
    return body + "10X98765432"[sum(int(d) * w for d, w in zip(body, weights, strict=True)) % 11]


def account(person: int, code: str | None = None, **cells: str) -> Cells:
    base = {"provider_code": "B01", "account_code": code or f"A{person}", "report_date": "2026-11-19", "id_type": "10"}
    when = {"account_type": "D1", "opened_at": "2024-03-01 10:00:00"}
    links = dict.fromkeys(("settlement_provider_code", "settlement_account_code", "closed_on"), "")
    return {**base, **when, **links, "id_number": number(person), **cells}


def loss(person: int, **cells: str) -> Cells:
    row = {"report_no": f"L{person}", "id_number": number(person), "reported_at": "2024-01-10 10:00:00"}
    return {**row, "card_valid_from": "2020-01-01", "withdrawn_at": "", **cells}


def opening(person: int, **cells: str) -> Cells:
    row = {
        "provider_code": "B01",
        "account_code": f"A{person}",
        "card_valid_from": "2020-01-01",
        "session_id": f"S{person}",
    }
    return {**row, "handler_id_number": "", **cells}


def night(place: Place, day: date) -> str:
    """Run a night; tell what was looked at."""
    log = RunLog()
    run_night(NightRequest(place.book, place.landing, day, key_file=str(place.key), threads=1), log)
    return next(stage.note for stage in log.stages if stage.name == "judge")


def begin(place: Place, **before: list[Cells]) -> None:
    """Seal a first night of sixty persons with a violation each, with these rows beside or in place of theirs."""
    replaced = {row["account_code"]: row for row in before.pop("accounts", [])}
    people = [account(p) for p in range(PEOPLE)]
    place.deliver(FIRST, "accounts", [replaced.pop(r["account_code"], r) for r in people] + list(replaced.values()))
    place.deliver(FIRST, "openings", before.pop("openings", [opening(p) for p in range(PEOPLE)]))
    place.deliver(FIRST, "loss_reports", [loss(p) for p in range(PEOPLE)])
    place.deliver(FIRST, "invalid_cards", [QUIET])
    for feed, delivered in before.items():
        place.deliver(FIRST, feed, delivered)
    assert night(place, FIRST) == "everyone: first night"


@pytest.fixture(scope="module")
def begun(tmp_path_factory: pytest.TempPathFactory) -> Place:
    """The first night as it mostly is; each test goes on with a copy."""
    place = Place(tmp_path_factory.mktemp("begun")).made()
    begin(place)
    return place


@pytest.fixture
def place(begun: Place, tmp_path: Path) -> Place:
    return begun.copied(tmp_path)


@pytest.fixture
def looked(place: Place) -> Callable[..., str]:
    """Seal the first night, then one with these rows; tell what was looked at."""

    def run(rows: dict[str, list[Cells]], day: date = SECOND, **before: list[Cells]) -> str:
        if before:
            shutil.rmtree(place.landing)
            shutil.rmtree(place.root / "desk")
            place.key.unlink()
            begin(place.made(), **before)
        for feed, empty in (("accounts", account(0)), ("loss_reports", loss(0)), ("invalid_cards", QUIET)):
            place.deliver(day, feed, rows.pop(feed, [empty]))
        for feed, delivered in rows.items():
            place.deliver(day, feed, delivered)
        found = night(place, day)
        assert place.published(day, "findings").num_rows >= PEOPLE - 1
        return found

    return run


def test_a_night_that_repeats_what_is_known_looks_at_nobody(looked: Callable[..., str]) -> None:
    assert looked({}) == "0 accounts"


def test_persons_of_tonights_rows_are_judged_alone(looked: Callable[..., str]) -> None:
    """SPEC 2: persons in tonight's rows of any feed."""
    assert looked({"loss_reports": [loss(7, withdrawn_at="2024-02-01")]}) == "1 accounts"


def test_accounts_are_counted_by_what_tonight_changed_alone(
    looked: Callable[..., str], place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    """SPEC 8.5, accounts judged: an ordinary night counts those that it judges, before and after, and nobody else."""
    whole: list[str] = []

    def count_all(engine: Engine, left_out: str) -> None:
        whole.append(left_out)
        count_judged(engine, left_out)

    monkeypatch.setattr("creditaudit.night.count_judged", count_all)
    debt = {"provider_code": "B02", "account_type": "C1", "opened_at": "2025-05-05", "original_provider_code": "B01"}
    moved = {"provider_code": "B01", "old_account_code": "A3", "new_provider_code": "B02", "new_account_code": "N3"}
    accounts = [
        account(7, report_date="2026-11-20", opened_at="2024-05-01"),  # of another quarter now
        account(8, "NEW", opened_at="2023-01-01"),
        account(9, report_date="2026-11-20") | {"id_number": number(99)},
        account(5, "D5", **debt, original_account_code="A5"),
        account(6, "D6", **debt, original_account_code="none"),
    ]
    rows = [{"original_provider_code": "", "original_account_code": "", **row} for row in accounts]
    here = {"openings": [opening(p) for p in range(PEOPLE)]}  # the first night is run here, not copied
    looked({"accounts": rows, "account_renames": [moved | {"effective_on": "2026-11-21"}]}, **here)
    assert len(whole) == 1  # the first night
    found = place.published(SECOND, "institutions").to_pylist()
    counts = {(r["provider_code"], r["quarter"]): r["value"] for r in found if r["measure"] == "accounts_judged"}
    assert counts == {
        ("B01", "2024Q1"): 58,
        ("B01", "2024Q2"): 1,
        ("B01", "2023Q1"): 1,
        ("B02", "2024Q1"): 2,
        ("B02", None): 1,
    }


def test_a_row_that_goes_to_another_person_touches_both(looked: Callable[..., str]) -> None:
    assert looked({"loss_reports": [loss(7) | {"id_number": number(8)}]}) == "2 accounts"


def test_accounts_that_reach_a_touched_one_are_judged_and_those_that_it_reaches_read(
    looked: Callable[..., str],
) -> None:
    """SPEC 2: settlement links; A9 leads to A7, A7 to A5, and nothing leads to A9."""
    links = [
        account(9, settlement_provider_code="B01", settlement_account_code="A7"),
        account(7, settlement_provider_code="B01", settlement_account_code="A5"),
    ]
    assert looked({"loss_reports": [loss(7, withdrawn_at="2024-02-01")]}, accounts=links) == "3 accounts"


def test_a_rename_brings_both_accounts_and_their_persons(looked: Callable[..., str]) -> None:
    renamed = {"provider_code": "B01", "old_account_code": "A3", "new_account_code": "A4", "effective_on": "2024-01-01"}
    assert looked({"account_renames": [renamed]}) == "2 accounts"


def test_a_rename_that_begins_between_two_nights_brings_them_by_the_date_alone(looked: Callable[..., str]) -> None:
    begins = {"effective_on": SECOND.isoformat()}
    renamed = {"provider_code": "B01", "old_account_code": "A3", "new_account_code": "A4", **begins}
    assert looked({}, account_renames=[renamed]) == "2 accounts"


def test_accounts_whose_handler_is_a_touched_impostor(looked: Callable[..., str]) -> None:
    """SPEC 2: accounts whose handler is a touched impostor."""
    openings = [opening(p, handler_id_number=number(99) if p < 3 else "") for p in range(PEOPLE)]
    listed = {"person_ref": "I1", "id_number": number(99), "finding_on": "2024-01-01"}
    assert looked({"impostors": [listed]}, openings=openings) == "3 accounts"


def test_a_check_by_session_touches_the_account_of_that_opening(looked: Callable[..., str]) -> None:
    check = {"provider_code": "B01", "check_id": "V1", "session_id": "S7", "checked_at": "2024-03-01 09:00:00"}
    assert looked({"verifications": [{**check, "check_kind": "face_match", "result": "fail"}]}) == "1 accounts"


def test_retention_that_ends_between_two_nights_is_seen_by_the_date_alone(looked: Callable[..., str]) -> None:
    """SPEC 2, 7.3: closed ten years before the first night."""
    day = date(2035, 11, 20)
    closed = [
        account(7, closed_on="2025-11-19"),
        account(8, closed_on="2025-11-21"),
        account(9, closed_on="2026-11-19"),
    ]
    assert looked({}, day, accounts=closed) == "1 accounts"


def test_quarantined_rows_touch_whose_number_they_hold(looked: Callable[..., str]) -> None:
    assert looked({"accounts": [account(7, opened_at="2024-13-01")]}) == "1 accounts"


def test_a_changed_reference_table_judges_everyone(looked: Callable[..., str], place: Place) -> None:
    """SPEC 2: everyone when rules, duties or reference tables changed; who gets reports judges nobody."""
    assert looked({}) == "0 accounts"
    for table, found in (
        ("recipients", "0 accounts"),
        ("institutions", "everyone: reference table institutions changed"),
    ):
        path = place.book / "reference" / f"{table}.csv"
        path.write_text(path.read_text(encoding="utf-8").rstrip("\n") + "\n\n", encoding="utf-8")
        day = max(place.book.joinpath("nights").iterdir()).name
        following = date.fromisoformat(day) + timedelta(days=1)
        for feed, row in (("accounts", account(0)), ("loss_reports", loss(0)), ("invalid_cards", QUIET)):
            place.deliver(following, feed, [row])
        log = RunLog()
        run_night(NightRequest(place.book, place.landing, following, key_file=str(place.key), threads=1), log)
        assert next(stage.note for stage in log.stages if stage.name == "judge") == found
