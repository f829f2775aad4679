"""Planted breakages of rule texts, program, profiles and reference tables: each is told by a wrong answer (SPEC 11)."""

from __future__ import annotations

import re
from datetime import date
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from creditaudit.engines.duckdb import _SESSION, DuckDBEngine
from creditaudit.intake import identity, report_xml
from creditaudit.intake.profile import Profile
from creditaudit.known_answers import KnownAnswerError
from unit.known_answers.world_kit import Desk, changed_rules, profile

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from creditaudit.feeds import Column
    from creditaudit.known_answers import WrongAnswer

Swap = tuple[str, str]


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    """Where known answers are asked."""
    return Desk(tmp_path)


def wrong(desk: Desk, *profiles: Profile, **how: Any) -> tuple[WrongAnswer, ...]:
    with pytest.raises(KnownAnswerError) as refused:
        desk.ask(*profiles, **how)
    assert refused.value.exit_code == 6
    return refused.value.wrong


# --- rule texts: three rounds, in each of which every rule is broken in one place and must be named -----------------

ROUNDS: dict[str, dict[str, tuple[Swap, ...]]] = {
    "too much": {
        "R101": (("AND p.standing IN ('yes', 'maybe')", ""),),
        "R102": (("WHEN c.moment_from > c.collected_to THEN 'clean'", ""),),
        "R103": (("AND p.moment_from > p.collected_to", ""),),
        "R104": (("p.kind = 'superseded' AND p.relation = 'same'", "p.kind = 'superseded'"),),
        "R105": (("AND p.moment_to >= p.lost_from", ""),),
        "R106": (("AND p.lost_from IS NULL", ""),),
        "R107": (("AND (p.shown_on IS NULL OR p.shown_on <= p.reported_on)", ""),),
        "R108": (("a.shown_to < a.moment_day", "a.shown_to <= a.moment_day"),),
        "R201": (("AND NOT l.is_excepted", ""),),
        "R202": (("AND NOT l.passed_in_person_later", ""),),
        "R203": (("a.moment_day < i.revoked_on", "a.moment_day <= i.revoked_on"),),
        "R204": (("a.moment_day <= f.effective_to", "TRUE"),),
        "R302": (("AND g.group_count >= :least_groups", "AND g.group_count + 1 >= :least_groups"),),
        "R401": (("i.night_on > i.inquired_on", "i.night_on >= i.inquired_on"),),
        "R402": (("p.moment_from <= p.reported_to", "p.moment_from >= p.reported_to"),),
    },
    "too little": {
        "R101": (("'same', 'presumed_same'", "'same'"),),
        "R102": (("WHEN c.collection_covered THEN c.after_standing", ""),),
        "R103": (("p.relation = 'unknown'", "p.relation = 'older'"),),
        "R104": (("p.kind = 'lost' AND p.relation = 'older'", "p.kind = 'lost' AND p.relation = 'same'"),),
        "R105": (("p.moment_to >= p.lost_from", "p.moment_from > p.lost_to"),),
        "R106": (("p.moment_from >= p.reported_from", "p.moment_from > p.reported_from"),),
        "R107": (("p.event = 'cancelled_other'\n        AND", "p.event = 'cancelled_death'\n        AND"),),
        "R108": (("a.shown_to < a.moment_day", "a.shown_to < a.moment_day - 1"),),
        "R201": (("('reported_lost', 'invalid')", "('invalid', 'error')"),),
        "R202": (("l.person_check_result = 'fail'", "l.person_check_result = 'error'"),),
        "R203": (("i.finding_on <= a.moment_day", "i.finding_on < a.moment_day"),),
        "R204": (("f.effective_from = a.moment_day", "f.effective_from > a.moment_day"),),
        "R301": (("'bad_check'", "'bad_date'"),),
        "R302": (("n.name_count >= :least_names", "n.name_count > :least_names"),),
        "R401": (("'loan_approval', 'card_approval'", "'card_approval', 'card_approval'"),),
        "R402": (("b.account_count >= :least_accounts", "b.account_count > :least_accounts"),),
    },
    "another verdict": dict.fromkeys(
        ("R101", "R102", "R104", "R105", "R107", "R201", "R204"), (("'violation'", "'undecidable'"),)
    ),
}


@pytest.mark.parametrize("name", ROUNDS)
def test_a_broken_rule_text_is_named(desk: Desk, name: str) -> None:
    """38 breakages in all, each told apart from the others of its round by its own rule."""
    broken = ROUNDS[name]
    rules = changed_rules(broken)
    assert set(broken) <= {answer.rule_id for answer in wrong(desk, rules=rules)}


