"""What an institution could have known is never said wrongly, however coarsely times were written down (SPEC 7.1)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pytest

from creditaudit.engines import open_engine
from creditaudit.fault.decide import KNOWABLE

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from numpy.typing import NDArray

    from creditaudit.engines import Engine

    Longs = NDArray[np.int64]
    Times = dict[str, Longs]

PAIRS = 1_000_000
SECOND, MINUTE, DAY, MISSING = 1, 60, 86_400, 0  # how long a written instant is; a missing one has no length
NAMES = ("reported", "entered", "visible", "moment")
# How reported, entered, visible and the moment are written, from the finest to the coarsest. A cell that comes in is at
# least as fine as the one it takes the place of: SPEC 5 takes visible_at where it is given, and "visible on that day"
# may say less than "entered at noon of it".
LADDER = (
    (SECOND, SECOND, SECOND, SECOND),
    (MINUTE, MINUTE, MINUTE, MINUTE),
    (DAY, DAY, DAY, DAY),
    (DAY, DAY, MISSING, DAY),
    (DAY, MISSING, MISSING, DAY),
)
FACTS = """
    SELECT 'R101' AS rule_id, 'L1' AS notice_id, CAST(NULL AS VARCHAR) AS card_check_result, pair, moment_from,
        moment_to, visible_from, visible_to
    FROM pairs
"""


@pytest.fixture(scope="module")
def judge(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[..., NDArray[np.str_]]]:
    """Judge written times by the program's own text, or by another in its place."""
    engine = open_engine(tmp_path_factory.mktemp("engine"), threads=2, memory_limit="2GiB")
    yield lambda written, text=KNOWABLE: _judged(engine, written, text)
    engine.close()


def _judged(engine: Engine, written: dict[str, pa.Array], text: str) -> NDArray[np.str_]:
    pairs = len(written["moment_from"])
    engine.load("pairs", pa.table({"pair": np.arange(pairs), **written}))
    engine.table("facts", FACTS)
    # One relation is both the finding and its notice: the text names them f and n.
    found = engine.fetch(
        f"SELECT f.pair, {text} AS knowable FROM facts AS f JOIN facts AS n ON n.pair = f.pair ORDER BY f.pair"
    )
    return found["knowable"].combine_chunks().dictionary_encode().to_numpy(zero_copy_only=False).astype(str)


