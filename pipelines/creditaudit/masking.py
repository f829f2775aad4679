"""What may be shown of an ID number, and of a code that may be one (SPEC 10.2, 10.4)."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.compute as pc

if TYPE_CHECKING:
    from collections.abc import Callable

HIDDEN = "***"


@dataclass(frozen=True, slots=True)
class Mask:
    """How many characters of an ID number stay readable at its two ends."""

    first: int
    last: int

    def apply(self, numbers: pa.ChunkedArray) -> pa.ChunkedArray:
        """Return the numbers masked; one as short as what would be shown is hidden whole."""
        length = pc.utf8_length(numbers)
        hidden = pc.max_element_wise(pc.subtract(length, self.first + self.last), 0)
        shown = pc.binary_join_element_wise(
            pc.utf8_slice_codeunits(numbers, 0, self.first),
            pc.binary_repeat("*", hidden),
            pc.utf8_slice_codeunits(numbers, -self.last) if self.last else pa.scalar(""),
            "",
        )
        return pc.if_else(pc.greater(hidden, 0), shown, pc.binary_repeat("*", length))

    def of(self, number: str) -> str:
        """Return one number masked, as :meth:`apply` masks many."""
        hidden = len(number) - self.first - self.last
        if hidden <= 0:
            return "*" * len(number)
        return number[: self.first] + "*" * hidden + number[len(number) - self.last :]


# As recipients see numbers that give no mask of their own, and as pages and the terminal do.
USUAL = Mask(3, 4)

# What reads as a person's number wherever it stands, in one piece or in the groups in which people write it, when no
# further digit touches it: an ID number of 18 or 15 places with a date in it, a mobile phone with or without the
# country's code. The one place that says so: pages, sheets, labels of files, the terminal and free text ask here.
_DAY = "(?:0[1-9]|1[0-2])(?:0[1-9]|[12][0-9]|3[01])"
_AREA = "[1-9][0-9]{5}"
NUMBER = (
    rf"(?<![0-9])(?:{_AREA}\s?(?:18|19|20)[0-9]{{2}}{_DAY}\s?[0-9]{{3}}[0-9Xx]"
    rf"|{_AREA}[0-9]{{2}}{_DAY}[0-9]{{3}}"
    r"|(?:(?:00)?86[\s-]?)?1[3-9][0-9][\s-]?[0-9]{4}[\s-]?[0-9]{4})(?![0-9])"
)
# A case_id is ours, and a SHA-256: their hexadecimal digits are no number of anybody.
_SOUGHT = re.compile(rf"(?P<ours>CA-[0-9a-f]{{24}}|(?<![0-9A-Za-z])[0-9a-f]{{64}}(?![0-9A-Za-z]))|{NUMBER}", re.ASCII)
_BEYOND_ASCII = re.compile(r"[^\x00-\x7f]+")


def numbers_hidden(text: str) -> str:
    """Return words of ours, or what was delivered, with what reads as an ID number or a phone hidden.

    Digits of any script count as digits, and what is not seen between them (zero-width marks) as nothing.
    """
    return hidden_in(text, _SOUGHT)


@lru_cache(maxsize=64)  # each night of a catch-up asks it of the same suites and tables
def line_with_number(text: str) -> int | None:
    """Return the 1-based line on which the first that reads as an ID number or a phone begins; None: nothing does."""
    hidden = numbers_hidden(text)
    at = next((at for at, (given, told) in enumerate(zip(text, hidden, strict=False)) if given != told), None)
    return None if at is None else text.count("\n", 0, at) + 1


def without_numbers(code: str) -> str:
    """Return a code or a key as pages and manifests may show it: what reads as a person's number or name is hidden.

    A slipped row that was accepted may have a number for a code; the published tables have it as delivered. Letters
    beyond ASCII may be a name.
    """
    return _BEYOND_ASCII.sub(HIDDEN, numbers_hidden(code))


def hidden_in(text: str, sought: re.Pattern[str], mark: str = HIDDEN) -> str:
    """Return a text with what a pattern finds hidden, however its digits are written.

    Parameters
    ----------
    text : str
    sought : re.Pattern
        Of ASCII digits, blanks and hyphens; what it finds as its group ``ours``, if it has one, stays.
    mark : str
        What stands in its place.
    """
    if not sought.search(text if text.isascii() else text.translate(_NARROW)):
        return text
    letters = [(letter, place) for place, given in enumerate(text) for letter in given.translate(_NARROW)]
    narrow, places = "".join(letter for letter, _ in letters), [place for _, place in letters]
    pieces, at = [], 0
    for found in sought.finditer(narrow):
        if found.groupdict().get("ours") is None:
            pieces.append(text[at : places[found.start()]])
            at = places[found.end() - 1] + 1
    return mark.join([*pieces, text[at:]])


def each_text(value: Any, change: Callable[[str], str]) -> Any:
    """Return a JSON value whose texts are changed, however deep they lie; names of members stay."""
    if isinstance(value, dict):
        return {name: each_text(one, change) for name, one in value.items()}
    if isinstance(value, list):
        return [each_text(one, change) for one in value]
    return change(value) if isinstance(value, str) else value


class _Narrow(dict[int, str]):
    """Code point to how it is searched: digits, blanks and hyphens of any script as ASCII has them."""

    def __missing__(self, point: int) -> str:
        letter = chr(point)
        kind, digit = unicodedata.category(letter), unicodedata.decimal(letter, None)
        if digit is not None:
            told = str(digit)
        elif kind in {"Cf", "Pd"}:
            told = "" if kind == "Cf" else "-"
        else:
            told = unicodedata.normalize("NFKC", letter)
        self[point] = told
        return told


_NARROW = _Narrow()
