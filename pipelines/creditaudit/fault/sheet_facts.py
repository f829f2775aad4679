"""What a case sheet says of the fault lane: kept when a case is judged, told element by element when it is asked for.

A sheet is written on nights that judged its case, and on nights that did not: an answer came, or a day has passed. So
the finding that decided is kept with what its elements rest on, and nobody is judged again for a sheet.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pyarrow as pa

from creditaudit.book.sheet_state import SHEET_FACTS
from creditaudit.book.state import news
from creditaudit.fault.elements import combination_of, elements
from creditaudit.fault.flips import changed, fault_of, flip_sets

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import date

    from creditaudit.engines import Engine

_DECIDED = (
    *("rule_id", "verdict", "notice_source", "notice_id", "covered", "knowable", "duty", "duty_id", "duty_source"),
    *("performed", "fault", "grid_row", "visible_basis", "visible_from", "visible_to", "covered_by", "exception"),
    *("exception_code", "exception_followed_up_on"),
)
_OF_ACCOUNT = ("moment_from", "moment_to", "document_kind", "shown_on", "shown_to")
_ORDER = ("duty", "knowable", "performed", "exception", "verdict", "card", "covered")


def sheet_facts_changed(engine: Engine, night: date) -> Iterator[pa.RecordBatch]:
    """Yield what the judgment says of tonight's judged subjects, where that is another thing than what is kept.

    Reads ``case_faults``, ``finding_faults``, ``judged_accounts``, ``last_checks`` and ``standing_sheet_facts``.

    Yields
    ------
    pyarrow.RecordBatch
        Columns of ``SHEET_FACTS`` of the book's state, by provider_code, subject.
    """
    own = {*_DECIDED, *_OF_ACCOUNT, "night", "provider_code", "subject"}
    checks = [name for name in SHEET_FACTS.schema.names if name not in own]
    said = ", ".join(
        [f"d.{n}" for n in _DECIDED] + [f"a.{n}" for n in _OF_ACCOUNT] + [f"c.{n}" for n in checks],
    )
    engine.table(
        "sheet_facts_now",
        f"""
        SELECT f.provider_code, f.subject, {said}
        FROM case_faults AS f
        LEFT JOIN finding_faults AS d ON d.provider_code = f.provider_code AND d.subject = f.subject
            AND d.rule_id = f.rule_id AND d.verdict = f.verdict
            AND d.notice_source IS NOT DISTINCT FROM f.notice_source
            AND d.notice_id IS NOT DISTINCT FROM f.notice_id
        LEFT JOIN judged_accounts AS a ON a.provider_code = f.provider_code
            AND 'account:' || a.account_code = f.subject
        LEFT JOIN last_checks AS c ON c.provider_code = a.provider_code AND c.account_code = a.account_code
        """,
    )
    yield from news(engine, SHEET_FACTS, "sheet_facts_now", night)
    engine.drop("sheet_facts_now")


_ELEMENTS = pa.schema(
    [
        *((name, pa.string()) for name in ("case_id", "name", "status", "value")),
        ("place", pa.int64()),
        ("source", pa.list_(pa.struct([("name", pa.string()), ("value", pa.string())]))),
    ]
)
_FLIPS = pa.schema(
    [
        ("case_id", pa.string()),
        ("place", pa.int64()),
        ("changes", pa.list_(pa.struct([("name", pa.string()), ("value", pa.string())]))),
        ("is_open", pa.bool_()),
        ("fault", pa.string()),
    ]
)


def tell_elements(engine: Engine) -> None:
    """Make ``sheet_elements`` and ``sheet_flips`` for the cases of ``sheet_cases``, a few hundred at most per reader.

    Reads ``sheet_cases`` (case_id, provider_code, subject) and ``standing_sheet_facts``.

    - ``sheet_elements``: case_id, place (from 0), name, status (proven, refuted, missing, not_applicable), value, and
      source: the row that says so, as pairs of column and value. A case outside the fault lane has no row.
    - ``sheet_flips``: case_id, place, changes (pairs of element and the value that would have to be shown), is_open
      (all of them are missing today; others would contradict what is known), and the fault that the grid gives then.
      What no document contradicts comes first, then fewer changes.
    """
    rows = engine.fetch(
        "SELECT s.case_id, f.* FROM sheet_cases AS s JOIN standing_sheet_facts AS f"
        " ON f.provider_code = s.provider_code AND f.subject = s.subject"
        " WHERE f.rule_id IS NOT NULL ORDER BY s.case_id"
    ).to_pylist()
    told = [line for row in rows for line in _elements(row)]
    flips = [line for row in rows for line in _flips(row)]
    engine.load("sheet_elements", pa.Table.from_pylist(told, schema=_ELEMENTS))
    engine.load("sheet_flips", pa.Table.from_pylist(flips, schema=_FLIPS))


def _elements(row: dict[str, Any]) -> Iterator[dict[str, Any]]:
    for place, one in enumerate(elements(row)):
        source = [{"name": name, "value": str(value)} for name, value in sorted(one.source.items())]
        yield {
            **{"case_id": row["case_id"], "place": place, "name": one.name, "status": one.status, "value": one.value},
            "source": source,
        }


def _flips(row: dict[str, Any]) -> Iterator[dict[str, Any]]:
    combination = combination_of(row)
    missing = {one.name for one in elements(row) if one.status == "missing"}
    sets = sorted(flip_sets(combination), key=lambda one: (not {n for n, _ in one} <= missing, len(one)))
    for place, one in enumerate(sets):
        changes = [{"name": name, "value": value} for name, value in sorted(one, key=lambda c: _ORDER.index(c[0]))]
        yield {
            **{"case_id": row["case_id"], "place": place, "changes": changes},
            "is_open": {name for name, _ in one} <= missing,
            "fault": fault_of(changed(combination, dict(one))),
        }
