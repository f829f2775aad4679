"""What both kinds of delivered file come to: blocks of rows, some of which could not be split."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

import numpy as np

from creditaudit.errors import UnjudgedFileError
from creditaudit.intake.profile import DEFAULT_PROFILE

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    import pyarrow as pa

    from creditaudit.feeds import TableSpec
    from creditaudit.intake.cells import Bools, Ints
    from creditaudit.intake.decode import Delivery
    from creditaudit.intake.profile import Profile


# No sender has as many; each costs time and memory for every row, whether it is ours or kept aside.
MAX_COLUMNS = 10_000


class RawText(Protocol):
    """Gives the raw text of rows of a block, counted from 0 in it, ascending."""

    def __call__(self, rows: Ints, /) -> pa.StringArray:
        """Return the texts."""
        ...


@dataclass(frozen=True)
class RowBlock:
    """Some consecutive data rows of one file.

    Parameters
    ----------
    first_row : int
        1-based data row of the block's first row.
    lines : numpy int64
        1-based physical line of every row of the block.
    rows : numpy int64
        Rows that split, counted from 0 in the block, ascending.
    cells : dict of str to pa.Array of string
        Known columns of the rows that split, not stripped.
    damaged : dict of int to str
        Rows that did not split, counted from 0 in the block, with the reason.
    raw : RawText
        Raw texts.
    unreadable : dict of str to numpy bool
        Cells of rows that split which are ``bad_type`` whatever their text says.
    settled : frozenset of str
        Columns whose cells came typed, so that their text is ours already: date formats do not ask after them.
    """

    first_row: int
    lines: Ints
    rows: Ints
    cells: dict[str, pa.Array]
    damaged: dict[int, str]
    raw: RawText
    unreadable: dict[str, Bools] = field(default_factory=dict)
    settled: frozenset[str] = frozenset()

    def __len__(self) -> int:
        return len(self.lines)


class Source(Protocol):
    """One kind of delivered file, read from front to back."""

    @property
    def encoding(self) -> str:
        """What ``coverage`` says of the file's encoding."""
        ...

    @property
    def unknown_columns(self) -> tuple[str, ...]:
        """Columns that the feed does not have, known once the file was read."""
        ...

    def blocks(self, delivery: Delivery, path: Path) -> Iterator[RowBlock]:
        """Yield the file's rows.

        Raises
        ------
        NotThisEncodingError
            The source was tried with an encoding that is not the file's.
        UnjudgedFileError
            The file as a whole cannot be read.
        """
        ...


def wanted_columns(
    spec: TableSpec, names: Sequence[str], profile: Profile = DEFAULT_PROFILE
) -> tuple[dict[str, int], tuple[str, ...]]:
    """Judge a header (SPEC 3.1).

    Parameters
    ----------
    spec : TableSpec
        The feed.
    names : sequence of str
        The file's names of its columns, stripped, in its order.
    profile : Profile
        Renames them, and may have constants in place of columns that are missing.

    Returns
    -------
    wanted : dict of str to int
        Known columns and their place, from 0.
    unknown : tuple of str
        The others, in the file's order.

    Raises
    ------
    UnjudgedFileError
        More columns than ``MAX_COLUMNS``, a name twice, a required column missing, or one there that the profile has a
        constant for. Names that are
        not ours are not repeated: the first line of a file without header is a person's data.
    """
    if len(names) > MAX_COLUMNS:
        raise UnjudgedFileError(f"header: {len(names)} columns, more than {MAX_COLUMNS}")
    places: dict[str, int] = {}
    header = [profile.renamed(name) for name in names]
    for place, name in enumerate(header):
        if name in places:
            what = f" ({name})" if name in spec.by_name else ""
            raise UnjudgedFileError(f"header: columns {places[name] + 1} and {place + 1} have the same name{what}")
        places[name] = place
    constants = profile.source.constants
    doubled = [name for name in constants if name in places]
    if doubled:
        raise UnjudgedFileError(
            f"header: the profile {profile.name} has a constant for a column that is there: {doubled[0]}"
        )
    missing = [name for name in spec.required if name not in places and name not in constants]
    if missing:
        raise UnjudgedFileError(f"header: required column missing: {', '.join(missing)}")
    wanted = {column.name: places[column.name] for column in spec.columns if column.name in places}
    if not wanted:
        raise UnjudgedFileError("header: no column of the feed is there")
    return wanted, tuple(name for name in header if name not in spec.by_name)


def row_numbers(count: int) -> Ints:
    """Return 0 … count - 1."""
    return np.arange(count, dtype=np.int64)
