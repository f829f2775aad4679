"""Notices: twins, withdrawals, collections, unreadable cells (SPEC 5, 12)."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from creditaudit.audit.notices import build_notices, count_ignored
from unit.kit import OTHER, PERSON, day_number, interval, seconds, stand

if TYPE_CHECKING:
    from creditaudit.engines import Engine

Row = dict[str, Any]


def report(no: str = "L1", **cells: Any) -> Row:
    return {"report_no": no, "id_number": PERSON, "reported_at": "2024-03-10 10:00:00", **cells}


def event(no: str = "E1", kind: str = "reported_lost", **cells: Any) -> Row:
    return {"event_id": no, "id_number": PERSON, "event": kind, "effective_at": "2024-03-10 10:00:00", **cells}


def issuance(valid_from: str, collected: str | None = None, **cells: Any) -> Row:
    row = {"id_number": PERSON, "card_valid_from": valid_from, "kind": "permanent", "collected_at": collected}
    return {**row, **cells}


def notices(engine: Engine, **feeds: list[Row]) -> dict[str, Row]:
    stand(engine, **feeds)
    build_notices(engine)
    rows = engine.fetch("SELECT * FROM notices").to_pylist()
    found = {row["notice_id"]: row for row in rows}
    assert len(found) == len(rows)
    return found


def counts(engine: Engine) -> dict[str, int]:
    return count_ignored(engine)


# --- kinds ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("reported_lost", "lost"),
        ("replaced", "superseded"),
        ("renewed", "superseded"),
        ("damaged", "superseded"),
        ("name_changed", "superseded"),
        ("item_error", "superseded"),
        ("cancelled_death", "cancelled"),
        ("cancelled_other", "cancelled"),
    ],
)
def test_what_each_event_becomes(engine: Engine, name: str, kind: str) -> None:
    found = notices(engine, invalid_cards=[event("E1", name, card_valid_from="2020-01-01")])["E1"]
    assert (found["kind"], found["event"], found["notice_source"]) == (kind, name, "invalid_cards")
    assert (found["reported_from"], found["noticed_on"]) == (seconds("2024-03-10 10:00:00"), day_number("2020-01-01"))
    assert found["lost_from"] is None


def test_a_superseded_event_without_a_card_is_ignored_and_counted(engine: Engine) -> None:
    rows = [event("E1", "replaced"), event("E2", "cancelled_other"), event("E3")]
    assert sorted(notices(engine, invalid_cards=rows)) == ["E2", "E3"]
    assert counts(engine)["superseded_without_card"] == 1


def test_a_malformed_number_makes_no_notice(engine: Engine) -> None:
    """SPEC 4: bad_form is never matched."""
    bad = {"id_number": "X", "id_status": "bad_form"}
    assert notices(engine, loss_reports=[report(**bad)], invalid_cards=[event(**bad)]) == {}


@pytest.mark.parametrize(
    ("cells", "visible"),
    [
        ({}, ("2024-03-10 10:00:00", None)),
        ({"entered_at": "2024-03-12"}, ("2024-03-12 00:00:00", None)),
        ({"entered_at": "2024-03-12", "visible_at": "2024-03-15"}, ("2024-03-15 00:00:00", "2024-03-15 23:59:59")),
        ({"visible_at": "2024-03-15"}, ("2024-03-15 00:00:00", "2024-03-15 23:59:59")),
    ],
)
def test_from_when_institutions_could_see_it(engine: Engine, cells: Row, visible: tuple[str, str | None]) -> None:
    found = notices(engine, loss_reports=[report(**cells)], invalid_cards=[event("E9", "cancelled_other", **cells)])
    for name in ("L1", "E9"):
        expected = (seconds(visible[0]), None if visible[1] is None else seconds(visible[1]))
        assert (found[name]["visible_from"], found[name]["visible_to"]) == expected


# --- withdrawals ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("at", "effective"),
    [("2024-03-10 09:59:59", False), ("2024-03-10 10:00:00", True), ("2024-03-10", True), ("2024-03-09", False)],
)
def test_a_withdrawal_certainly_before_the_report_has_no_effect(engine: Engine, at: str, effective: bool) -> None:
    [found] = notices(engine, loss_reports=[report(withdrawn_at=at)]).values()
    assert (found["withdrawn_from"] is not None) is effective


@pytest.mark.parametrize(
    ("at", "effective"), [("2024-05-01 12:00:00", True), ("2024-05-01", True), ("2024-05-02", False)]
)
def test_a_withdrawal_certainly_after_the_next_card_was_collected_has_no_effect(
    engine: Engine, at: str, effective: bool
) -> None:
    cards = [issuance("2024-04-01", "2024-05-01 12:00:00")]
    [found] = notices(engine, loss_reports=[report(withdrawn_at=at)], issuances=cards).values()
    assert (found["withdrawn_from"] is not None) is effective


def test_an_event_is_withdrawn_by_the_earliest_event_of_its_person_that_names_it(engine: Engine) -> None:
    rows = [
        event("E1"),
        event("W1", "withdrawn", effective_at="2024-04-02", withdraws_event_id="E1"),
        event("W2", "withdrawn", effective_at="2024-04-01", withdraws_event_id="E1"),
        event("W3", "withdrawn", effective_at="2024-03-11", withdraws_event_id="E1", id_number=OTHER),
        event("W4", "withdrawn", effective_at="2024-03-11"),
    ]
    found = notices(engine, invalid_cards=rows)
    assert list(found) == ["E1"]
    assert found["E1"]["withdrawn_from"] == seconds("2024-04-01")
    assert counts(engine)["withdrawal_of_nothing_known"] == 2


@pytest.mark.parametrize("kind", ["replaced", "cancelled_death", "cancelled_other"])
def test_a_withdrawn_superseded_or_cancelled_event_is_annulled(engine: Engine, kind: str) -> None:
    rows = [
        event("E1", kind, card_valid_from="2020-01-01"),
        event("W1", "withdrawn", effective_at="2020-01-01", withdraws_event_id="E1"),
    ]
    assert notices(engine, invalid_cards=rows) == {}
    assert counts(engine)["withdrawal_of_nothing_known"] == 0
    rows[1]["id_number"] = OTHER
    assert list(notices(engine, invalid_cards=rows)) == ["E1"]


# --- collected -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("cards", "lost", "collected"),
    [
        ([issuance("2024-03-09", "2024-03-20")], None, "2024-03-20"),  # collected after the report
        ([issuance("2024-03-09", "2024-03-10")], None, None),  # neither issued nor certainly collected after it
        ([issuance("2024-03-10", "2024-03-10")], None, "2024-03-10"),  # issued on the day of the report
        ([issuance("2024-03-01", "2024-03-05")], "2024-03-01 23:00", "2024-03-05"),  # issued on the day of the loss
        ([issuance("2024-02-29", "2024-03-05")], "2024-03-01", None),
        ([issuance("2024-04-01", "2024-05-02"), issuance("2024-04-02", "2024-05-01")], None, "2024-05-01"),
        ([issuance("2024-04-01", "2024-05-01"), issuance("2024-04-02", "2024-05-01 00:00:00")], None, None),
        ([issuance("2024-04-01")], None, None),
        ([issuance("2024-04-01", "2024-05-01", id_number=OTHER)], None, None),
        ([issuance("2024-04-01", "2024-05-01", kind="temporary")], None, "2024-05-01"),
    ],
)
def test_when_the_next_card_was_collected(
    engine: Engine, cards: list[Row], lost: str | None, collected: str | None
) -> None:
    [found] = notices(engine, loss_reports=[report(lost_at=lost)], issuances=cards).values()
    if len(cards) == 2 and collected is None:  # of two with one beginning, the one that ends first
        assert found["collected_to"] == found["collected_from"] == seconds("2024-05-01 00:00:00")
    else:
        expected = None if collected is None else tuple(map(_second, interval(collected)))
        assert (
            None if found["collected_from"] is None else (found["collected_from"], found["collected_to"])
        ) == expected


def _second(instant: Any) -> int:
    return seconds(instant.strftime("%Y-%m-%d %H:%M:%S"))


# --- unreadable ----------------------------------------------------------------------------------------------------


def test_unreadable_cells_are_marked_by_their_own_column(engine: Engine) -> None:
    found = notices(
        engine,
        loss_reports=[
            report("L1", dropped="bad_type:withdrawn_at"),
            report("L2", dropped="bad_type:channel;bad_type:withdrawn_at", reported_at="2022-01-01"),
            report("L3", dropped="impossible_date:card_valid_from", reported_at="2021-01-01"),
            report("L4", dropped="bad_type:card_valid_to", reported_at="2020-01-01"),
        ],
    )
    marks = {no: (row["withdrawn_unreadable"], row["noticed_unreadable"]) for no, row in found.items()}
    assert marks == {"L1": (True, False), "L2": (True, False), "L3": (False, True), "L4": (False, False)}


def test_an_unreadable_collection_of_any_issuance_of_the_person_is_one(engine: Engine) -> None:
    """SPEC 12: any issuance of the person."""
    cards = [issuance("1999-01-01", dropped="bad_type:collected_at"), issuance("2024-04-01", "2024-05-01")]
    rows = [report("L1"), report("L2", id_number=OTHER)]
    found = notices(engine, loss_reports=rows, issuances=cards)
    assert {no: row["collected_unreadable"] for no, row in found.items()} == {"L1": True, "L2": False}


def test_an_unreadable_card_is_that_of_the_twin(engine: Engine) -> None:
    unreadable = {"dropped": "bad_type:card_valid_from"}
    found = notices(engine, loss_reports=[report(**unreadable)], invalid_cards=[event(card_valid_from="2020-01-01")])
    assert found["L1"]["noticed_on"] == day_number("2020-01-01")
    assert not found["L1"]["noticed_unreadable"]
    alone = notices(engine, loss_reports=[report(**unreadable)], invalid_cards=[event()])
    assert alone["L1"]["noticed_unreadable"]


# --- twins ---------------------------------------------------------------------------------------------------------


def test_what_twins_share_and_what_each_keeps(engine: Engine) -> None:
    """SPEC 5: noticed, lost, withdrawal and the earlier reported are shared; reported, entered, visible are not."""
    found = notices(
        engine,
        loss_reports=[
            report(lost_at="2024-03-08", reported_at="2024-03-12", entered_at="2024-03-13", withdrawn_at="2024-04-02")
        ],
        invalid_cards=[
            event(effective_at="2024-03-11", entered_at="2024-03-14", card_valid_from="2020-01-01"),
            event("W", "withdrawn", effective_at="2024-04-01", withdraws_event_id="E1"),
        ],
    )
    for row in found.values():
        assert row["noticed_on"] == day_number("2020-01-01")
        assert row["lost_from"] == seconds("2024-03-08")
        assert row["withdrawn_from"] == seconds("2024-04-01")
        assert row["shared_reported_from"] == seconds("2024-03-11")
    assert found["L1"]["reported_from"] == seconds("2024-03-12")
    assert found["E1"]["reported_from"] == seconds("2024-03-11")
    assert (found["L1"]["entered_from"], found["E1"]["entered_from"]) == (seconds("2024-03-13"), seconds("2024-03-14"))
    assert (found["L1"]["visible_from"], found["E1"]["visible_from"]) == (seconds("2024-03-13"), seconds("2024-03-14"))


def test_each_withdrawal_is_asked_against_its_own_report(engine: Engine) -> None:
    """SPEC 12: the report's withdrawal is before the report, though after the twin's; the event has none."""
    rows = {"loss_reports": [report(reported_at="2024-03-20", withdrawn_at="2024-03-15")]}
    found = notices(engine, **rows, invalid_cards=[event(effective_at="2024-03-10")])
    assert {row["withdrawn_from"] for row in found.values()} == {None}
    own = notices(
        engine, loss_reports=[report(withdrawn_at="2024-03-15")], invalid_cards=[event(effective_at="2024-03-20")]
    )
    assert {row["withdrawn_from"] for row in own.values()} == {seconds("2024-03-15")}


def test_an_unreadable_withdrawal_is_shared(engine: Engine) -> None:
    found = notices(engine, loss_reports=[report(dropped="bad_type:withdrawn_at")], invalid_cards=[event()])
    assert {row["withdrawn_unreadable"] for row in found.values()} == {True}


@pytest.mark.parametrize(
    ("report_cells", "event_cells", "twins"),
    [
        ({}, {}, True),
        ({"card_valid_from": "2020-01-01"}, {}, True),
        ({"card_valid_from": "2020-01-01"}, {"card_valid_from": "2020-01-01"}, True),
        ({"card_valid_from": "2020-01-01"}, {"card_valid_from": "2020-01-02"}, False),
        ({}, {"effective_at": "2024-04-09 10:00:00"}, True),
        ({}, {"effective_at": "2024-04-09 10:00:01"}, False),
        ({}, {"effective_at": "2024-02-09 10:00:00"}, True),
        ({}, {"effective_at": "2024-02-09 09:59:59"}, False),
        ({}, {"id_number": OTHER}, False),
        ({}, {"event": "replaced", "card_valid_from": "2020-01-01"}, False),
    ],
)
def test_who_are_twins(engine: Engine, report_cells: Row, event_cells: Row, twins: bool) -> None:
    """SPEC 5: one person, noticed equal or one missing, at most 30 days apart. Seen by the lost that they share."""
    found = notices(
        engine, loss_reports=[report(lost_at="2024-03-01", **report_cells)], invalid_cards=[event(**event_cells)]
    )
    assert (found["E1"]["lost_from"] is not None) is twins


OFFSETS = st.sampled_from([0, 1, 2, 5, 29, 30, 31, 40, 60])
CARDS = st.sampled_from([None, None, "2020-01-01", "2021-01-01"])
SIDE = st.lists(st.tuples(OFFSETS, CARDS), max_size=5)


def greedy(reports: list[tuple[int, str | None]], events: list[tuple[int, str | None]]) -> dict[int, int]:
    """SPEC 5, step by step: the pair of the smallest distance first, then by keys; each notice once."""
    pairs = sorted(
        (abs(at - other), r, e)
        for r, (at, card) in enumerate(reports)
        for e, (other, noticed) in enumerate(events)
        if abs(at - other) <= 30 and (card is None or noticed is None or card == noticed)
    )
    taken: dict[int, int] = {}
    for _, r, e in pairs:
        if r not in taken and e not in taken.values():
            taken[r] = e
    return taken


def test_twins_are_those_of_a_greedy_choice(engine: Engine) -> None:
    """Each report has its own lost_at, so an event says by its lost which report is its twin."""

    @settings(max_examples=12, deadline=None, suppress_health_check=list(HealthCheck))
    @given(SIDE, SIDE)
    def check(reports: list[tuple[int, str | None]], events: list[tuple[int, str | None]]) -> None:
        found = notices(
            engine,
            loss_reports=[
                report(f"L{n}", reported_at=_after(at), lost_at=f"2000-01-{n + 1:02d}", card_valid_from=card)
                for n, (at, card) in enumerate(reports)
            ],
            invalid_cards=[
                event(f"E{n}", effective_at=_after(at), card_valid_from=card) for n, (at, card) in enumerate(events)
            ],
        )
        lost = {seconds(f"2000-01-{n + 1:02d}"): n for n in range(len(reports))}
        twins = {
            lost[found[f"E{n}"]["lost_from"]]: n for n in range(len(events)) if found[f"E{n}"]["lost_from"] is not None
        }
        assert twins == greedy(reports, events)

    check()


def _after(days: int) -> str:
    return str(interval("2024-03-10 10:00:00")[0] + timedelta(days=days))
