"""Where an error came from is told by module and line, and nothing of what it says (SPEC 10.4)."""

from __future__ import annotations

from datetime import date

import pytest

from creditaudit.errors import place_of
from creditaudit.feeds.retention import kept_since


def test_the_innermost_call_of_ours_is_named() -> None:
    with pytest.raises(ValueError, match="year") as caught:
        kept_since(date(2026, 11, 20), 9000)
    module, _, line = place_of(caught.value).partition(":")
    assert module == "creditaudit.feeds.retention"
    assert line.isdigit()


def test_an_error_that_never_was_with_us_has_no_place_here() -> None:
    with pytest.raises(ValueError, match="11010519491231002X") as caught:
        int("11010519491231002X")
    assert place_of(caught.value) == "unknown place"
