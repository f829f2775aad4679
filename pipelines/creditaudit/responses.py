"""Answers that a liaison or an institution hands in: checked row by row, and put into the inbox (SPEC 8.2, 9)."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.compute as pc

from creditaudit.answer_sheet import AnswerSheet, digest_of, read_sheet
from creditaudit.book.case_state import CASE_LIFE, CASE_SUBJECTS
from creditaudit.book.inbox import ANSWER, Entry, decided_day, put, taken, waiting
from creditaudit.book.reference import read
from creditaudit.book.state import open_state
from creditaudit.book.state_files import state_files
from creditaudit.cases.answer_checks import ANSWERS, check_answers
from creditaudit.cases.answer_file import read_answers
from creditaudit.cases.answer_reasons import told
from creditaudit.cases.free_text import hide_names, hide_numbers
from creditaudit.engines import Engine, engine_aside
from creditaudit.errors import UsageError
from creditaudit.feeds import FEEDS
from creditaudit.intake.names import normalise_names
from creditaudit.masking import HIDDEN
from creditaudit.reports.private_sheets import write_private
from creditaudit.tables import CASES

if TYPE_CHECKING:
    from datetime import date
    from pathlib import Path

    from creditaudit.book.keys import Keyring
    from creditaudit.book.layout import Book

# A later date is a slip of the pen, and would keep the whole file waiting for a night that is years away.
MOST_AHEAD = timedelta(days=366)

_REASON = "refused"
# What a sheet has of an answer's own words, and the feeds in which a person's name stands.
_FREE = ("evidence_ref", "comment")
_NAMED = ("accounts", "invalid_cards", "loss_reports", "inquiries")
_SHORTEST_NAME = 2


# What became of each row of a file of answers.
ROWS = pa.schema(
    [
        pa.field("row", pa.int64()),  # 1-based data row of the file
        pa.field("case_id", pa.string()),  # NULL: not a case of this book, or the row was not read so far
        pa.field("result", pa.string()),  # taken, repeated, unanswered, refused
        pa.field("reasons", pa.string()),  # why it is refused: codes joined by `;`; NULL: it is not
    ]
)


@dataclass(frozen=True, slots=True)
class Responded:
    """What became of a file of answers.

    Parameters
    ----------
    entry : Entry or None
        The inbox entry with the answers that hold; None: there were none.
    taken : int
        Answers in it.
    repeated : int
        Rows that say what an earlier row of the file says.
    unanswered : int
        Rows that name a case and say nothing of it.
    refused : int
        Rows in the file of refusals.
    refusals : Path or None
        That file; None: nothing was refused.
    hidden : int
        Answers of which something was hidden in what was written freely.
    known : Entry or None
        The entry that holds the answers of this very file since it was handed in before; nothing was done.
    rows : pyarrow.Table
        Schema ``ROWS``, one per row of the file that is not blank, in its order; empty where nothing was done.
    """

    entry: Entry | None = None
    taken: int = 0
    repeated: int = 0
    unanswered: int = 0
    refused: int = 0
    refusals: Path | None = None
    hidden: int = 0
    known: Entry | None = None
    rows: pa.Table = field(default_factory=ROWS.empty_table)


def respond(book: Book, file: Path, keys: Keyring, *, on: date | None = None) -> Responded:
    """Check a file of answers against the last sealed night, and put those that hold into the inbox as one entry.

    ID numbers, phones and the names that the book has of a case's person are hidden in what is kept of free text. The
    rows that are refused go to ``<file>.refused.csv`` beside it, as handed in, with the reasons; readable by its owner
    alone.

    Parameters
    ----------
    book : Book
    file : Path
    keys : Keyring
        Row tokens of every key that is not retired are taken.
    on : date, optional
        When the answers were decided; None: the latest ``answered_on`` of those that hold. Not before the last sealed
        night + 1 day.

    Raises
    ------
    UsageError
        The book has no sealed night, or the file as a whole cannot be read.
    """
    if book.last is None:
        raise UsageError(
            "there is nothing to answer yet",
            why="the book has no sealed night, so it has no case",
            next_step="run a night, and hand the answers in after it",
        )
    digest = digest_of(file)
    known = next((e for e in (*taken(book), *waiting(book)) if _file_of(e) == digest), None)
    if known is not None:
        return Responded(known=known)
    sheet = read_sheet(file)
    decided = decided_day(book, on)
    read_rows = read_answers(sheet.known(), len(sheet.rows), latest=decided if on else book.last + MOST_AHEAD)
    answers = read_rows.append_column("row", pa.chunked_array([sheet.rows]))
    unanswered = answers.filter(answers["is_unanswered"])
    spoken = answers.filter(pc.invert(answers["is_unanswered"]))
    with engine_aside(reads=book.root) as engine:
        sound, checked, hidden = _checked(engine, book, spoken, decided, keys)
    bad = checked.filter(pc.is_valid(checked["reasons"]))
    flaws = dict(zip(bad["row"].to_pylist(), bad["reasons"].to_pylist(), strict=True))
    flaws |= {row: code for row, (code, _) in sheet.damaged.items()}
    # First: once the entry is there the file is taken, and nobody would hear of its other rows again.
    refusals = _write_refusals(file, sheet, flaws) if flaws else None
    entry = _put(book, sound, digest, on) if sound.num_rows else None
    waits = unanswered.filter(pc.invert(unanswered["is_blank"]))["row"]
    repeated = checked.num_rows - bad.num_rows - sound.num_rows
    rows = _fates(checked, waits, sheet)
    return Responded(entry, sound.num_rows, repeated, len(waits), len(flaws), refusals, hidden, None, rows)


def _fates(checked: pa.Table, waits: pa.ChunkedArray, sheet: AnswerSheet) -> pa.Table:
    """Return what became of each row (schema ``ROWS``): those that were checked, those that wait, those that broke."""
    broken = [{"row": row, "result": "refused", "reasons": code} for row, (code, _) in sheet.damaged.items()]
    others = [{"row": row, "result": "unanswered"} for row in waits.to_pylist()] + broken
    return pa.concat_tables([checked, pa.Table.from_pylist(others, schema=ROWS)]).sort_by("row")


def _file_of(entry: Entry) -> str | None:
    return str(entry.body.get("file_sha256")) if entry.kind == ANSWER else None


def _checked(
    engine: Engine, book: Book, spoken: pa.Table, decided: date, keys: Keyring
) -> tuple[pa.Table, pa.Table, int]:
    """Return the answers that hold, free of what no book may keep, and what became of each (schema ``ROWS``).

    And in how many something was hidden.
    """
    _open(engine, book)
    count = spoken.num_rows
    given = {
        "entry": pa.array([""] * count, pa.string()),
        "place": pa.array([0] * count, pa.int64()),
        "decided_on": pa.nulls(count, pa.date32()),
        "episode": pa.nulls(count, pa.int32()),
    }
    answers = pa.table({n: given[n] if n in given else spoken[n] for n in ANSWERS.names})
    check_answers(engine, answers, decided, keys)
    engine.load("free_texts", spoken.select(["row", "comment"]))
    checked = engine.fetch(
        "SELECT row, CASE WHEN episode IS NOT NULL THEN case_id END AS case_id,"
        " CASE WHEN flaws IS NOT NULL THEN 'refused' WHEN is_repeat THEN 'repeated' ELSE 'taken' END AS result,"
        " flaws AS reasons FROM checked_answers ORDER BY row"
    ).cast(ROWS)
    engine.table(
        "held_answers",
        "SELECT c.row, c.case_id, c.episode, c.row_token, c.outcome, CAST(c.answered_on AS VARCHAR) AS answered_on,"
        " c.answered_by, c.evidence_ref, f.comment FROM checked_answers AS c JOIN free_texts AS f ON f.row = c.row"
        " WHERE c.to_state IS NOT NULL",
    )
    sound = engine.fetch("SELECT * FROM held_answers ORDER BY row")
    for name in _FREE:
        sound = _with(sound, name, hide_numbers(sound[name].cast(pa.string())))
    sound = _without_names(engine, book, sound)
    hidden = pc.or_(*(pc.fill_null(pc.match_substring(sound[n], HIDDEN), fill_value=False) for n in _FREE))
    return sound, checked, pc.sum(hidden).as_py() or 0


def _open(engine: Engine, book: Book) -> None:
    """Name what answers are checked against: the last night's cases, and the tables that the next night copies."""
    assert book.last is not None  # noqa: S101 - asked before
    folder = book.folder(book.last)
    engine.scan("previous_cases", [folder / "published" / "cases.parquet"], CASES)
    for table in (CASE_SUBJECTS, CASE_LIFE):
        open_state(engine, book, table.name, f"standing_{table.name}")
    for copied in ("recipients", "institutions"):
        is_there = (book.reference / f"{copied}.csv").is_file()
        engine.load(copied, read(book.reference if is_there else folder / "reference", copied))


