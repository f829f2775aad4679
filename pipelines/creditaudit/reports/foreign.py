"""What an institution may read of others in the evidence of its own cases: ``other`` (SPEC 10.1)."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.compute as pc

if TYPE_CHECKING:
    from collections.abc import Callable

    from creditaudit.engines import Engine

OTHER = "other"
# What can name an account or an institution: a pair, a chain, or the code of an account that came in another's place.
# Only such cells are looked at one by one.
_TELLING = r"/|>|rekeyed|collection"
# Codes are free text: a pair runs to the next mark that joins parts, links or sentences.
_PAIR = re.compile(r"(?P<provider>[^\s/;,>:()]+)/(?P<account>[^;,>()]*)")
_SUCCESSOR = re.compile(r"(?P<what>(?:possibly )?(?:rekeyed|collection):\s*)(?P<code>[^;]+)")
_WORD = re.compile(r"[^\s/;,>:()]+")
_LETTER = "[A-Za-z0-9]"


class Foreign:
    """Which codes in evidence are another institution's.

    Parameters
    ----------
    engine : Engine
        Holds ``institutions``, ``report_rows`` (its reasons and blind_spots are all texts that will be asked for) and
        ``standing_accounts``.
    """

    def __init__(self, engine: Engine) -> None:
        known = engine.fetch("SELECT provider_code FROM institutions UNION SELECT provider_code FROM report_rows")
        self._providers = frozenset(known["provider_code"].to_pylist())
        self._accounts = _accounts(engine)

    def hidden_from(self, own: str, column: pa.ChunkedArray) -> pa.ChunkedArray:
        """Return evidence as one institution may read it; NULL stays.

        Parameters
        ----------
        own : str
            The institution's provider_code.
        column : pyarrow.ChunkedArray
            Text cells of its own cases.
        """

        def pair(found: re.Match[str]) -> str:
            return f"{own}/{_PAIR.sub(pair, found['account'])}" if found["provider"] == own else OTHER

        def successor(found: re.Match[str]) -> str:
            code = found["code"].strip()
            known = code.startswith(f"{own}/") or (own, code) in self._accounts
            return found[0] if known else f"{found['what']}{OTHER}"

        def said(cell: str) -> str:
            cell = _SUCCESSOR.sub(successor, _PAIR.sub(pair, cell))
            return _WORD.sub(lambda word: self._word(own, word[0]), cell)

        return _changed(column, said, _telling(column))

    def file_hidden_from(self, own: str, column: pa.ChunkedArray) -> pa.ChunkedArray:
        """Return labels of files in which no other institution's code stands as a word.

        What a code is made of is free: it is looked for as it is, where no letter or digit of its own kind goes on.
        """

        def said(cell: str) -> str:
            # The longest first, one's own among them: a code may be a part of another.
            codes = sorted((c for c in {own, *self._providers} if c and c in cell), key=lambda c: (-len(c), c))
            if codes in ([], [own]):
                return cell
            return re.sub("|".join(map(_whole, codes)), lambda found: self._word(own, found[0]), cell)

        return _changed(column, said, pc.is_valid(column))

    def _word(self, own: str, word: str) -> str:
        return OTHER if word != own and word in self._providers else word


def _whole(code: str) -> str:
    """Return a pattern that finds a code where it is not a part of a longer word of ASCII letters and digits."""
    before, after = (_LETTER if one.isascii() and one.isalnum() else "" for one in (code[0], code[-1]))
    return f"{f'(?<!{before})' if before else ''}{re.escape(code)}{f'(?!{after})' if after else ''}"


def _telling(column: pa.ChunkedArray) -> pa.ChunkedArray:
    return pc.fill_null(pc.match_substring_regex(column, _TELLING), fill_value=False)


def _accounts(engine: Engine) -> set[tuple[str, str]]:
    """Return the institutions that have an account of a code which some evidence gives without its institution."""
    told = engine.fetch(
        " UNION ".join(
            f"SELECT {name} AS cell FROM report_rows"
            f" WHERE contains({name}, 'rekeyed') OR contains({name}, 'collection')"
            for name in ("reasons", "blind_spots")
        )
    )
    codes = {found["code"].strip() for cell in told["cell"].to_pylist() for found in _SUCCESSOR.finditer(cell)}
    if not codes:
        return set()
    engine.load("successor_codes", pa.table({"account_code": pa.array(sorted(codes), pa.string())}))
    found = engine.fetch(
        "SELECT DISTINCT a.provider_code, a.account_code FROM standing_accounts AS a"
        " JOIN successor_codes AS s ON s.account_code = a.account_code"
    )
    engine.drop("successor_codes")
    return set(zip(found["provider_code"].to_pylist(), found["account_code"].to_pylist(), strict=True))


def _changed(column: pa.ChunkedArray, said: Callable[[str], str], which: pa.ChunkedArray) -> pa.ChunkedArray:
    """Return a column with some cells said anew, each distinct one once."""
    if not pc.any(which).as_py():
        return column
    cells = column.filter(which).to_pylist()
    told = {cell: said(cell) for cell in dict.fromkeys(cells)}
    new = pa.array([told[cell] for cell in cells], pa.string())
    return pa.chunked_array([pc.replace_with_mask(column.combine_chunks(), which.combine_chunks(), new)])
