"""Known answers that are right: whatever the words of the profiles, the night and the house's parameters (SPEC 11)."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING

import pytest

from creditaudit import engines
from creditaudit.audit.rulebook import load_rules
from creditaudit.engines import open_engine
from creditaudit.known_answers import KnownAnswerError
from creditaudit.known_answers.declared import persons
from unit.known_answers.world_kit import Desk, changed_rules, profile

if TYPE_CHECKING:
    from pathlib import Path

    from creditaudit.engines import Engine

DATES = ["DD.MM.YYYY", "DD.MM.YYYY HH:MM:SS", "YYYY/M/D H:MM"]
CHINESE = {"机构": "provider_code", "账号": "account_code", "证件号": "id_number", "开户日期": "opened_at"}
KINDS = {"A": "invalid_card_check", "N": "network_check", "F": "face_match", "P": "fingerprint_match", "I": "in_person"}
RESULTS = {
    **{"0": "reported_lost", "1": "valid", "2": "invalid", "9": "error", "Y": "pass", "y": "pass", "X": "fail"},
    **{"3": "match_photo", "4": "name_mismatch", "5": "number_unknown"},
}


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    """Where known answers are asked."""
    return Desk(tmp_path)


def test_every_rule_has_a_person_who_meets_it_and_one_who_just_does_not() -> None:
    """A person on whom a rule finds less than all accounts, or somebody of the same rows on whom it finds nothing."""
    found = {line.split(" ")[1] for person in persons() for line in person.finds}
    assert {rule.rule_id for rule in load_rules()} | {"clear"} == found
    faults = {line.rpartition(" ")[2] for person in persons() for line in person.finds if "|" in line}
    assert faults == {"fault_indicated", "no_fault_indicated", "needs_evidence", "fault_unproven"}
    assert {"honest", "two_names_one_group", "one_name_two_spellings"} <= {p.name for p in persons() if not p.finds}


@pytest.mark.parametrize("night", [date(2024, 2, 29), date(2031, 1, 1)])
def test_all_answers_are_right_on_any_night(desk: Desk, night: date) -> None:
    answered = desk.ask(night=night)
    assert (answered.profiles, answered.unproven) == (("default",), ())
    assert answered.answers == sum(len(person.finds) for person in persons())


def test_all_answers_are_right_in_the_words_of_any_profile(desk: Desk) -> None:
    """Column names, date formats, code maps (inverted, with synonyms), sentinels, constants; few columns."""
    answered = desk.ask(
        profile("accounts", "icbc", renames=CHINESE, dates={"*": DATES}, sentinels={"*": ["--", "无"]}),
        profile(
            "accounts", "one", constants={"provider_code": "ICBC", "id_type": "10"}, sentinels={"closed_on": ["-"]}
        ),
        profile(
            "accounts",
            "bare",
            columns=(
                "provider_code",
                "account_code",
                "report_date",
                "id_type",
                "id_number",
                "account_type",
                "opened_at",
            ),
        ),
        profile("verifications", "log", codes={"check_kind": KINDS, "result": RESULTS}),
        profile("verifications", "faces", constants={"check_kind": "face_match"}, codes={"result": {"1": "fail"}}),
        profile("accounts", "savings", codes={"account_type": {"1": "deposit", "2": "wealth"}}),
        profile("loss_reports", "police", dates={"*": ["YYYYMMDD"]}, sentinels={"*": ["99999999"]}),
        profile(
            "invalid_cards",
            "registry",
            codes={"event": {"01": "reported_lost", "02": "withdrawn", "9": "cancelled_death"}},
        ),
    )
    assert answered.unproven == ()
    assert {"icbc", "one", "savings", "bare", "log", "faces", "police", "registry", "default"} == set(answered.profiles)
    assert len(persons()) < answered.persons < 4 * len(persons())


def test_what_no_profile_in_use_can_say_is_not_proven(desk: Desk) -> None:
    """SPEC 11: a log that never says that a card is lost proves nothing of overridden checks, and is not wrong."""
    answered = desk.ask(
        profile("verifications", codes={"result": {"1": "valid", "2": "pass", "3": "fail", "4": "error"}}),
        profile(
            "accounts",
            columns=(
                "provider_code",
                "account_code",
                "report_date",
                "id_type",
                "id_number",
                "account_type",
                "opened_at",
            ),
        ),
    )
    assert answered.unproven == (("no_words", "R109"), ("no_words", "R201"), ("no_words", "R302"))


def test_a_house_that_changes_a_parameter_is_asked_by_its_own(desk: Desk) -> None:
    """Days at the ends of their bounds are followed; of other counts the answers are not known."""
    rules = changed_rules(
        {
            "R102": (("value: 7776000", "value: 86400"),),
            "R106": (("value: 604800", "value: 86400"),),
            "R402": (("value: 2592000", "value: 86400"),),
            "R401": (("value: 90", "value: 366"), ("value: 7776000", "value: 31622400")),
            "R302": (("least_names:\n    value: 2", "least_names:\n    value: 3"),),
        }
    )
    assert desk.ask(rules=rules).unproven == (("counts_otherwise", "R302"),)


def test_a_rule_that_its_own_dates_switch_off_is_not_proven(desk: Desk) -> None:
    """And a chain is not asked for, where what it leads to is not judged."""
    rules = changed_rules({"R101": (("effective: {from: null, to: null}", "effective: {from: null, to: 2026-01-31}"),)})
    assert desk.ask(rules=rules).unproven == (("rule_off", "R101"), ("no_words", "R109"))


def test_credit_reports_are_asked_in_their_own_form(desk: Desk) -> None:
    """SPEC 3.1: whoever needs no link, region or line of credit, which no report has."""
    answered = desk.ask(reports=True)
    assert answered.profiles == ("default", "pbc2-report-xml")
    assert answered.unproven == (("no_words", "R109"),)
    assert answered.persons > 30
    both = desk.ask(profile("accounts", "bank", dates={"*": ["YYYYMMDD", "YYYYMMDD HH:MM:SS"]}), reports=True)
    assert both.unproven == ()
    assert both.answers > answered.answers


def test_two_threads_answer_as_one_does(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    one = desk.ask()
    rules = changed_rules({"R101": (("'same', 'presumed_same'", "'same'"),)})
    with pytest.raises(KnownAnswerError) as by_one:
        desk.ask(rules=rules)
    opened = []

    def with_two(scratch: Path, *, threads: int, memory_limit: str, reads: Path | None) -> Engine:
        opened.append(threads)
        return open_engine(scratch, threads=2, memory_limit=memory_limit, reads=reads)

    monkeypatch.setattr(engines, "open_engine", with_two)
    assert desk.ask() == one
    with pytest.raises(KnownAnswerError) as by_two:
        desk.ask(rules=rules)
    assert opened == [1, 1]
    assert by_one.value.wrong == by_two.value.wrong
