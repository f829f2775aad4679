"""Why an account is flagged or cleared, and what would change it: the same rows and the same SQL, for one account."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from creditaudit.book.layout import Book, open_book
from creditaudit.engines import Engine, open_engine, quoted
from creditaudit.errors import UsageError
from creditaudit.explain.changes import Judged
from creditaudit.explain.facts import changes_of
from creditaudit.explain.flips import Flip, minimal_flips
from creditaudit.explain.gather import Family, judge_rows, open_family
from creditaudit.explain.own_rows import institution_on, rows_of
from creditaudit.explain.recalled import recalls_of
from creditaudit.explain.timeline import timeline
from creditaudit.explain.value import Deciding, ElementLine, Explanation
from creditaudit.explain.words import day, second
from creditaudit.explain.worlds import load_worlds, read_answers
from creditaudit.fault.asking import ask_for
from creditaudit.fault.elements import Element, combination_of, elements
from creditaudit.fault.grid import shipped_grid
from creditaudit.masking import USUAL

if TYPE_CHECKING:
    from datetime import date

    import pyarrow as pa

    from creditaudit.explain.worlds import Answer, Row, Rows

_MEMORY = "2GiB"


def explain_account(root: Path | str, account: str, night: date | None = None) -> Explanation:
    """Explain one account: why it is flagged or cleared, what decided its fault, and what would change that.

    Parameters
    ----------
    root : Path or str
        The book.
    account : str
        ``PROVIDER/ACCOUNT``; any code of the account's lineage.
    night : date, optional
        As known that night; None: the last sealed one.

    Returns
    -------
    Explanation

    Raises
    ------
    UsageError
        The account's form is wrong, the book has no such night, or does not know the account.
    """
    provider, slash, code = account.partition("/")
    if not slash or not provider or not code:
        raise UsageError(
            "the account cannot be read", why="it is not PROVIDER/ACCOUNT", next_step="give for example B01/A000123"
        )
    book = open_book(Path(root)).then(night)
    if book.last is None or (night is not None and book.last != night):
        raise UsageError(
            "there is nothing to explain yet",
            why="the book has no sealed night" if night is None else f"night {night} is not sealed",
            next_step="run a night first, or name a sealed one",
        )
    with tempfile.TemporaryDirectory() as scratch:
        engine = open_engine(Path(scratch), threads=2, memory_limit=_MEMORY, reads=book.root)
        try:
            family = open_family(engine, book, provider, code)
            judge_rows(engine, family.rules, family.night)
            return _explained(engine, book, family, Path(scratch))
        finally:
            engine.close()


def _explained(engine: Engine, book: Book, family: Family, scratch: Path) -> Explanation:
    """Read what the judgment of the family says of the account."""

    def at_account(table: str, order: str) -> tuple[Row, ...]:
        return tuple(engine.fetch(f"SELECT * FROM {table} WHERE {family.here} ORDER BY {order}").to_pylist())

    accounts = at_account("judged_accounts", "account_code")
    faults = at_account("finding_faults", "rule_id, notice_source NULLS FIRST, notice_id NULLS FIRST")
    notices = engine.fetch(
        "SELECT n.* FROM notices AS n WHERE n.id_norm IN (SELECT id_norm FROM family_people)"
        " ORDER BY reported_from, notice_source, notice_id"
    ).to_pylist()
    case = engine.fetch(
        f"SELECT * FROM case_faults WHERE provider_code = {quoted(family.provider_code)}"
        f" AND subject = {quoted(f'account:{family.account_code}')}"
    ).to_pylist()
    told = Explanation(
        night=family.night,
        provider_code=family.provider_code,
        account_code=family.account_code,
        codes=family.codes,
        row=family.row,
        id_masked=USUAL.of(family.row["id_norm"]),
        account=accounts[0] if accounts else None,
        notices=tuple(notices),
        pairs=at_account("pairs", "reported_from, notice_source, notice_id"),
        findings=at_account("raw_findings", "rule_id, notice_source NULLS FIRST, notice_id NULLS FIRST"),
        clearances=at_account("clearances", "notice_source, notice_id"),
        timeline=timeline(engine, family, accounts[0] if accounts else None, notices),
        absence=_absence(engine, family),
        recalls=recalls_of(engine, book, *_own(engine)),
    )
    if not case or case[0]["rule_id"] is None:
        return told
    deciding = next(f for f in faults if all(f[name] == case[0][name] for name in _NAMES_A_FINDING))
    rows, schemas = rows_of(engine)
    judged = Judged(
        account=accounts[0],
        pairs=told.pairs,
        findings=told.findings,
        checks=at_account("last_checks", "account_code")[0],
        opening=next(iter(at_account("judged_openings", "account_code")), None),
        faults=faults,
        institution=institution_on(rows, family.provider_code, accounts[0]["moment_day"]),
    )
    line = shipped_grid().decide(combination_of(deciding))
    return told.with_fault(
        Deciding(
            rule_id=deciding["rule_id"],
            verdict=deciding["verdict"],
            notice=None if deciding["notice_id"] is None else f"{deciding['notice_source']} {deciding['notice_id']}",
            fault=deciding["fault"],
            knowable=deciding["knowable"],
            duty=deciding["duty"],
            duty_source=deciding["duty_source"],
            performed=deciding["performed"],
            grid_row=str(line.row),
            why=(line.why_en, line.why_zh),
        ),
        elements=tuple(_line(element) for element in elements(deciding)),
        flips=_flips(family, judged, (rows, schemas), scratch),
        ask_for=tuple((d.document_id, d.en, d.zh) for d in ask_for(deciding)),
    )


def _own(engine: Engine) -> tuple[set[tuple[str, str]], set[str]]:
    """Return the codes of the family's account, and the numbers of its persons."""
    codes = engine.fetch("SELECT provider_code, account_code FROM family_codes")
    people = engine.fetch("SELECT id_norm FROM family_people WHERE id_norm IS NOT NULL")
    return set(zip(*(column.to_pylist() for column in codes.columns), strict=True)), set(people["id_norm"].to_pylist())


