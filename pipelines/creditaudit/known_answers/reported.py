"""Known-answer rows as personal credit reports have them: one report per person and day (SPEC 3.1, 11).

A report has few columns, and its own names of them. Whoever needs another column is not asked in its words.
"""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING, Final
from xml.sax.saxutils import escape

from creditaudit.intake.profile import Profile
from creditaudit.intake.report_xml import ReportSource
from creditaudit.known_answers.rendered import UnsayableError
from creditaudit.source_settings import EVERY_COLUMN, REPORT_FORMAT, SourceSettings

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from creditaudit.feeds import TableSpec
    from creditaudit.intake.blocks import RowBlock
    from creditaudit.known_answers.declared import Meant

# Its cells are as SPEC 3.2 has them: only where they stand is another thing.
REPORT_PROFILE: Final = Profile(REPORT_FORMAT, SourceSettings(feed=EVERY_COLUMN, files=EVERY_COLUMN))

# Where a report has each column (SPEC 3.1, docs/decisions.md): written down apart from the code that reads it.
_PERSON: Final = {"name": "PA01BQ01", "id_type": "PA01BD01", "id_number": "PA01BI01"}
_DAY: Final = "PA01AR01"
_CELLS: Final = {
    "accounts": {
        **{"provider_code": "PD01AI02", "account_code": "PD01AI03", "account_type": "PD01AD01"},
        **{"business_code": "PD01AD03", "opened_at": "PD01AR01", "currency": "PD01AD04", "amount": "PD01AJ01"},
        **{"balance": "PD01BJ01", "status": "PD01BD01", "closed_on": "PD01BR01"},
    },
    "fraud_alerts": {"effective_from": "PA01DR01", "effective_to": "PA01DR02"},
}
_ELEMENT: Final = {"accounts": "PD01", "fraud_alerts": "PA01D"}
_HEAD: Final = (*_PERSON, "report_date")
# What else a row may say: the report's own head, and the name of an alert, which is made of the alert.
_BESIDE: Final = {"accounts": set(_HEAD), "fraud_alerts": {"id_number", "alert_id"}}


def refuse_unsayable(feed: str, row: Mapping[str, Meant]) -> None:
    """Refuse a row that no report can hold.

    Raises
    ------
    UnsayableError
        It says something in a column that reports do not have.
    """
    for name, meant in row.items():
        if meant is not None and name not in _CELLS[feed] and name not in _BESIDE[feed]:
            raise UnsayableError(f"{name} is in no credit report")


def reports_of(spec: TableSpec, rows: Sequence[Mapping[str, str]]) -> Iterator[tuple[list[int], RowBlock]]:
    """Yield the places of the rows of one report, and what the program reads of it.

    Parameters
    ----------
    spec : TableSpec
        ``accounts`` or ``fraud_alerts``.
    rows : sequence of mapping
        Column to cell, as SPEC 3.2 spells it.

    Raises
    ------
    UnjudgedFileError
        The program does not read it.
    """
    heads: dict[tuple[str, ...], list[int]] = {}
    for place, row in enumerate(rows):
        heads.setdefault(tuple(row.get(name, "") for name in _HEAD), []).append(place)
    for head, places in heads.items():
        content = _envelope(spec.name, dict(zip(_HEAD, head, strict=True)), [rows[place] for place in places])
        for block in ReportSource(spec).read(content):
            yield places, block


def _envelope(feed: str, head: Mapping[str, str], rows: Iterable[Mapping[str, str]]) -> bytes:
    tag = _ELEMENT[feed]
    told = "".join(f"<{tag}>{_elements(_CELLS[feed], row)}</{tag}>" for row in rows)
    within, after = (told, "") if feed == "fraud_alerts" else ("", told)
    person = f"{_elements(_PERSON, head)}<{_DAY}>{head['report_date']}T00:00:00</{_DAY}>"
    inner = f"<Document><PA01>{person}{within}</PA01>{after}</Document>"
    report = base64.b64encode(inner.encode()).decode()
    message = f"<ResultCode>AAA000</ResultCode><ReportMessage>{report}</ReportMessage>"
    return f"<Document><Msg>{message}</Msg></Document>".encode()


def _elements(tags: Mapping[str, str], row: Mapping[str, str]) -> str:
    return "".join(f"<{tag}>{escape(row[name])}</{tag}>" for name, tag in tags.items() if row.get(name))
