"""What the tests of reports stand on."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from report_desk import Desk

if TYPE_CHECKING:
    from pathlib import Path

    from creditaudit.engines import Engine


@pytest.fixture
def desk(engine: Engine, tmp_path: Path) -> Desk:
    """Nothing written yet."""
    return Desk(engine, tmp_path)
