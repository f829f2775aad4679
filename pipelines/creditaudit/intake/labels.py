"""What a delivered file is called in tables and messages: its name, masked where it may name a person (SPEC 10.4)."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from creditaudit.book.keys import DESTROYED
from creditaudit.masking import NUMBER, hidden_in
from creditaudit.visible import visible

if TYPE_CHECKING:
    from creditaudit.book.keys import Key, Keyring

# In a file's name every number as long as an ID number may be one; and any letter beyond ASCII may be a person's name:
# nobody can tell it from a bank's.
_NUMBERS = re.compile(rf"{NUMBER}|(?<![0-9])(?:[0-9]{{17}}[Xx]|(?:[0-9]{{18}}|[0-9]{{15}})(?![0-9]))", re.ASCII)
_BEYOND_ASCII = re.compile(r"[^\x00-\x7f]+")
_TOKEN_LETTERS = 12


def masked(name: str) -> str:
    """Return a name with ``*`` where an ID number, a phone or letters beyond ASCII stood."""
    return _BEYOND_ASCII.sub("*", hidden_in(name, _NUMBERS, mark="*"))


@dataclass(frozen=True)
class Labels:
    """Labels of delivered files.

    A name that may name a person is masked, and a token of the whole name keeps it apart from others that look the
    same then. Other names stay as they are.

    Parameters
    ----------
    keys : Keyring or None
        Make the tokens; None: names stay whole (for tools that keep nothing).
    """

    keys: Keyring | None = None

    def of(self, name: str) -> str:
        """Return the label of a file name, as text that any table can hold (a name need not be UTF-8)."""
        return _readable(name) if self.keys is None else _label(name, self.keys.active)

    def ever(self, name: str) -> frozenset[str]:
        """Return the labels that a name has had under any key that is not destroyed: rotation makes no new file."""
        if self.keys is None:
            return frozenset({_readable(name)})
        return frozenset(_label(name, key) for key in self.keys.keys if key.state != DESTROYED)


def _readable(name: str) -> str:
    return visible(os.fsencode(name).decode("utf-8", "backslashreplace"))


def _label(name: str, key: Key) -> str:
    text = _readable(name)
    shown = masked(text)
    if shown == name:
        return name
    stem, dot, suffix = shown.partition(".")
    # Another file may have for its name what is written here for a letter that cannot be seen, or is none.
    whole = text if text == name else os.fsencode(name).hex()
    return f"{stem}~{key.token('file', whole)[:_TOKEN_LETTERS]}{dot}{suffix}"
