"""The judgment of a night, from the rows in force to findings and clearances: one call for the order of its steps."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from creditaudit.audit.findings import build_clearances, build_findings
from creditaudit.audit.lineage import build_lineage
from creditaudit.audit.notices import build_notices
from creditaudit.audit.rules_run import judge
from creditaudit.audit.sift import sift

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date

    import pyarrow as pa

    from creditaudit.audit.rulebook import Rule
    from creditaudit.book.keys import Keyring
    from creditaudit.engines import Engine


@dataclass(frozen=True)
class Judgment:
    """What a night found.

    Parameters
    ----------
    findings : pyarrow.Table
        Schema ``creditaudit.tables.FINDINGS``.
    clearances : pyarrow.Table
        Schema ``creditaudit.tables.CLEARANCES``.
    contradicted : tuple of (provider_code, old_account_code)
        Renames whose two codes cannot be one account.
    ignored : dict
        What notices could not be made of: reason to rows.
    """

    findings: pa.Table
    clearances: pa.Table
    contradicted: tuple[tuple[str, str], ...]
    ignored: dict[str, int]


def judge_night(engine: Engine, rules: Sequence[Rule], night: date, keys: Keyring) -> Judgment:
    """Judge every account by the rows in force, named ``standing_<table>``.

    Leaves ``findings``, ``judged_rows``, ``lineage``, ``opening_changed`` for the stages that follow.
    """
    build_notices(engine)
    build_lineage(engine, night)
    sift(engine, night)
    judge(engine, rules)
    contradicted = engine.fetch("SELECT * FROM contradicted_renames ORDER BY provider_code, old_account_code")
    counts = engine.fetch("SELECT reason, n FROM notice_counts ORDER BY reason")
    return Judgment(
        build_findings(engine, rules, night, keys),
        build_clearances(engine, night),
        tuple(zip(*(c.to_pylist() for c in contradicted.columns), strict=True)),
        dict(zip(counts["reason"].to_pylist(), counts["n"].to_pylist(), strict=True)),
    )
