"""Every kept input, and every seed: an answer or one clear refusal, never another error."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

import pytest

from fuzz.loop import corpus_of
from fuzz.mutate import mutated
from fuzz.targets import TARGETS, run

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize("target", TARGETS)
def test_the_corpus_is_answered(target: str, tmp_path: Path) -> None:
    kept = [path.read_bytes() for path in corpus_of(target)]
    assert kept, "`make fuzz` keeps inputs of every target"
    for data in (*TARGETS[target].seeds, *kept):
        assert run(target, data, tmp_path / "room")


@pytest.mark.parametrize("target", TARGETS)
def test_the_first_seed_is_read(target: str, tmp_path: Path) -> None:
    """Mutating what is refused at the door would try nothing behind it."""
    assert "refused" not in run(target, TARGETS[target].seeds[0], tmp_path / "room")


def test_mutations_are_the_same_for_a_seed() -> None:
    first, second = (mutated(random.Random("x"), [b"abc", b"defgh"]) for _ in range(2))  # noqa: S311 - test data
    assert first == second
