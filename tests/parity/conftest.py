"""Each delivery is judged once for all comparisons."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from parity.runs import Run, judge_both
from reference.hostile import FIXED_SEEDS

if TYPE_CHECKING:
    from collections.abc import Callable


@pytest.fixture(scope="session")
def judged(tmp_path_factory: pytest.TempPathFactory) -> Callable[[int], Run]:
    """Give the run of a seed, made once."""
    made: dict[int, Run] = {}

    def run(seed: int) -> Run:
        if seed not in made:
            made[seed] = judge_both(seed, tmp_path_factory.mktemp(f"seed{seed}"))
        return made[seed]

    return run


@pytest.fixture(params=[*FIXED_SEEDS, "rotating"])
def run(request: pytest.FixtureRequest, judged: Callable[[int], Run], rotating_seed: int) -> Run:
    """One run per seed: the fixed ones, and another one with every change of the sources."""
    return judged(rotating_seed if request.param == "rotating" else request.param)