def _absence(engine: Engine, family: Family) -> tuple[str, date] | None:
    """Return which case proved the account absent, and when; the night of the proof itself still judged it."""
    found = engine.fetch(
        "SELECT a.case_id, a.night FROM standing_absent_accounts AS a JOIN family_codes AS c"
        " ON c.provider_code = a.provider_code AND c.account_code = a.account_code"
        f" WHERE a.is_absent AND a.night < DATE '{family.night.isoformat()}' ORDER BY a.case_id"
    ).to_pylist()
    return (found[0]["case_id"], found[0]["night"]) if found else None


_NAMES_A_FINDING = ("rule_id", "verdict", "notice_source", "notice_id")


def _line(element: Element) -> ElementLine:
    """Say which row speaks of an element: its key, and what of it."""
    told = dict(element.source)
    parts = []
    if "notice_id" in told:
        parts.append(f"{told.pop('notice_source')} {told.pop('notice_id')}")
    for name, value in sorted(told.items()):
        if name in {"visible_from", "visible_to"}:
            parts.append(f"{name} {second(value)}")
        elif name == "exception_followed_up_on":
            parts.append(f"{name} {day(value)}")
        else:
            parts.append(f"{name} {value}")
    return ElementLine(element.name, element.status, ", ".join(parts) or None)


def _flips(
    family: Family, judged: Judged, given: tuple[Rows, dict[str, pa.Schema]], scratch: Path
) -> tuple[tuple[Flip, ...], int]:
    """Judge the account's other worlds, in an engine of their own."""
    rows, schemas = given
    others = open_engine(scratch / "worlds", threads=2, memory_limit=_MEMORY)

    def judge(worlds: list[Rows]) -> list[Answer]:
        load_worlds(others, schemas, worlds)
        judge_rows(others, family.fault_rules, family.night)
        return read_answers(others, len(worlds), family.provider_code, f"account:{family.account_code}")

    try:
        return minimal_flips(rows, changes_of(judged), judge)
    finally:
        others.close()
