"""Known weaknesses of what is pinned, from the open database of vulnerabilities (``make audit``).

One question for all pins. Exit 0: none is known; 1: some are, named; 3: nobody could be asked, and nothing is known.
"""

from __future__ import annotations

import argparse
import json
import sys
import urllib.error
import urllib.request
from typing import Any

from locked import DEVELOPMENT, Pin, locked

URL = "https://api.osv.dev/v1/querybatch"
NOT_ASKED = 3
_PATIENCE = 10


class NotAskedError(Exception):
    """The database did not answer, or not as it says that it does."""


def known(pins: list[Pin], url: str = URL) -> list[tuple[Pin, list[str]]]:
    """Return the pins that have advisories, with their ids, in the order of the pins.

    Raises
    ------
    NotAskedError
        No answer, or one that does not speak of every pin: then nothing is known.
    """
    queries = [{"package": {"ecosystem": "PyPI", "name": pin.name}, "version": pin.version} for pin in pins]
    request = urllib.request.Request(  # noqa: S310 - the address is a constant, or a test's
        url, json.dumps({"queries": queries}).encode(), {"Content-Type": "application/json"}
    )
    try:
        with urllib.request.urlopen(request, timeout=_PATIENCE) as answer:  # noqa: S310
            said: Any = json.load(answer)
        results = [[str(one["id"]) for one in result.get("vulns", ())] for result in said["results"]]
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise NotAskedError(f"{url} gave no answer that can be read ({type(error).__name__})") from error
    if len(results) != len(pins):
        raise NotAskedError(f"{url} answered {len(results)} of {len(pins)} questions")
    return [(pin, sorted(ids)) for pin, ids in zip(pins, results, strict=True) if ids]


def main() -> int:
    """Ask, and print what is known."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--url", default=URL)
    asked = parser.parse_args()
    pins = locked(DEVELOPMENT)
    try:
        found = known(pins, asked.url)
    except NotAskedError as error:
        print(f"advisories were not asked: {error}. Nothing is known of {len(pins)} pins; ask from a machine that can")
        return NOT_ASKED
    for pin, ids in found:
        print(f"{pin.name} {pin.version}: {', '.join(ids)}")
    print(f"{len(found)} of {len(pins)} pins have advisories")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
