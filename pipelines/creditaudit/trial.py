"""A changed rule text, tried on a sealed night: its own cases, and which findings and cases it would change.

Nothing here writes, approves or decides: an approval is ``creditaudit rules approve``, and until then a night runs a
changed text in shadow (SPEC 9).
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow as pa

from creditaudit.as_of import open_book
from creditaudit.audit.case_runs import check_rules
from creditaudit.audit.lineage import build_lineage
from creditaudit.audit.notices import build_notices
from creditaudit.audit.rulebook import read_rule
from creditaudit.audit.rules_run import judge
from creditaudit.audit.rules_tonight import sealed_rules
from creditaudit.audit.shadow import run_in_shadow
from creditaudit.audit.sift import sift
from creditaudit.book.layout import Book
from creditaudit.book.reference import read
from creditaudit.book.state import open_states
from creditaudit.engines import Engine, engine_aside

if TYPE_CHECKING:
    from datetime import date

_OUTCOMES = pa.schema([("rule_id", pa.string()), ("case", pa.string()), ("passed", pa.bool_()), ("said", pa.string())])


def rule_cases(folder: Path | str) -> pa.Table:
    """Run the given/expect cases of one rule.

    Parameters
    ----------
    folder : Path or str
        The rule's folder, with ``rule.sql`` and ``cases.yaml``.

    Returns
    -------
    pyarrow.Table
        One row per case, in the order of the file, then one per required case that is missing: rule_id, case, passed,
        ``said`` (what differs).

    Raises
    ------
    UsageError
        The text or a case is not as it must be; names file and line.
    """
    rule = read_rule(Path(folder))
    with engine_aside() as engine:
        [report] = check_rules([rule], engine)
    rows = [
        {"rule_id": rule.rule_id, "case": o.case.name, "passed": o.passed, "said": o.explained()}
        for o in report.outcomes
    ]
    rows += [{"rule_id": rule.rule_id, "case": None, "passed": False, "said": said} for said in report.unmet]
    return pa.Table.from_pylist(rows, schema=_OUTCOMES)


def try_rule(book: Path | str, folder: Path | str, night: date | str | None = None) -> pa.Table:
    """Judge a sealed night's rows once more, and run a changed rule text beside the rules that were in force.

    Parameters
    ----------
    book : Path or str
        The book; it is only read.
    folder : Path or str
        The rule's folder.
    night : date or str, optional
        A sealed night; None: the last one.

    Returns
    -------
    pyarrow.Table
        One row per finding that differs: rule_id, provider_code, account_code, subject, notice_source, notice_id,
        ``difference`` (``gone``, ``new``, ``other_verdict``, ``other_evidence``), verdict, shadow_verdict, and case_id
        and state of the open episode where the subject has a case (NULL: none yet). Sorted by all of these. No
        personal data.

    Raises
    ------
    UsageError
        There is no such night, or the text is not as it must be.
    """
    rule = read_rule(Path(folder))
    opened = open_book(book).as_of(night)
    then = Book(opened.root, until=opened.night)
    with engine_aside(reads=opened.root) as engine:
        open_states(engine, then)
        for table in ("institutions", "duties"):
            engine.load(table, read(then.folder(opened.night) / "reference", table))
        _leave_absent(engine, opened.night)
        build_lineage(engine, opened.night)
        build_notices(engine)
        sift(engine, opened.night)
        in_force = sealed_rules(then, opened.night)
        judge(engine, in_force)
        engine.load("differences", run_in_shadow(engine, [rule], in_force))
        engine.load("sealed_cases", opened.table("cases"))
        return engine.fetch(
            """
            SELECT d.*, c.case_id, c.state FROM differences AS d LEFT JOIN (
                SELECT provider_code, subject, case_id, state, ROW_NUMBER() OVER (
                    PARTITION BY provider_code, subject ORDER BY episode DESC, case_id) AS place FROM sealed_cases
            ) AS c ON c.provider_code = d.provider_code AND c.subject = d.subject AND c.place = 1
            ORDER BY ALL
            """
        )


def _leave_absent(engine: Engine, night: date) -> None:
    """Leave out the accounts that were proven absent on an earlier night: the night judged them no more (SPEC 2)."""
    engine.view(
        "standing_accounts",
        "SELECT a.* FROM whole_accounts AS a WHERE NOT EXISTS (SELECT 1 FROM standing_absent_accounts AS s"
        f" WHERE s.is_absent AND s.night < DATE '{night.isoformat()}'"
        " AND s.provider_code = a.provider_code AND s.account_code = a.account_code)",
    )
