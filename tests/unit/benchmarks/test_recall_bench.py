"""What a night that recalls files is measured by: copies of a book that leave the book alone, and the bound."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from place import tree_of

BENCHMARKS = Path(__file__).parents[3] / "benchmarks"


@pytest.fixture
def bench(monkeypatch: pytest.MonkeyPatch) -> Any:
    """The script as a module."""
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    import recall_bench  # noqa: PLC0415

    return recall_bench


def test_a_copy_lacks_the_last_nights_and_shares_the_others(bench: Any, tmp_path: Path) -> None:
    book = tmp_path / "year" / "book"
    for day in range(1, 6):
        (book / "nights" / f"2026-11-0{day}" / "state").mkdir(parents=True)
        (book / "nights" / f"2026-11-0{day}" / "state" / "x.parquet").write_text("sealed", encoding="utf-8")
    (book / "reference").mkdir()
    (book / "reference" / "clocks.csv").write_text("clock_id", encoding="utf-8")
    (book / "latest").symlink_to("nights/2026-11-05")
    before = tree_of(book)
    copy = bench.Desk(book, tmp_path / "key", tmp_path, tmp_path / "work", 1).copied()
    assert sorted(path.name for path in (copy / "nights").iterdir()) == ["2026-11-01", "2026-11-02"]
    assert (copy / "latest").resolve() == (copy / "nights" / "2026-11-02").resolve()
    sealed = "nights/2026-11-01/state/x.parquet"
    assert (copy / sealed).samefile(book / sealed)
    assert not (copy / "reference" / "clocks.csv").samefile(book / "reference" / "clocks.csv")
    assert tree_of(book) == before


def test_a_recall_may_take_as_long_as_two_ordinary_nights(bench: Any) -> None:
    night = {"night": "N3", "wall": 9.0, "peak_mib": 500}
    ordinary = [{**night, "cpu": 10.0}, {**night, "cpu": 12.0}]
    of = {"of": "N1", "provider": "P", "files": 2, "rows": 1234, "list_cpu": 5.0}
    for cpu, is_kept in ((22.0, True), (22.1, False)):
        rows, said, kept = bench.report({"ordinary": ordinary, "recalls": [{**night, **of, "cpu": cpu}]})
        assert kept is is_kept
        assert rows[-1][-1] == "2 files, 1,234 rows of N1"
        assert f"{cpu / 22:.2f} x the CPU time" in said[0]


@pytest.mark.skipif(not os.environ.get("CREDITAUDIT_TEST_RECALLS"), reason="many nights: `make test-recalls` asks")
def test_a_small_year_end_to_end(tmp_path: Path) -> None:
    """Five nights: with more of them so small deliveries are told to be incomplete."""
    given = ["--accounts", "600", "--nights", "5", "--work", str(tmp_path)]
    log = tmp_path / "log.jsonl"
    # So few accounts that a complete state costs as much as all the rest: the bound is not asked of them.
    for script, more, codes in (("nights_bench.py", ["--log", str(log)], {0}), ("recall_bench.py", [], {0, 1})):
        done = subprocess.run(
            [sys.executable, str(BENCHMARKS / script), *given, *more],
            capture_output=True,
            text=True,
            check=False,
            timeout=600,
        )
        assert done.returncode in codes, done.stderr
    assert "2 sealed nights before them" in done.stdout
    assert done.stdout.count("of two ordinary nights") == 1
    assert len(list((tmp_path / "year" / "book" / "nights").iterdir())) == 5
