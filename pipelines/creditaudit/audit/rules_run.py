"""Runs the rules: from the four tables of the sift to findings and clearances."""

from __future__ import annotations

from dataclasses import dataclass
from importlib import resources
from typing import TYPE_CHECKING

from creditaudit.audit.readable import RULE_COLUMNS
from creditaudit.audit.rulebook import rendered

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from creditaudit.audit.rulebook import Rule
    from creditaudit.engines import Engine

# In the order in which they are run; each becomes the table of its name.
STEPS = ("card_facts", "pairs", "clearances")


@dataclass(frozen=True, slots=True)
class Judged:
    """How many rows the judgment made."""

    pairs: int
    clearances: int
    findings: int


def step_text(step: str) -> str:
    """Return the SQL of one of :data:`STEPS`, as shipped."""
    return resources.files("creditaudit.audit").joinpath("sql", f"{step}.sql").read_text(encoding="utf-8")


def findings_select(texts: Mapping[str, str]) -> str:
    """Return one SELECT over the rendered texts of rules, by rule id.

    The first branch has no rows; it gives the columns their types, which a rule that says NULL does not.
    """
    columns = ", ".join(f"f.{column}" for column in RULE_COLUMNS)
    typed = ", ".join(f"p.{column}" for column in RULE_COLUMNS[:-1])
    branches = [f"SELECT 'R000' AS rule_id, {typed}, p.relation AS verdict FROM pairs AS p WHERE 1 = 0"]
    branches += [f"SELECT '{rule_id}' AS rule_id, {columns} FROM (\n{text}\n) AS f" for rule_id, text in texts.items()]
    return "\nUNION ALL\n".join(branches)


def judge(engine: Engine, rules: Sequence[Rule], overrides: Mapping[str, Mapping[str, int]] | None = None) -> Judged:
    """Judge what the sift has found.

    Reads the relations ``judged_accounts``, ``notices``, ``issued_cards`` and ``issuance_coverage`` (tables.py), and
    whatever else the rules read. Makes the tables ``card_facts``, ``pairs`` (readable.PAIRS), ``clearances``
    (provider_code, account_code, notice_source, notice_id, reason) and ``raw_findings`` (rule_id, provider_code,
    account_code, notice_source, notice_id, verdict). None has an order.

    Parameters
    ----------
    engine : Engine
    rules : sequence of Rule
        Those in force.
    overrides : mapping, optional
        Rule id to other values of its parameters.

    Returns
    -------
    Judged
    """
    counts = {step: engine.table(step, step_text(step)) for step in STEPS}
    texts = {rule.rule_id: rendered(rule, (overrides or {}).get(rule.rule_id)) for rule in rules}
    findings = engine.table("raw_findings", findings_select(texts))
    return Judged(counts["pairs"], counts["clearances"], findings)
