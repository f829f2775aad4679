"""Long tables on their way to a file: how they are cut does not show, and few of their rows are held at once."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from creditaudit.book import files
from creditaudit.book.files import write_parquet

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

SCHEMA = pa.schema([("number", pa.int64()), ("text", pa.string())])
GROUP = 8_192
_WIDE = "as wide as the next step of a case " * 10
ROWS = 3 * GROUP + 5


@pytest.fixture(autouse=True)
def _short_groups(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(files, "ROW_GROUP", GROUP)


def _cut(rows: int, at: int) -> Iterator[pa.RecordBatch]:
    for start in range(0, rows, at):
        numbers = range(start, min(start + at, rows))
        texts = [f"row {n % 1000} {_WIDE}" for n in numbers]
        yield pa.record_batch({"number": list(numbers), "text": texts}, schema=SCHEMA)


def test_how_rows_are_cut_does_not_show(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Same rows, same bytes, for blocks of any length and whether or not the next group is found ahead."""
    written = []
    for number, (at, large) in enumerate(((ROWS, 1 << 30), (1_000, 1 << 30), (2_048, 0), (GROUP + 7, 0))):
        monkeypatch.setattr(files, "_LARGE", large)
        path = tmp_path / f"{number}.parquet"
        assert write_parquet(path, SCHEMA, _cut(ROWS, at)) == ROWS
        written.append(path.read_bytes())
    assert len(set(written)) == 1
    found = pq.ParquetFile(tmp_path / "0.parquet")
    assert [found.metadata.row_group(g).num_rows for g in range(found.num_row_groups)] == [GROUP] * 3 + [5]
    assert found.read()["number"].to_pylist() == list(range(ROWS))


def test_no_rows_are_a_file_with_columns(tmp_path: Path) -> None:
    assert write_parquet(tmp_path / "none.parquet", SCHEMA, []) == 0
    assert pq.read_table(tmp_path / "none.parquet").schema.equals(SCHEMA)


def test_a_large_group_is_written_before_the_next_is_asked_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two groups of wide rows would be what a limit of memory leaves: of those only one is there at a time."""
    monkeypatch.setattr(files, "_LARGE", 0)
    told: list[str] = []
    held: list[float] = []
    before = pa.total_allocated_bytes()

    class Told(pq.ParquetWriter):  # type: ignore[misc]  # pyarrow has no types
        def write_table(self, table: pa.Table, row_group_size: int | None = None) -> None:
            super().write_table(table, row_group_size=row_group_size)
            told.append("written")

    def asked() -> Iterator[pa.RecordBatch]:
        for number, batch in enumerate(_cut(4 * GROUP, GROUP // 8)):
            if number % 8 == 0:
                told.append("asked")
                held.append((pa.total_allocated_bytes() - before) / (8 * batch.nbytes))
            yield batch

    monkeypatch.setattr(pq, "ParquetWriter", Told)
    write_parquet(tmp_path / "rows.parquet", SCHEMA, asked())
    assert told == ["asked", "written"] * 4
    assert max(held) < 1, "what is written is not held"
