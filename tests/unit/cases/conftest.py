"""A desk for the tests of the cases."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from case_desk import Desk

if TYPE_CHECKING:
    from creditaudit.engines import Engine


@pytest.fixture
def desk(engine: Engine) -> Desk:
    """No case yet."""
    return Desk(engine)
