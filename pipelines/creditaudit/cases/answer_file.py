"""What the cells of an answer file say: as it was sent, or as a spreadsheet saved it again (SPEC 8.2).

A spreadsheet moves columns, adds some, rewrites dates and numbers. What can mean one thing only is taken; what can
mean two is a flaw of its row, and never guessed.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.compute as pc

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence


@dataclass(frozen=True, slots=True)
class AnswerColumn:
    """One column of an answer file.

    Parameters
    ----------
    name, title_zh : str
        Either may head it.
    is_required : bool
        Whether the file must have it.
    """

    name: str
    title_zh: str
    is_required: bool = True


# The first two carry the titles that they have in the sheet that was sent.
COLUMNS = (
    AnswerColumn("case_id", "案件编号"),
    AnswerColumn("row_token", "行令牌"),
    AnswerColumn("outcome", "核查结果"),
    AnswerColumn("answered_on", "答复日期"),
    AnswerColumn("answered_by", "答复方"),
    AnswerColumn("evidence_ref", "证据编号", is_required=False),
    AnswerColumn("comment", "备注", is_required=False),
)
_BY_TITLE = {title: c.name for c in COLUMNS for title in (c.name, c.title_zh)}

# What a file says of a case; a row with none of it is one that nobody has filled in yet.
_ANSWERING = ("outcome", "answered_on", "answered_by", "evidence_ref", "comment")

_OUTCOME = re.compile(r"0*([0-5])(?:\.0*)?", re.ASCII)
_MIDNIGHT = r"(?:[ T]0?0:00(?::00(?:\.0+)?)?)?"
_DATES = tuple(
    re.compile(pattern + _MIDNIGHT, re.ASCII)
    for pattern in (
        r"([0-9]{4})([-/.])([0-9]{1,2})\2([0-9]{1,2})",
        r"([0-9]{4})(年)([0-9]{1,2})月([0-9]{1,2})日",
        r"([0-9]{4})()([0-9]{2})([0-9]{2})",
    )
)
_UNCLEAR = re.compile(r"[0-9]{1,2}([-/.])[0-9]{1,2}\1(?:[0-9]{4}|[0-9]{1,2})" + _MIDNIGHT, re.ASCII)
_DAY_NUMBER = re.compile(r"[0-9]{5}(?:\.[0-9]*)?", re.ASCII)
_NO_DATES = frozenset({date(1900, 1, 1), date(1970, 1, 1), date(9999, 12, 31)})

READ = pa.schema(
    [
        *((pa.field(c.name, pa.date32() if c.name == "answered_on" else pa.string())) for c in COLUMNS),
        pa.field("flaws", pa.string()),
        pa.field("is_blank", pa.bool_()),
        pa.field("is_unanswered", pa.bool_()),
    ]
)


def known_columns(header: Sequence[str]) -> tuple[dict[str, int], tuple[str, ...]]:
    """Find the columns of an answer file in a header.

    Parameters
    ----------
    header : sequence of str
        Names or Chinese titles in any order and case; others are passed over.

    Returns
    -------
    places : dict of str to int
        Place of each known column, from 0.
    doubled : tuple of str
        Known columns that the header names more than once.
    """
    places: dict[str, int] = {}
    doubled = []
    for place, cell in enumerate(header):
        name = _BY_TITLE.get(unicodedata.normalize("NFKC", cell).strip().lower())
        if name is None:
            continue
        if name in places:
            doubled.append(name)
        places.setdefault(name, place)
    return places, tuple(doubled)


def missing_columns(places: Mapping[str, int]) -> tuple[str, ...]:
    """Return the required columns that a header lacks."""
    return tuple(c.name for c in COLUMNS if c.is_required and c.name not in places)


def read_answers(cells: Mapping[str, pa.ChunkedArray], rows: int, *, latest: date) -> pa.Table:
    """Read the cells of the known columns.

    Parameters
    ----------
    cells : mapping of str to pyarrow.ChunkedArray of string
        Known columns that the file has, stripped; NULL: empty.
    rows : int
        Rows of the file.
    latest : date
        No answer is dated later.

    Returns
    -------
    pyarrow.Table
        Schema ``READ``, in the order of the rows: NULL where a cell is empty or not readable; ``flaws`` has what is
        wrong with the cells, codes joined by ``;``; ``is_blank``: none of the columns is filled; ``is_unanswered``: the
        case is named and nothing is said of it.
    """
    empty = pa.nulls(rows, pa.string())
    given = {c.name: _array(cells[c.name]) if c.name in cells else empty for c in COLUMNS}
    filled = {name: pc.is_valid(column) for name, column in given.items()}
    for name in ("case_id", "row_token", "outcome", "answered_on"):
        given[name] = pc.utf8_normalize(given[name], form="NFKC")
    outcome, bad_outcome = _each(given["outcome"], _outcome, pa.string())
    answered_on, bad_date = _each(given["answered_on"], _date, pa.date32())
    late = pc.fill_null(pc.greater(answered_on, pa.scalar(latest)), fill_value=False)
    unfilled = [(f"no_{name}", pc.invert(filled[name])) for name in ("case_id", "row_token", "outcome")]
    flaws = _joined(
        rows,
        [
            *(_coded(mask, code) for code, mask in unfilled),
            bad_outcome,
            _coded(pc.invert(filled["answered_on"]), "no_answered_on"),
            bad_date,
            _coded(late, "too_late"),
            _coded(pc.invert(filled["answered_by"]), "no_answered_by"),
        ],
    )
    told = {**given, "outcome": outcome, "answered_on": answered_on, "flaws": flaws}
    told["is_blank"] = pc.invert(_any([*filled.values()], rows))
    told["is_unanswered"] = pc.invert(_any([filled[name] for name in _ANSWERING], rows))
    return pa.table({name: told[name] for name in READ.names}).cast(READ)


def _outcome(text: str) -> tuple[str | None, str | None]:
    found = _OUTCOME.fullmatch(text)
    return (found[1], None) if found else (None, "bad_outcome")


def _date(text: str) -> tuple[date | None, str | None]:
    """Read a date whose order of year, month and day nobody can doubt."""
    for pattern in _DATES:
        found = pattern.fullmatch(text)
        if found is None:
            continue
        try:
            day = date(int(found[1]), int(found[3]), int(found[4]))
        except ValueError:
            return None, "bad_date"
        return (None, "no_answered_on") if day in _NO_DATES else (day, None)
    if _UNCLEAR.fullmatch(text):
        return None, "unclear_date"
    return None, "day_number" if _DAY_NUMBER.fullmatch(text) else "bad_date"


def _each(
    column: pa.Array, read: Callable[[str], tuple[object, str | None]], kind: pa.DataType
) -> tuple[pa.Array, pa.Array]:
    """Read each distinct text once; returns values and codes of what is wrong, both NULL where nothing is."""
    coded = column.dictionary_encode()
    answers = [read(text.strip()) for text in coded.dictionary.to_pylist()]
    values = pa.array([value for value, _ in answers], kind)
    codes = pa.array([code for _, code in answers], pa.string())
    return values.take(coded.indices), codes.take(coded.indices)


def _coded(mask: pa.Array, code: str) -> pa.Array:
    return pc.if_else(mask, pa.scalar(code), pa.scalar(None, pa.string()))


def _joined(rows: int, flaws: Sequence[pa.Array]) -> pa.Array:
    joined = pa.nulls(rows, pa.string())
    for codes in flaws:
        joined = pc.coalesce(pc.binary_join_element_wise(joined, codes, ";"), joined, codes)
    return joined


def _any(masks: Sequence[pa.Array], rows: int) -> pa.Array:
    found = pa.array([False] * rows, pa.bool_())
    for mask in masks:
        found = pc.or_(found, mask)
    return found


def _array(column: pa.ChunkedArray | pa.Array) -> pa.Array:
    return column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column
