"""A person is erased and a file is recalled: nothing of the person comes back with what stood before the file."""

from __future__ import annotations

import hashlib
import os
from typing import TYPE_CHECKING

import pyarrow.parquet as pq
import pytest
from erasing import FIFTH, FIRST, FOURTH, GONE, NAME, PHONE, SECOND, SPELLED, STAYS, THIRD, deliver, erase

from place import Place
from reference.small import ACCOUNT

if TYPE_CHECKING:
    from datetime import date
    from pathlib import Path

WHOLE = pytest.mark.skipif(not os.environ.get("ERASE_FULL"), reason="nights more: make test-erase")
TOLD_OF = ("findings", "clearances", "institutions")
NEWER = {"report_date": "2026-09-20"}


def _house(root: Path, *, is_there: bool) -> Place:
    """Three nights; in the third a file replaces rows of the first, and brings new ones."""
    place = Place(root).made()
    deliver(place, is_there=is_there)
    own = [{**GONE, **NEWER, "opened_at": "2018-01-01"}, {**GONE, **NEWER, "account_code": "S7"}]
    others = [{**ACCOUNT, **NEWER, "opened_at": "2018-01-01"}, {**STAYS, **NEWER, "account_code": "Z7"}]
    place.deliver(THIRD, "accounts", [*(own if is_there else []), *others], name="mistaken.csv")
    for night in (FIRST, SECOND, THIRD):
        place.night(night)
    return place


@pytest.fixture(scope="module")
def there(tmp_path_factory: pytest.TempPathFactory) -> Place:
    """The house with the person; copied, never used."""
    return _house(tmp_path_factory.mktemp("there"), is_there=True)


@pytest.fixture(scope="module")
def never(tmp_path_factory: pytest.TempPathFactory) -> Place:
    """The house to which the person never came; copied, never used."""
    return _house(tmp_path_factory.mktemp("never"), is_there=False)


def _recall(place: Place, night: date, feed: str, name: str) -> None:
    path = place.landing / night.isoformat() / feed / name
    sha256 = hashlib.sha256(path.read_bytes()).hexdigest()
    said = place.say("recall", "--book", str(place.book), sha256, "--apply", "--by", "Li", "--reason", "a mistake")
    assert said.code == 0, said.err


def _persons_files(book: Path) -> list[str]:
    secrets = (*SPELLED, NAME, PHONE)
    found = []
    for path in sorted(p for p in book.rglob("*") if p.is_file() and not p.is_symlink()):
        content = path.read_bytes()
        cells = str(pq.read_table(path).to_pylist()) if path.suffix == ".parquet" else ""
        if any(secret in cells or secret.encode() in content for secret in secrets):
            found.append(path.relative_to(book).as_posix())
    return found


@pytest.mark.parametrize(
    "order",
    [
        "in one night",
        pytest.param("erased, then recalled", marks=WHOLE),
        pytest.param("recalled, then erased", marks=WHOLE),
    ],
)
def test_the_nights_are_those_of_a_house_to_which_the_person_never_came(
    there: Place, never: Place, tmp_path: Path, order: str
) -> None:
    """SPEC 9: the rows that stood before the recalled file stand again, but the person's."""
    gone, other = (place.copied(tmp_path / name) for name, place in (("gone", there), ("never", never)))
    for place in (gone, other):
        recalls_first = order == "recalled, then erased"
        if order != "erased, then recalled":
            _recall(place, THIRD, "accounts", "mistaken.csv")
        if place is gone and not recalls_first:
            erase(gone)
        place.night(FOURTH)
        if order == "erased, then recalled":
            _recall(place, THIRD, "accounts", "mistaken.csv")
        if place is gone and recalls_first:
            erase(gone)
        place.night(FIFTH)
    assert _persons_files(gone.book) == []
    for night in (FOURTH, FIFTH) if order == "in one night" else (FIFTH,):
        for table in TOLD_OF:
            assert gone.published(night, table).equals(other.published(night, table)), (night, table)
    standing = {row["account_code"] for row in gone.rows(FIFTH, "findings") if row["account_code"]}
    assert ACCOUNT["account_code"] in standing  # its older row stands again, opened after the loss
    said = gone.say("verify", "--book", str(gone.book))
    assert said.code == 0, said.out + said.err
