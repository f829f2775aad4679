"""Letters that act are spelled out where a terminal, a log or a name would obey them."""

from __future__ import annotations

import io
import sys
from typing import TYPE_CHECKING

import pytest

from creditaudit.cli_speech import Tell
from creditaudit.errors import UsageError
from creditaudit.intake.labels import Labels
from creditaudit.visible import visible
from unit.kit import demo_keys

if TYPE_CHECKING:
    from collections.abc import Callable

NUMBER, PHONE = "11010519491231002X", "13912345678"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("\x1b[2J", "\\x1b[2J"),
        ("a\u202eb", "a\\u202eb"),
        ("\u2066x\u2069\u2028", "\\u2066x\\u2069\\u2028"),
        ("\x00\x7f\x9b", "\\x00\\x7f\\x9b"),
        ("甲 é\u200d😀", "甲 é\u200d😀"),
    ],
)
def test_letters_that_act_are_spelled(text: str, shown: str) -> None:
    assert visible(text) == visible(text, is_line=True) == shown


def test_a_line_keeps_its_tabs_and_ends() -> None:
    assert visible("a\tb\nc\r", is_line=True) == "a\tb\nc\\r"
    assert visible("a\tb\nc") == "a\\tb\\nc"


class _Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(("stream", "said"), [(_Terminal, "a\\x1bb\n"), (io.StringIO, "a\x1bb\n")])
def test_a_terminal_is_told_and_a_pipe_gets_the_bytes(
    stream: Callable[[], io.StringIO], said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A table that is piped into a file is as it was published."""
    out = stream()
    monkeypatch.setattr(sys, "stdout", out)
    Tell.result("a\x1bb")
    assert out.getvalue() == said


def test_what_a_log_keeps_acts_on_nobody_who_reads_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """A scheduler's log is no terminal, but is shown on one."""
    err = io.StringIO()
    monkeypatch.setattr(sys, "stderr", err)
    Tell.note("a\x1b[2Jb\u202ec\x9bd\te")
    Tell.error(UsageError("x", why="\x1b]0;y\x07", next_step="z"))
    assert err.getvalue() == ("a\\x1b[2Jb\\u202ec\\x9bd\te\ncreditaudit: x: \\x1b]0;y\\x07. Next step: z\n")


@pytest.mark.parametrize("is_json", [False, True])
def test_no_failure_and_no_note_has_a_number(is_json: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """SPEC 10.4: whoever types a number in the wrong place finds it in no log; a digest or a case_id stays whole."""
    err = io.StringIO()
    monkeypatch.setattr(sys, "stderr", err)
    monkeypatch.setattr(Tell, "is_json", is_json)
    digest = f"{'a' * 20}13912345678{'b' * 33}"
    Tell.error(UsageError(f"no account {NUMBER}", why=f"phone {PHONE}", next_step=f"see {digest}.json"))
    Tell.note(f"for {PHONE}", file=NUMBER)
    said = err.getvalue()
    assert NUMBER not in said
    assert f"phone {PHONE}" not in said
    assert f"for {PHONE}" not in said
    assert digest in said


def test_two_files_whose_names_look_the_same_keep_two_labels() -> None:
    """A name may hold what another one shows: neither is taken for the other, or for one that was read."""
    labels = Labels(demo_keys())
    names = ["a\x1b.csv", "a\\x1b.csv", "a\u202e.csv", "a\\u202e.csv", "a\n.csv", "a\udcff.csv", "a\\xff.csv"]
    found = [labels.of(name) for name in names]
    assert len(set(found)) == len(names)
    assert all(label == visible(label) for label in found)
    assert labels.of("a\\x1b.csv") == "a\\x1b.csv"
    assert [labels.of(name) in labels.ever(name) for name in names] == [True] * len(names)
