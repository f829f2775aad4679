"""How many identity numbers a second one core checks, on the numbers of the synthetic accounts."""

from __future__ import annotations

import time
from datetime import date
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.compute as pc

from creditaudit.intake.identity import normalise_ids

if TYPE_CHECKING:
    from collections.abc import Callable

BATCH = 1_000_000
_SAMPLE = 20_000
_WEIGHTS = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
_LENGTH, _CENTURIES = 18, ("18", "19", "20")


def rates(delivered: pa.Array, rounds: int) -> dict[str, Any]:
    """Measure :func:`normalise_ids` on one core, in seconds of its thread.

    Parameters
    ----------
    delivered : pa.Array of string
        Numbers as a delivery has them: with some of 15 digits, wrong and badly spelled ones.
    rounds : int
        The best of so many counts.

    Returns
    -------
    dict
        Numbers a second, of ``valid`` 18-form numbers alone, and of numbers ``as_delivered``.

    Raises
    ------
    AssertionError
        One of a sample is called valid and is not, or the other way round.
    """
    threads = pa.cpu_count()
    pa.set_cpu_count(1)
    try:
        norm, status = normalise_ids(delivered)
        _assert_right(*(column.slice(0, _SAMPLE).to_pylist() for column in (delivered, norm, status)))
        valid = norm.filter(pc.and_(pc.equal(status.cast(pa.string()), "ok"), pc.equal(norm, delivered)))
        return {
            name: {
                "numbers": len(batch),
                "million_a_second": round(len(batch) / 1e6 / _best(lambda b=batch: normalise_ids(b), rounds), 1),
            }
            for name, batch in (("valid", _tiled(valid)), ("as_delivered", _tiled(delivered)))
        }
    finally:
        pa.set_cpu_count(threads)


def _assert_right(delivered: list[str], norm: list[str | None], status: list[str | None]) -> None:
    for raw, text, found in zip(delivered, norm, status, strict=True):
        is_said = found in {"ok", "not_resident"}
        if (_is_valid(raw) and not is_said) or (is_said and not _is_valid(text or "")):
            raise AssertionError("a number is valid and was not found to be, or the other way round")


def _tiled(array: pa.Array) -> pa.Array:
    return pa.concat_arrays([array] * -(-BATCH // len(array))).slice(0, BATCH)


def _best(work: Callable[[], object], rounds: int) -> float:
    best = float("inf")
    for _ in range(rounds):
        begun = time.thread_time()
        work()
        best = min(best, time.thread_time() - begun)
    return best


def _is_valid(text: str) -> bool:
    """Read a number the plain way (GB 11643-1999)."""
    if len(text) != _LENGTH or not (text[:17].isdigit() and text.isascii()) or text[6:8] not in _CENTURIES:
        return False
    try:
        date(int(text[6:10]), int(text[10:12]), int(text[12:14]))
    except ValueError:
        return False
    total = sum(int(digit) * weight for digit, weight in zip(text, _WEIGHTS, strict=False))
    return text[17] == "10X98765432"[total % 11]