def test_a_rule_that_is_not_there_is_named(desk: Desk) -> None:
    """Nobody switched it off: neither its own dates nor an approval that is missing."""
    [answer] = wrong(desk, rules=[rule for rule in changed_rules({}) if rule.rule_id != "R203"])
    assert (answer.rule_id, answer.expected) == ("R203", "the rule judges tonight")


# --- the program ----------------------------------------------------------------------------------------------------


@pytest.fixture
def plant(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str, str], None]]:
    """Let the engine run other words where a statement of the program has these; some statement must have them."""
    seen: dict[str, int] = {}

    def planted(old: str, new: str) -> None:
        words = re.compile(r"\s+".join(map(re.escape, old.split())))
        seen[old] = 0

        def swapped(made: Callable[..., Any]) -> Callable[..., Any]:
            def run(engine: object, *given: Any) -> Any:
                sql, count = words.subn(new, given[-1])
                seen[old] += count
                return made(engine, *given[:-1], sql)

            return run

        for method in ("table", "view", "fetch"):
            monkeypatch.setattr(DuckDBEngine, method, swapped(getattr(DuckDBEngine, method)))

    yield planted
    assert all(seen.values()), seen


STATEMENTS: dict[str, tuple[str, str, str]] = {
    "openings join without the institution": (
        "ON j.provider_code = o.provider_code AND j.account_code = o.account_code",
        "ON j.account_code = o.account_code",
        "all",
    ),
    "sessions join without the institution": (
        "ON h.session_provider = v.provider_code AND h.session_id = v.session_id",
        "ON h.session_id = v.session_id",
        "adverse_check",
    ),
    "notices join without the person": (
        "INNER JOIN notices AS n ON n.id_norm = a.id_norm",
        "CROSS JOIN notices AS n",
        "honest",
    ),
    "the moment passes by the agreement": (
        "COALESCE(r.agreement_from, r.opened_from) AS moment_from",
        "r.opened_from AS moment_from",
        "agreement",
    ),
    "withdrawals of others' events": ("AND w.withdraws = e.event_id AND w.place = 1", "", "all"),
    "checks count after the moment": ("c.checked_from <= c.moment_to", "c.checked_from > c.moment_to", "adverse_check"),
    "errors hide the check before": ("c.result = 'error' THEN 0", "c.result = 'error' THEN 2", "adverse_check"),
    "renames do not join": (
        "FROM standing_account_renames WHERE effective_on <=",
        "FROM standing_account_renames WHERE effective_on >",
        "renamed_account",
    ),
    "duties of before": ("d.in_force_from <= a.as_of_day", "d.in_force_from > a.as_of_day", "lost_card"),
    "visible is not asked": ("n.visible_to < f.moment_from", "n.visible_from > f.moment_from", "lost_card"),
    "an hour that is eight hours off": (
        "day_of_second(n.reported_from) AS reported_on,",
        "day_of_second(n.reported_from + 86400 * 40) AS reported_on,",
        "cancelled_holder",
    ),
}


@pytest.mark.parametrize("what", STATEMENTS)
def test_a_broken_statement_is_told(desk: Desk, plant: Callable[[str, str], None], what: str) -> None:
    old, new, person = STATEMENTS[what]
    plant(old, new)
    assert person in {answer.person for answer in wrong(desk)}


