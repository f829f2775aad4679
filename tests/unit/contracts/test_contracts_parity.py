"""Every expectation counts as Great Expectations counts it on pandas: on two sample nights and on a nasty table."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from contract_cases import EXPECTATIONS, ROWS, compiled_of, write_part
from gx_pandas import ours, theirs

from creditaudit.book.layout import Book
from creditaudit.contracts.asking import ask
from creditaudit.contracts.compiler import compile_suite, known_types, rows_seen
from creditaudit.contracts.suite import suites_in_force
from creditaudit.feeds import FEEDS

if TYPE_CHECKING:
    from pathlib import Path

    import pyarrow as pa

    from creditaudit.contracts.compiler import Compiled
    from creditaudit.engines import Engine


def seen(engine: Engine, compiled: Compiled, parts: list[Path]) -> pa.Table:
    """The rows that the suite speaks of."""
    feed = compiled.suite.feed
    engine.scan("parity_rows", parts, FEEDS[feed].schema)
    return engine.fetch(f"SELECT * FROM ({rows_seen(FEEDS[feed], 'parity_rows')}) AS r ORDER BY file, row")


def test_the_nasty_table_counts_equally(engine: Engine, tmp_path: Path) -> None:
    compiled = compiled_of(*EXPECTATIONS)
    parts = write_part(tmp_path, "accounts", ROWS)
    assert ours(ask(engine, compiled, parts)) == theirs(compiled, seen(engine, compiled, parts))


def test_the_nasty_table_asks_every_known_type() -> None:
    assert {e["type"] for e in EXPECTATIONS} == set(known_types())


def test_no_row_at_all_counts_equally(engine: Engine) -> None:
    shares = "expect_column_proportion_of_non_null_values_to_be_between"  # of nothing: the library crashes
    compiled = compiled_of(*(e for e in EXPECTATIONS if e["type"] != shares))
    assert ours(ask(engine, compiled, [])) == theirs(compiled, seen(engine, compiled, []))


@pytest.fixture(scope="module")
def book(sample_book: Path) -> Book:
    return Book(sample_book)


def test_sample_nights_count_equally(engine: Engine, book: Book) -> None:
    asked = 0
    for night in (book.sealed[0], book.sealed[-1]):
        for feed, suite in suites_in_force(book, night).items():
            parts = sorted((book.folder(night) / "intake" / feed).glob("*.parquet"))
            if not parts:
                continue
            compiled = compile_suite(suite, night)
            mine = ours(ask(engine, compiled, parts))
            assert mine == theirs(compiled, seen(engine, compiled, parts)), f"{night} {feed}"
            asked += len(mine)
    assert len(book.sealed) == 6
    assert asked > 300
