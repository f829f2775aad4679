"""A real book of two nights: whatever is changed, added, taken away, swapped, cut or forked is named (SPEC 9, 10.1)."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from creditaudit.book.keys import load_keys
from creditaudit.book.layout import open_book
from creditaudit.book.seal import verify
from creditaudit.errors import BookBrokenError, CreditAuditError
from place import Place, tree_of
from reference.small import ACCOUNT, EVENT, ISSUANCE, NIGHT, OPENING, REPORT

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

NEXT = NIGHT + timedelta(days=1)


def deliver(place: Place, *nights: Any) -> None:
    for night in nights:
        place.deliver(night, "accounts", [ACCOUNT, {**ACCOUNT, "account_code": "A2", "account_type": "X"}])
        place.deliver(night, "openings", [OPENING])
        place.deliver(night, "loss_reports", [REPORT])
        place.deliver(night, "invalid_cards", [EVENT])
        place.deliver(night, "issuances", [ISSUANCE])


@pytest.fixture(scope="module")
def sealed(tmp_path_factory: pytest.TempPathFactory) -> Place:
    """Two sealed nights; whoever changes it gives it back as it was."""
    place = Place(tmp_path_factory.mktemp("verify")).made()
    deliver(place, NIGHT, NEXT)
    place.night(NIGHT)
    place.night(NEXT)
    return place


@pytest.fixture
def house(sealed: Place, tmp_path: Path) -> Place:
    return sealed.copied(tmp_path / "house")


def holds(place: Place, *, with_key: bool = True) -> None:
    verify(open_book(place.book), load_keys(str(place.key), place.book) if with_key else None)


def broken(place: Place, *, with_key: bool = True) -> str:
    with pytest.raises(BookBrokenError) as found:
        holds(place, with_key=with_key)
    return str(found.value)


def files(place: Place) -> Iterator[tuple[str, str, Path]]:
    """Night, path and place of every file that a manifest names."""
    for night in (NIGHT, NEXT):
        manifest = json.loads((place.folder(night) / "manifest.json").read_text(encoding="utf-8"))
        for entry in manifest["files"]:
            yield night.isoformat(), entry["path"], place.folder(night) / entry["path"]


@pytest.mark.parametrize("with_key", [True, False])
def test_a_flipped_byte_of_any_file_is_named(house: Place, with_key: bool) -> None:
    """Every file that a manifest names; of one the first byte, of the next the middle one, of the next the last."""
    seen = set()
    for number, (night, name, path) in enumerate(files(house)):
        sound = path.read_bytes()
        assert sound, name
        other = path.with_name(".other")
        place = (0, len(sound) // 2, len(sound) - 1)[number % 3]
        # A new file takes its place: intake and state share bytes, and one file is meant.
        other.write_bytes(sound[:place] + bytes([sound[place] ^ 0x20]) + sound[place + 1 :])
        other.replace(path)
        assert f"night {night} is broken at {name}:" in broken(house, with_key=with_key)
        other.write_bytes(sound)
        other.replace(path)
        seen.add(name.split("/")[0])
    assert seen >= {"intake", "state", "quarantine", "published", "reports", "reference", "rules", "night.html"}
    holds(house, with_key=with_key)


def test_a_flipped_byte_of_bytes_that_two_names_share_is_named(house: Place) -> None:
    """The state is a link to the intake's bytes: written to in place, both are broken, and the first is named."""
    path = house.folder(NIGHT) / "intake" / "accounts" / "part-00001.parquet"
    content = bytearray(path.read_bytes())
    content[100] ^= 1
    path.write_bytes(content)
    assert f"night {NIGHT} is broken at intake/accounts/part-00001.parquet" in broken(house)


