"""The chain of seals: whatever is changed in a sealed book is found and named (SPEC 9)."""

from __future__ import annotations

import hashlib
import json
import shutil
from datetime import date
from typing import TYPE_CHECKING

import pytest

from creditaudit.book.keys import Key, Keyring
from creditaudit.book.layout import FORMAT, Book
from creditaudit.book.seal import canonical, verify, write_manifest
from creditaudit.errors import BookBrokenError
from unit.kit import demo_keys

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

NIGHTS = (date(2026, 11, 20), date(2026, 11, 21), date(2026, 11, 22))
KEYS = demo_keys()


@pytest.fixture
def book(tmp_path: Path) -> Book:
    """Three sealed nights with two files each."""
    found = Book(tmp_path)
    previous = None
    for night in NIGHTS:
        folder = found.folder(night)
        (folder / "state").mkdir(parents=True)
        (folder / "night.html").write_text(f"page {night}", encoding="utf-8")
        (folder / "state" / "rows").write_text(f"rows {night}", encoding="utf-8")
        content = {
            "format": FORMAT,
            "night": night.isoformat(),
            "previous_seal": previous,
            "key": {"key_id": KEYS.active.key_id},
            "mandate": "授权",
        }
        previous = write_manifest(folder, content, KEYS)["seal"]
    return found


def path_of(book: Book, night: int, name: str = "manifest.json") -> Path:
    return book.folder(NIGHTS[night]) / name


