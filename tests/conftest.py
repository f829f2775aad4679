"""What every suite stands on: a house with a book, a landing and the demonstration key; the rotating seed."""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING

import pytest

from place import Place

if TYPE_CHECKING:
    from pathlib import Path

SEED_VARIABLE = "CREDITAUDIT_TEST_SEED"
# Another one every run, so that the suites see more than a few fixed deliveries; set the variable to run one again.
ROTATING_SEED = int(os.environ.get(SEED_VARIABLE) or time.time_ns() // 1_000_000 % 1_000_000)


def pytest_report_header() -> str:
    """Say which seed a failed run had."""
    return f"rotating seed: {SEED_VARIABLE}={ROTATING_SEED}"


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Give the rotating seed by name to whoever asks for it."""
    if "rotating_seed" in metafunc.fixturenames:
        metafunc.parametrize("rotating_seed", [ROTATING_SEED], ids=[f"seed{ROTATING_SEED}"], scope="session")


@pytest.fixture
def place(tmp_path: Path) -> Place:
    """A house with an empty book and the shipped reference tables."""
    return Place(tmp_path).made()
