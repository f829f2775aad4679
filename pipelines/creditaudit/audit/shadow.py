"""What a changed rule text would find: told beside what judges, without effect until it is approved (SPEC 9)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from creditaudit.audit.findings import evidence_of
from creditaudit.audit.rulebook import rendered
from creditaudit.audit.rules_run import found_select, found_table

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import pyarrow as pa

    from creditaudit.audit.rulebook import Rule
    from creditaudit.engines import Engine

_KEY = ("provider_code", "account_code", "subject", "notice_source", "notice_id")
GONE, NEW, OTHER, EVIDENCE = "gone", "new", "other_verdict", "other_evidence"


def run_in_shadow(engine: Engine, rules: Sequence[Rule], in_force: Sequence[Rule]) -> pa.Table:
    """Run texts over what the judgment left, and compare with what the texts in force found.

    Reads ``raw_findings`` and what rules read, after :func:`creditaudit.audit.rules_run.judge` judged everyone: over a
    scope the difference would be that of the scope. Makes ``shadow_findings``. Chains are those of the rules in force.

    Parameters
    ----------
    engine : Engine
    rules : sequence of Rule
        The changed texts; each is compared with the findings of its rule_id (none, for a new rule).
    in_force : sequence of Rule
        The texts that judged.

    Returns
    -------
    pyarrow.Table
        One row per finding that differs: rule_id, ``difference`` (``gone``, ``new``, ``other_verdict``; with one
        verdict ``other_evidence``, which would wake cases too), the key of a finding, ``verdict`` (as it is; NULL where
        there is none), ``shadow_verdict`` (as the changed text says; NULL where it finds nothing). Sorted by all of
        these.
    """
    tables = {rule.rule_id: f"shadow_{found_table(rule.rule_id)}" for rule in rules}
    for rule in rules:
        engine.table(tables[rule.rule_id], found_select(rule.rule_id, rendered(rule)))
    columns = ", ".join(("rule_id", *_KEY, "verdict"))
    # The branch without rows gives the columns where no rule is given.
    branches = [f"SELECT {columns} FROM raw_findings WHERE 1 = 0"]
    branches += [f"SELECT {columns} FROM {table}" for table in tables.values()]
    engine.table("shadow_findings", "\nUNION ALL\n".join(branches))
    _compare_evidence(engine, rules, {rule.rule_id: rule for rule in in_force}, tables)
    key = ", ".join(f"COALESCE(r.{name}, s.{name}) AS {name}" for name in ("rule_id", *_KEY))
    asked = ", ".join(f"'{rule.rule_id}'" for rule in rules) or "NULL"
    found = engine.fetch(
        f"""
        SELECT {key}, CASE WHEN s.rule_id IS NULL THEN '{GONE}' WHEN r.rule_id IS NULL THEN '{NEW}'
            WHEN r.verdict IS DISTINCT FROM s.verdict THEN '{OTHER}' ELSE '{EVIDENCE}' END AS difference,
            r.verdict, s.verdict AS shadow_verdict
        FROM (SELECT * FROM raw_findings WHERE rule_id IN ({asked})) AS r
        FULL JOIN shadow_findings AS s ON {_same("r", "s")}
        LEFT JOIN other_evidence AS e ON {_same("e", "s")}
        WHERE r.verdict IS DISTINCT FROM s.verdict OR e.rule_id IS NOT NULL
        ORDER BY ALL
        """
    )
    engine.drop("other_evidence", *tables.values())
    return found


def _compare_evidence(
    engine: Engine, rules: Sequence[Rule], in_force: Mapping[str, Rule], tables: Mapping[str, str]
) -> None:
    """Make ``other_evidence``: the findings of which both texts give evidence, and not the same."""
    engine.table("other_evidence", f"SELECT rule_id, {', '.join(_KEY)} FROM shadow_findings WHERE 1 = 0")
    for rule in rules:
        judging = in_force.get(rule.rule_id)
        if judging is None:
            continue
        engine.load("evidence_as_it_is", evidence_of(engine, judging, found_table(rule.rule_id)))
        engine.load("evidence_in_shadow", evidence_of(engine, rule, tables[rule.rule_id]))
        engine.table(
            "other_evidence",
            f"SELECT * FROM other_evidence UNION ALL SELECT a.rule_id, {', '.join(f'a.{name}' for name in _KEY)}"
            f" FROM evidence_as_it_is AS a JOIN evidence_in_shadow AS b ON {_same('a', 'b')}"
            " WHERE a.evidence IS DISTINCT FROM b.evidence",
        )
        engine.drop("evidence_as_it_is", "evidence_in_shadow")


def _same(one: str, other: str) -> str:
    keys = (f"{one}.{name} IS NOT DISTINCT FROM {other}.{name}" for name in _KEY)
    return " AND ".join((f"{one}.rule_id = {other}.rule_id", *keys))


def counted(differences: pa.Table) -> list[dict[str, Any]]:
    """Return the differences in numbers: rule_id, difference, rows; sorted, and none left out."""
    grouped = differences.group_by(["rule_id", "difference"], use_threads=False).aggregate([([], "count_all")])
    table = grouped.rename_columns(["rule_id", "difference", "rows"])
    return list(table.sort_by([("rule_id", "ascending"), ("difference", "ascending")]).to_pylist())
