"""Where things lie in a book, the one writer, the commit (SPEC 9)."""

from __future__ import annotations

import json
from datetime import date
from typing import TYPE_CHECKING

import pytest

from creditaudit.book.layout import (
    FORMAT,
    OLDEST_FORMAT,
    Book,
    commit,
    held,
    night_of,
    open_book,
    point_latest,
    read_manifest,
    remove_partials,
)
from creditaudit.errors import BookBrokenError, BookHeldError, ExitCode, UsageError

if TYPE_CHECKING:
    from pathlib import Path

FIRST, SECOND = date(2026, 11, 20), date(2026, 11, 21)


def manifest(book: Book, night: date, text: str | None = None) -> None:
    book.folder(night).mkdir(parents=True)
    content = text if text is not None else json.dumps({"format": FORMAT, "night": night.isoformat()})
    (book.folder(night) / "manifest.json").write_text(content, encoding="utf-8")


@pytest.mark.parametrize(
    ("name", "is_night"),
    [
        ("2026-11-20", True),
        ("20261120", False),
        ("2026-W47-5", False),
        ("2026-11-31", False),
        (".2026-11-20.partial", False),
        ("2026-11-20 ", False),
        ("２０２６-11-20", False),
    ],
)
def test_only_a_plain_date_is_a_night(name: str, is_night: bool) -> None:
    assert (night_of(name) is not None) is is_night


def test_sealed_nights_are_folders_named_by_dates_in_order(tmp_path: Path) -> None:
    book = Book(tmp_path)
    for night in (SECOND, FIRST):
        manifest(book, night)
    (book.nights / ".2026-11-22.partial").mkdir()
    (book.nights / "2026-11-23").write_text("a file", encoding="utf-8")
    (book.nights / "notes").mkdir()
    assert (Book(tmp_path).sealed, Book(tmp_path).last) == ((FIRST, SECOND), SECOND)
    assert list(Book(tmp_path).manifests) == [FIRST, SECOND]


def test_a_book_as_it_was_ends_with_that_night(tmp_path: Path) -> None:
    for night in (FIRST, SECOND):
        manifest(Book(tmp_path), night)
    assert Book(tmp_path, until=FIRST).sealed == (FIRST,)
    assert Book(tmp_path, until=date(2026, 11, 19)).last is None


def test_an_empty_book_has_no_night(tmp_path: Path) -> None:
    assert (Book(tmp_path).sealed, Book(tmp_path).last) == ((), None)


BAD_MANIFESTS = ("", "{", "[]", "{}", '{"format": "x"}', '{"format": null}', '{"format": true}', '{"format": 1.0}')


@pytest.mark.parametrize("text", BAD_MANIFESTS)
def test_a_damaged_manifest_is_named(tmp_path: Path, text: str) -> None:
    manifest(Book(tmp_path), FIRST, text)
    with pytest.raises(BookBrokenError) as broken:
        read_manifest(Book(tmp_path).folder(FIRST))
    assert "2026-11-20/manifest.json" in str(broken.value)


def test_a_night_without_a_manifest_is_broken(tmp_path: Path) -> None:
    Book(tmp_path).folder(FIRST).mkdir(parents=True)
    with pytest.raises(BookBrokenError):
        _ = Book(tmp_path).manifests


@pytest.mark.parametrize("version", [OLDEST_FORMAT - 1, FORMAT + 1, -1, 10**9])
def test_a_book_of_a_format_that_is_not_known_is_never_misread(tmp_path: Path, version: int) -> None:
    """SPEC 9: a book of another program version is read, upgraded or refused (exit 2), never misread."""
    manifest(Book(tmp_path), FIRST, json.dumps({"format": version}))
    with pytest.raises(UsageError, match=f"format {version}; this program reads") as refused:
        read_manifest(Book(tmp_path).folder(FIRST))
    assert refused.value.exit_code is ExitCode.USAGE


@pytest.mark.parametrize("version", range(OLDEST_FORMAT, FORMAT + 1))
def test_every_format_from_the_oldest_on_is_read(tmp_path: Path, version: int) -> None:
    manifest(Book(tmp_path), FIRST, json.dumps({"format": version, "x": 1}))
    assert read_manifest(Book(tmp_path).folder(FIRST)) == {"format": version, "x": 1}


def test_a_book_that_is_not_there(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("", encoding="utf-8")
    for name in ("gone", "file"):
        with pytest.raises(UsageError, match="creditaudit init"):
            open_book(tmp_path / name)


def test_a_second_writer_is_refused_at_once_and_the_lock_is_freed(tmp_path: Path) -> None:
    book = Book(tmp_path)
    with held(book), pytest.raises(BookHeldError) as refused, held(book):
        pass
    assert refused.value.exit_code is ExitCode.HELD
    msg = "the night failed"
    with pytest.raises(RuntimeError, match=msg), held(book):
        raise RuntimeError(msg)
    with held(book):
        pass


def test_what_a_killed_night_left_is_removed_and_nothing_else(tmp_path: Path) -> None:
    book = Book(tmp_path)
    manifest(book, FIRST)
    (book.partial(SECOND) / "state").mkdir(parents=True)
    (book.partial(SECOND) / "state" / "x").write_text("", encoding="utf-8")
    remove_partials(book)
    assert [p.name for p in book.nights.iterdir()] == ["2026-11-20"]
    remove_partials(Book(tmp_path / "none"))


def test_a_commit_is_one_rename_and_a_link(tmp_path: Path) -> None:
    book = Book(tmp_path)
    book.partial(FIRST).mkdir(parents=True)
    (book.partial(FIRST) / "manifest.json").write_text("{}", encoding="utf-8")
    commit(book, FIRST)
    assert not book.partial(FIRST).exists()
    assert str((tmp_path / "latest").readlink()) == "nights/2026-11-20"
    assert (tmp_path / "latest" / "manifest.json").read_text(encoding="utf-8") == "{}"


def test_latest_moves_on_in_one_step_over_any_leftover(tmp_path: Path) -> None:
    book = Book(tmp_path)
    for night in (FIRST, SECOND):
        manifest(book, night)
    Book(tmp_path).unfinished("latest").symlink_to("nowhere")
    point_latest(book, FIRST)
    point_latest(book, SECOND)
    point_latest(book, SECOND)
    assert str((tmp_path / "latest").readlink()) == "nights/2026-11-21"
    assert not Book(tmp_path).unfinished("latest").is_symlink()
