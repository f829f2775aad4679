"""Cells of the exception files: made once for all who read them, and then dealt out (SPEC 10.1, 10.2)."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.compute as pc

from creditaudit.engines import quoted
from creditaudit.reports.foreign import Foreign
from creditaudit.reports.sheets import EXCEPTIONS, LEAD_NOTE, dressed

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from creditaudit.book.keys import Keyring
    from creditaudit.engines import Engine
    from creditaudit.reports.recipients import Recipient

# How a house target is printed as such (SPEC 8.4).
DUE_KINDS = {"zh": {"legal": "法定期限", "house": "内部目标"}, "en": {"legal": "legal", "house": "house"}}
# Cases whose cells are held at once.
BLOCK = 65_536
_EVIDENCE = ("reasons", "blind_spots")
_SHARED = (
    *("case_id", "provider_code", "account_code", "account_type", "opened", "tier", "verdict", "notice_source"),
    *("reported", "fault", "due_on", "blind_spots", "lead_note"),
)
# The terms of the score stand in both languages at the end of the published reasons; a file has one (scoring/words.py).
_OTHER_LANGUAGE = {
    "zh": (r" \| score: [^|]*$", ""),
    "en": (r"评分依据：[^|]* \| (score: [^|]*)$", r"\1"),
}


class CaseCells:
    """Open cases as cells of a CSV file, block by block in the order of the files.

    Guarding, quoting, masking and tokens cost the same for one recipient as for all: what two recipients read alike
    (one mask, one key, one language) is made once. Of a book of many open cases no more than one block is held.

    Parameters
    ----------
    engine : Engine
        Holds ``case_rows`` and what :func:`creditaudit.reports.listed.build_listed` makes, ``documents`` (document_id,
        zh, en), ``institutions`` and ``standing_accounts``.
    keys : Keyring
        Make the row tokens.

    Attributes
    ----------
    foreign : Foreign
        Which codes are another institution's.
    """

    def __init__(self, engine: Engine, keys: Keyring) -> None:
        self._engine = engine
        self._keys = keys
        self.foreign = Foreign(engine)

    def blocks(self) -> Iterator[Block]:
        """Yield all open cases, each once."""
        count = self._engine.fetch("SELECT count(*) AS n FROM report_rows")["n"][0].as_py()
        for start in range(0, count, BLOCK):
            yield Block(self._engine, self._keys, self.foreign, start)


class Block:
    """The cells of ``BLOCK`` open cases that follow one another in the files.

    Parameters
    ----------
    engine, keys, foreign
        As in :class:`CaseCells`.
    start : int
        Place of the first of them.
    """

    def __init__(self, engine: Engine, keys: Keyring, foreign: Foreign, start: int) -> None:
        self._engine = engine
        self._keys = keys
        self._foreign = foreign
        self._start = start
        self._places = f"place >= {start} AND place < {start + BLOCK}"
        self._rows = engine.fetch(
            f"SELECT r.*, c.next_step_zh, c.next_step_en FROM (SELECT * FROM report_rows WHERE {self._places}) AS r"
            " JOIN case_rows AS c ON c.case_id = r.case_id AND c.episode = r.episode ORDER BY r.place"
        )
        columns = {
            **dict(zip(self._rows.column_names, self._rows.columns, strict=True)),
            "opened": spoken(self._rows["opened_from"], self._rows["opened_to"]),
            "reported": spoken(self._rows["reported_from"], self._rows["reported_to"]),
            "lead_note": _same(LEAD_NOTE, self._rows.num_rows),
        }
        self._shared = dressed(pa.table({name: columns[name] for name in _SHARED}))
        self._made: dict[tuple[str, object], pa.ChunkedArray] = {}

    def of(self, recipient: Recipient) -> tuple[pa.Table, pa.Table]:
        """Return the rows of a recipient, in the order of its files.

        Returns
        -------
        cells : pyarrow.Table
            Columns of ``EXCEPTIONS`` but ``change``, dressed.
        listed : pyarrow.Table
            change and is_data_quality of each row, as ``recipient_rows`` has them.
        """
        listed = self._engine.fetch(
            f"SELECT place - {self._start} AS at, change, is_data_quality FROM recipient_rows"
            f" WHERE recipient = {quoted(recipient.name)} AND {self._places} ORDER BY place"
        )
        at = listed["at"]
        language = recipient.language
        own = {
            "row_token": self._once("row_token", recipient.key_id, partial(self._tokens, recipient.key_id)),
            "id_masked": self._once("id_masked", recipient.mask, partial(recipient.mask.apply, self._rows["id_norm"])),
            "due_kind": self._once("due_kind", language, partial(self._due_kinds, language)),
            "next_step": self._once("next_step", language, partial(self._rows.column, f"next_step_{language}")),
            "ask_for": self._once("ask_for", language, partial(self._asked_for, language)),
            "reasons": self._once("reasons", language, partial(self._reasons, language)),
        }
        cells = {name: column.take(at) for name, column in own.items()}
        cells |= {name: self._shared[name].take(at) for name in _SHARED}
        if recipient.provider_code is not None:
            evidence = pa.table({"reasons": self._reasons(language), "blind_spots": self._rows["blind_spots"]})
            evidence = evidence.take(at)
            hidden = {name: self._foreign.hidden_from(recipient.provider_code, evidence[name]) for name in _EVIDENCE}
            cells |= {name: dressed(pa.table({name: column}))[name] for name, column in hidden.items()}
        return pa.table({c.name: cells[c.name] for c in EXCEPTIONS if c.name in cells}), listed

    def _once(self, name: str, reading: object, make: Callable[[], pa.ChunkedArray]) -> pa.ChunkedArray:
        if (name, reading) not in self._made:
            self._made[name, reading] = dressed(pa.table({name: make()}))[name]
        return self._made[name, reading]

    def _tokens(self, key_id: str | None) -> pa.ChunkedArray:
        return tokens_of(self._keys, key_id, self._rows)

    def _due_kinds(self, language: str) -> pa.ChunkedArray:
        kinds = DUE_KINDS[language]
        return _looked_up(self._rows["due_kind"], kinds.__getitem__)

    def _reasons(self, language: str) -> pa.ChunkedArray:
        pattern, kept = _OTHER_LANGUAGE[language]
        return pc.replace_substring_regex(self._rows["reasons"], pattern, kept)

    def _asked_for(self, language: str) -> pa.ChunkedArray:
        """Return the documents of ``ask_for`` by name, in the order in which they are to be asked for."""
        named = self._engine.fetch(f"SELECT document_id, {language} AS name FROM documents")
        names = dict(zip(named["document_id"].to_pylist(), named["name"].to_pylist(), strict=True))
        between = "；" if language == "zh" else "; "
        return _looked_up(self._rows["ask_for"], lambda ids: between.join(names[i] for i in ids.split(";")))


def tokens_of(keys: Keyring, key_id: str | None, rows: pa.Table) -> pa.ChunkedArray:
    """Return the row tokens of case episodes (columns case_id, episode) by a key of the key file; None: the active."""
    key = next((k for k in keys.keys if k.key_id == key_id), None)
    tokens = keys.row_tokens(rows["case_id"].to_pylist(), rows["episode"].to_pylist(), key)
    return pa.chunked_array([pa.array(tokens, pa.string())])


def spoken(start: pa.ChunkedArray, end: pa.ChunkedArray) -> pa.ChunkedArray:
    """Return intervals of whole seconds as they were given: a day, a minute, or a second."""
    day, minute = 86_399, 59
    length = pc.subtract(end, start)
    whole = start.cast(pa.timestamp("s")).cast(pa.string())  # 2024-01-12 10:00:00
    return pc.case_when(
        pc.make_struct(pc.equal(length, day), pc.equal(length, minute), pc.is_valid(length)),
        pc.utf8_slice_codeunits(whole, 0, len("2024-01-12")),
        pc.utf8_slice_codeunits(whole, 0, len("2024-01-12 10:00")),
        whole,
    )


def _looked_up(column: pa.ChunkedArray, said: Callable[[str], str]) -> pa.ChunkedArray:
    """Return a column of few distinct values with each said in other words; NULL and empty stay."""
    coded = column.combine_chunks().dictionary_encode()
    words = [said(value) if value else value for value in coded.dictionary.to_pylist()]
    return pa.chunked_array([pa.array(words, pa.string()).take(coded.indices)])


def _same(text: str, rows: int) -> pa.ChunkedArray:
    return pa.chunked_array([pa.repeat(pa.scalar(text, pa.string()), rows)])
