"""One engine for the tests of a module."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from creditaudit.engines import open_engine
from unit.responding import Answered, answered, made

if TYPE_CHECKING:
    from collections.abc import Iterator

    from creditaudit.engines import Engine
    from place import Place


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    """An engine that outlives single tests: each names its relations anew."""
    opened = open_engine(
        tmp_path_factory.mktemp("engine"), threads=1, memory_limit="1GiB", reads=tmp_path_factory.getbasetemp()
    )
    yield opened
    opened.close()


@pytest.fixture(scope="session")
def sent_cases(tmp_path_factory: pytest.TempPathFactory) -> Place:
    """A house whose first night sent four cases; copied, or read."""
    return made(tmp_path_factory.mktemp("responses"))


@pytest.fixture(scope="session")
def answered_cases(sent_cases: Place, tmp_path_factory: pytest.TempPathFactory) -> Answered:
    """The same house after the cases were answered and a second night was sealed; read, never changed."""
    return answered(sent_cases.copied(tmp_path_factory.mktemp("answered")))
