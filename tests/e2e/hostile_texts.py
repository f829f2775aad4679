"""Texts that break careless readers and writers."""

from __future__ import annotations

import random

_PIECES = (
    *"=+-@'\"`;|\\/<>&%$#*(){}[]!?~^_,",
    *map(chr, (0, 1, 7, 8, 9, 11, 12, 13, 14, 26, 27, 28, 29, 30, 31, 127, 0x85, 0xA0, 0xAD)),
    *map(chr, (0x200B, 0x200D, 0x200E, 0x202E, 0x2028, 0x2029, 0x2060, 0xFEFF, 0xFFFD, 0xFFFF, 0xE000, 0x10FFFF)),
    "=1+1",
    "=cmd|' /C calc'!A0",
    "+8613800138000",
    "1234567890123456789",
    "0000123",
    "1e5",
    "TRUE",
    "NULL",
    "None",
    "NaN",
    "-",
    "''",
    '""',
    '"a""b"',
    "欧阳·娜",
    "买买提•江",
    "e\u0301",
    "😀👨‍👩‍👧",
    "'; DROP TABLE findings; --",
    "<script>alert(1)</script>",
    "{{7*7}}",
    "%s%n",
    "../../etc/passwd",
    "a" * 5000,
)


def hostile_strings(seed: int, count: int) -> list[str]:
    rng = random.Random(seed)  # noqa: S311 - test data
    found = dict.fromkeys([*_PIECES, *(f"{p}x" for p in _PIECES), *(f"x{p}" for p in _PIECES)])
    while len(found) < count:
        found["".join(rng.choices(_PIECES[:-1], k=rng.randint(2, 5)))] = None
    # A line feed ends a line, and the feed's own blanks are stripped from a cell's ends.
    return [text for text in found if text.strip(" \t\u00a0\u3000") == text]
