"""Cases of which nothing speaks are not asked, and stand as if they were (SPEC 2: equal to judging everyone)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import pytest
from case_desk import Desk, Row, finding
from moving import account, answer, day, objection, proof

from creditaudit.cases import resting
from unit.kit import OTHER

# What a night is given, from the cases as the night before left them, by account.
Night = Callable[[dict[str, Row]], dict[str, Any]]

FOUND, AGAIN, SECOND, RENAMED = finding(), finding(notice_id="L9"), finding(code="B"), finding(code="N")


def given(*findings: Row, judged: Sequence[str] = (), **tables: Any) -> Night:
    """Give findings, and whose accounts are judged; ``on`` is the day of the night, counted from the first."""
    return lambda _: {"findings": findings, "judged": judged, **tables}


def answered(outcome: str, to_state: str, findings: Sequence[Row] = (FOUND,)) -> Night:
    return lambda cases: {"findings": findings, "judged": (), **answer(cases["A"], outcome, to_state)}


def proven(cases: dict[str, Row]) -> dict[str, Any]:
    told = [proof(cases["A"], is_proven=True, proof="absent:x;y")]
    return {"findings": [], "judged": "A", "proofs_tonight": told}


def left_over(cases: dict[str, Row]) -> dict[str, Any]:
    return {
        "findings": [],
        "judged": (),
        "residual_tonight": [{"case_id": cases["A"]["case_id"], "residual": "inquiries:2"}],
    }


def headed(*codes: str) -> list[Row]:
    return [{"provider_code": "B01", "account_code": c, "head_provider": "B01", "head_code": "N"} for c in codes]


def rewritten(name: str) -> dict[str, list[Row]]:
    row = {"provider_code": "B01", "account_code": "A", "id_type": "10", "id_number": OTHER, "name": name}
    return {"accounts": [{**row, "opened_at": "2024-01-20"}]}


WHOSE = {"provider_code": "B01", "account_code": "A", "id_norm": OTHER}
FIRST, STANDS = given(FOUND, judged="A"), given(FOUND)
OBJECTED = {"standing_objections": [objection()], "standing_accounts": [account()]}
UNKNOWN = {"standing_objections": [objection(code="C")]}

# Name to the nights of a story, and the accounts whose cases rest on the last one.
STORIES: dict[str, tuple[list[Night], str]] = {
    "nothing happens": ([FIRST, STANDS, STANDS], "A"),
    "an answer is overdue": ([FIRST, given(FOUND, on=21)], "A"),
    "new evidence": ([FIRST, given(AGAIN, judged="A")], ""),
    "another case": ([FIRST, given(FOUND, SECOND, judged="B"), given(FOUND, SECOND)], "AB"),
    "withdrawn, at rest, and woken": (
        [FIRST, given(judged="A"), given(), given(AGAIN, judged="A"), given(AGAIN)],
        "A",
    ),
    "answered": ([FIRST, answered("0", "undetermined")], ""),
    "undetermined": ([FIRST, answered("0", "undetermined"), STANDS], "A"),
    "confirmed": ([FIRST, answered("2", "holder_confirmed"), STANDS], "A"),
    "a correction is overdue": ([FIRST, answered("4", "correction_due"), given(FOUND, on=22)], ""),
    "a correction leaves something over": ([FIRST, answered("4", "correction_due"), proven, left_over], ""),
    "a feed is stale": ([FIRST, given(FOUND, stale=("loss_reports",))], ""),
    "a feed was stale": ([FIRST, given(FOUND, stale=("loss_reports",)), STANDS], ""),
    "an objection comes": ([FIRST, given(FOUND, **OBJECTED)], ""),
    "an objection came": ([FIRST, given(FOUND, **OBJECTED), given(FOUND, **OBJECTED)], "A"),
    "an objection alone": ([given(**OBJECTED), given(**OBJECTED)], "A"),
    "an objection alone, answered": ([given(**OBJECTED), answered("0", "undetermined", []), given(**OBJECTED)], "A"),
    "an objection to an account that comes": (
        [given(FOUND, judged="A", **UNKNOWN), given(FOUND, **UNKNOWN, standing_accounts=[account("C")])],
        "A",
    ),
    "nobody to send it to, then somebody": ([given(FOUND, judged="A", recipients=[]), STANDS], ""),
    "a replaced card": ([given(finding("R103", "lead"), judged="A"), given(finding("R103", "lead"))], "A"),
    "a matter of data": ([given(finding("R301", "lead"), judged="A"), given(finding("R301", "lead"))], "A"),
    "its account is renamed": ([FIRST, given(RENAMED, judged="AN", lineage=headed("A"))], ""),
    "its account is renamed, unjudged": (
        [given(FOUND, judged="A", judged_rows=[WHOSE]), given(RENAMED, lineage=headed("A"))],
        "",
    ),
    "two are joined": (
        [
            given(FOUND, SECOND, judged="AB"),
            given(RENAMED, judged="ABN", lineage=headed("A", "B")),
            given(RENAMED, lineage=headed("A", "B")),
        ],
        "N",
    ),
    "one that is open and one that was closed are joined": (
        [
            given(FOUND, SECOND, judged="AB"),
            given(FOUND, judged="B"),
            given(RENAMED, judged="ABN", lineage=headed("A", "B")),
            given(RENAMED, lineage=headed("A", "B")),
        ],
        "N",
    ),
    "its institution changed its row": (
        [FIRST, given(judged="A", came=rewritten("乙"), before=rewritten("甲")), given()],
        "A",
    ),
}


def _night(desk: Desk, night: Night) -> dict[str, list[Row]]:
    """Run one night; returns all that reports and the next night see of it."""
    cases = {c["account_code"]: c for c in desk.cases.sort_by("episode").to_pylist()}
    told = night(cases)
    if "on" in told:
        desk.tonight = day(told.pop("on"))
    tracked = desk.night(told.pop("findings"), **told)
    made = ("case_rows", "case_subjects", "case_recipients")
    return {
        "cases": tracked.cases.to_pylist(),
        "events": tracked.events.to_pylist(),
        **{name: desk.engine.fetch(f"SELECT * FROM {name} ORDER BY ALL").to_pylist() for name in made},
        **{f"state of {name}": sorted(table.to_pylist(), key=repr) for name, table in desk.state.items()},
    }


def _differences(desk: Desk, nights: Sequence[Night]) -> list[str]:
    """Tell a story, its last night twice: every case is asked, and cases may rest; returns what differs."""
    for night in nights[:-1]:
        _night(desk, night)
    asked, rested = _night(desk.fork(lets_rest=False), nights[-1]), _night(desk.fork(lets_rest=True), nights[-1])
    return [name for name in asked if asked[name] != rested[name]]


@pytest.mark.parametrize("story", list(STORIES))
def test_a_case_at_rest_stands_as_if_it_had_been_asked(desk: Desk, story: str) -> None:
    nights, at_rest = STORIES[story]
    assert _differences(desk, nights) == []
    found = desk.engine.fetch("SELECT account_code FROM resting_cases ORDER BY account_code")
    assert "".join(found["account_code"].to_pylist()) == at_rest


# A condition of rest, what stands instead, and the story that cannot be told without it.
MUTANTS = [
    ("p.place = 1", "TRUE", "one that is open and one that was closed are joined"),
    ("p.old_provider = p.provider_code AND p.old_subject = p.subject", "TRUE", "its account is renamed, unjudged"),
    ("c.stale_inputs IS NULL", "TRUE", "a feed was stale"),
    ("'lead', 'sent',", "'lead', 'sent', 'correction_due',", "a correction is overdue"),
    ("'lead', 'sent',", "'lead', 'sent', 'correction_verified',", "a correction leaves something over"),
    ("(c.state <> 'lead' OR f.is_quiet OR f.is_data_quality)", "TRUE", "nobody to send it to, then somebody"),
    ("j.subject = p.subject", "FALSE", "new evidence"),
    ("a.case_id = p.case_id", "FALSE", "answered"),
    ("o.subject = p.subject", "FALSE", "an objection comes"),
]


@pytest.mark.parametrize("mutant", MUTANTS)
def test_no_condition_of_rest_can_be_left_out(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, mutant: tuple[str, str, str]
) -> None:
    text, other, story = mutant
    assert resting._RESTS.count(text) == 1
    monkeypatch.setattr(resting, "_RESTS", resting._RESTS.replace(text, other))
    assert _differences(desk, STORIES[story][0])
