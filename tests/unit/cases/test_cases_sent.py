"""Who gets a case, and who does not (SPEC 8.1, 10.1), on findings made by hand."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pytest
from case_desk import Desk, events, finding, one

from unit.kit import NIGHT, PERSON


def sent_to(desk: Desk) -> set[str]:
    return set(desk.engine.fetch("SELECT recipient FROM case_recipients")["recipient"].to_pylist())


@pytest.mark.parametrize(
    ("account_region", "institution", "expected"),
    [
        ("440300", "110000", {"all", "star", "44", "own"}),
        (None, "440300", {"all", "star", "44", "own"}),
        (None, "110000", {"all", "star", "own"}),
        (None, None, {"all", "star", "own"}),
        ("04403", "440300", {"all", "star", "own"}),
    ],
)
def test_an_institution_gets_its_own_and_a_liaison_its_region(
    desk: Desk, account_region: str | None, institution: str | None, expected: set[str]
) -> None:
    """SPEC 10.1: the account's region_code, else its institution's."""
    recipients = [
        {"recipient": "all", "kind": "pboc_liaison"},
        {"recipient": "star", "kind": "pboc_liaison", "region_prefix": "*"},
        {"recipient": "44", "kind": "pboc_liaison", "region_prefix": "44"},
        {"recipient": "own", "kind": "institution", "provider_code": "B01"},
        {"recipient": "other", "kind": "institution", "provider_code": "B02"},
    ]
    desk.night(
        [finding()],
        recipients=recipients,
        judged_rows=[{"provider_code": "B01", "account_code": "A", "id_norm": PERSON, "region_code": account_region}],
        institutions=[{"provider_code": "B01", "region_code": institution, "row": 1}],
    )
    assert sent_to(desk) == expected


@pytest.mark.parametrize(
    ("rows", "region"),
    [
        ([("11", None, "2026-11-19"), ("44", "2026-11-20", None)], "44"),
        ([("11", "2026-11-21", None), ("44", None, "2026-11-20")], "44"),
        ([("11", "2020-01-01", None), ("44", "2021-01-01", None)], "44"),
        ([("11", None, None), ("44", "2021-01-01", None)], "44"),
        ([("11", "2020-01-01", None), ("44", "2020-01-01", None)], "44"),
    ],
    ids=["ended", "not_begun", "latest", "open_beginning", "last_in_the_table"],
)
def test_the_institution_in_force_on_the_night_says_the_region(desk: Desk, rows: list[Any], region: str) -> None:
    """SPEC 12: several rows in force: the latest valid_from, then the last in the table; days are inclusive."""
    institutions = [
        {"provider_code": "B01", "region_code": r, "valid_from": _day(start), "valid_to": _day(end), "row": n}
        for n, (r, start, end) in enumerate(rows, start=1)
    ]
    recipients = [{"recipient": r, "kind": "pboc_liaison", "region_prefix": r} for r in ("11", "44")]
    desk.night([finding()], recipients=recipients, institutions=institutions)
    assert sent_to(desk) == {region}


def _day(text: str | None) -> date | None:
    return None if text is None else date.fromisoformat(text)


def test_a_case_without_a_recipient_stays_a_lead_and_is_new_when_one_comes(desk: Desk) -> None:
    found = desk.night([finding()], recipients=[])
    assert (one(found)["state"], events(found, NIGHT)) == ("lead", [("opened", None, "lead")])
    found = desk.night([finding()])
    assert (one(found)["state"], desk.changes()) == ("sent", {"A": "new"})
    assert one(found)["last_changed"] == NIGHT
    assert events(found, NIGHT + timedelta(days=1)) == [("sent", "lead", "sent")]


def test_a_case_of_replaced_cards_alone_is_sent_to_nobody(desk: Desk) -> None:
    """SPEC 10.1: cases whose findings are all R103 are in neither file."""
    assert one(desk.night([finding("R103", "lead")]))["state"] == "lead"
    assert desk.changes() == {}
    assert one(desk.night([finding("R103", "lead"), finding("R106", "lead", notice_id="L2")]))["state"] == "sent"


def test_doubts_on_data_alone_go_to_a_file_of_their_own_and_are_not_sent(desk: Desk) -> None:
    """SPEC 10.1: cases whose findings are all R301 or R302; SPEC 8.1: only exceptions.csv makes a lead sent."""
    alone = {"notice_source": None, "notice_id": None}
    found = desk.night([finding("R301", "lead", **alone), finding("R302", "lead", **alone)])
    assert (one(found)["state"], desk.changes()) == ("lead", {"A": "new"})
    desk.night([finding("R301", "lead", **alone), finding("R302", "lead", **alone)])
    assert desk.changes() == {"A": None}
    found = desk.night([finding("R301", "lead", **alone), finding("R106", "lead")])
    assert (one(found)["state"], desk.changes()) == ("sent", {"A": "new"})
