"""Letters that are not seen but do something: what a terminal, a log or a reader of a name must not be given."""

from __future__ import annotations

import re

# Controls, and what turns the direction of writing: it would move a cursor, begin another line of a log, or make a name
# read as another.
_ACTING = "\\x00-\\x1f\\x7f-\\x9f\\u061c\\u200e\\u200f\\u2028-\\u202e\\u2066-\\u2069"
_ANY = re.compile(f"[{_ACTING}]")
_IN_A_LINE = re.compile(f"(?![\\t\\n])[{_ACTING}]")


def visible(text: str, *, is_line: bool = False) -> str:
    """Return a text with such letters spelled as Python would spell them.

    Parameters
    ----------
    text : str
    is_line : bool
        Tabs and line feeds are the text's own, and stay.
    """
    pattern = _IN_A_LINE if is_line else _ANY
    return pattern.sub(lambda found: found[0].encode("unicode_escape").decode(), text)
