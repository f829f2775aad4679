"""Citizen identity numbers: normalised form, status and birth date, whole columns at a time (SPEC 4).

Source: GB 11643-1999 (18 digits, check character by ISO 7064 MOD 11-2; the 15-digit form before it has neither
century nor check character).
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from creditaudit.intake.cells import Bools, Bytes, Cells, Ints, Rows, as_cells, cells_of
from creditaudit.intake.dates import read_calendar
from creditaudit.intake.folding import folded, put, rewrite, unsettled_bytes, without_invisible

STATUSES = (
    "not_resident",
    "ok",
    "legacy15",
    "legacy15_centenarian",
    "bad_check",
    "bad_date",
    "bad_form",
)
RESERVED_AREA = "999999"

_NOT_RESIDENT, _OK, _LEGACY15, _CENTENARIAN, _BAD_CHECK, _BAD_DATE, _BAD_FORM = range(len(STATUSES))
_WEIGHTS = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
_LONG, _SHORT = 18, 15

# Weighted sum of the 17 digits → check character.
_CHECK_OF_SUM = np.frombuffer(b"10X98765432", dtype=np.uint8)[np.arange(9 * sum(_WEIGHTS) + 1) % 11]
# (check right) * 4 + (date real) * 2 + (number of a foreigner's or of Hong Kong, Macao, Taiwan) → status.
_STATUS_OF = np.array(
    [*[_BAD_CHECK] * 4, _BAD_DATE, _BAD_DATE, _OK, _NOT_RESIDENT],
    dtype=np.uint8,
)
_X = ord("X") - ord("0")

# Upper case changes these besides what folding marks.
_UNSETTLED = unsettled_bytes(also=bytes(range(ord("a"), ord("z") + 1)))

# In a raw text white space stands between numbers and stays.
_UNSETTLED_TEXT = unsettled_bytes(white_space=False)
_DIGITS = np.zeros(256, dtype=bool)
_DIGITS[ord("0") : ord("9") + 1] = True
_LETTER_X = np.zeros(256, dtype=bool)
_LETTER_X[[ord("X"), ord("x")]] = True


@dataclass(frozen=True)
class Identities:
    """A column of identity numbers, normalised.

    Parameters
    ----------
    norm : pa.StringArray
        ``id_norm``; NULL where the cell is empty.
    status : numpy uint8
        Index into ``STATUSES``; without meaning where the cell is empty.
    birth : numpy int32
        Days since 1970-01-01 of the birth date in the number; without meaning where not ``born``.
    born : numpy bool
        The number has a real birth date (18-form with any check character, or legacy15; SPEC 12).
    reserved : numpy bool
        18-form or 15 digits of the reserved area 999999.
    """

    norm: pa.StringArray
    status: npt.NDArray[np.uint8]
    birth: npt.NDArray[np.int32]
    born: Bools
    reserved: Bools

    def status_array(self) -> pa.StringArray:
        """Return ``id_status`` as text; NULL where the cell is empty."""
        return self.coded_status().cast(pa.string())

    def coded_status(self) -> pa.DictionaryArray:
        """Return ``id_status`` as a dictionary of texts, which costs a byte a row; NULL where the cell is empty."""
        empty = self.norm.is_null().to_numpy(zero_copy_only=False) if self.norm.null_count else None
        return pa.DictionaryArray.from_arrays(pa.array(self.status.view(np.int8), mask=empty), pa.array(STATUSES))

    def readable(self) -> Bools:
        """Which cells hold a number that may be matched: given and not ``bad_form``."""
        given: Bools = self.norm.is_valid().to_numpy(zero_copy_only=False)
        readable: Bools = given & (self.status != _BAD_FORM)
        return readable


def identify(cells: Cells) -> Identities:
    """Normalise a column of identity numbers and say what is known of each.

    Parameters
    ----------
    cells : Cells
        As delivered.

    Returns
    -------
    Identities
        Same rows, same order. No number is repaired.
    """
    if not _settled(cells):
        rewritten = rewrite(cells, _UNSETTLED, _clean)
        if rewritten is not cells.array:
            cells = as_cells(rewritten)
    count = len(cells)
    found = Identities(
        norm=cells.array,
        status=np.full(count, _BAD_FORM, dtype=np.uint8),
        birth=np.zeros(count, dtype=np.int32),
        born=np.zeros(count, dtype=bool),
        reserved=np.zeros(count, dtype=bool),
    )
    for at, letters in cells.matrices(_LONG):
        _judge_long(found, at, letters)
    legacy = [_judge_short(found, rows, letters) for rows, letters in cells.matrices(_SHORT)]
    if not legacy:
        return found
    where = np.concatenate([rows for rows, _ in legacy])
    numbers = np.concatenate([letters for _, letters in legacy])
    return replace(found, norm=put(found.norm, where, _texts(numbers)))


def normalise_ids(column: pa.Array | pa.ChunkedArray) -> tuple[pa.StringArray, pa.DictionaryArray]:
    """Return ``id_norm`` and ``id_status`` of a text column (SPEC 4).

    Parameters
    ----------
    column : pa.Array or pa.ChunkedArray of string
        Numbers as delivered; NULL or empty: missing.

    Returns
    -------
    id_norm : pa.StringArray
        NULL where missing; of a ``bad_form`` the folded text, which is never matched.
    id_status : pa.DictionaryArray of string
        NULL where missing.
    """
    found = identify(cells_of(column))
    return found.norm, found.coded_status()


def normalise_id(text: str) -> tuple[str, str]:
    """Return ``id_norm`` and ``id_status`` of one number; :func:`normalise_ids` is for columns.

    Parameters
    ----------
    text : str
        Not empty.

    Returns
    -------
    tuple of str
        ``("", "bad_form")`` where nothing is left.
    """
    norm, status = normalise_ids(pa.array([text], pa.string()))
    return norm[0].as_py() or "", status[0].as_py() or STATUSES[_BAD_FORM]


def numbers_in(texts: pa.Array | pa.ChunkedArray) -> pa.Table:
    """Find identity numbers anywhere in raw texts, for rows that could not be read otherwise.

    A number is 18 or 15 digits in a row, or 17 and an X, after NFKC and upper case and without invisible characters.
    Digits that go on are no number. Letters of any kind may touch it: a lost separator leaves the name or the kind of
    the document beside it (``SFZ110105...``), and a row too many among the unknown costs less than one too few.

    Parameters
    ----------
    texts : pa.Array or pa.ChunkedArray of string
        Raw texts; NULL holds no number.

    Returns
    -------
    pa.Table
        ``index`` (int64: place in ``texts``, from 0), ``id_norm`` (as :func:`normalise_ids`, never of a
        ``bad_form``): one row per number found, in the order of the texts and within each from the left.
    """
    array = texts.combine_chunks() if isinstance(texts, pa.ChunkedArray) else texts
    cells = as_cells(rewrite(as_cells(array), _UNSETTLED_TEXT, without_invisible))
    start, end = int(cells.offsets[0]), int(cells.offsets[-1])
    letters = cells.data[start:end]
    part = _DIGITS[letters]
    border = np.zeros(len(part) + 1, dtype=bool)  # where a text starts or ends
    border[cells.offsets - start] = True
    first = np.flatnonzero(part & (border[:-1] | ~np.concatenate([[False], part[:-1]])))
    last = np.flatnonzero(part & (border[1:] | ~np.concatenate([part[1:], [False]])))
    runs = last - first + 1
    # An X follows, in the same text.
    marked = np.concatenate([_LETTER_X[letters], [False]])[last + 1] & ~border[last + 1]
    long = (runs == _LONG - 1) & marked
    last += long
    good = long | (runs == _LONG) | (runs == _SHORT)
    first, last = first[good], last[good]
    index = np.searchsorted(cells.offsets - start, first, side="right") - 1
    steps = np.zeros(len(letters) + 1, dtype=np.int8)
    steps[first] = 1
    steps[last + 1] -= 1  # another number may begin there
    held = letters[np.cumsum(steps[:-1], dtype=np.int8) > 0]
    where = np.concatenate([[0], np.cumsum(last - first + 1)]).astype(np.int32)
    found = pa.StringArray.from_buffers(len(first), pa.py_buffer(where), pa.py_buffer(held))
    return pa.table({"index": pa.array(index.astype(np.int64)), "id_norm": normalise_ids(found)[0]})


def _settled(cells: Cells) -> bool:
    """Whether every byte lies in ``0`` to ``Z``, which no folding changes: one comparison a byte."""
    held = cells.data[int(cells.offsets[0]) : int(cells.offsets[-1])]
    return not len(held) or int((held - np.uint8(ord("0"))).max()) <= ord("Z") - ord("0")


def _clean(text: str) -> str:
    return folded(text).upper()


def _judge_long(found: Identities, at: Rows, letters: Bytes) -> None:
    """Set what is known of texts of 18 bytes (``letters``: one column per text)."""
    digits = letters - np.uint8(ord("0"))
    form = digits[:17].max(axis=0) <= 9  # noqa: PLR2004 - the last digit
    form &= (digits[17] <= 9) | (digits[17] == _X)  # noqa: PLR2004 - digits
    if not form.all():
        at = _chosen(at, form)
        letters, digits = np.ascontiguousarray(letters[:, form]), digits[:, form]
    right = _check_of(digits[:17]) == letters[17]
    birth = read_calendar(letters[6:14])
    century = digits[6] * np.uint8(10) + digits[7]
    real = birth.given & (century >= 18) & (century <= 20)  # noqa: PLR2004 - digits
    prefix = digits[0] * np.uint8(10) + digits[1]
    foreign = (digits[0] == 9) | ((prefix >= 81) & (prefix <= 83) & (digits[2:6].max(axis=0) == 0))  # noqa: PLR2004 - digits
    found.status[at] = _STATUS_OF[right.view(np.uint8) * 4 + real.view(np.uint8) * 2 + foreign.view(np.uint8)]
    found.birth[at], found.born[at] = birth.day, real
    found.reserved[at] = digits[:6].min(axis=0) == 9  # noqa: PLR2004 - digits


def _judge_short(found: Identities, at: Rows, letters: Bytes) -> tuple[Ints, Bytes]:
    """Set what is known of texts of 15 bytes; returns the rows that have a long form, and it (one row each)."""
    digits = letters - np.uint8(ord("0"))
    form = digits.max(axis=0) <= 9  # noqa: PLR2004 - digits
    rows = _chosen(at, form)
    letters, digits = np.ascontiguousarray(letters[:, form]), digits[:, form]
    nineteen = np.repeat(np.frombuffer(b"19", dtype=np.uint8)[:, None], len(rows), axis=1)
    birth = read_calendar(np.concatenate([nineteen, letters[6:12]]))
    # Sequences 996 to 999 marked persons born before 1900: their century is not known.
    centenarian = (digits[12] == 9) & (digits[13] == 9) & (digits[14] >= 6)  # noqa: PLR2004 - digits
    found.status[rows] = np.where(birth.given, np.where(centenarian, _CENTENARIAN, _LEGACY15), _BAD_DATE)
    found.reserved[rows] = digits[:6].min(axis=0) == 9  # noqa: PLR2004 - digits
    longer = birth.given & ~centenarian
    found.birth[rows], found.born[rows] = birth.day, longer
    body = np.concatenate([letters[:6], nineteen, letters[6:]])[:, longer]
    return rows[longer], np.concatenate([body, _check_of(body - np.uint8(ord("0")))[None]]).T


def _check_of(digits: Bytes) -> Bytes:
    """Return the check characters of 17 rows of digits."""
    # Positions of equal weight are added up first, and sums that stay below 256 are kept in bytes: half the work.
    d = digits
    tens = (d[2] + d[12]) * np.uint8(10)
    nines = (d[1] + d[11]) * np.uint8(9)
    sevens = (d[0] + d[10]) * np.uint8(7)
    middle = (d[3] + d[13]) * np.uint8(5) + ((d[4] + d[14]) << np.uint8(3))
    small = ((d[5] + d[15]) << np.uint8(2)) + ((d[6] + d[16]) << np.uint8(1)) + d[7]
    small += d[8] * np.uint8(6) + d[9] * np.uint8(3)
    total = np.add(tens, nines, dtype=np.uint16)
    for part in (sevens, middle, small):
        total += part
    check: Bytes = _CHECK_OF_SUM.take(total)
    return check


def _chosen(at: Rows, mask: Bools) -> Ints:
    rows: Ints = np.arange(at.start, at.stop)[mask] if isinstance(at, slice) else at[mask]
    return rows


def _texts(letters: Bytes) -> pa.StringArray:
    """Return the rows of a matrix of ASCII letters as texts."""
    count, length = letters.shape
    offsets = np.arange(count + 1, dtype=np.int32) * np.int32(length)
    return pa.StringArray.from_buffers(count, pa.py_buffer(offsets), pa.py_buffer(np.ascontiguousarray(letters)))
