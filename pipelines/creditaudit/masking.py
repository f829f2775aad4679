"""What may be shown of an ID number, and of a code that may be one (SPEC 10.2, 10.4)."""

from __future__ import annotations

import re
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.compute as pc

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

# An ID number of 18 or 15 places with a date in it, or a mobile phone, that no further digit touches; and letters
# beyond ASCII, which may be a name.
_DAY = r"(?:0[1-9]|1[0-2])(?:0[1-9]|[12][0-9]|3[01])"
_DIGITS = (
    rf"(?<![0-9])(?:[1-9][0-9]{{5}}(?:18|19|20)[0-9]{{2}}{_DAY}[0-9]{{3}}[0-9Xx]"
    rf"|[1-9][0-9]{{5}}[0-9]{{2}}{_DAY}[0-9]{{3}}|1[3-9][0-9]{{9}})(?![0-9])"
)
_NUMBER = re.compile(rf"{_DIGITS}|[^\x00-\x7f]+", re.ASCII)
_NUMBER_ALONE = re.compile(_DIGITS, re.ASCII)


def without_numbers(code: str) -> str:
    """Return a code as pages and manifests may show it: what reads as an ID number, a phone or a name is hidden.

    A slipped row that was accepted may have a number for a code; the published tables have it as delivered.
    """
    return _NUMBER.sub(HIDDEN, code)


def numbers_hidden(text: str) -> str:
    """Return words of ours, or a key of a registry, with what reads as an ID number or a phone hidden."""
    return _NUMBER_ALONE.sub(HIDDEN, text)
