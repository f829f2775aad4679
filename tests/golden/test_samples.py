"""The sample nights give what they gave before, byte by byte."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from golden.render import EXPECTED, rendered, run_samples
from place import changed, tree_of

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(scope="module")
def found(sample_book: Path) -> dict[str, bytes]:
    return rendered(sample_book)


def expected() -> dict[str, bytes]:
    return {p.relative_to(EXPECTED).as_posix(): p.read_bytes() for p in sorted(EXPECTED.rglob("*")) if p.is_file()}


def test_the_same_files_are_made(found: dict[str, bytes]) -> None:
    assert sorted(found) == sorted(expected())


def test_every_file_is_byte_identical(found: dict[str, bytes]) -> None:
    differing = [name for name, content in expected().items() if found[name] != content]
    assert differing == [], "if this is meant, run `make golden` and write a line under Findings in CHANGELOG.md"


def test_the_samples_find_something(found: dict[str, bytes]) -> None:
    last = max(name.split("/")[0] for name in found)
    assert found[f"{last}/findings.csv"].count(b"\n") > 20
    assert b"R101" in found[f"{last}/findings.csv"]
    assert found[f"{last}/clearances.csv"].count(b"newer_card_shown") > 100


def test_one_thread_gives_the_same_bytes(sample_book: Path, tmp_path: Path) -> None:
    """Every sealed file, in every night alike: of the first three, of which one takes answers."""
    book = run_samples(tmp_path, threads=1, most=3)
    nights = sorted(folder.name for folder in (book / "nights").iterdir())
    assert len(nights) == 3
    for night in nights:
        one, two = (tree_of(whose / "nights" / night) for whose in (book, sample_book))
        assert changed(one, two) == []
