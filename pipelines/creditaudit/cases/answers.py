"""The answers that a night takes from its inbox: what they move, and which are refused (SPEC 8.2, 9).

The body of an entry of kind ``answer`` is ``{"file_sha256", "rows"}``; a row is ``{"row", "case_id", "episode",
"row_token", "outcome", "answered_on", "answered_by", "evidence_ref", "comment"}``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.compute as pc

from creditaudit.book.inbox import ANSWER
from creditaudit.cases.answer_checks import ANSWERS, check_answers
from creditaudit.cases.answer_reasons import spoken
from creditaudit.cases.free_text import hide_numbers

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date

    from creditaudit.book.inbox import Entry
    from creditaudit.book.keys import Keyring
    from creditaudit.engines import Engine

# How many refused rows of one entry are named one by one; the entry itself has them all.
MOST_NAMED = 200

_GIVEN = ("row", "case_id", "episode", "row_token", "outcome", "answered_on", "answered_by", "evidence_ref")
_READ = pa.schema(
    [pa.field(name, pa.string() if name == "answered_on" else ANSWERS.field(name).type) for name in _GIVEN]
)


def take_answers(engine: Engine, entries: Sequence[Entry], night: date, keys: Keyring) -> tuple[str, ...]:
    """Check the answers that tonight takes against the cases as the last night left them, and name their moves.

    Contradictory answers of one day to one episode are all refused; those of different days move the case one after
    the other, each from the state that the one before left.

    Reads ``previous_cases``, ``standing_case_subjects``, ``recipients`` and ``institutions``. Makes, empty where there
    is no answer,

    - ``answers_all``: one row per answer that holds: case_id, episode, place (1 is the first of the episode), outcome,
      answered_on, answered_by, by_kind, evidence_ref (NULL: none), entry, from_state, to_state;
    - ``answers_taken``: the last of each episode, without place and from_state.

    Parameters
    ----------
    engine : Engine
    entries : sequence of Entry
        What tonight takes of the inbox, in order; other kinds are passed over.
    night : date
    keys : Keyring

    Returns
    -------
    tuple of str
        One sentence for each answer that is refused, in the order of the entries; no value that a person wrote.
    """
    refused: list[str] = []
    tables = []
    for place, entry in enumerate(entries):
        if entry.kind != ANSWER:
            continue
        table = _rows_of(entry, place)
        if table is None:
            refused.append(f"inbox entry {entry.file_name}: its body is not one of answers")
        else:
            tables.append(table)
    check_answers(engine, pa.concat_tables(tables) if tables else ANSWERS.empty_table(), night, keys)
    engine.table("answers_all", _ALL)
    engine.table("answers_taken", _TAKEN)
    return (*refused, *_refusals(engine))


def _rows_of(entry: Entry, place: int) -> pa.Table | None:
    """Return the rows of an entry (schema ``ANSWERS``); None: it is not one of answers."""
    rows: list[dict[str, Any]] = entry.body["rows"]
    try:
        table = pa.Table.from_pylist(rows, schema=_READ)
        answered = table["answered_on"].cast(pa.date32())
    except (pa.ArrowException, TypeError, ValueError, OverflowError):
        return None
    whole = table.num_rows == pc.count_distinct(table["row"], mode="only_valid").as_py()
    if not whole:  # a row without a number, or two of one: no refusal could name it
        return None
    told = {
        **{name: table[name] for name in _GIVEN},
        "entry": pa.array([entry.file_name] * len(rows), pa.string()),
        "place": pa.array([place] * len(rows), pa.int64()),
        "decided_on": pa.array([entry.decided_on] * len(rows), pa.date32()),
        "answered_on": answered,
        # Masked when it was handed in; an entry that came otherwise is not trusted to be.
        "evidence_ref": _given(hide_numbers(table["evidence_ref"])),
        "flaws": pa.nulls(len(rows), pa.string()),
    }
    return pa.table({name: told[name] for name in ANSWERS.names}).cast(ANSWERS)


def _given(texts: pa.ChunkedArray) -> pa.ChunkedArray:
    return pc.if_else(pc.equal(texts, ""), pa.scalar(None, pa.string()), texts)


def _refusals(engine: Engine) -> list[str]:
    """Return a sentence for each answer that does not hold; a case is named only where the book knows it."""
    found = engine.fetch(
        "SELECT entry, row, CASE WHEN episode IS NOT NULL THEN case_id END AS case_id, flaws, place FROM ("
        " SELECT *, row_number() OVER (PARTITION BY entry ORDER BY row) AS nth FROM checked_answers"
        " WHERE flaws IS NOT NULL) AS numbered"
        f" WHERE nth <= {MOST_NAMED} ORDER BY place, row"
    ).to_pylist()
    counts = engine.fetch(
        "SELECT entry, count(*) AS refused FROM checked_answers WHERE flaws IS NOT NULL GROUP BY entry ORDER BY entry"
    )
    told = dict(zip(counts["entry"].to_pylist(), counts["refused"].to_pylist(), strict=True))
    sentences: list[str] = []
    for nth, row in enumerate(found):
        case = f" (case {row['case_id']})" if row["case_id"] else ""
        sentences.append(f"answer of {row['entry']}, row {row['row']}{case}: {spoken(row['flaws'])}")
        is_last = nth + 1 == len(found) or found[nth + 1]["entry"] != row["entry"]
        if is_last and told[row["entry"]] > MOST_NAMED:
            sentences.append(f"answers of {row['entry']}: {told[row['entry']] - MOST_NAMED} more rows are refused")
    return sentences


_ALL = """
    SELECT case_id, episode,
        CAST(row_number() OVER (PARTITION BY case_id, episode ORDER BY step) AS INTEGER) AS place,
        outcome, answered_on, answered_by, by_kind, evidence_ref, entry, from_state, to_state
    FROM checked_answers WHERE to_state IS NOT NULL
"""

_TAKEN = """
    SELECT case_id, episode, outcome, answered_on, answered_by, by_kind, evidence_ref, entry, to_state FROM (
        SELECT *, row_number() OVER (PARTITION BY case_id, episode ORDER BY place DESC) AS age FROM answers_all
    ) AS aged WHERE age = 1
"""
