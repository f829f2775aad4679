"""The rows that one account's explanation needs, out of the book as it was on a night."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from creditaudit.audit.lineage import build_lineage
from creditaudit.audit.notices import build_notices
from creditaudit.audit.rules_run import judge
from creditaudit.audit.rules_tonight import sealed_rules
from creditaudit.audit.sift import sift
from creditaudit.book.reference import read
from creditaudit.book.state import open_states
from creditaudit.cases.strength import strengths
from creditaudit.engines import Engine, quoted
from creditaudit.errors import UsageError
from creditaudit.explain.recalled import recalls_of
from creditaudit.fault.decide import decide
from creditaudit.fault.grid import VERDICTS

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date

    import pyarrow as pa

    from creditaudit.audit.rulebook import Rule
    from creditaudit.book.layout import Book
    from creditaudit.explain.worlds import Row

# Feeds whose rows are a person's: those of the account's persons are enough.
_BY_PERSON = ("loss_reports", "invalid_cards", "issuances", "fraud_alerts", "inquiries")


@dataclass(frozen=True)
class Family:
    """One account's lineage, opened in an engine.

    Parameters
    ----------
    night : date
    provider_code, account_code : str
        The newest codes.
    codes : tuple of str
        ``PROVIDER/ACCOUNT`` of every code, oldest first; empty: only one.
    row : dict
        The row that judges.
    rules : tuple of Rule
        In force that night.
    """

    night: date
    provider_code: str
    account_code: str
    codes: tuple[str, ...]
    row: Row
    rules: tuple[Rule, ...]

    @property
    def fault_rules(self) -> tuple[Rule, ...]:
        """The rules whose findings the fault lane decides."""
        return tuple(rule for rule in self.rules if rule.rule_id in VERDICTS)

    @property
    def judging(self) -> str:
        """SQL that is TRUE for the row that judges, among the rows of the family."""
        own = self.row["provider_code"], self.row["account_code"]
        return f"provider_code = {quoted(own[0])} AND account_code = {quoted(own[1])}"

    @property
    def here(self) -> str:
        """SQL that is TRUE for rows of the newest codes."""
        return f"provider_code = {quoted(self.provider_code)} AND account_code = {quoted(self.account_code)}"


def open_family(engine: Engine, book: Book, provider: str, code: str) -> Family:
    """Name, as ``standing_<table>``, the rows that can have to do with one account.

    Those are all rows of its persons, and of the accounts that it reaches by settlement and original links: every rule
    can be judged on them for this account as the night judged it for all.

    Raises
    ------
    UsageError
        The book has no row of the account.
    """
    night = book.sealed[-1]
    open_states(engine, book)
    reference = book.folder(night) / "reference"
    for table in ("institutions", "duties"):
        engine.load(table, read(reference, table))
    build_lineage(engine, night)
    given = f"provider_code = {quoted(provider)} AND account_code = {quoted(code)}"
    mapped = engine.fetch(f"SELECT head_provider, head_code FROM lineage WHERE {given}").to_pylist()
    head: tuple[str, str] = (mapped[0]["head_provider"], mapped[0]["head_code"]) if mapped else (provider, code)
    engine.table(
        "family_codes",
        f"SELECT provider_code, account_code, steps FROM lineage WHERE head_provider = {quoted(head[0])}"
        f" AND head_code = {quoted(head[1])}"
        f" UNION SELECT {quoted(head[0])} AS provider_code, {quoted(head[1])} AS account_code, 0 AS steps",
    )
    rows = engine.fetch(
        "SELECT a.* FROM standing_accounts AS a JOIN family_codes AS c"
        " ON c.provider_code = a.provider_code AND c.account_code = a.account_code"
        " ORDER BY a.report_date DESC, c.steps, a.provider_code DESC, a.account_code DESC"  # as in the sift
    )
    if not rows.num_rows:
        gone = [one for recall in recalls_of(engine, book, {(provider, code)}, set()) for one in recall.files]
        why = "".join(f"; {one.file} of night {one.read_on}, which held it, was recalled by {one.by}" for one in gone)
        raise UsageError(
            "the account is not known",
            why=f"no accepted row of it is in the book as of night {night}{why}",
            next_step="ask for a night before that (--night), or for its case (`creditaudit case`)"
            if gone
            else "check the codes; a quarantined row is listed in published/quarantine.parquet",
        )
    codes = engine.fetch(
        "SELECT provider_code || '/' || account_code AS code FROM family_codes ORDER BY steps DESC, code"
    )["code"].to_pylist()
    _narrow(engine, rows)
    return Family(
        night, head[0], head[1], tuple(codes) if len(codes) > 1 else (), rows.to_pylist()[0], sealed_rules(book, night)
    )


def _narrow(engine: Engine, rows: pa.Table) -> None:
    """Replace the standing relations by the rows that matter."""
    engine.load("family_rows", rows)
    engine.table("family_people", "SELECT DISTINCT id_norm FROM family_rows")
    taken = -1
    while True:  # until the accounts that are reached reach no others; a debt may come from any account of its person
        found = engine.table(
            "family_reached",
            "SELECT a.* FROM standing_accounts AS a WHERE EXISTS (SELECT 1 FROM family_people AS p"
            " WHERE p.id_norm = a.id_norm)"
            " OR EXISTS (SELECT 1 FROM family_rows AS f WHERE f.id_norm = a.id_norm AND f.account_type = 'C1')"
            " OR EXISTS (SELECT 1 FROM family_rows AS f"
            "  WHERE f.provider_code = a.provider_code AND f.account_code = a.account_code)"
            " OR EXISTS (SELECT 1 FROM family_rows AS f WHERE f.settlement_provider_code = a.provider_code"
            "  AND f.settlement_account_code = a.account_code)"
            " OR EXISTS (SELECT 1 FROM family_rows AS f WHERE f.original_provider_code = a.provider_code"
            "  AND f.original_account_code = a.account_code)"
            " OR EXISTS (SELECT 1 FROM lineage AS l JOIN lineage AS m ON m.head_provider = l.head_provider"
            "  AND m.head_code = l.head_code JOIN family_rows AS f"
            "  ON (f.provider_code = m.provider_code AND f.account_code = m.account_code)"
            "  OR (f.settlement_provider_code = m.provider_code AND f.settlement_account_code = m.account_code)"
            "  OR (f.original_provider_code = m.provider_code AND f.original_account_code = m.account_code)"
            "  WHERE l.provider_code = a.provider_code AND l.account_code = a.account_code)",
        )
        engine.table("family_rows", "SELECT * FROM family_reached")
        if found == taken:
            break
        taken = found
    engine.view("standing_accounts", "SELECT * FROM family_rows")
    for table in _BY_PERSON:
        engine.table(
            f"family_{table}",
            f"SELECT * FROM standing_{table} WHERE id_norm IN (SELECT id_norm FROM family_rows)",
        )
        engine.view(f"standing_{table}", f"SELECT * FROM family_{table}")
    for table in ("openings", "opening_changes"):
        engine.table(
            f"family_{table}",
            f"SELECT o.* FROM standing_{table} AS o WHERE EXISTS (SELECT 1 FROM family_rows AS f"
            " WHERE f.provider_code = o.provider_code AND f.account_code = o.account_code)",
        )
        engine.view(f"standing_{table}", f"SELECT * FROM family_{table}")
    engine.table(
        "family_verifications",
        "SELECT v.* FROM standing_verifications AS v WHERE EXISTS (SELECT 1 FROM family_rows AS f"
        " WHERE f.provider_code = v.provider_code AND f.account_code = v.account_code)"
        " OR EXISTS (SELECT 1 FROM family_openings AS o"
        " WHERE o.provider_code = v.provider_code AND o.session_id = v.session_id)",
    )
    engine.view("standing_verifications", "SELECT * FROM family_verifications")
    engine.table(
        "family_impostors",
        "SELECT * FROM standing_impostors WHERE id_norm IN (SELECT handler_id_norm FROM family_openings)",
    )
    engine.view("standing_impostors", "SELECT * FROM family_impostors")


def judge_rows(engine: Engine, rules: Sequence[Rule], night: date) -> None:
    """Judge the rows named ``standing_<table>`` as a night does, to the fault of every case."""
    build_notices(engine)
    build_lineage(engine, night)
    sift(engine, night)
    judge(engine, rules)
    decide(engine, night, strengths(rule.rule_id for rule in rules))
