"""Identity numbers and names (SPEC 4, "ID number" and "Name")."""

from __future__ import annotations

import re
import unicodedata
from datetime import date
from functools import cache
from typing import NamedTuple

# The White_Space property of Unicode, then the six others that SPEC 4 names. str.isspace() is another
# set (it has U+001C to U+001F), so the list is written out.
_WHITE_SPACE = [
    *range(0x09, 0x0E),
    0x20,
    0x85,
    0xA0,
    0x1680,
    *range(0x2000, 0x200B),
    0x2028,
    0x2029,
    0x202F,
    0x205F,
    0x3000,
]
_INVISIBLE = [0x200B, 0x200C, 0x200D, 0x2060, 0xFEFF, 0x00AD]
_REMOVED = dict.fromkeys(_WHITE_SPACE + _INVISIBLE)
_MIDDLE_DOTS = dict.fromkeys((183, 8226, 8231, 12539, 65381), "·")

_FORM_18 = re.compile(r"[0-9]{17}[0-9X]")
_FORM_15 = re.compile(r"[0-9]{15}")
_WEIGHTS = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
_CHECKS = "10X98765432"
_NOT_RESIDENT_PREFIXES = ("810000", "820000", "830000")
_CENTENARIANS = ("996", "997", "998", "999")
RESERVED_AREA = "999999"


class Identity(NamedTuple):
    """A normalised number and what is known about it."""

    id_norm: str
    status: str

    @property
    def matchable(self) -> bool:
        """SPEC 4: all but ``bad_form`` are matched, on id_norm exactly."""
        return self.status != "bad_form"


def check_character(first_17: str) -> str:
    """GB 11643 / ISO 7064 MOD 11-2."""
    total = sum(int(digit) * weight for digit, weight in zip(first_17, _WEIGHTS, strict=True))
    return _CHECKS[total % 11]


def _calendar_date(year: str, month: str, day: str) -> date | None:
    try:
        return date(int(year), int(month), int(day))
    except ValueError:
        return None


def _born_18(number: str) -> date | None:
    if number[6:8] not in {"18", "19", "20"}:
        return None
    return _calendar_date(number[6:10], number[10:12], number[12:14])


def _born_15(number: str) -> date | None:
    return _calendar_date("19" + number[6:8], number[8:10], number[10:12])


def _clean(raw: str) -> str:
    return unicodedata.normalize("NFKC", raw).translate(_REMOVED)


@cache
def identify(raw: str) -> Identity:
    """Return id_norm and id_status: the first status of the list in SPEC 4 that applies."""
    number = _clean(raw).upper()
    if _FORM_18.fullmatch(number):
        real = _born_18(number) is not None
        right = check_character(number[:17]) == number[17]
        if real and right:
            foreign = number[0] == "9" or number.startswith(_NOT_RESIDENT_PREFIXES)
            return Identity(number, "not_resident" if foreign else "ok")
        return Identity(number, "bad_date" if right else "bad_check")
    if _FORM_15.fullmatch(number):
        if _born_15(number) is None:
            return Identity(number, "bad_date")
        if number[12:] in _CENTENARIANS:
            return Identity(number, "legacy15_centenarian")
        first_17 = number[:6] + "19" + number[6:]
        return Identity(first_17 + check_character(first_17), "legacy15")
    return Identity(number, "bad_form")


def birth_date(raw: str) -> date | None:
    """SPEC 12: read from an 18-form, whatever its check character, and from legacy15."""
    identity = identify(raw)
    if _FORM_18.fullmatch(identity.id_norm):
        return _born_18(identity.id_norm)
    return None


def in_reserved_area(raw: str) -> bool:
    """SPEC 12: ``reserved_area`` looks at id_number, as id_norm in 18-form or 15 digits."""
    number = identify(raw).id_norm
    shaped = _FORM_18.fullmatch(number) or _FORM_15.fullmatch(number)
    return bool(shaped) and number.startswith(RESERVED_AREA)


@cache
def normal_name(raw: str) -> str | None:
    """Normalise a name; SPEC 12: it loses the same characters as a number and keeps its case."""
    return _clean(raw).translate(_MIDDLE_DOTS) or None


def known_name(raw: str | None) -> str | None:
    """Return the name to compare, or None where it compares as unknown with everything (SPEC 4)."""
    name = normal_name(raw) if raw else None
    if name is None or any(unicodedata.category(character) == "Co" for character in name):
        return None
    return name