def _planted(rng: np.random.Generator, pairs: int) -> Times:
    """Plant what truly happened: reported, then entered, then visible, each perhaps in the same second; the moment.

    Distances crowd around nothing, a second, a minute, midnight and a day, where a wrong comparison would show.
    """

    def some(*edges: int) -> Longs:
        near = rng.choice(np.array(edges, dtype=np.int64), pairs)
        return np.where(rng.random(pairs) < 0.7, near, rng.integers(0, 3 * DAY, pairs))

    steps = (0, 0, 1, 59, 60, 61, 3_600, DAY - 1, DAY, DAY + 1)
    reported = rng.integers(20_000 * DAY, 20_030 * DAY, pairs)
    reported = np.where(rng.random(pairs) < 0.3, reported // DAY * DAY + rng.choice((0, DAY - 1), pairs), reported)
    entered = reported + some(*steps)
    visible = entered + some(*steps)
    moment = visible + some(*steps) * rng.choice((-1, 1), pairs)
    return {"reported": reported, "entered": entered, "visible": visible, "moment": moment}


def _written(true: Times, lengths: dict[str, Longs]) -> dict[str, pa.Array]:
    """Write true times down: in a second, a minute or a day, or not at all; ``visible`` as SPEC 5 reads it."""
    start: Times = {}
    end: Times = {}
    for name in NAMES:
        length = np.maximum(lengths[name], 1)
        start[name] = true[name] // length * length
        end[name] = start[name] + length - 1
    seen, entered = lengths["visible"] != MISSING, lengths["entered"] != MISSING
    visible_from = np.where(seen, start["visible"], np.where(entered, start["entered"], start["reported"]))
    return {
        "visible_from": pa.array(visible_from),
        "visible_to": pa.array(end["visible"], mask=~seen),  # NULL: no upper bound
        "moment_from": pa.array(start["moment"]),
        "moment_to": pa.array(end["moment"]),
    }


def _same_length(pairs: int, lengths: tuple[int, ...]) -> dict[str, Longs]:
    return {name: np.full(pairs, length) for name, length in zip(NAMES, lengths, strict=True)}


def _random_lengths(rng: np.random.Generator, pairs: int) -> dict[str, Longs]:
    """Write every cell as it likes; reported and the moment are never missing (SPEC 3.2)."""
    kinds = dict.fromkeys(("reported", "moment"), (SECOND, MINUTE, DAY))
    kinds |= dict.fromkeys(("entered", "visible"), (SECOND, MINUTE, DAY, MISSING))
    return {name: rng.choice(np.array(kinds[name], dtype=np.int64), pairs) for name in NAMES}


def _wrong(true: Times, said: NDArray[np.str_]) -> int:
    """Count what is said against what happened: seen before the moment, or after it."""
    could = (said == "could_have_known") & (true["visible"] >= true["moment"])
    could_not = (said == "could_not_have_known") & (true["visible"] <= true["moment"])
    return int(could.sum() + could_not.sum())


def test_a_million_pairs_are_never_said_wrongly(judge: Callable[..., NDArray[np.str_]], rotating_seed: int) -> None:
    """SPEC 7.1: visible *certainly* before or after the moment; where intervals meet it is undecidable."""
    rng = np.random.default_rng(rotating_seed)
    true = _planted(rng, PAIRS)
    written = _written(true, _random_lengths(rng, PAIRS))
    said = judge(written)
    assert len(said) == PAIRS
    assert set(np.unique(said)) == {"could_have_known", "could_not_have_known", "undecidable"}
    assert _wrong(true, said) == 0


@pytest.mark.parametrize(
    ("right", "wrong"),
    [
        ("n.visible_to < f.moment_from", "n.visible_to <= f.moment_from"),
        ("n.visible_from > f.moment_to", "n.visible_from >= f.moment_to"),
        ("n.visible_to < f.moment_from", "n.visible_from < f.moment_from"),
        ("n.visible_from > f.moment_to", "n.visible_from > f.moment_from"),
    ],
)
def test_the_pairs_would_show_a_wrong_comparison(
    judge: Callable[..., NDArray[np.str_]], rotating_seed: int, right: str, wrong: str
) -> None:
    """The test above can fail."""
    rng = np.random.default_rng(rotating_seed)
    true = _planted(rng, PAIRS // 20)
    assert right in KNOWABLE
    assert _wrong(true, judge(_written(true, _random_lengths(rng, PAIRS // 20)), KNOWABLE.replace(right, wrong))) > 0


def test_what_is_undecidable_shrinks_from_rung_to_rung(
    judge: Callable[..., NDArray[np.str_]], rotating_seed: int
) -> None:
    """SPEC 4, 7.1: a finer instant lies within a coarser one, so it decides all that the coarser one decided."""
    true = _planted(np.random.default_rng(rotating_seed + 1), PAIRS // 5)
    unknown = true["visible"] == true["moment"]
    for number, lengths in enumerate(LADDER):
        said = judge(_written(true, _same_length(PAIRS // 5, lengths)))
        coarser = said == "undecidable"
        assert _wrong(true, said) == 0
        assert not (unknown & ~coarser).any(), lengths
        # To the second nothing but the same second is open; every coarser rung leaves more open.
        assert coarser.sum() == unknown.sum() if number == 0 else coarser.sum() > unknown.sum(), lengths
        unknown = coarser


def test_writing_any_cell_finer_opens_nothing(judge: Callable[..., NDArray[np.str_]], rotating_seed: int) -> None:
    """The same for cells each written in its own way; what is missing stays missing."""
    rng = np.random.default_rng(rotating_seed + 2)
    true = _planted(rng, PAIRS // 5)
    coarse = _random_lengths(rng, PAIRS // 5)
    fine = {name: np.minimum(length, rng.choice((SECOND, MINUTE, DAY), PAIRS // 5)) for name, length in coarse.items()}
    undecided = judge(_written(true, coarse)) == "undecidable"
    still = judge(_written(true, fine)) == "undecidable"
    assert not (still & ~undecided).any()
    assert still.sum() < undecided.sum()
