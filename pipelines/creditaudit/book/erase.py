"""Erasure: one person's rows leave the book, and what is left is sealed with a tombstone (SPEC 9, 10.4).

What goes, from every night before: the typed rows of the person's accounts, notices, cards, checks and the rest, in
``intake/``, ``state/`` and ``kept/``; raw texts of the quarantine in which the number stands; entries of the inbox with
corrected rows of the person. Emptied are the cells that name the person in a row about somebody else (who acted for the
holder), and in what the book remembers of closed cases. What was published stays: it has tokens, masks and the codes of
accounts, and no number, name or phone.

The night that takes the decision is already judged without those rows. What is delivered that night or later is new:
the book forgets, it does not refuse to hear.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from creditaudit.book.case_state import CASE_LIFE, CASE_OBJECTIONS, CASE_SUBJECTS
from creditaudit.book.files import sha256_of, storage, write_parquet
from creditaudit.book.inbox import REMOVAL, Entry, taken
from creditaudit.book.keep import close_ever, name_kept, open_ever
from creditaudit.book.keys import DESTROYED
from creditaudit.book.proof_state import CASE_BASELINES
from creditaudit.book.removable import Removable, check_sealed, removable
from creditaudit.book.row_sets import RowSet
from creditaudit.book.state import OPENING_CHANGES, QUARANTINED_NUMBERS, open_states
from creditaudit.book.tombstones import ERASE, KEPT, Content, RemovedFile, Tombstone
from creditaudit.feeds import FEEDS
from creditaudit.masking import without_numbers
from creditaudit.visible import visible

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from datetime import date
    from pathlib import Path

    from creditaudit.book.keys import Keyring
    from creditaudit.book.layout import Book
    from creditaudit.engines import Engine

# Cases that are not at their end, and corrections: that a bank put a record right is what the house answers for, and
# whether it comes back is watched (SPEC 8.3).
LIVE = ("lead", "sent", "undetermined", "correction_due", "correction_overdue", "correction_verified")

_IS_ACCOUNT = (
    "EXISTS (SELECT 1 FROM erased_accounts AS a"
    " WHERE a.provider_code = x.provider_code AND a.account_code = x.account_code)"
)
# Which rows of a feed are a person's; `x` is the row. A key whose row in force is the person's goes with all its rows:
# an older one would come back into force.
_OWN = {
    "accounts": f"x.id_norm IN (SELECT id_norm FROM erased_persons) OR {_IS_ACCOUNT}",
    "openings": _IS_ACCOUNT,
    "verifications": f"{_IS_ACCOUNT} OR EXISTS (SELECT 1 FROM erased_sessions AS s"
    " WHERE s.provider_code = x.provider_code AND s.session_id = x.session_id)",
    "account_renames": "EXISTS (SELECT 1 FROM erased_accounts AS a WHERE (a.provider_code = x.provider_code"
    " AND a.account_code = x.old_account_code) OR (a.provider_code = COALESCE(x.new_provider_code, x.provider_code)"
    " AND a.account_code = x.new_account_code))",
}
# What the book remembers of cases, with the number of its person.
_REMEMBERED = (CASE_SUBJECTS, CASE_LIFE, CASE_OBJECTIONS, CASE_BASELINES)
# The column that tells whose a row is, and the cells that are emptied with it.
_EMPTIED = {
    "handler_id_norm": ("handler_id_number", "handler_id_norm", "handler_id_status"),
    "id_norm": ("id_norm", "name_norm"),
}
_NUMBER = re.compile(r"[0-9]{17}[0-9X]|[0-9]{15}", re.ASCII)
_INVISIBLE = r"[\s\x{00AD}\x{200B}-\x{200D}\x{2060}\x{3000}\x{FEFF}]+"
_BATCH = 65_536


@dataclass(frozen=True)
class Erased:
    """What a night took of the decisions to erase.

    Parameters
    ----------
    book : Book
        The book without those persons, as the night reads it.
    stones : list of Tombstone
        One, or none.
    refused : list of str
        One sentence for each decision that is refused.
    """

    book: Book
    stones: list[Tombstone] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)


def erase(engine: Engine, book: Book, folder: Path, entries: Sequence[Entry], *, keys: Keyring, night: date) -> Erased:
    """Take tonight's decisions to erase: write what stays of each file, and read it from now on.

    Parameters
    ----------
    engine : Engine
    book : Book
        As the last sealed night left it; what earlier tombstones name is done.
    folder : Path
        Tonight's folder while it is written; ``kept/`` is made in it.
    entries : sequence of Entry
        What tonight takes of the inbox; others are passed over.
    keys : Keyring
        Makes the tokens by which decisions name persons.
    night : date
        Tonight.

    Raises
    ------
    BookBrokenError
        A file that would be changed is not the one that was sealed.
    """
    asked = [e for e in entries if e.kind == REMOVAL and e.body.get("removal") == ERASE]
    if not asked:
        return Erased(book)
    refused: list[str] = []
    sound: list[Entry] = []
    files = open_book_rows(engine, book)
    named = {entry.file_name: tokens for entry in asked if (tokens := _tokens_of(entry.body)) is not None}
    known = _resolved(engine, keys, {one for tokens in named.values() for one in tokens})
    persons: set[str] = set()
    for entry in asked:
        why = _why_refused(engine, named.get(entry.file_name), known, keys)
        if why is not None:
            refused.append(f"inbox entry {entry.file_name}: {why}")
            continue
        sound.append(entry)
        persons |= {known[token] for token in named[entry.file_name]}
    stones: list[Tombstone] = []
    instead: dict[tuple[date, str], Path | None] = {}
    if sound:
        going = _Going(persons, _rows_of(engine, persons))
        changed = tuple(f for file in files if (f := _rewritten(book, folder, file, going, night)) is not None)
        instead = {f.key: None if f.new is None else folder / f.kept_path for f in changed}
        stones.append(_tombstone(sound, changed, _entries_of(book, going), len(persons), night))
    close_book_rows(engine)
    return Erased(replace(book, instead=instead), stones, refused)


def open_book_rows(engine: Engine, book: Book) -> list[Removable]:
    """Name every row that the book has, and whom cases that are not at their end rest on; returns the files.

    Names ``ever_<feed>``, ``standing_<table>``, ``kept_persons`` and ``kept_handlers``; the book has a sealed night.
    """
    files = removable(book)
    open_states(engine, book)
    feed_of = {**{feed: feed for feed in FEEDS}, OPENING_CHANGES.name: "openings"}
    typed = [f for f in files if f.is_typed or f.is_state]
    open_ever(engine, [(feed_of[f.table], f.path(book)) for f in typed if f.table in feed_of])
    engine.load("every_case", _live_cases(book))
    name_kept(engine)
    engine.drop("every_case")
    return files


def close_book_rows(engine: Engine) -> None:
    """Forget what :func:`open_book_rows` named, but the rows in force."""
    close_ever(engine)
    engine.drop("erased_persons", "erased_accounts", "erased_sessions", "asked_person")


def _live_cases(book: Book) -> pa.Table:
    if book.last is None:
        return pa.table({name: pa.array([], pa.string()) for name in ("provider_code", "account_code", "subject")})
    path = book.folder(book.last) / "published" / "cases.parquet"
    with storage(path):
        cases = pq.read_table(path, columns=["case_id", "episode", "state", "provider_code", "account_code", "subject"])
    newest = cases.group_by("case_id", use_threads=False).aggregate([("episode", "max")])
    last = cases.join(newest.rename_columns(["case_id", "episode"]), ["case_id", "episode"], join_type="left semi")
    live = last.filter(pc.is_in(last["state"], value_set=pa.array(LIVE)))
    return live.select(["provider_code", "account_code", "subject"])


def why_not(engine: Engine, number: str) -> str | None:
    """Say why a person cannot be erased; None: the person can. Reads what :func:`open_book_rows` named."""
    if not _NUMBER.fullmatch(number):
        return "what stands in place of the number is none: many may share it, and their rows would go, too"
    engine.load("asked_person", pa.table({"id_norm": [number]}))  # never in the text of a query: errors quote it
    asked = "SELECT id_norm FROM asked_person"
    kept = (f"SELECT 1 AS one FROM {name} WHERE id_norm IN ({asked})" for name in ("kept_persons", "kept_handlers"))
    if engine.fetch(" UNION ALL ".join(kept)).num_rows:
        return (
            "a case that is not at its end, or a verified correction, rests on the person's rows: they must be kept"
            " until it is closed as the holder's own, or withdrawn"
        )
    return None


def numbers_of_book(engine: Engine) -> Iterator[list[str]]:
    """Yield every ID number that the book has, once, in blocks."""
    columns = [(f"ever_{feed}", norm) for feed, spec in FEEDS.items() for norm in _EMPTIED if norm in spec.schema.names]
    columns += [(f"standing_{table.name}", "id_norm") for table in _REMEMBERED]
    columns += [(f"every_{QUARANTINED_NUMBERS.name}", "id_norm")]
    every = " UNION ".join(f"SELECT {column} AS id_norm FROM {name}" for name, column in columns)
    for batch in engine.stream(f"SELECT id_norm FROM ({every}) AS n WHERE id_norm IS NOT NULL", _BATCH):
        yield batch["id_norm"].to_pylist()


Token = tuple[str, str]  # key_id, token


def _tokens_of(body: Any) -> list[Token] | None:
    """Return whom a decision names; None: it is not one."""
    if not isinstance(body, dict) or set(body) != {"removal", "key_id", "persons"}:
        return None
    persons = body["persons"]
    if not isinstance(body["key_id"], str) or not isinstance(persons, list) or not persons:
        return None
    return [(body["key_id"], token) for token in persons] if all(isinstance(p, str) for p in persons) else None


def _resolved(engine: Engine, keys: Keyring, wanted: set[Token]) -> dict[Token, str]:
    makers = [key for key_id in sorted({k for k, _ in wanted}) if (key := keys.named(key_id)) is not None]
    found: dict[Token, str] = {}
    for numbers in numbers_of_book(engine) if makers else ():
        for key in makers:
            if key.state == DESTROYED:
                continue
            for number, token in zip(numbers, keys.tokens("person", numbers, key=key), strict=True):
                if (key.key_id, token) in wanted:
                    found[key.key_id, token] = number
    return found


def _why_refused(engine: Engine, tokens: list[Token] | None, known: Mapping[Token, str], keys: Keyring) -> str | None:
    if tokens is None:
        return "its body is not one of an erasure"
    for key_id, token in tokens:
        key = keys.named(key_id)
        if key is None or key.state == DESTROYED:
            return (
                f"it names persons by key {without_numbers(visible(key_id))}, which the key file does not have any more"
            )
        if (key_id, token) not in known:
            return "the book has no row of a person that it names"
        if why := why_not(engine, known[key_id, token]):
            return why
    return None


@dataclass(frozen=True)
class _Going:
    """What goes: the numbers of the persons, and their rows by where they came from."""

    persons: set[str]
    rows: RowSet

    @property
    def numbers(self) -> pa.Array:
        return pa.array(sorted(self.persons), pa.string())

    def speaks(self, texts: pa.ChunkedArray) -> np.ndarray:
        """Say of raw texts in which a number of these persons stands, also with blanks in it, or in its form of 15."""
        plain = pc.replace_substring_regex(
            pc.utf8_upper(pc.utf8_normalize(texts, form="NFKC")), pattern=_INVISIBLE, replacement=""
        )
        found = np.zeros(len(texts), dtype=bool)
        for number in sorted(self.persons):
            older = {number[:6] + number[8:17]} if len(number) == 18 and number[6:8] == "19" else set()  # noqa: PLR2004
            for form in sorted({number} | older):
                found |= pc.fill_null(pc.match_substring(plain, form), fill_value=False).to_numpy()
        return found

    def masks(self, file: Removable, rows: pa.Table) -> tuple[np.ndarray, dict[str, np.ndarray]]:
        """Say of rows of a file which go, and by which column cells of the others are emptied."""
        names = rows.column_names
        his = {n: pc.is_in(rows[n], value_set=self.numbers).to_numpy() for n in _EMPTIED if n in names}
        table = "openings" if file.table == OPENING_CHANGES.name else file.table
        gone = np.zeros(rows.num_rows, dtype=bool)
        if file.is_state and file.table == QUARANTINED_NUMBERS.name:
            return his.pop("id_norm"), {}
        if table in FEEDS:
            gone = self.rows.holds(table, rows, is_typed=True)
            his.pop("id_norm", None)
            if not (file.is_typed or file.is_state):
                gone |= self.rows.holds(table, rows, is_typed=False) | self.speaks(rows["raw"])
        return gone, {name: mask & ~gone for name, mask in his.items() if (mask & ~gone).any()}


def _rows_of(engine: Engine, persons: set[str]) -> RowSet:
    engine.load("erased_persons", pa.table({"id_norm": pa.array(sorted(persons), pa.string())}))
    mine = "IN (SELECT id_norm FROM erased_persons)"
    engine.table(
        "erased_accounts", f"SELECT DISTINCT provider_code, account_code FROM standing_accounts WHERE id_norm {mine}"
    )
    # A session in which somebody else opened an account as well stays.
    engine.table(
        "erased_sessions",
        f"SELECT DISTINCT x.provider_code, x.session_id FROM ever_openings AS x WHERE x.session_id IS NOT NULL"
        f" AND {_IS_ACCOUNT} AND NOT EXISTS (SELECT 1 FROM ever_openings AS o WHERE o.provider_code = x.provider_code"
        f" AND o.session_id = x.session_id AND NOT ({_IS_ACCOUNT.replace('x.', 'o.')}))",
    )
    typed = {}
    for feed, spec in FEEDS.items():
        same = " AND ".join(f"s.{name} = x.{name}" for name in spec.key)
        own = _OWN.get(
            feed,
            f"x.id_norm {mine} OR EXISTS (SELECT 1 FROM standing_{feed} AS s WHERE s.id_norm {mine} AND {same})",
        )
        typed[feed] = engine.fetch(f"SELECT DISTINCT night, file, row FROM ever_{feed} AS x WHERE {own}")
    quarantined = engine.fetch(
        f"SELECT DISTINCT night, feed, file, row FROM every_{QUARANTINED_NUMBERS.name} WHERE id_norm {mine}"
    )
    return RowSet(typed, quarantined)


def _rewritten(book: Book, folder: Path, file: Removable, going: _Going, night: date) -> RemovedFile | None:
    """Write what stays of one file; None: nothing of it changes."""
    path = file.path(book)
    with storage(path):
        opened = pq.ParquetFile(path)
    names = ("night", "feed", "file", "row", "raw", *_EMPTIED)
    needed = [name for name in names if name in opened.schema_arrow.names]
    if not {"id_norm", "file", *_EMPTIED} & set(needed):
        return None
    masks = [going.masks(file, pa.Table.from_batches([b])) for b in opened.iter_batches(_BATCH, columns=needed)]
    lost = sum(int(gone.sum()) for gone, _ in masks)
    emptied = sum(int(mask.sum()) for _, cells in masks for mask in cells.values())
    if not lost and not emptied:
        return None
    check_sealed(book, file)
    rows = opened.metadata.num_rows
    if lost == rows and file.is_typed:  # the other kinds keep their file, if empty: readers look for it
        return RemovedFile(file.night, file.name, rows, 0, file.content, None, night)
    target = folder / KEPT / file.night.isoformat() / file.name
    write_parquet(target, opened.schema_arrow, _kept(opened, masks))
    new = Content(target.stat().st_size, sha256_of(target))
    return RemovedFile(file.night, file.name, rows, rows - lost, file.content, new, night, emptied)


def _kept(
    opened: pq.ParquetFile, masks: Sequence[tuple[np.ndarray, dict[str, np.ndarray]]]
) -> Iterator[pa.RecordBatch]:
    for batch, (gone, cells) in zip(opened.iter_batches(_BATCH), masks, strict=True):
        columns = {name: batch[name] for name in batch.schema.names}
        for told, mask in cells.items():
            for name in _EMPTIED[told]:
                if name in columns:
                    none = pa.scalar(None, columns[name].type)
                    columns[name] = pc.if_else(pa.array(mask), none, columns[name])
        yield pa.RecordBatch.from_arrays([*columns.values()], schema=batch.schema).filter(pa.array(~gone))


def _entries_of(book: Book, going: _Going) -> tuple[tuple[str, Content], ...]:
    """Return the entries of the inbox that hold rows of these persons: those that sealed nights took."""
    found = []
    for entry in taken(book):
        cells = [cell for row in entry.body.get("rows", ()) for cell in row.get("cells", ())]
        texts = pa.chunked_array([pa.array([json.dumps(cell, ensure_ascii=False) for cell in cells], pa.string())])
        if len(texts) and going.speaks(texts).any():
            path = book.inbox / entry.file_name
            found.append((entry.file_name, Content(path.stat().st_size, entry.sha256)))
    return tuple(found)


def _tombstone(
    entries: Sequence[Entry],
    files: tuple[RemovedFile, ...],
    inbox: tuple[tuple[str, Content], ...],
    persons: int,
    night: date,
) -> Tombstone:
    """Return the one tombstone of tonight's erasures: a file cannot become two things in one night."""
    return Tombstone(
        night,
        ERASE,
        ";".join(entry.file_name for entry in entries),
        "; ".join(dict.fromkeys(entry.by for entry in entries)),
        "; ".join(dict.fromkeys(entry.reason for entry in entries)),
        max(entry.decided_on for entry in entries),
        night,
        files,
        inbox,
        persons,
    )
