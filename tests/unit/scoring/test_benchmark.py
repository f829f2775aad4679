"""The scorer on labelled sets: figures against slow ones, the format, and what it refuses."""

from __future__ import annotations

import io
import json
import os
import pickle
import zipfile
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

from creditaudit.cli import app
from creditaudit.errors import UsageError
from creditaudit.scoring.benchmark import read_set, run_benchmark, worth
from creditaudit.scoring.tail import fit_tail

if TYPE_CHECKING:
    from pathlib import Path


def slow_auroc(scores: list[int], hits: list[bool]) -> float:
    pairs = [(a, b) for a, x in zip(scores, hits, strict=True) if x for b, y in zip(scores, hits, strict=True) if not y]
    return sum((a > b) + (a == b) / 2 for a, b in pairs) / len(pairs)


def slow_precision(scores: list[int], hits: list[bool]) -> float:
    """Of each level of the score: its share of the hits times the precision down to it."""
    total, found, seen, before = sum(hits), 0, 0.0, 0
    for level in sorted(set(scores), reverse=True):
        found = sum(h for s, h in zip(scores, hits, strict=True) if s >= level)
        seen += (found - before) / total * found / sum(s >= level for s in scores)
        before = found
    return seen


@settings(max_examples=12, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 6), st.booleans()), min_size=2, max_size=30))
def test_the_measures_are_those_of_their_definitions(rows: list[tuple[int, bool]]) -> None:
    scores, hits = [s for s, _ in rows], [h for _, h in rows]
    if all(hits) or not any(hits):
        scores, hits = [*scores, 3, 2], [*hits, True, False]
    found = worth(np.array(scores, dtype=np.float64), np.array(hits))
    assert found.auroc == pytest.approx(slow_auroc(scores, hits))
    assert found.average_precision == pytest.approx(slow_precision(scores, hits))


def write_set(folder: Path, name: str, seed: int, kind: type = float) -> None:
    rng = np.random.default_rng(seed)
    matrix = rng.normal(size=(120, 3)) * 10
    matrix[:9] += 40
    labels = np.zeros(120, dtype=kind)
    labels[:9] = 1
    np.savez(folder / name, X=matrix.astype(np.float32), y=labels)


