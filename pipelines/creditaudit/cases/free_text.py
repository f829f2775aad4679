"""What people write freely, as a book may keep it: without ID numbers, phones, and what a terminal would obey."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.compute as pc

from creditaudit.masking import HIDDEN, hidden_in

if TYPE_CHECKING:
    from collections.abc import Iterable

# Between the digits of a number that a person writes down may stand a blank or a hyphen.
_GAP = "[ -]?"
_MONTH = f"(?:0{_GAP}[1-9]|1{_GAP}[0-2])"
_DAY = f"(?:0{_GAP}[1-9]|[12]{_GAP}[0-9]|3{_GAP}[01])"


def _digits(count: int) -> str:
    return f"(?:{_GAP}[0-9]){{{count}}}"


_NUMBER = re.compile(
    "(?<![0-9])(?:"
    # 18 or 15 places in one piece, whatever they say; in pieces, only where a date stands in the right place.
    "[0-9]{17}[0-9Xx]|[0-9]{15}"
    f"|[1-9]{_digits(5)}{_GAP}(?:1{_GAP}[89]|2{_GAP}0){_digits(2)}{_GAP}{_MONTH}{_GAP}{_DAY}{_digits(3)}{_GAP}[0-9Xx]"
    f"|[1-9]{_digits(7)}{_GAP}{_MONTH}{_GAP}{_DAY}{_digits(3)}"
    # A mobile phone, with or without the country's code; a fixed one with its area's.
    f"|(?:86{_GAP})?1{_GAP}[3-9]{_digits(9)}|0[0-9]{{2,3}}-[0-9]{{7,8}}"
    ")(?![0-9])",
    re.ASCII,
)
# Whatever the pattern above finds has eleven digits or more, with at most one letter between two of them.
_SUSPECT = "[0-9](?:[ \u2010-\u2013-]?[0-9]){9}"
# Between the letters of a name: what names lose before they are compared; and its middle dot, however written (SPEC 4).
_BETWEEN = r"\s*"
_DOT = "[\u00b7\u2022\u2027\u30fb]"
_CONTROLS = "[\x00-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2066-\u2069\ufeff]+"


def hide_numbers(texts: pa.ChunkedArray) -> pa.ChunkedArray:
    """Return texts with ``***`` where an ID number or a phone stood, on one line, without control characters.

    Parameters
    ----------
    texts : pyarrow.ChunkedArray of string
        Free text; NULL stays NULL. Full-width digits count as digits.

    Returns
    -------
    pyarrow.ChunkedArray of string
        Of the same length. What is no number of a person stays as it was written; a longer run of digits does, too.
    """
    shown = pc.utf8_trim_whitespace(pc.replace_substring_regex(texts, pattern=_CONTROLS, replacement=" "))
    narrow = pc.utf8_normalize(shown, form="NFKC")
    suspect = pc.fill_null(pc.match_substring_regex(narrow, pattern=_SUSPECT), fill_value=False).combine_chunks()
    if not pc.any(suspect).as_py():
        return shown
    whole = shown.combine_chunks()
    hidden = [hidden_in(text, _NUMBER) for text in whole.filter(suspect).to_pylist()]
    return pa.chunked_array([pc.replace_with_mask(whole, suspect, pa.array(hidden, pa.string()))])


def hide_names(text: str, names: Iterable[str]) -> str:
    """Return a text that holds names with ``***`` in their place, whatever blanks, width and middle dots they have.

    Parameters
    ----------
    text : str
    names : iterable of str
        As they are compared (SPEC 4), each known to be in the text once that is normalised as they are.

    Returns
    -------
    str
        Where no name can be pointed at (a letter written in a way that only the whole text resolves), ``***`` alone.
    """
    longest_first = sorted(names, key=lambda name: (-len(name), name))  # a short name may be part of a long one
    sought = (_BETWEEN.join(_DOT if letter == "\u00b7" else re.escape(letter) for letter in n) for n in longest_first)
    hidden = hidden_in(text, re.compile("|".join(sought)))
    return HIDDEN if hidden == text else hidden
