"""Pieces of files: what one chunk adds to each file of each night."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from creditaudit.synth.accounts import Accounts
from creditaudit.synth.arrays import Cells, Ints, Mask
from creditaudit.synth.institutions import Provider
from creditaudit.synth.people import Persons
from creditaudit.synth.rows import squeeze
from creditaudit.synth.scenarios import Plan


@dataclass(frozen=True)
class Piece:
    """Rows for one file.

    Attributes
    ----------
    night
        0-based.
    part
        Name of the file without suffix.
    body
        Encoded rows with their line ends, no header.
    """

    night: int
    feed: str
    part: str
    body: bytes
    rows: int


@dataclass
class Chunk:
    """Everything about one chunk of persons and their accounts."""

    rng: np.random.Generator
    houses: Sequence[Provider]
    plan: Plan
    persons: Persons
    accounts: Accounts
    pieces: list[Piece] = field(default_factory=list)

    def house_table(self, of: Callable[[Provider], bytes]) -> Cells:
        """Return a table of bytes with one entry per institution."""
        return np.array([of(house) for house in self.houses])

    def per_house(self, feed: str, night: int, rows: npt.NDArray[np.void], provider: Ints) -> None:
        """Cut rows that lie in the order of institutions into one piece per institution."""
        cuts = np.searchsorted(provider, np.arange(len(self.houses) + 1)).tolist()
        for house, start, stop in zip(self.houses, cuts, cuts[1:], strict=False):
            if stop > start:
                body = squeeze(rows[start:stop])
                # The other feeds are plain ASCII, which is the same in every encoding here.
                if house.encoding == "gb18030" and feed in {"accounts", "openings"}:
                    body = body.decode().encode("gb18030")
                self.pieces.append(Piece(night, feed, house.code, body, stop - start))

    def whole(self, feed: str, night: int, part: str, rows: npt.NDArray[np.void], encoding: str = "utf-8") -> None:
        """Make one piece of all rows."""
        if len(rows):
            body = squeeze(rows)
            if encoding == "gb18030":
                body = body.decode().encode("gb18030")
            self.pieces.append(Piece(night, feed, part, body, len(rows)))

    def split_nights(self, night: Ints, rich: Mask) -> list[tuple[int, Ints]]:
        """Return the rows of each night in two groups, the poor ones first.

        Poor rows have no cell in the columns that are seldom filled, and are laid out without them: those
        columns are wide, and most of the time would go into dropping their padding.
        """
        groups = [(k, rows[flag]) for k, rows in self.nights_of(night) for flag in (~rich[rows], rich[rows])]
        return [(k, rows) for k, rows in groups if len(rows)]

    def nights_of(self, night: Ints) -> list[tuple[int, Ints]]:
        """Return each night that occurs, with the indexes of its rows in order."""
        first = np.flatnonzero(night == 0)
        groups: list[tuple[int, Any]] = [(0, first)] if len(first) else []
        if len(first) < len(night):
            groups += [(k, np.flatnonzero(night == k)) for k in range(1, self.plan.nights)]
        return [(k, rows) for k, rows in groups if len(rows)]