def test_a_flipped_byte_of_a_manifest_is_named(house: Place) -> None:
    """With the key wherever it is; without it no change may end in anything but an answer."""
    path = house.folder(NIGHT) / "manifest.json"
    sound = path.read_bytes()
    for place in range(0, len(sound), 97):
        path.write_bytes(sound[:place] + bytes([sound[place] ^ 0x04]) + sound[place + 1 :])
        assert NIGHT.isoformat() in broken(house), place
        with contextlib.suppress(CreditAuditError):
            holds(house, with_key=False)
    path.write_bytes(sound.replace(b'"mandate": "', b'"mandate": "\\ud800'))
    assert "its bytes are not those that were sealed" in broken(house)
    path.write_bytes(sound)
    holds(house)


def test_a_file_taken_away_is_named_whichever(house: Place) -> None:
    for night, name, path in files(house):
        path.rename(house.root / "away")
        assert f"night {night} is broken at {name}: it is missing" in broken(house, with_key=False)
        (house.root / "away").rename(path)


def test_a_file_added_is_named_wherever(house: Place) -> None:
    folders = {path.parent for _, _, path in files(house)}
    for folder in sorted(folders):
        (folder / "stray").write_bytes(b"")
        assert f"{(folder / 'stray').relative_to(house.book / 'nights' / folder_night(house, folder))}" in broken(house)
        (folder / "stray").unlink()


def folder_night(house: Place, folder: Path) -> str:
    return folder.relative_to(house.book / "nights").parts[0]


def test_a_pipe_in_place_of_a_file_is_named_and_not_waited_for(house: Place) -> None:
    path = house.folder(NIGHT) / "night.html"
    path.unlink()
    os.mkfifo(path)
    assert f"night {NIGHT} is broken at night.html: it is no file" in broken(house)


@pytest.mark.parametrize("with_key", [True, False])
def test_two_nights_swapped_are_named(house: Place, with_key: bool) -> None:
    first, second = house.folder(NIGHT), house.folder(NEXT)
    first.rename(house.root / "away")
    second.rename(first)
    (house.root / "away").rename(second)
    assert f"night {NIGHT} is broken at manifest.json: it is the manifest of night {NEXT}" in broken(
        house, with_key=with_key
    )


def test_two_files_of_a_night_swapped_are_named(house: Place) -> None:
    one, two = (house.folder(NEXT) / "published" / f"{name}.parquet" for name in ("cases", "findings"))
    one.rename(house.root / "away")
    two.rename(one)
    (house.root / "away").rename(two)
    assert f"night {NEXT} is broken at published/cases.parquet" in broken(house)


# --- against a manifest that left the house ------------------------------------------------------------------------


def left(place: Place, night: Any, kind: str) -> Path:
    """A manifest that left the house, as a copy."""
    inside = {"night": "manifest.json", "recipient": "reports/pboc/manifest.json"}[kind]
    copy = place.root / f"{kind}-{night}.json"
    shutil.copyfile(place.folder(night) / inside, copy)
    return copy


def said_against(place: Place, manifest: Path) -> tuple[int, str]:
    said = place.say("verify", "--book", str(place.book), "--against", str(manifest))
    return said.code, said.out + said.err


KINDS = ("night", "recipient")


@pytest.mark.parametrize("kind", KINDS)
def test_a_sound_book_is_what_its_manifests_tell(house: Place, kind: str) -> None:
    for night in (NIGHT, NEXT):
        code, said = said_against(house, left(house, night, kind))
        assert (code, f"night {night} is the one that the manifest tells of" in said) == (0, True)


@pytest.mark.parametrize("kind", KINDS)
def test_a_cut_tail_is_named_only_by_what_left_the_house(house: Place, kind: str) -> None:
    manifest = left(house, NEXT, kind)
    shutil.rmtree(house.folder(NEXT))
    assert house.say("verify", "--book", str(house.book)).code == 0
    code, said = said_against(house, manifest)
    assert code == 70
    assert f"night {NEXT} was cut off from the book" in said
    assert f"its last night is {NIGHT}" in said


