"""Every comparison of every text that judges is changed; some case must fail (docs/how-it-is-built.md)."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import yaml

from creditaudit.audit.rulebook import load_rules
from creditaudit.audit.rules_run import STEPS
from rotating import ROTATING_SEED
from rules.bench import Bench
from rules.mutants import mutants

if TYPE_CHECKING:
    from collections.abc import Iterator

TEXTS = (*STEPS, *(rule.rule_id for rule in load_rules()))
# Mutants that no data can tell from the shipped text: text → mutant → why.
EQUIVALENT: dict[str, dict[str, str]] = yaml.safe_load(
    Path(__file__).with_name("equivalent.yaml").read_text(encoding="utf-8")
)


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    made = Bench(tmp_path_factory.mktemp("bench"))
    yield made
    made.close()


# One half of the texts with each change of the sources; `make test-mutants` asks of all.
ASKED = TEXTS if os.environ.get("MUTANTS_FULL") else TEXTS[ROTATING_SEED % 2 :: 2]


@pytest.mark.parametrize("of", ASKED)
def test_some_case_notices_each_mutant(bench: Bench, of: str) -> None:
    shipped = bench.steps.get(of) or bench.rule_texts[of]
    assert not bench.noticed(of, shipped)
    found = mutants(shipped)
    assert len({mutant.what for mutant in found}) == len(found)
    survived = {mutant.what for mutant in found if not bench.noticed(of, mutant.text)}
    listed = EQUIVALENT.get(of, {})
    assert sorted(survived - set(listed)) == [], "no case notices these: add one"
    assert sorted(set(listed) - survived) == [], "listed as equivalent, but gone or noticed by a case"


def test_equivalent_mutants_are_of_texts_that_judge_and_have_reasons() -> None:
    assert set(EQUIVALENT) <= set(TEXTS)
    assert all(isinstance(why, str) and len(why) > 20 for listed in EQUIVALENT.values() for why in listed.values())
