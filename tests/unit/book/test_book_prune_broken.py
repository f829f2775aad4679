"""Retention that is interrupted, spoilt or forged: old or new is there, and nothing else is accepted (SPEC 9)."""

from __future__ import annotations

import json
from pathlib import Path
from typing import NoReturn

import pytest
from pruning import NIGHTS, TOLD, PulledPlugError, accounts_in, checked, first_kept, manifest, pulled_after_each_file

from creditaudit.as_of import open_book as reader
from creditaudit.book import tombstones
from creditaudit.book.layout import open_book
from creditaudit.book.seal import verify
from creditaudit.errors import BookBrokenError, CreditAuditError
from place import Place, changed


@pytest.fixture
def house(begun: Place, tmp_path: Path) -> Place:
    return begun.copied(tmp_path / "house")


def test_nothing_goes_before_the_night_that_holds_the_tombstone_is_sealed(
    house: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    """SPEC 9: the decision changes nothing; a night that fails changes nothing; the decision still waits."""
    assert house.say("prune", "--book", str(house.book), "--keep-nights", "2", *TOLD).code == 0
    before = house.tree()

    def fails(*arguments: object) -> NoReturn:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr("creditaudit.night.commit", fails)
        with pytest.raises(OSError, match="No space"):
            house.night(NIGHTS[4])
    assert changed(before, house.tree()) == []
    house.night(NIGHTS[4])
    assert accounts_in(house, NIGHTS[0]) == ["A1"]


def test_pulled_at_any_step_the_book_verifies_and_the_next_writer_finishes(
    begun: Place, pruned: Place, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """SPEC 9: until all files went every writer finishes it first, and verify accepts old or new."""
    place = begun.copied(tmp_path / "half")
    assert place.say("prune", "--book", str(place.book), "--keep-nights", "2", *TOLD).code == 0
    steps = 0
    for done in pulled_after_each_file(place, NIGHTS[4], monkeypatch):
        steps = done
        assert checked(place).nights == 5
        assert reader(place.book).as_of(NIGHTS[3]).standing("accounts").num_rows
    [stone] = manifest(place, NIGHTS[4])["removals"]
    assert steps == len(stone["files"])
    assert checked(place).unfinished == 0
    assert changed(pruned.tree(), place.tree()) == []


@pytest.mark.parametrize("step", ["link", "replace"])
def test_pulled_inside_a_step_nothing_but_old_or_new_is_there(
    begun: Place, pruned: Place, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    place = begun.copied(tmp_path / "half")
    assert place.say("prune", "--book", str(place.book), "--keep-nights", "2", *TOLD).code == 0

    def pulled(*arguments: object, **named: object) -> NoReturn:
        raise PulledPlugError

    with monkeypatch.context() as patched:
        if step == "link":
            patched.setattr("creditaudit.book.tombstones.sync", pulled)
        else:
            replaced = Path.replace

            def pulled_if_kept(path: Path, target: Path) -> Path:
                return pulled() if path.name == "fresh" else replaced(path, target)

            patched.setattr(Path, "replace", pulled_if_kept)
        with pytest.raises(PulledPlugError):
            place.night(NIGHTS[4])
    found = checked(place)
    assert found.unfinished > 0
    said = place.say("verify", "--book", str(place.book))
    assert (said.code, "still there" in said.err) == (0, True)
    assert place.say("upgrade", "--book", str(place.book)).code == 0
    assert checked(place).unfinished == 0
    assert changed(pruned.tree(), place.tree()) == []


SPOILS = {
    "kept_changed": lambda p: first_kept(p).write_bytes(b"else"),
    "kept_gone": lambda p: first_kept(p).unlink(),
    "removed_again": lambda p: (
        (p.folder(NIGHTS[0]) / "state" / "accounts").mkdir(parents=True)
        or (p.folder(NIGHTS[0]) / "state" / "accounts" / "complete.parquet").write_bytes(b"else")
    ),
    "never_named": lambda p: (p.folder(NIGHTS[0]) / "published" / "findings.parquet").unlink(),
}


@pytest.mark.parametrize("kind", SPOILS)
def test_verify_accepts_nothing_but_what_the_tombstone_names(pruned: Place, tmp_path: Path, kind: str) -> None:
    place = pruned.copied(tmp_path / "spoilt")
    SPOILS[kind](place)
    with pytest.raises(BookBrokenError, match=f"night {NIGHTS[0]} is broken at"):
        checked(place)


def test_a_tombstone_that_is_forged_is_found(pruned: Place, tmp_path: Path) -> None:
    """Without the key hashes alone are checked; with it the seal tells that the manifest was changed."""
    place = pruned.copied(tmp_path / "forged")
    path = place.folder(NIGHTS[4]) / "manifest.json"
    content = manifest(place, NIGHTS[4])
    content["removals"][0]["reason"] = "别的"
    path.write_text(json.dumps(content, sort_keys=True, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    with pytest.raises(BookBrokenError, match="its seal does not fit"):
        checked(place)
    for change in ({"path": "../../x"}, {"path": "published/findings.parquet"}, {"night": "2026-10-03"}, {"rows": "x"}):
        other = json.loads(json.dumps(content))
        other["removals"][0]["files"][0] |= change
        path.write_text(json.dumps(other, sort_keys=True, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
        with pytest.raises(BookBrokenError, match="tombstone"):
            verify(open_book(place.book), None)
        with pytest.raises(CreditAuditError):
            tombstones.finish(open_book(place.book))


def test_a_file_that_is_not_what_was_sealed_is_not_removed(house: Place) -> None:
    """The removal must not become the way to lose the traces of a change."""
    assert house.say("prune", "--book", str(house.book), "--keep-nights", "2", *TOLD).code == 0
    first_kept(house).write_bytes(first_kept(house).read_bytes() + b"x")
    before = house.tree()
    with pytest.raises(BookBrokenError, match="not the one that was sealed"):
        house.night(NIGHTS[4])
    assert changed(before, house.tree()) == []
