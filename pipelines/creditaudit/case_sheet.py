"""The sheet of one case as the last sealed night left it: the page that a recipient's folder has (SPEC 7.3, 8)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from creditaudit.audit.notices import tell_notices
from creditaudit.audit.rulebook import RULE_FILE, parse_rule, rule_titles
from creditaudit.book.case_state import CASE_LIFE
from creditaudit.book.files import below
from creditaudit.book.reference import read
from creditaudit.book.sheet_state import SHEET_FACTS
from creditaudit.book.state import open_state
from creditaudit.case_view import last_night, no_case
from creditaudit.cases.clocks import days_left_sql
from creditaudit.cases.remedies import next_steps
from creditaudit.cases.sealed_cases import open_sealed_cases
from creditaudit.engines import Engine, engine_aside, quoted
from creditaudit.fault.documents import shipped_documents
from creditaudit.fault.sheet_facts import tell_elements
from creditaudit.reports.case_sheets import SHEET_COLUMNS, names_of
from creditaudit.reports.pictures import gather
from creditaudit.reports.sheet_page import Reader, render

if TYPE_CHECKING:
    from datetime import date

    from creditaudit.book.layout import Book

_REGISTRIES: Final = ("loss_reports", "invalid_cards", "issuances")
# Columns of the sheet that the published table does not have.
_BESIDE: Final = {"due_kind": "l.due_kind", "next_step_ids": "t.next_step_ids"}


def sheet_of(book: Book, case_id: str, language: str = "zh") -> bytes:
    """Return the sheet of a case's last episode: one self-contained page that prints on one A4 page.

    Parameters
    ----------
    book : Book
    case_id : str
    language : str
        ``zh`` or ``en``.

    Returns
    -------
    bytes
        HTML, UTF-8. No raw ID number, name or phone; the ID number is masked as the house sees it (3+4).

    Raises
    ------
    UsageError
        The book has no sealed night, or no such case; the nearest one is named.
    """
    night = last_night(book)
    with engine_aside(reads=book.root) as engine:
        _open(engine, book, night, case_id)
        tell_elements(engine)
        tell_notices(engine)
        return render(gather(engine)[case_id], night, Reader(language), names_of(engine))


def _open(engine: Engine, book: Book, night: date, case_id: str) -> None:
    """Make what :func:`creditaudit.reports.pictures.gather` reads, for one case of a sealed night."""
    folder = book.folder(night)
    open_sealed_cases(engine, book, night)
    here = f"c.case_id = {quoted(case_id)}"
    if not engine.fetch(f"SELECT c.case_id FROM last_cases AS c WHERE {here}").num_rows:
        raise no_case(engine, case_id)
    open_state(engine, book, CASE_LIFE.name, "sealed_life")
    open_state(engine, book, SHEET_FACTS.name, f"standing_{SHEET_FACTS.name}")
    for feed in _REGISTRIES:
        open_state(engine, book, feed, f"whole_{feed}")
    engine.load("remedies", read(folder / "reference", "remedies"))
    engine.load("documents", shipped_documents().as_table())
    texts = [path for path in below(folder / "rules") if path.name == RULE_FILE]
    engine.load(
        "rule_titles", rule_titles(parse_rule(p.read_bytes(), f"rules/{p.parent.name}/{p.name}") for p in texts)
    )
    # A case whose findings have fallen has the next steps of the day that its last ones spoke of.
    engine.table(
        "case_rows_base",
        "SELECT c.* EXCLUDE (moment_from), COALESCE(c.moment_from, l.moment_from) AS moment_from"
        " FROM case_rows_base AS c LEFT JOIN sealed_life AS l ON l.case_id = c.case_id AND l.episode = c.episode"
        f" WHERE {here}",
    )
    next_steps(engine, night)
    columns = ", ".join(f"{_BESIDE.get(name, f'c.{name}')} AS {name}" for name in SHEET_COLUMNS)
    left = days_left_sql("c.due_on", f"DATE {quoted(night.isoformat())}")
    engine.table(
        "sheet_cases",
        f"SELECT {columns}, {left} AS days_left, s.id_norm, s.account_type, s.opened_from, s.opened_to"
        " FROM last_cases AS c"
        " LEFT JOIN sealed_life AS l ON l.case_id = c.case_id AND l.episode = c.episode"
        " LEFT JOIN case_steps AS t ON t.case_id = c.case_id AND t.episode = c.episode"
        " LEFT JOIN sealed_subjects AS s ON s.provider_code = c.provider_code AND s.subject = c.subject"
        f" WHERE {here}",
    )
    engine.table(
        "findings",
        "SELECT f.* FROM sealed_findings AS f JOIN sheet_cases AS s"
        " ON s.provider_code = f.provider_code AND s.subject = f.subject",
    )
