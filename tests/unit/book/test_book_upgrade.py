"""A book of an older program is read, or upgraded by one command; of a newer or unknown one, refused (SPEC 9)."""

from __future__ import annotations

import json
import shutil
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from creditaudit.as_of import open_book as reader
from creditaudit.book.keys import load_keys
from creditaudit.book.layout import FORMAT, OLDEST_FORMAT, open_book
from creditaudit.book.reference import TABLES
from creditaudit.book.seal import verify, write_manifest
from creditaudit.book.upgrade import FORMATS
from place import Place, changed
from reference.small import ACCOUNT, EVENT, NIGHT, OPENING, REPORT

if TYPE_CHECKING:
    from datetime import date
    from pathlib import Path

NEXT = NIGHT + timedelta(days=1)
LATER = ("check_gaps", "readmitted_rows", "full_deliveries", "delta_rows")


def deliver(place: Place, night: date) -> None:
    for feed, row in (("accounts", ACCOUNT), ("openings", OPENING), ("loss_reports", REPORT), ("invalid_cards", EVENT)):
        place.deliver(night, feed, [row])


def resealed(place: Place, night: date, version: int) -> None:
    """Seal a night anew as a program of another format would have: its seal holds."""
    folder = place.folder(night)
    content = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
    for name in ("files", "seal", *(("removals",) if version < FORMAT else ())):
        del content[name]
    for table in LATER if version < FORMAT else ():
        shutil.rmtree(folder / "state" / table, ignore_errors=True)
    write_manifest(folder, {**content, "format": version}, load_keys(str(place.key), place.book))


@pytest.fixture(scope="module")
def sealed(tmp_path_factory: pytest.TempPathFactory) -> Place:
    place = Place(tmp_path_factory.mktemp("upgrade")).made()
    deliver(place, NIGHT)
    place.night(NIGHT)
    deliver(place, NEXT)
    return place


@pytest.fixture
def house(sealed: Place, tmp_path: Path) -> Place:
    return sealed.copied(tmp_path / "house")


def formats(place: Place) -> list[int]:
    return [m["format"] for m in open_book(place.book).manifests.values()]


def test_every_format_that_ever_was_is_described() -> None:
    assert list(FORMATS) == list(range(OLDEST_FORMAT, FORMAT + 1))


def test_an_older_book_is_read_and_gone_on_with(sealed: Place, house: Place) -> None:
    """The next night is sealed in this program's format, and finds what it would have found in a book of its own."""
    resealed(house, NIGHT, 1)
    assert verify(open_book(house.book), load_keys(str(house.key), house.book)).with_key
    for name in LATER:
        assert reader(house.book).as_of(NIGHT).standing(name).num_rows == 0
    house.night(NEXT)
    assert formats(house) == [1, FORMAT]
    assert verify(open_book(house.book), load_keys(str(house.key), house.book)).nights == 2
    own = sealed.copied(house.root / "own")
    own.night(NEXT)
    for table in ("findings", "cases", "clearances"):
        assert own.published(NEXT, table).equals(house.published(NEXT, table))


def test_an_upgrade_changes_nothing_sealed_and_makes_up_what_lies_outside(house: Place) -> None:
    resealed(house, NIGHT, 1)
    (house.book / "reference" / "clocks.csv").unlink()
    shutil.rmtree(house.book / "inbox")
    shutil.rmtree(house.book / "reference" / "rules")
    (house.book / "latest").unlink()
    (house.book / "nights" / ".2026-11-21.partial").mkdir()
    sealed = house.sealed()
    said = house.say("upgrade", "--book", str(house.book))
    assert said.code == 0
    assert f"1 nights, {NIGHT} to {NIGHT}, format 1: no removals" in said.out
    assert f"the next night is sealed in format {FORMAT}" in said.err
    assert "clocks" in said.err
    assert {n: d for n, d in sealed.items() if "partial" not in n} == house.sealed()
    assert {p.stem for p in (house.book / "reference").glob("*.csv")} >= set(TABLES)
    assert (house.book / "inbox").is_dir()
    assert (house.book / "reference" / "rules" / "R101_lost_card_used" / "rule.sql").is_file()
    assert str((house.book / "latest").readlink()) == f"nights/{NIGHT}"
    before = house.tree()
    again = house.say("upgrade", "--book", str(house.book))
    assert (again.code, changed(before, house.tree())) == (0, [])


def test_an_upgrade_of_a_current_book_says_so(house: Place) -> None:
    before = house.tree()
    said = house.say("upgrade", "--book", str(house.book))
    assert (said.code, f"up to date (format {FORMAT})" in said.err) == (0, True)
    assert changed(before, house.tree()) == []


@pytest.mark.parametrize("version", [FORMAT + 1, OLDEST_FORMAT - 1])
def test_a_format_that_is_not_known_is_refused_by_every_command(house: Place, version: int) -> None:
    """SPEC 9: never misread. Exit 2 with the reason, and nothing is changed."""
    resealed(house, NIGHT, version)
    before = house.tree()
    book = ("--book", str(house.book))
    for arguments in (
        house.asked("--night", NEXT.isoformat()),
        house.asked("--catch-up"),
        ["verify", *book],
        ["as-of", NIGHT.isoformat(), *book],
        ["as-of", NIGHT.isoformat(), *book, "accounts", "--to", str(house.root / "x.csv")],
        ["upgrade", *book],
        ["show", *book],
        ["prune", *book, "--keep", "1d", "--by", "x", "--reason", "y"],
    ):
        said = house.say(*arguments)
        assert (said.code, said.out) == (2, ""), arguments
        assert f"book format {version}; this program reads {OLDEST_FORMAT} to {FORMAT}" in said.err
        assert "Next step" in said.err
    assert changed(before, house.tree()) == []


def test_a_damaged_number_is_told_from_another_format(house: Place) -> None:
    """With the key: a format that the seal does not fit is damage (70), not another program's book (2)."""
    path = house.folder(NIGHT) / "manifest.json"
    path.write_text(path.read_text(encoding="utf-8").replace(f'"format": {FORMAT}', '"format": 9'), encoding="utf-8")
    said = house.say("verify", "--book", str(house.book))
    assert (said.code, "its seal does not fit" in said.err) == (70, True)
