"""The documents that an institution can be asked for, and the shortest list that settles what is missing."""

from __future__ import annotations

import csv
import io
from dataclasses import dataclass
from functools import cache
from importlib import resources
from itertools import combinations
from typing import TYPE_CHECKING

import pyarrow as pa

from creditaudit.errors import UsageError, Where
from creditaudit.fault.elements import ELEMENTS

if TYPE_CHECKING:
    from collections.abc import Iterable

FILE = "documents.csv"
_HEADER = ("document_id", "zh", "en", "settles", "source")


@dataclass(frozen=True, slots=True)
class Document:
    """One kind of document.

    Parameters
    ----------
    document_id : str
        What ``ask_for`` names.
    zh, en : str
        Its name.
    settles : frozenset of str
        Elements that it can settle; ``element:check_kind`` where it speaks of one kind of check only.
    source : str
        Where it is known from.
    """

    document_id: str
    zh: str
    en: str
    settles: frozenset[str]
    source: str

    def can_settle(self, element: str, check_kind: str) -> bool:
        """Say whether the document can settle an element of a finding that asks about a kind of check."""
        return element in self.settles or f"{element}:{check_kind}" in self.settles


@dataclass(frozen=True)
class Documents:
    """The documents, in the order in which they are preferred."""

    listed: tuple[Document, ...]

    def shortest(self, elements: Iterable[str], check_kind: str) -> tuple[Document, ...]:
        """Return the fewest documents that settle all elements that any document can settle.

        Of several lists of one length the one that stands first in the table; elements that no document of an
        institution can settle are left out.
        """
        asked = [frozenset(e for e in set(elements) if document.can_settle(e, check_kind)) for document in self.listed]
        wanted = frozenset().union(*asked)
        places = [place for place, settled in enumerate(asked) if settled]
        for size in range(len(places) + 1):
            for chosen in combinations(places, size):
                if frozenset().union(*(asked[place] for place in chosen)) == wanted:
                    return tuple(self.listed[place] for place in chosen)
        return ()

    def as_table(self) -> pa.Table:
        """Return document_id, zh, en, source for the engine."""
        names = ("document_id", "zh", "en", "source")
        return pa.table({n: pa.array([getattr(d, n) for d in self.listed], type=pa.string()) for n in names})


@cache
def shipped_documents() -> Documents:
    """Return the documents that come with the program."""
    return read_documents((resources.files("creditaudit.fault") / FILE).read_text(encoding="utf-8"))


def read_documents(text: str) -> Documents:
    """Read and check a table of documents.

    Raises
    ------
    UsageError
        Another header or width, an empty cell, an unknown element, an id that comes twice: with line and column.
    """
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    rows = [(reader.line_num, row) for row in reader if row]
    if not rows or tuple(rows[0][1]) != _HEADER:
        raise _bad(1, None, f"the header must be {','.join(_HEADER)}")
    listed: list[Document] = []
    for line, row in rows[1:]:
        if len(row) != len(_HEADER):
            raise _bad(line, None, f"{len(row)} cells under {len(_HEADER)} column names")
        cells = dict(zip(_HEADER, row, strict=True))
        for name, cell in cells.items():
            if not cell.strip():
                raise _bad(line, name, "it is empty")
        settles = frozenset(cells["settles"].split(";"))
        unknown = sorted(s for s in settles if s.partition(":")[0] not in ELEMENTS)
        if unknown:
            raise _bad(line, "settles", f"{unknown[0]!r} is none of {', '.join(ELEMENTS)}")
        if not cells["document_id"].isidentifier() or any(d.document_id == cells["document_id"] for d in listed):
            raise _bad(line, "document_id", "it is no plain word, or comes twice")
        listed.append(Document(cells["document_id"], cells["zh"], cells["en"], settles, cells["source"]))
    return Documents(tuple(listed))


def _bad(line: int, column: str | None, why: str) -> UsageError:
    return UsageError(
        "the table of documents cannot be used",
        why=why,
        next_step="mend fault/documents.csv of the program",
        where=Where(f"fault/{FILE}", line, column),
    )
