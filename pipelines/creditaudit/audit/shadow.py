"""What a changed rule text would find: told beside what judges, without effect until it is approved (SPEC 9)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from creditaudit.audit.rulebook import rendered
from creditaudit.audit.rules_run import found_select

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pyarrow as pa

    from creditaudit.audit.rulebook import Rule
    from creditaudit.engines import Engine

_KEY = ("provider_code", "account_code", "subject", "notice_source", "notice_id")
GONE, NEW, OTHER = "gone", "new", "other_verdict"


def run_in_shadow(engine: Engine, rules: Sequence[Rule]) -> pa.Table:
    """Run texts over what the judgment left, and compare with what the texts in force found.

    Reads ``raw_findings`` and what rules read, after :func:`creditaudit.audit.rules_run.judge` judged everyone: over a
    scope the difference would be that of the scope. Makes ``shadow_findings``. Chains are those of the rules in force.

    Parameters
    ----------
    engine : Engine
    rules : sequence of Rule
        The changed texts; each is compared with the findings of its rule_id (none, for a new rule).

    Returns
    -------
    pyarrow.Table
        One row per finding that differs: rule_id, ``difference`` (``gone``, ``new``, ``other_verdict``), the key of a
        finding, ``verdict`` (as it is; NULL where there is none), ``shadow_verdict`` (as the changed text says; NULL
        where it finds nothing). Sorted by all of these.
    """
    columns = ", ".join(("rule_id", *_KEY, "verdict"))
    # The branch without rows gives the columns where no rule is given.
    branches = [f"SELECT {columns} FROM raw_findings WHERE 1 = 0"]
    branches += [f"SELECT {columns} FROM ({found_select(rule.rule_id, rendered(rule))})" for rule in rules]
    engine.table("shadow_findings", "\nUNION ALL\n".join(branches))
    key = ", ".join(f"COALESCE(r.{name}, s.{name}) AS {name}" for name in ("rule_id", *_KEY))
    same = " AND ".join(f"r.{name} IS NOT DISTINCT FROM s.{name}" for name in _KEY)
    asked = ", ".join(f"'{rule.rule_id}'" for rule in rules) or "NULL"
    return engine.fetch(
        f"""
        SELECT {key}, CASE WHEN s.rule_id IS NULL THEN '{GONE}' WHEN r.rule_id IS NULL THEN '{NEW}'
            ELSE '{OTHER}' END AS difference, r.verdict, s.verdict AS shadow_verdict
        FROM (SELECT * FROM raw_findings WHERE rule_id IN ({asked})) AS r
        FULL JOIN shadow_findings AS s ON s.rule_id = r.rule_id AND {same}
        WHERE r.verdict IS DISTINCT FROM s.verdict
        ORDER BY ALL
        """
    )


def counted(differences: pa.Table) -> list[dict[str, Any]]:
    """Return the differences in numbers: rule_id, difference, rows; sorted, and none left out."""
    grouped = differences.group_by(["rule_id", "difference"], use_threads=False).aggregate([([], "count_all")])
    table = grouped.rename_columns(["rule_id", "difference", "rows"])
    return list(table.sort_by([("rule_id", "ascending"), ("difference", "ascending")]).to_pylist())