@pytest.mark.parametrize("kind", KINDS)
def test_a_forked_tail_is_named_only_by_what_left_the_house(house: Place, kind: str) -> None:
    """The same night sealed anew over another delivery: sound in itself, and not the one that was told of."""
    manifest = left(house, NEXT, kind)
    shutil.rmtree(house.folder(NEXT))
    house.deliver(NEXT, "accounts", [{**ACCOUNT, "account_code": "A7", "account_type": "R1"}])
    house.night(NEXT)
    assert house.say("verify", "--book", str(house.book)).code == 0
    code, said = said_against(house, manifest)
    assert code == 70
    assert f"the book is forked at night {NEXT}:" in said
    assert left(house, NIGHT, kind).read_bytes()
    assert said_against(house, left(house, NIGHT, kind))[0] == 0


@pytest.mark.parametrize("kind", KINDS)
def test_a_fork_before_the_night_is_named_too(house: Place, kind: str) -> None:
    """The recipient's manifest holds the seal of the night before: what came earlier is told by it."""
    manifest = left(house, NEXT, kind)
    for night in (NIGHT, NEXT):
        shutil.rmtree(house.folder(night))
    house.deliver(NIGHT, "issuances", [{**ISSUANCE, "id_number": "110105196001011233"}])
    house.night(NIGHT)
    house.night(NEXT)
    assert house.say("verify", "--book", str(house.book)).code == 0
    code, said = said_against(house, manifest)
    assert (code, f"forked at night {NEXT} or before" in said) == (70, True)


def test_a_manifest_that_was_changed_itself_is_told_from_a_book_that_was(house: Place) -> None:
    manifest = left(house, NEXT, "night")
    manifest.write_text(manifest.read_text(encoding="utf-8").replace("测试授权", "别的"), encoding="utf-8")
    code, said = said_against(house, manifest)
    assert (code, "this file was changed" in said) == (2, True)
    environment = house.environment()
    del environment["CREDITAUDIT_KEY_FILE"]
    told = house.say("verify", "--book", str(house.book), "--against", str(manifest), environment=environment)
    assert (told.code, "it says other things" in told.err) == (70, True)


def test_a_recipients_manifest_that_says_other_things_is_named(house: Place) -> None:
    manifest = left(house, NEXT, "recipient")
    content = json.loads(manifest.read_text(encoding="utf-8"))
    for change, words in (
        ({"mandate": "x"}, "says other things"),
        ({"recipient": "nobody"}, "sent nothing to nobody"),
        ({"published": {**content["published"], "cases": "0" * 64}}, "published table cases is another"),
    ):
        manifest.write_text(json.dumps({**content, **change}), encoding="utf-8")
        code, said = said_against(house, manifest)
        assert (code, words in said) == (70, True), said
    manifest.write_text(json.dumps(content, indent=3), encoding="utf-8")  # another spelling of the same
    assert said_against(house, manifest)[0] == 0


@pytest.mark.parametrize(
    "text", ["", "{", "[]", "{}", '{"night": "2026-11-21"}', '{"night": 3, "files": [], "seal": "x"}']
)
def test_what_is_no_manifest_is_refused(house: Place, text: str) -> None:
    path = house.root / "m.json"
    path.write_text(text, encoding="utf-8")
    code, said = said_against(house, path)
    assert (code, "Next step" in said) == (2, True)
    assert said_against(house, house.root / "gone.json")[0] == 2


def test_reading_writes_nothing(house: Place) -> None:
    """Readers need no right to write: not a byte and not a time of change differs after them."""

    def stamps() -> dict[str, int]:
        return {str(p): p.lstat().st_mtime_ns for p in [house.book, *house.book.rglob("*")]}

    before, tree = stamps(), tree_of(house.book)
    for arguments in (
        ("verify", "--book", str(house.book)),
        ("as-of", NIGHT.isoformat(), "--book", str(house.book)),
        ("show", "--book", str(house.book)),
    ):
        assert house.say(*arguments).code == 0
    assert (stamps(), tree_of(house.book)) == (before, tree)
