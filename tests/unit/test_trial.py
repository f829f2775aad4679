"""A changed rule is tried on a sealed night: its cases, the findings and the cases that would change; nothing else."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import duckdb
import pytest

import creditaudit
from creditaudit.audit.rulebook import shipped_rules
from creditaudit.errors import UsageError

if TYPE_CHECKING:
    from unit.responding import Answered

R101 = "R101_lost_card_used"


def changed(tmp_path: Path, old: str, new: str) -> Path:
    folder = tmp_path / R101
    shutil.copytree(Path(str(shipped_rules())) / R101, folder)
    text = (folder / "rule.sql").read_text(encoding="utf-8")
    assert old in text
    (folder / "rule.sql").write_text(text.replace(old, new), encoding="utf-8")
    return folder


def test_a_rule_as_shipped_changes_nothing(answered_cases: Answered, tmp_path: Path) -> None:
    folder = changed(tmp_path, "SELECT", "SELECT")
    assert creditaudit.try_rule(answered_cases.place.book, folder).num_rows == 0
    assert all(creditaudit.rule_cases(folder)["passed"].to_pylist())


def test_what_a_change_would_do_is_named_by_case(answered_cases: Answered, tmp_path: Path) -> None:
    place = answered_cases.place
    before = place.tree()
    folder = changed(tmp_path, "AND p.standing IN ('yes', 'maybe')", "AND p.standing IN ('no')")
    told = creditaudit.try_rule(place.book, folder).to_pylist()
    last = creditaudit.open_book(place.book).nights[-1]
    found = [f for f in place.rows(last, "findings") if f["rule_id"] == "R101"]
    key = ("provider_code", "account_code", "notice_source", "notice_id")
    assert {tuple(row[k] for k in key) for row in told} == {tuple(f[k] for k in key) for f in found}
    assert {(row["difference"], row["verdict"], row["shadow_verdict"]) for row in told} == {("gone", "violation", None)}
    case = {c["subject"]: c["case_id"] for c in place.rows(last, "cases")}
    assert all(row["case_id"] == case[row["subject"]] for row in told)
    failed = [row for row in creditaudit.rule_cases(folder).to_pylist() if not row["passed"]]
    assert failed
    assert all("expected" in row["said"] or row["case"] is None for row in failed)
    assert place.tree() == before


def test_a_change_of_evidence_alone_is_named_too(answered_cases: Answered, tmp_path: Path) -> None:
    """The verdict stays, and the fingerprint does not: approved, it would wake cases."""
    folder = changed(tmp_path, "relation, standing, shown_on", "relation, shown_on")
    told = creditaudit.try_rule(answered_cases.place.book, folder).to_pylist()
    assert {(row["difference"], row["verdict"], row["shadow_verdict"]) for row in told} == {
        ("other_evidence", "violation", "violation")
    }
    assert len(told) == 4


def test_a_text_that_is_no_rule_is_refused(answered_cases: Answered, tmp_path: Path) -> None:
    folder = changed(tmp_path, "id: R101", "no id")
    with pytest.raises(UsageError, match="rule"):
        creditaudit.try_rule(answered_cases.place.book, folder)


def test_an_analyst_reads_the_published_tables_and_nothing_else(answered_cases: Answered, tmp_path: Path) -> None:
    night = creditaudit.open_book(answered_cases.place.book).as_of()
    cases = night.table("cases")
    assert night.relation("cases").to_arrow_table().num_rows == cases.num_rows
    frame = night.pandas("cases")
    assert list(frame["case_id"]) == cases["case_id"].to_pylist()
    connection = night.connect()
    rows = answered_cases.place.folder(night.night) / "intake" / "accounts"
    before = answered_cases.place.tree()
    for statement in (
        f"SELECT * FROM read_parquet('{rows}/*.parquet')",
        "SELECT * FROM read_text('/etc/hostname')",
        f"COPY cases TO '{tmp_path}/out.csv'",
        f"COPY (SELECT 1 AS a) TO '{night.paths['cases']}' (FORMAT parquet)",  # over a sealed table
        f"COPY cases TO '{night.paths['cases'].parent}/more.parquet'",
        f"ATTACH '{night.paths['cases'].parent}/more.db' AS more",
        "DELETE FROM cases",
        "SET enable_external_access = true",
        "INSTALL httpfs",
    ):
        with pytest.raises(duckdb.Error):
            connection.execute(statement).fetchall()
    assert answered_cases.place.tree() == before
    with pytest.raises(UsageError, match="has no table"):
        night.relation("accounts")
