"""The same rules, the same text, the same answer: rule cases, the sample nights and random persons on both engines."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from creditaudit.audit.case_runs import batches
from creditaudit.audit.casebook import load_cases, load_step_cases
from creditaudit.audit.chained import chain_accounts
from creditaudit.audit.rulebook import load_rules, rendered
from creditaudit.audit.rules_run import STEPS, found_select, step_text
from creditaudit.errors import CreditAuditError
from creditaudit.known_answers import Answered, check_known_answers
from golden.render import run_samples
from place import Place, changed, tree_of
from reference.hostile import write_delivery

if TYPE_CHECKING:
    from datetime import date
    from pathlib import Path

    import pytest

    from creditaudit.engines import Engine, Spark

RULES = load_rules()
# `.ci/run` has a few minutes for Spark: it judges the first of the random persons' nights, and asks known answers of
# Spark in that one alone. `make test-spark` does all.
IN_PART = "SPARK_PART" in os.environ


def asked_here(*delivered: Any, aside: Any, **rest: Any) -> Answered:
    """Ask the known answers of a night of this machine's engine, whatever judges."""
    del aside
    return check_known_answers(*delivered, **rest)


def test_every_rule_and_step_passes_its_cases(either: Engine) -> None:
    cases = [*load_step_cases(), *(case for rule in RULES for case in load_cases(rule))]
    outcomes = []
    for batch in batches(cases):
        batch.load(either)
        chain_accounts(either)
        asked = {case.of for case in batch.cases}
        for step in STEPS:
            either.table(step, step_text(step))
            if step in asked:
                outcomes.extend(batch.outcomes(step, either.fetch(f"SELECT * FROM {step}").to_pylist()))
        for rule in RULES:
            if rule.rule_id in asked:
                rows = either.fetch(found_select(rule.rule_id, rendered(rule))).to_pylist()
                outcomes.extend(batch.outcomes(rule.rule_id, rows))
    assert [outcome.explained() for outcome in outcomes if not outcome.passed] == []
    assert len(outcomes) == len(cases) > 300


def test_the_sample_nights_are_sealed_alike(
    spark: Spark, sample_book: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    del spark
    if IN_PART:
        monkeypatch.setattr("creditaudit.night.check_known_answers", asked_here)
    ours = run_samples(tmp_path, engine="spark") / "nights"
    nights = sorted(folder.name for folder in (sample_book / "nights").iterdir())
    assert sorted(folder.name for folder in ours.iterdir()) == nights
    for night in nights:
        theirs = tree_of(sample_book / "nights" / night)
        assert len(theirs) > 30
        assert changed(theirs, tree_of(ours / night)) == []


def nights_of(place: Place, days: list[date], engine: str) -> list[int]:
    codes = []
    for day in days:
        try:
            codes.append(int(place.night(day, threads=2, engine=engine).exit_code(fail_on_findings=False)))
        except CreditAuditError as error:
            codes.append(int(error.exit_code))
    return codes


def test_two_hundred_random_persons_are_judged_alike(spark: Spark, tmp_path: Path, rotating_seed: int) -> None:
    """Hostile deliveries of two nights: every trap of SPEC 3 to 6; every sealed file is compared."""
    del spark
    delivered = tmp_path / "delivered"
    days = write_delivery(delivered, rotating_seed, 200, 2)[: 1 if IN_PART else None]
    places = {}
    for engine in ("duckdb", "spark"):
        (tmp_path / engine).mkdir()
        places[engine] = Place(tmp_path / engine, delivered / "landing").made(delivered / "reference")
    codes = {engine: nights_of(place, days, engine) for engine, place in places.items()}
    assert codes["duckdb"] == codes["spark"]
    assert any(code in {0, 5} for code in codes["spark"])
    assert changed(places["duckdb"].sealed(), places["spark"].sealed()) == []
