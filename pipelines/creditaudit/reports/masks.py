"""What a recipient may see of an ID number (SPEC 10.2)."""

from __future__ import annotations

import re

from creditaudit.errors import UsageError, Where
from creditaudit.masking import USUAL, Mask

_FORM = re.compile(r"([0-9]{1,2})\+([0-9]{1,2})", re.ASCII)
# Beyond seven characters shown, the check digit leaves few birth dates to guess: 6+4 leaves about 3,300.
MOST_SHOWN = 7


def read_mask(text: str | None, recipient: str) -> Mask:
    """Read a mask from the table of recipients (``3+4``; empty: ``3+4``).

    Raises
    ------
    UsageError
        Not of the form N+M, or it shows more than seven characters.
    """
    if not text:
        return USUAL
    found = _FORM.fullmatch(text)
    mask = Mask(int(found[1]), int(found[2])) if found else None
    if mask is None or mask.first + mask.last > MOST_SHOWN:
        raise UsageError(
            "a recipient's id_mask cannot be used",
            why="it is not of the form N+M" if mask is None else f"it shows more than {MOST_SHOWN} characters",
            next_step=f"give recipient {recipient} a mask such as 3+4 or 1+1",
            where=Where("reference/recipients.csv", column="id_mask"),
        )
    return mask
