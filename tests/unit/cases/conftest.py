"""A desk for the tests of the cases."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from case_desk import Desk

if TYPE_CHECKING:
    from pathlib import Path

    from creditaudit.engines import Engine


@pytest.fixture
def desk(engine: Engine, tmp_path: Path) -> Desk:
    """No case yet."""
    return Desk(engine, tmp_path)
