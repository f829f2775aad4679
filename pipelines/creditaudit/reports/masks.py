"""What a recipient may see of an ID number (SPEC 10.2)."""

from __future__ import annotations

import re
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.compute as pc

from creditaudit.errors import UsageError, Where

_FORM = re.compile(r"([0-9]{1,2})\+([0-9]{1,2})", re.ASCII)
# Beyond seven characters shown, the check digit leaves few birth dates to guess: 6+4 leaves about 3,300.
MOST_SHOWN = 7


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


def read_mask(text: str | None, recipient: str) -> Mask:
    """Read a mask from the table of recipients (``3+4``; empty: ``3+4``).

    Raises
    ------
    UsageError
        Not of the form N+M, or it shows more than seven characters.
    """
    found = _FORM.fullmatch(text or "3+4")
    mask = Mask(int(found[1]), int(found[2])) if found else None
    if mask is None or mask.first + mask.last > MOST_SHOWN:
        raise UsageError(
            "a recipient's id_mask cannot be used",
            why="it is not of the form N+M" if mask is None else f"it shows more than {MOST_SHOWN} characters",
            next_step=f"give recipient {recipient} a mask such as 3+4 or 1+1",
            where=Where("reference/recipients.csv", column="id_mask"),
        )
    return mask


# An ID number of 18 or 15 places with a date in it, or a mobile phone, that no further digit touches; and letters
# beyond ASCII, which may be a name.
_DAY = r"(?:0[1-9]|1[0-2])(?:0[1-9]|[12][0-9]|3[01])"
_NUMBER = re.compile(
    rf"(?<![0-9])(?:[1-9][0-9]{{5}}(?:18|19|20)[0-9]{{2}}{_DAY}[0-9]{{3}}[0-9Xx]"
    rf"|[1-9][0-9]{{5}}[0-9]{{2}}{_DAY}[0-9]{{3}}|1[3-9][0-9]{{9}})(?![0-9])|[^\x00-\x7f]+",
    re.ASCII,
)
HIDDEN = "***"


def without_numbers(code: str) -> str:
    """Return a code as pages and manifests may show it: what reads as an ID number, a phone or a name is hidden.

    A slipped row that was accepted may have a number for a code; the published tables have it as delivered.
    """
    return _NUMBER.sub(HIDDEN, code)
