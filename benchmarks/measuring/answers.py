"""Whether everybody gave the same answer."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import duckdb

if TYPE_CHECKING:
    from pathlib import Path

Finding = tuple[str, str, str, str, str, str]

SUBSET = (
    "all findings of R101 and R102 but those on bought debts (C1), which the night judges by the original account and "
    "the scripts leave out; the delivery has no damaged row, and a first night has no renames"
)
_COLUMNS = "provider_code, account_code, notice_source, notice_id, rule_id, verdict"


class DifferentAnswerError(RuntimeError):
    """A script and the night do not agree, so that their times cannot be compared."""


@dataclass(frozen=True)
class Answer:
    """What the night found in the compared subset, and how many findings lie outside of it."""

    findings: frozenset[Finding]
    left_out: int

    def facts(self) -> dict[str, Any]:
        """Return counts for a reader."""
        counts = Counter(f"{rule} {verdict}" for *_, rule, verdict in self.findings)
        return {
            "subset": SUBSET,
            "rows": len(self.findings),
            "by_verdict": dict(sorted(counts.items())),
            "left_out": self.left_out,
        }


def of_night(folder: Path) -> Answer:
    """Read the compared findings of a sealed night; it must have quarantined nothing."""
    with duckdb.connect() as db:
        lost = db.execute(f"SELECT count(*) FROM '{folder}/published/quarantine.parquet'").fetchall()[0][0]
        if lost:
            raise DifferentAnswerError(f"the night quarantined {lost} rows that the scripts would judge")
        ours = f"FROM '{folder}/published/findings.parquet' AS f WHERE rule_id IN ('R101', 'R102')"
        bought = (
            f"EXISTS (SELECT 1 FROM '{folder}/intake/accounts/*.parquet' AS a WHERE a.account_type = 'C1'"
            " AND a.provider_code = f.provider_code AND a.account_code = f.account_code)"
        )
        rows = db.execute(f"SELECT {_COLUMNS} {ours} AND NOT {bought}").fetchall()
        left_out = db.execute(f"SELECT count(*) {ours} AND {bought}").fetchall()[0][0]
    return Answer(_set(rows, "the night"), left_out)


def of_peer(folder: Path) -> frozenset[Finding]:
    """Read what a script wrote, and see that both its files say the same."""
    with duckdb.connect() as db:
        rows = db.execute(f"SELECT {_COLUMNS} FROM '{folder}/findings.parquet'").fetchall()
        spelled = db.execute(f"SELECT {_COLUMNS} FROM read_csv('{folder}/findings.csv', all_varchar = true)").fetchall()
    if sorted(rows) != sorted(spelled):
        raise DifferentAnswerError("a script's Parquet and CSV differ")
    return _set(rows, "a script")


def assert_same(name: str, found: frozenset[Finding], answer: Answer) -> None:
    """Raise unless a script found exactly what the night found."""
    if not answer.findings:
        raise DifferentAnswerError("the night found nothing, so that equality would say nothing")
    if found != answer.findings:
        missing, extra = answer.findings - found, found - answer.findings
        raise DifferentAnswerError(
            f"{name} and the night differ: {len(missing)} findings missing, {len(extra)} too many;"
            f" for example {sorted(missing or extra)[0]}"
        )


def _set(rows: list[tuple[Any, ...]], who: str) -> frozenset[Finding]:
    found = frozenset(rows)
    if len(found) != len(rows):
        raise DifferentAnswerError(f"{who} gave a finding twice")
    return found
