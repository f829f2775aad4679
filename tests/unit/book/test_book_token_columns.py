"""Tokens of a column: those of its values, in their order, however many are made at a time."""

from __future__ import annotations

import pyarrow as pa
import pytest

from creditaudit.book import token_columns
from creditaudit.book.token_columns import token_column
from unit.kit import demo_keys


@pytest.mark.parametrize("at_once", [1, 3, 100])
def test_how_many_are_made_at_a_time_does_not_show(monkeypatch: pytest.MonkeyPatch, at_once: int) -> None:
    monkeypatch.setattr(token_columns, "_AT_ONCE", at_once)
    keys, values = demo_keys(), [f"B01\x1faccount:{n}" for n in range(7)]
    column = pa.chunked_array([values[:2], values[2:]], pa.string())
    assert token_column(keys, "case", column, length=24).to_pylist() == keys.tokens("case", values, length=24)


def test_of_no_values_there_is_a_column_without_rows() -> None:
    assert token_column(demo_keys(), "case", pa.chunked_array([], pa.string()), length=24).to_pylist() == []
