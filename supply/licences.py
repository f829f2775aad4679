"""Which licence each installed requirement states, held against those that may be used (``make licences``)."""

from __future__ import annotations

import importlib.metadata
import re
import sys
import tomllib
from pathlib import Path

from locked import DEVELOPMENT, RUNTIME, locked, normalised

LISTED = Path(__file__).with_name("licences.toml")
# What packages write, to SPDX. The older texts and classifiers say "BSD" without saying which: the one with more terms.
_SPOKEN = {
    "apache 2.0": "Apache-2.0",
    "apache software license": "Apache-2.0",
    "bsd": "BSD-3-Clause",
    "bsd license": "BSD-3-Clause",
    "bsd 2-clause license": "BSD-2-Clause",
    "bsd 3-clause license": "BSD-3-Clause",
    "gnu lesser general public license v2 or later (lgplv2+)": "LGPL-2.1-or-later",
    "isc license": "ISC",
    "isc license (iscl)": "ISC",
    "lgpl": "LGPL-2.1-or-later",
    "mit license": "MIT",
    "mozilla public license 2.0 (mpl 2.0)": "MPL-2.0",
}
_EXPRESSION = re.compile(r"[A-Za-z0-9.+-]+(?: (?:AND|OR) [A-Za-z0-9.+-]+)*")
_LONGEST = 80


def stated(name: str) -> str | None:
    """Return the licence that an installed package states, as an SPDX expression; None: nothing that can be read."""
    said = importlib.metadata.metadata(name)
    expression = said.get("License-Expression")
    if expression:
        return str(expression)
    spoken = [
        str(c).rpartition("::")[2].strip() for c in said.get_all("Classifier") or () if c.startswith("License ::")
    ]
    text = str(said.get("License") or "").strip()
    if len(text) <= _LONGEST and "\n" not in text:
        spoken.append(text)
    for words in spoken:
        known = _SPOKEN.get(words.lower())
        if known is not None:
            return known
        if _EXPRESSION.fullmatch(words) and words not in {"UNKNOWN", "LGPL"}:
            return words
    return None


def licence_of(name: str) -> str | None:
    """Return the licence of an installed package: what it states, else what a person read."""
    listed = tomllib.loads(LISTED.read_text(encoding="utf-8"))
    read = listed["read"].get(name)
    return stated(name) or (str(read["licence"]) if read else None)


def may_be_used(expression: str, allowed: set[str]) -> bool:
    """Say whether an expression of ORs and ANDs can be met with these licences."""
    return any(
        all(part.strip(" ()") in allowed for part in choice.split(" AND ")) for choice in expression.split(" OR ")
    )


def doubts() -> list[str]:
    """Name every installed requirement whose licence is not on the list, one sentence each."""
    listed = tomllib.loads(LISTED.read_text(encoding="utf-8"))
    runtime = {pin.name for pin in locked(RUNTIME)}
    installed = {normalised(d.metadata["Name"]) for d in importlib.metadata.distributions()}
    found = []
    for name in sorted({pin.name for pin in locked(DEVELOPMENT)} & installed):
        allowed = {*listed["runtime"], *(() if name in runtime else listed["development"])}
        licence = licence_of(name)
        if licence is None:
            found.append(f"{name}: its metadata state no licence")
        elif not may_be_used(licence, allowed):
            found.append(f"{name}: {licence} is not on the list for {'delivery' if name in runtime else 'tools'}")
    return found


def main() -> int:
    """Print what is doubtful; exit 1 if anything is."""
    found = doubts()
    print("\n".join(found) or "every installed requirement has a licence of the list")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