def test_the_command_prints_each_set_and_the_means(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("creditaudit.scoring.benchmark.FOREST_SEEDS", (0, 1))
    write_set(tmp_path, "b.npz", 1)
    write_set(tmp_path, "a.npz", 2, int)
    (tmp_path / "LICENSE").write_text("not a set")
    ran = CliRunner().invoke(app, ["score", "benchmark", str(tmp_path), "--format", "json"], catch_exceptions=False)
    assert ran.exit_code == 0
    told = json.loads(ran.stdout)
    assert [s["name"] for s in told["sets"]] == ["a", "b"]
    assert [(s["rows"], s["features"], s["outliers"]) for s in told["sets"]] == [(120, 3, 9)] * 2
    for name in ("auroc", "average_precision"):
        for of in (lambda part: part, lambda part: part["isolation_forest"]):
            values = [of(s)[name] for s in told["sets"]]
            assert of(told["mean"])[name] == pytest.approx(np.mean(values), abs=2e-6)
            assert min(values) > 0.9
    matrix, outlier = read_set(tmp_path / "a.npz")
    scores = fit_tail(matrix, [0, 0, 0]).score(matrix).tolist()
    assert told["sets"][0]["auroc"] == pytest.approx(slow_auroc(scores, outlier.tolist()), abs=1e-6)
    lines = CliRunner().invoke(app, ["score", "benchmark", str(tmp_path)], catch_exceptions=False).stdout.splitlines()
    assert [line.split("|")[1].strip() for line in lines] == ["set", "-" * 6, "a", "b", "mean"]
    assert lines[2].split("|")[5].strip() == f"{told['sets'][0]['auroc']:.3f}"


X, Y = np.arange(6.0).reshape(3, 2), np.array([0, 1, 0])


@pytest.mark.parametrize(
    ("arrays", "why"),
    [
        ({"X": X}, "array y is missing"),
        ({"y": Y}, "array X is missing"),
        ({"X": X, "y": Y[:2]}, r"y has the shape \(2,\)"),
        ({"X": X[:, 0], "y": Y}, r"X has the shape \(3,\)"),
        ({"X": X[:, :0], "y": Y}, "X has the shape"),
        ({"X": X, "y": Y.reshape(3, 1)}, "y has the shape"),
        ({"X": np.where(X > 4, np.nan, X), "y": Y}, "missing or infinite"),
        ({"X": np.where(X > 4, np.inf, X), "y": Y}, "missing or infinite"),
        ({"X": X * 1e300, "y": Y}, "above"),
        ({"X": X, "y": Y + 1}, "something else than 0 and 1"),
        ({"X": X, "y": Y * np.nan}, "something else than 0 and 1"),
        ({"X": X, "y": Y * 0}, "one of 0 and 1 only"),
        ({"X": X.astype(str), "y": Y}, "not numbers"),
        ({"X": X.astype(complex), "y": Y}, "not numbers"),
        ({"X": X.astype("M8[s]"), "y": Y}, "not numbers"),
        ({"X": X[:0], "y": Y[:0]}, "one of 0 and 1 only"),
        ({"X": X.astype(object), "y": Y}, "plain arrays"),
    ],
)
def test_a_set_that_cannot_be_scored_is_refused(arrays: dict[str, np.ndarray], why: str, tmp_path: Path) -> None:
    np.savez(tmp_path / "bad.npz", allow_pickle=True, **arrays)
    with pytest.raises(UsageError, match=why) as caught:
        run_benchmark(tmp_path)
    assert caught.value.where is not None
    assert caught.value.where.file == "bad.npz"


def zipped(**changes: bytes) -> bytes:
    """Return a sound set as bytes, but for what is changed in the header of X, or in the zip around it."""
    out = io.BytesIO()
    np.savez(out, X=X, y=Y)
    whole = out.getvalue()
    for old, new in ((b"(3, 2), ", changes.get("shape")), (b"PK\x01\x02", changes.get("directory"))):
        assert whole.count(old)
        whole = whole if new is None else whole.replace(old, new.ljust(len(old)))
    made = io.BytesIO(whole)
    if "shape" in changes:  # the zip must say the checksum of what it holds
        made = io.BytesIO()
        with zipfile.ZipFile(made, "w") as into, zipfile.ZipFile(io.BytesIO(out.getvalue())) as source:
            for name in source.namelist():
                into.writestr(name, source.read(name).replace(b"(3, 2), ", changes["shape"].ljust(8)))
    return made.getvalue()


def packed(place: int) -> bytes:
    """Return a compressed set with one damaged byte."""
    out = io.BytesIO()
    np.savez_compressed(out, X=np.arange(600.0).reshape(300, 2), y=np.zeros(300))
    whole = bytearray(out.getvalue())
    whole[place] ^= 0xFF
    return bytes(whole)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"not a zip",
        b"PK\x03\x04 cut off",
        zipped(directory=b"PK\x01\x03"),
        zipped(shape=b"(9**9, 2"),
        zipped(shape=b"(3, 2"),
        zipped(shape=b"(9999999"),
        packed(60),
        packed(200),
        pickle.dumps({"X": X, "y": Y}),
    ],
)
def test_a_file_of_another_kind_or_a_damaged_one_is_refused(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "bad.npz").write_bytes(content)
    with pytest.raises(UsageError, match=r"no \.npz file"):
        run_benchmark(tmp_path)


def test_an_encrypted_set_and_a_folder_of_that_name_are_refused(tmp_path: Path) -> None:
    whole = bytearray(zipped())
    for place in (whole.index(b"PK\x03\x04") + 6, whole.index(b"PK\x01\x02") + 8):
        whole[place] |= 1  # the flag of encryption
    (tmp_path / "bad.npz").write_bytes(bytes(whole))
    with pytest.raises(UsageError, match=r"no \.npz file"):
        run_benchmark(tmp_path)
    (tmp_path / "bad.npz").unlink()
    (tmp_path / "bad.npz").mkdir()
    with pytest.raises(UsageError, match=r"no \.npz file"):
        run_benchmark(tmp_path)


class _Bomb:
    def __reduce__(self) -> tuple[Any, tuple[str]]:
        return os.mkdir, ("opened",)


def test_nothing_in_a_set_is_ever_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An array of objects would need pickle, which runs what it holds; the command says so in words, with exit 2."""
    monkeypatch.chdir(tmp_path)
    np.savez(tmp_path / "bad.npz", allow_pickle=True, X=np.array([[_Bomb()]], dtype=object), y=np.array([1]))
    ran = CliRunner().invoke(app, ["score", "benchmark", str(tmp_path)])
    assert isinstance(ran.exception, UsageError)
    assert "plain arrays" in str(ran.exception)
    assert not (tmp_path / "opened").exists()


def test_a_single_array_is_no_set(tmp_path: Path) -> None:
    with (tmp_path / "bad.npz").open("wb") as out:
        np.save(out, X)
    with pytest.raises(UsageError, match=r"no \.npz file"):
        run_benchmark(tmp_path)


def test_no_folder_no_set_and_no_such_format_are_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no such folder"):
        run_benchmark(tmp_path / "none")
    with pytest.raises(UsageError, match="no file ends in"):
        run_benchmark(tmp_path)
    assert CliRunner().invoke(app, ["score", "benchmark", str(tmp_path), "--format", "xml"]).exit_code == 2
