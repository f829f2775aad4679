"""The fault lane on one engine."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from unit.fault.lane import Lane

if TYPE_CHECKING:
    from creditaudit.engines import Engine


@pytest.fixture(scope="module")
def lane(engine: Engine) -> Lane:
    """Nothing decided yet."""
    return Lane(engine)
