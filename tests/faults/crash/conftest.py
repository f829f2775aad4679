"""How much is tried: a slice with `make test`, all with `make test-crash`."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest

from faults.crash.house import Waiting
from faults.crash.kernel import cannot_listen
from faults.crash.programs import Programs

if TYPE_CHECKING:
    from collections.abc import Iterator


@dataclass(frozen=True)
class Amount:
    """How much is tried.

    Parameters
    ----------
    kills : int
        Nights killed.
    every : int
        Every n-th operation of the night is refused, beginning with another one for another seed.
    rounds : int
        Times that two writers are started together.
    """

    kills: int
    every: int
    rounds: int


@pytest.fixture(scope="session")
def amount() -> Amount:
    """`make test-crash` sets these."""
    said = {name: int(os.environ.get(f"CRASH_{name.upper()}", default)) for name, default in _SLICE.items()}
    return Amount(**said)


_SLICE = {"kills": 3, "every": 240, "rounds": 2}


@pytest.fixture(scope="session")
def programs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Programs]:
    """The process from which those of the trials are forked."""
    why = cannot_listen()
    if why is not None:
        pytest.skip(why)
    started = Programs(tmp_path_factory.mktemp("programs"))
    yield started
    started.close()


@pytest.fixture(scope="session")
def waiting(tmp_path_factory: pytest.TempPathFactory, programs: Programs) -> Waiting:
    """A night that is about to run."""
    return Waiting(tmp_path_factory.mktemp("crash"), programs)
