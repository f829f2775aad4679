"""A new book, completed but never overwritten (SPEC 9, 10.1)."""

from __future__ import annotations

import tomllib
from typing import TYPE_CHECKING

import pytest

from creditaudit.book.init import DEFAULT_MANDATE, init_book
from creditaudit.book.reference import TABLES
from creditaudit.errors import UsageError
from creditaudit.feeds import FEEDS
from creditaudit.settings import Settings, load_settings
from place import tree_of

if TYPE_CHECKING:
    from pathlib import Path


def test_a_new_book_has_its_tables_and_a_configuration_beside_it(tmp_path: Path) -> None:
    written, config, is_new = init_book(tmp_path / "desk" / "book", mandate="授权 7 号", reference=None)
    assert (sorted(written), is_new) == (sorted(TABLES), True)
    assert config == tmp_path / "desk" / "creditaudit.toml"
    assert sorted(p.name for p in (tmp_path / "desk" / "book").iterdir()) == ["inbox", "nights", "reference"]
    settings = load_settings(tmp_path / "desk" / "book", None, FEEDS)
    assert settings.mandate.text == "授权 7 号"


def test_what_is_written_says_no_more_than_the_defaults(tmp_path: Path) -> None:
    init_book(tmp_path / "book", mandate=None, reference=None)
    settings = load_settings(tmp_path / "book", None, FEEDS)
    assert settings.mandate.text == DEFAULT_MANDATE
    defaults = Settings()
    assert (settings.engine, settings.contract) == (defaults.engine, defaults.contract)
    assert all(settings.is_expected(f, by_default=False) for f in ("accounts", "invalid_cards", "loss_reports"))


@pytest.mark.parametrize(
    "mandate", ['he said "yes"', "back\\slash \\n", "two\nlines\r\n\tand a tab", "\x00\x1f\x7f\u2028", "{x} %s"]
)
def test_any_text_can_be_a_mandate(tmp_path: Path, mandate: str) -> None:
    _, config, _ = init_book(tmp_path / "book", mandate=mandate, reference=None)
    assert tomllib.loads(config.read_text(encoding="utf-8"))["mandate"]["text"] == mandate


def test_init_again_changes_nothing(tmp_path: Path) -> None:
    init_book(tmp_path / "desk" / "book", mandate="first", reference=None)
    (tmp_path / "desk" / "book" / "reference" / "duties.csv").write_text("mine", encoding="utf-8")
    before = tree_of(tmp_path / "desk")
    written, _, is_new = init_book(tmp_path / "desk" / "book", mandate="second", reference=None)
    assert (written, is_new) == ([], False)
    assert tree_of(tmp_path / "desk") == before


def test_a_table_that_is_gone_comes_back(tmp_path: Path) -> None:
    init_book(tmp_path / "book", mandate=None, reference=None)
    (tmp_path / "book" / "reference" / "clocks.csv").unlink()
    assert init_book(tmp_path / "book", mandate=None, reference=None)[0] == ["clocks"]


def test_own_tables_are_taken_the_others_shipped(tmp_path: Path) -> None:
    own = tmp_path / "own"
    own.mkdir()
    (own / "institutions.csv").write_text("own", encoding="utf-8")
    (own / "notes.csv").write_text("no table", encoding="utf-8")
    written, _, _ = init_book(tmp_path / "book", mandate=None, reference=own)
    assert sorted(written) == sorted(TABLES)
    assert (tmp_path / "book" / "reference" / "institutions.csv").read_text(encoding="utf-8") == "own"
    assert not (tmp_path / "book" / "reference" / "notes.csv").exists()


def test_a_folder_without_a_table_is_refused(tmp_path: Path) -> None:
    (tmp_path / "own").mkdir()
    with pytest.raises(UsageError, match="no reference table"):
        init_book(tmp_path / "book", mandate=None, reference=tmp_path / "own")


@pytest.mark.parametrize("kind", ["file", "foreign"])
def test_something_else_at_the_path_is_left_alone(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "book"
    if kind == "file":
        path.write_text("x", encoding="utf-8")
    else:
        path.mkdir()
        (path / "letters.txt").write_text("x", encoding="utf-8")
    before = tree_of(tmp_path)
    with pytest.raises(UsageError, match="not a book"):
        init_book(path, mandate=None, reference=None)
    assert tree_of(tmp_path) == before