def test_a_session_in_another_time_zone_is_told(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """Eight hours earlier an account of half past midnight was opened the day before: the card had not ended."""
    shifted = [text.replace("epoch(CAST(t AS TIMESTAMP))", "epoch(CAST(t AS TIMESTAMP)) - 28800") for text in _SESSION]
    assert shifted != list(_SESSION)
    monkeypatch.setattr("creditaudit.engines.duckdb._SESSION", tuple(shifted))
    assert "expired_card_at_night" in {answer.person for answer in wrong(desk)}


def _swapped_days(self: Profile, column: Column) -> Any:
    made = CHANGE(self, column)
    if made is None or not column.is_dated:
        return made
    return lambda text: made(text[3:6] + text[:3] + text[6:]) if text[2:3] == "/" else made(text)


CHANGE = Profile.change
PROGRAM: dict[str, tuple[str, Any, str]] = {
    "weights of the check character": (
        "creditaudit.intake.identity._CHECK_OF_SUM",
        np.roll(identity._CHECK_OF_SUM, 1),
        "malformed_number",
    ),
    "sentinels": ("creditaudit.intake.dates._SENTINELS", (19000102,), "sentinels"),
    "middle dots": ("creditaudit.intake.names._DOTS", {}, "one_name_two_spellings"),
    "the reserved area": ("creditaudit.intake.rows.RESERVED_AREA", "bad_code", "lost_card"),
    "years of retention": (
        "creditaudit.fault.checks.kept_since",
        lambda _night, _years: date(1990, 1, 1),
        "records_gone",
    ),
    "parents of institutions": (
        "creditaudit.audit.groups.groups",
        lambda of: {code: code for code in of},
        "two_names_one_group",
    ),
}


@pytest.mark.parametrize("what", PROGRAM)
def test_a_broken_part_of_the_program_is_told(desk: Desk, monkeypatch: pytest.MonkeyPatch, what: str) -> None:
    place, other, person = PROGRAM[what]
    monkeypatch.setattr(place, other)
    assert person in {answer.person for answer in wrong(desk)}


# --- profiles: each wrong one is another bank's, and each is named -------------------------------------------------

CODES = {"A": "invalid_card_check", "N": "network_check", "F": "face_match", "P": "fingerprint_match", "I": "in_person"}


def test_wrong_profiles_are_told_by_name(desk: Desk) -> None:
    """Formats that cannot be told apart, sentinels that swallow codes and columns, a rename that takes a column."""
    broken = [
        profile("accounts", "days_or_months", dates={"*": ["MM/DD/YYYY", "DD/MM/YYYY"]}),
        profile("accounts", "no_citizens", sentinels={"*": ["10"]}),
        profile(
            "accounts", "doubled", renames={"account_no": "account_code", "account_code": "settlement_account_code"}
        ),
        profile("accounts", "day_is_nothing", sentinels={"opened_at": ["2026-10-01", "20261001"]}),
        profile("accounts", "timed", dates={"*": ["YYYY-MM-DD HH:MM:SS"]}),
        profile("verifications", "swallowed", codes={"check_kind": CODES}, sentinels={"check_kind": ["A"]}),
        profile("invalid_cards", "lost_is_nothing", sentinels={"event": ["reported_lost"]}),
        profile("impostors", "endless", sentinels={"*": ["2026-11-10", "20261110"]}),
    ]
    told = {name for answer in wrong(desk, *broken) for name in answer.profiles.split(", ")}
    assert {p.name for p in broken} <= told


def test_dates_that_the_program_swaps_are_told(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Profile, "change", _swapped_days)
    assert {a.profiles for a in wrong(desk, profile("accounts", dates={"*": ["DD/MM/YYYY"]}))} == {"bank, default"}


def test_a_code_map_that_the_program_ignores_is_told(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Profile, "change", lambda *_: None)
    assert "adverse_check" in {a.person for a in wrong(desk, profile("verifications", codes={"check_kind": CODES}))}


REPORTS: dict[str, tuple[str, tuple[str, ...]]] = {
    "the day of opening is that of closing": ("opened_at", ("PD01BR01",)),
    "the type is the kind of business": ("account_type", ("PD01AD03",)),
}


@pytest.mark.parametrize("what", REPORTS)
def test_a_credit_report_that_the_program_reads_wrongly_is_told(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, what: str
) -> None:
    column, elements = REPORTS[what]
    monkeypatch.setitem(report_xml._ACCOUNT_CELLS, column, elements)
    assert {"default, pbc2-report-xml"} <= {a.profiles for a in wrong(desk, reports=True)}


# --- reference tables -----------------------------------------------------------------------------------------------


def test_a_duties_row_for_a_reserved_institution_is_told(desk: Desk) -> None:
    """Whoever writes it could make every answer of the fault lane say what he likes."""
    path = desk.root / "duties.csv"
    header = path.read_text(encoding="utf-8").splitlines()[0]
    row = dict.fromkeys(header.split(","), "")
    row |= {
        "duty_id": "X",
        "check_kind": "invalid_card_check",
        "provider_code": "KA99999901A",
        "status": "not_in_force",
    }
    row |= {"institution_kind": "known_answer", "region_code": "999999", "account_type": "D1", "source": "s"}
    path.write_text(f"{header}\n{','.join(row.values())}\n", encoding="utf-8")
    assert {"R101", "R104"} <= {answer.rule_id for answer in wrong(desk)}
