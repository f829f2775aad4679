"""All cases of all rules and steps in as few tables as can be, and texts judged over them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from creditaudit.audit.case_runs import Batch, batches
from creditaudit.audit.casebook import CaseOutcome, load_cases, load_step_cases
from creditaudit.audit.chained import chain_accounts
from creditaudit.audit.rulebook import Rule, load_rules, rendered
from creditaudit.audit.rules_run import STEPS, found_select, step_text
from creditaudit.engines import open_engine
from creditaudit.errors import CreditAuditError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from creditaudit.engines import Engine


@dataclass
class Stand:
    """One batch on an engine of its own; ``made`` has the texts that its steps were made of."""

    batch: Batch
    engine: Engine
    made: dict[str, str] = field(default_factory=dict)

    def make(self, step: str, text: str) -> None:
        """Make a step of this text, if it is not; what rests on it must be made anew then."""
        if self.made.get(step) != text:
            for resting in STEPS[STEPS.index(step) :]:
                self.made.pop(resting, None)
            self.engine.table(step, text)
            self.made[step] = text


class Bench:
    """Shipped texts, and what comes of changed ones."""

    def __init__(self, scratch: Path) -> None:
        self.rules: tuple[Rule, ...] = load_rules()
        self.rule_texts = {rule.rule_id: rendered(rule) for rule in self.rules}
        self.steps = {step: step_text(step) for step in STEPS}
        cases = [*load_step_cases(), *(case for rule in self.rules for case in load_cases(rule))]
        self.stands: list[Stand] = []
        for number, batch in enumerate(batches(cases)):
            folder = scratch / str(number)
            folder.mkdir()
            engine = open_engine(folder, threads=1, memory_limit="512MiB")
            batch.load(engine)
            chain_accounts(engine)
            self.stands.append(Stand(batch, engine))

    def close(self) -> None:
        for stand in self.stands:
            stand.engine.close()

    def noticed(self, of: str, text: str) -> bool:
        """Return whether some case fails when ``text`` stands for the shipped one."""
        try:
            return any(not outcome.passed for outcome in self._outcomes(of, text))
        except CreditAuditError:
            return True  # the engine refused it: loud enough

    def _outcomes(self, of: str, text: str) -> Iterator[CaseOutcome]:
        """Judge with one text changed, step by step, so that whoever stops at the first failure pays no more."""
        steps = {**self.steps, **({of: text} if of in self.steps else {})}
        texts = self.rule_texts if of in self.steps else {of: text}
        for stand in self.stands:
            for step in STEPS:
                stand.make(step, steps[step])
                if of in self.steps and step != "card_facts":
                    rows = stand.engine.fetch(f"SELECT * FROM {step}").to_pylist()
                    yield from stand.batch.outcomes(step, rows)
            yield from self._found(stand, texts)

    @staticmethod
    def _found(stand: Stand, texts: Mapping[str, str]) -> Iterator[CaseOutcome]:
        for rule_id, text in texts.items():
            yield from stand.batch.outcomes(rule_id, stand.engine.fetch(found_select(rule_id, text)).to_pylist())
