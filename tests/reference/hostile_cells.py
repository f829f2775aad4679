"""Spelling of values: instants, dates, numbers and names as different deliverers write them (SPEC 3.2, 4)."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING

from reference.identity import check_character

if TYPE_CHECKING:
    from random import Random

AREAS = ("110101", "440106", "310104", "510107", "420106", "650102", "210203")
SURNAMES = ("王", "李", "张", "赵", "欧阳", "\ue000", "阿卜杜·")
GIVEN = ("伟", "敏", "静怡", "建国", "·买买提", "萍\ue001", "A b")
NO_DATE = ("", "", "", "9999-12-31", "99991231", "1900-01-01", "0000-00-00", "00000000")
UNREADABLE = ("不详", "2026-02-30", "2026/01/05", "20261301", "1949-09-30", "2099-01-01", "2026-01-05T10:00")
BAD_INSTANTS = (*UNREADABLE, "2026-01-05 24:00:00", "2026-01-05 10:60", "2026-01-05 10:00:00.5", "长期")
BAD_ZONED = ("2026-01-05 10:00:00Z", "2026-01-05T10:00:00+08:00", "２０２６-01-05", "2026-1-5", "20260105 10:00")
BAD_DATES = (*UNREADABLE, "2026-01-05 10:00", "2026-1-5", "永久")
BAD_INTS = ("1.0", "+5", "1,000", "１２", "--3", "0x1")
SECOND = timedelta(seconds=1)
DAY = timedelta(days=1)
# Days on which much happens, in the registries, in the calendar of duties and in what full files cover. A month after
# the last of January is the last of February; 2021-11-20 is five years before the first night.
ERAS = (
    date(2018, 4, 9),
    date(2021, 11, 20),
    date(2023, 1, 31),
    date(2024, 1, 31),
    date(2024, 2, 29),
    date(2025, 8, 29),
    date(2026, 8, 31),
    date(2026, 11, 10),
)


def spell_date(rng: Random, day: date) -> str:
    return day.isoformat() if rng.random() < 0.6 else day.strftime("%Y%m%d")


def spell_instant(rng: Random, at: datetime) -> str:
    """Spell an instant to the second, to the minute, or by its date alone."""
    kind = rng.random()
    if kind < 0.25:
        return spell_date(rng, at.date())
    if kind < 0.4:
        return at.strftime("%Y-%m-%d %H:%M")
    return at.isoformat(sep=" " if kind < 0.8 else "T")


def no_date(rng: Random, *, instant: bool = False) -> str:
    """Spell a date that is not there: empty or a sentinel, which counts with any time of day."""
    if not instant:
        return rng.choice((*NO_DATE, "长期"))
    return rng.choice((*NO_DATE, "9999-12-31 23:59:59", "0000-00-00 00:00:00", "1900-01-01T00:00:00"))


def make_number(rng: Random) -> tuple[str, date]:
    """Make a number of status ok of somebody who does not exist, and the birth date in it."""
    born = date(1950, 1, 1) + timedelta(days=rng.randint(0, 365 * 45))
    # Sequences 900 and up are seldom given out; the area codes are real ones.
    first_17 = rng.choice(AREAS) + born.strftime("%Y%m%d") + f"{rng.randint(900, 995)}"
    return first_17 + check_character(first_17), born


def make_odd_number(rng: Random) -> str:
    """Make a number of one of the other statuses of SPEC 4."""
    number, _ = make_number(rng)
    kind = rng.randint(0, 5)
    if kind == 0:  # bad_check
        return number[:17] + ("0" if number[17] != "0" else "1")
    if kind == 1:  # bad_date, with the right check character
        first_17 = number[:10] + "0230" + number[14:17]
        return first_17 + check_character(first_17)
    if kind == 2:  # not_resident
        first_17 = rng.choice(("810000", "820000", "830000", "911101")) + number[6:17]
        return first_17 + check_character(first_17)
    if kind == 3:  # legacy15_centenarian
        return number[:6] + number[8:14] + "99" + rng.choice("6789")
    if kind == 4:  # bad_date in 15 digits
        return number[:6] + number[8:10] + "1340" + number[15:17] + "1"
    return rng.choice(("身份证", "G12345678", number[:16], number + "1"))  # bad_form


def spell_number(rng: Random, number: str) -> str:
    """Spell one number as deliverers do; every spelling has the same id_norm."""
    kind = rng.random()
    if len(number) == 18 and number[6:8] == "19" and number[14:17] < "996" and kind < 0.12:
        first_17 = number[:17]
        if check_character(first_17) == number[17] and _real(number[6:14]):
            number = number[:6] + number[8:17]
    if kind > 0.95:
        return "".join(chr(ord(c) + 0xFEE0) if c.isascii() and c.isalnum() else c for c in number)
    if kind > 0.9:
        return number.lower()
    if kind > 0.86:
        return number[:6] + rng.choice((" ", "\u200b", "\u00ad", "\u3000")) + number[6:]
    return number


def _real(digits: str) -> bool:
    try:
        return bool(date(int(digits[:4]), int(digits[4:6]), int(digits[6:])))
    except ValueError:
        return False


def make_name(rng: Random) -> str:
    return rng.choice(SURNAMES) + rng.choice(GIVEN)


def spell_name(rng: Random, name: str) -> str:
    kind = rng.random()
    if kind < 0.1:
        return ""
    if kind < 0.2:
        return name.replace("·", rng.choice("•・･"))
    return name[:1] + " " + name[1:] if kind < 0.25 else name


def near(rng: Random, at: datetime) -> datetime:
    """Return an instant at, just before or just after a boundary, to the second and to the day."""
    midnight = at.replace(hour=0, minute=0, second=0)
    return rng.choice(
        (
            at,
            at - SECOND,
            at + SECOND,
            at - 60 * SECOND,
            at + 60 * SECOND,
            at + timedelta(hours=rng.randint(-30, 30)),
            at - DAY,
            at + DAY,
            midnight,
            midnight - SECOND,
            midnight + DAY - SECOND,
            midnight + DAY,
        )
    )


def near_day(rng: Random, day: date) -> date:
    return day + rng.choice((-1, 0, 0, 1)) * DAY