def _with(table: pa.Table, name: str, cells: pa.ChunkedArray) -> pa.Table:
    return table.set_column(table.schema.get_field_index(name), name, cells)


# Whose names are hidden: of the case's person, and of whoever the account has been given to since.
PEOPLE = """
    WITH spoken AS (
        SELECT row, case_id, episode FROM held_answers WHERE evidence_ref IS NOT NULL OR comment IS NOT NULL
    )
    SELECT h.row, f.id_norm FROM spoken AS h
    JOIN standing_case_life AS f ON f.case_id = h.case_id AND f.episode = h.episode AND f.id_norm IS NOT NULL
    UNION
    SELECT h.row, s.id_norm FROM spoken AS h
    JOIN previous_cases AS c ON c.case_id = h.case_id AND c.episode = h.episode
    JOIN standing_case_subjects AS s ON s.provider_code = c.provider_code AND s.subject = c.subject
        AND s.id_norm IS NOT NULL
"""


def _without_names(engine: Engine, book: Book, sound: pa.Table) -> pa.Table:
    """Take the names that the book has of each case's person out of what was written about the case."""
    if not engine.table("answered_people", PEOPLE):
        return sound
    for feed in _NAMED:
        complete, changes = state_files(book, feed)
        engine.scan(f"named_{feed}", [*complete, *changes], FEEDS[feed].schema)
    spellings = " UNION ".join(
        f"SELECT id_norm, name_norm FROM named_{feed}"
        f" WHERE length(name_norm) >= {_SHORTEST_NAME} AND id_norm IN (SELECT id_norm FROM answered_people)"
        for feed in _NAMED
    )
    engine.table("answered_names", spellings)
    for name in _FREE:
        # Texts as names are compared: so are the names found, however they are written.
        engine.load("written", pa.table({"row": sound["row"], "text": normalise_names(sound[name])[0]}))
        found = engine.fetch(
            "SELECT w.row, array_agg(DISTINCT n.name_norm ORDER BY n.name_norm) AS names FROM written AS w"
            " JOIN answered_people AS p ON p.row = w.row JOIN answered_names AS n ON n.id_norm = p.id_norm"
            " WHERE contains(w.text, n.name_norm) GROUP BY w.row ORDER BY w.row"
        )
        if found.num_rows:
            is_held = pc.is_in(sound["row"], value_set=found["row"].combine_chunks())
            pairs = zip(sound[name].filter(is_held).to_pylist(), found["names"].to_pylist(), strict=True)
            texts = pa.array([hide_names(text, names) for text, names in pairs], pa.string())
            held = pc.replace_with_mask(sound[name].combine_chunks(), is_held.combine_chunks(), texts)
            sound = _with(sound, name, pa.chunked_array([held]))
    return sound


