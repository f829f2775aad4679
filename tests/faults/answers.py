"""What every failed command owes its reader (SPEC 2, 10.4)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from faults.conftest import SECRETS
from place import Place, Spoken, changed
from reference.small import NEXT

if TYPE_CHECKING:
    from collections.abc import Mapping


def next_night(place: Place, *more: str) -> list[str]:
    """Arguments that run the second night."""
    return place.asked("--night", NEXT.isoformat(), *more)


def assert_one_clear_message(said: Spoken, code: int, *fragments: str) -> None:
    """Exit code; one line on stderr with what, why and the next step; nothing on stdout; no traceback, no raw value."""
    assert (said.code, said.out) == (code, ""), said.err
    assert said.err.count("\n") == 1, said.err
    assert said.err.startswith("creditaudit: "), said.err
    assert "Next step: " in said.err
    for fragment in fragments:
        assert fragment in said.err, said.err
    assert_nothing_raw(said)


def assert_nothing_raw(said: Spoken) -> None:
    """No traceback and no raw ID number, name or phone in any output."""
    for text in (said.out, said.err):
        assert "Traceback" not in text
        for secret in SECRETS:
            assert secret not in text


def assert_refused(
    place: Place,
    code: int,
    *fragments: str,
    arguments: list[str] | None = None,
    environment: Mapping[str, str] | None = None,
) -> Spoken:
    """Run the second night (or ``arguments``): refused with one message, and the book is byte for byte as before."""
    before = place.tree()
    said = place.say(*(arguments or next_night(place)), environment=environment)
    assert_one_clear_message(said, code, *fragments)
    assert changed(before, place.tree()) == []
    return said
