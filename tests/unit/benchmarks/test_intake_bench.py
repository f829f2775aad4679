"""The measurement of one large file compares what both programs read before their times count."""

from __future__ import annotations

import json
import subprocess
import sys
from datetime import date
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

BENCHMARKS = Path(__file__).parents[3] / "benchmarks"


def test_intake_bench_end_to_end(tmp_path: Path) -> None:
    out = tmp_path / "results.json"
    arguments = ["--size", "200000", "--files", "plain-utf-8,quoted-gb18030", "--rounds", "1", "--accounts", "500"]
    done = subprocess.run(
        [sys.executable, str(BENCHMARKS / "intake_bench.py"), *arguments, "--work", str(tmp_path), "--out", str(out)],
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    results = json.loads(out.read_text(encoding="utf-8"))
    assert json.loads(done.stdout) == results
    plain, quoted = results["files"]
    assert plain["digests"] == quoted["digests"], "the same rows, however they are spelled"
    assert len(plain["digests"]) == 22
    for found in results["files"]:
        assert found["bytes"] >= 200_000
        assert found["rows"] > 500
        assert min(found["ratio"].values()) > 0
        assert found["programs"].keys() == {"pyarrow", "intake"}
    assert results["ids"].keys() == {"valid", "as_delivered"}
    assert str(tmp_path) not in json.dumps(results), "results are published: no paths of this machine"


def test_other_rows_stop_the_measurement(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    from measuring import same_rows  # noqa: PLC0415

    day, other = date(2020, 1, 1), date(9999, 12, 31)
    peer = {"name": ["\u3000张", ""], "id_type": ["0", "10"], "report_date": [day, other], "amount": [1, None]}
    ours = {"name": ["张", None], "id_type": ["10", "10"], "report_date": [day, None], "amount": [1, None]}

    def written(name: str, content: dict[str, list[object]]) -> Path:
        path = tmp_path / name
        pq.write_table(pa.table(content), path)
        return path

    digests = same_rows.assert_same(written("peer", peer), written("ours", ours), 2)
    assert digests.keys() == ours.keys()
    for name, cells in {
        "name": [None, "张"],
        "id_type": ["10", "1"],
        "report_date": [day, day],
        "amount": [1, 0],
    }.items():
        with pytest.raises(same_rows.OtherRowsError, match=name):
            same_rows.assert_same(tmp_path / "peer", written("changed", ours | {name: cells}), 2)
    with pytest.raises(same_rows.OtherRowsError, match="3 rows delivered"):
        same_rows.assert_same(tmp_path / "peer", tmp_path / "ours", 3)
