"""No raw ID number, name or phone outside the places of SPEC 10.4, whatever is delivered and whatever goes wrong."""

from __future__ import annotations

import base64
import stat
from typing import TYPE_CHECKING, NoReturn

import pytest

from e2e.secrets import NAMES, NUMBERS, PHONES, SECRETS, cells_of, found_in, leaks_of, spellings
from e2e.telltale import HOLDER, SECOND, THIRD, deliver_telltales
from reference.columns import FEEDS
from reference.small import NIGHT

if TYPE_CHECKING:
    from place import Place, Spoken


def test_the_delivery_reached_every_corner(spoken: tuple[Place, list[Spoken]]) -> None:
    """A search through a book without these rows would prove nothing."""
    place, _ = spoken
    assert place.published(SECOND, "findings").num_rows
    assert place.published(SECOND, "cases").num_rows
    listed = place.rows(NIGHT, "quarantine")
    reasons = {reason.split(":")[0] for row in listed for reason in str(row["reasons"]).split(";")}
    wanted = {"wrong_cell_count", "quote_in_unquoted", "text_after_quote", "unclosed_quote", "bad_type", "bad_code"}
    assert reasons >= wanted | {"reserved_area", "duplicate", "conflict", "stale"}
    assert {row["disposition"] for row in listed} == {"row_quarantined", "cell_dropped"}
    assert {row["feed"] for row in listed} == set(FEEDS)
    refused = [row["file"] for row in place.rows(NIGHT, "coverage") if row["delivered"] is None]
    assert len(refused) == 5 + 2 * 2, "a report speaks in two feeds"
    raw = b"".join(cells_of(path) for path in (place.folder(NIGHT) / "quarantine").iterdir())
    assert all(secret.encode() in raw for secret in SECRETS)


def test_nothing_leaks_into_the_book(spoken: tuple[Place, list[Spoken]]) -> None:
    """SPEC 10.4: typed rows and the quarantine's raw text are the only places."""
    place, _ = spoken
    assert leaks_of(place.book) == []


def test_nothing_leaks_into_what_is_said(spoken: tuple[Place, list[Spoken]]) -> None:
    """SPEC 10.4: no log, no error."""
    place, said = spoken
    log = (place.root / "run.log").read_bytes()
    assert log
    for text in (*(one.out.encode() for one in said), *(one.err.encode() for one in said), log):
        assert found_in(text) == set()


def test_an_unforeseen_error_leaks_nothing(spoken: tuple[Place, list[Spoken]], monkeypatch: pytest.MonkeyPatch) -> None:
    """SPEC 10.4: what another library quotes in its message stays within."""
    place, _ = spoken
    deliver_telltales(place, THIRD)

    def failing(*arguments: object, **named: object) -> NoReturn:
        raise RuntimeError(f"row {HOLDER}, {NAMES[0]}, {PHONES[0]}")

    for target in (
        "creditaudit.intake.block_typing.type_rows",
        "creditaudit.night.judge_night",
        "creditaudit.night.track",
    ):
        with monkeypatch.context() as patched:
            patched.setattr(target, failing)
            said = place.say(*place.asked("--night", THIRD.isoformat()))
        assert said.code == 70
        assert found_in((said.out + said.err).encode()) == set()
    assert leaks_of(place.book) == []


def test_raw_values_are_readable_by_their_owner_alone(spoken: tuple[Place, list[Spoken]]) -> None:
    """SPEC 10.4: files 0600, folders 0700."""
    place, _ = spoken
    for night in (NIGHT, SECOND):
        for room in ("intake", "state", "quarantine"):
            for path in [place.folder(night) / room, *(place.folder(night) / room).rglob("*")]:
                wanted = 0o700 if path.is_dir() else 0o600
                assert stat.S_IMODE(path.stat().st_mode) == wanted, path.relative_to(place.book)


@pytest.mark.parametrize("value", [NUMBERS[0], NAMES[1], PHONES[0]])
def test_the_search_finds_what_it_looks_for(value: str) -> None:
    """Each spelling, hidden among other text, is found; so is a 6+4 mask, and a 3+4 mask is none."""
    for kind, needle in spellings(value):
        assert found_in(b"x" + needle + b"y"), kind
    for before in range(4):
        assert found_in(base64.b64encode(b"k" * before + value.encode() + b"tail"))
    for shown in (4, 5, 6, 10):
        assert found_in(f"{NUMBERS[0][:shown]}{'*' * (14 - shown)}{NUMBERS[0][-4:]}".encode())
    for apart in (" ", "-", ".", "\u200b", "\u3000", "·", "\u2060"):
        assert found_in(apart.join(value).encode()), ascii(apart)
    wide = value.translate({ord(digit): ord(digit) - 0x30 + 0xFF10 for digit in "0123456789"})
    assert found_in(f"x{wide}y".encode())
    assert not found_in(f"{NUMBERS[0][:3]}***********{NUMBERS[0][-4:]}".encode())