def _put(book: Book, sound: pa.Table, digest: str, on: date | None) -> Entry:
    latest = pc.max(sound["answered_on"].cast(pa.date32())).as_py()
    who = ", ".join(sorted(set(sound["answered_by"].to_pylist())))
    body = {"file_sha256": digest, "rows": sound.to_pylist()}
    return put(book, ANSWER, by=who, reason=f"{sound.num_rows} answers", body=body, on=on or latest)


def _write_refusals(file: Path, sheet: AnswerSheet, flaws: dict[int, str]) -> Path:
    """Write the refused rows as they were handed in, with the reasons behind; a row that did not split as its text."""
    kept = [place for place, name in enumerate(sheet.header) if name != _REASON]
    chosen = pc.is_in(sheet.rows, value_set=pa.array(sorted(flaws), pa.int64()))
    columns = [sheet.cells[place].filter(chosen).to_pylist() for place in kept]
    numbers = sheet.rows.filter(chosen).to_pylist()
    split = {row: list(cells) for row, *cells in zip(numbers, *columns, strict=True)}
    unsplit = {row: [raw, *[""] * (len(kept) - 1)] for row, (_, raw) in sheet.damaged.items()}
    whole = split | unsplit
    words = {codes: told(codes) for codes in set(flaws.values())}
    rows = [[*whole[row], words[flaws[row]]] for row in sorted(flaws)]
    target = file.with_name(f"{file.name}.{_REASON}.csv")
    write_private(target, [*(sheet.header[place] for place in kept), _REASON], rows, replace=True)
    return target