def rewritten(book: Book, place: int, **changes: object) -> None:
    """Change members of a manifest and write it in its own form."""
    path = path_of(book, place)
    content = json.loads(path.read_text(encoding="utf-8")) | changes
    path.write_text(json.dumps(content, sort_keys=True, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


def broken(book: Book, keys: Keyring | None = KEYS) -> str:
    with pytest.raises(BookBrokenError) as found:
        verify(Book(book.root), keys)
    return str(found.value)


def test_a_sound_book_holds(book: Book) -> None:
    found = verify(book, KEYS)
    assert (found.nights, found.files, found.with_key) == (3, 6, True)
    assert verify(book, None).with_key is False


def test_a_book_without_nights_holds(tmp_path: Path) -> None:
    assert verify(Book(tmp_path), KEYS).nights == 0


TAMPERED: dict[str, tuple[Callable[[Book], object], str]] = {
    "changed": (lambda b: path_of(b, 1, "night.html").write_text("else", encoding="utf-8"), "night.html"),
    "emptied": (lambda b: path_of(b, 1, "state/rows").write_text("", encoding="utf-8"), "state/rows"),
    "gone": (lambda b: path_of(b, 1, "state/rows").unlink(), "state/rows"),
    "added": (lambda b: path_of(b, 1, "state/more").write_text("", encoding="utf-8"), "state/more"),
    "hidden": (lambda b: path_of(b, 1, ".more").write_text("", encoding="utf-8"), ".more"),
    "swapped": (
        lambda b: path_of(b, 1, "state/rows").write_bytes(path_of(b, 0, "state/rows").read_bytes()),
        "state/rows",
    ),
    "manifest_gone": (lambda b: path_of(b, 1).unlink(), "manifest.json"),
    "manifest_of_another_night": (
        lambda b: path_of(b, 1).write_bytes(path_of(b, 0).read_bytes()),
        "manifest.json",
    ),
    "night_renamed": (
        lambda b: rewritten(b, 1, night="2026-11-19"),
        "manifest.json",
    ),
    "manifest_without_files": (
        lambda b: path_of(b, 1).write_text(
            json.dumps({"format": 1, "night": "2026-11-21", "previous_seal": _seal(b, 0)}), encoding="utf-8"
        ),
        "manifest.json",
    ),
}


def _seal(book: Book, night: int) -> str:
    return str(json.loads(path_of(book, night).read_text(encoding="utf-8"))["seal"])


@pytest.mark.parametrize("with_key", [True, False])
@pytest.mark.parametrize("kind", TAMPERED)
def test_whatever_is_changed_is_named(book: Book, kind: str, with_key: bool) -> None:
    spoil, name = TAMPERED[kind]
    spoil(book)
    said = broken(book, KEYS if with_key else None)
    assert "2026-11-21" in said
    assert name in said


def test_the_first_broken_thing_is_named(book: Book) -> None:
    path_of(book, 2, "night.html").write_text("x", encoding="utf-8")
    path_of(book, 0, "state/rows").write_text("x", encoding="utf-8")
    path_of(book, 0, "night.html").write_text("x", encoding="utf-8")
    assert "night 2026-11-20 is broken at night.html" in broken(book)


def test_a_night_taken_out_of_the_middle_breaks_the_chain(book: Book) -> None:
    shutil.rmtree(book.folder(NIGHTS[1]))
    assert "2026-11-22" in broken(book, None)


def test_the_first_night_taken_away_breaks_the_chain(book: Book) -> None:
    shutil.rmtree(book.folder(NIGHTS[0]))
    assert "2026-11-21" in broken(book, None)


def test_a_file_and_its_hash_changed_together_are_found_with_the_key(book: Book) -> None:
    path_of(book, 2, "night.html").write_text("else", encoding="utf-8")
    content = json.loads(path_of(book, 2).read_text(encoding="utf-8"))
    for entry in content["files"]:
        if entry["path"] == "night.html":
            entry |= {"bytes": 4, "sha256": hashlib.sha256(b"else").hexdigest()}
    rewritten(book, 2, files=content["files"])
    assert verify(Book(book.root), None).nights == 3  # hashes alone cannot tell, and say that they are alone
    assert "its seal does not fit" in broken(book)


def test_a_manifest_whose_content_stays_but_whose_bytes_do_not_is_found(book: Book) -> None:
    """A name twice, or another spelling: two readers of the manifest could see two things."""
    path = path_of(book, 1)
    text = path.read_text(encoding="utf-8")
    for other in (
        text + "\n",
        text.replace('"mandate"', '"mandate": "别的",\n "mandate"'),
        text.replace("\n ", "\n  "),
    ):
        assert other != text
        path.write_text(other, encoding="utf-8")
        for keys in (KEYS, None):
            assert "2026-11-21 is broken at manifest.json" in broken(book, keys)


def test_any_flipped_byte_of_a_manifest_is_found_with_the_key(book: Book) -> None:
    path = path_of(book, 1)
    sound = path.read_bytes()
    for place in range(0, len(sound), 7):
        path.write_bytes(sound[:place] + bytes([sound[place] ^ 1]) + sound[place + 1 :])
        assert "2026-11-21" in broken(book), place


def test_a_key_that_is_not_that_of_the_seal(book: Book) -> None:
    assert "does not fit" in broken(book, Keyring((Key("K1", "active", b"\x08" * 32),)))
    assert "does not hold the key" in broken(book, Keyring((Key("K2", "active", b"\x07" * 32),)))


def test_a_superseded_key_still_proves_its_nights(book: Book) -> None:
    rotated = Keyring((Key("K1", "superseded", KEYS.active.secret), Key("K2", "active", b"\x09" * 32)))
    assert verify(book, rotated).nights == 3


def test_canonical_json_has_one_spelling() -> None:
    assert canonical({"b": 1, "a": {"d": "字", "c": None}}) == '{"a":{"c":null,"d":"字"},"b":1}'.encode()


def test_a_link_to_the_same_bytes_is_named(book: Book) -> None:
    path = book.folder(book.sealed[1]) / next(
        f["path"] for f in book.manifests[book.sealed[1]]["files"] if f["path"] != "manifest.json"
    )
    copy = book.root / "copy"
    path.rename(copy)
    path.symlink_to(copy)
    assert "it is a link" in broken(book)


def test_an_empty_folder_in_a_night_is_named(book: Book) -> None:
    (book.folder(book.sealed[1]) / "extra").mkdir()
    assert "broken at extra" in broken(book)


@pytest.mark.parametrize("name", ["2026-11-21.bak", "junk"])
def test_a_folder_that_is_no_night_is_named(book: Book, name: str) -> None:
    (book.nights / name).mkdir()
    assert name in broken(book)


def test_what_a_killed_night_left_is_no_damage(book: Book) -> None:
    (book.nights / ".2026-11-23.partial").mkdir()
    assert verify(book, KEYS).nights == 3
