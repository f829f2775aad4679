"""How long records of a closed account must be kept (SPEC 7.3; 反洗钱法 2024, art. 34)."""

from __future__ import annotations

from datetime import date

# Records of an account closed from this day on are kept ten years, others five.
TEN_YEARS_FROM = date(2025, 1, 1)


def kept_since(night: date, years: int) -> date:
    """Return the same day some years earlier; 29 February becomes 28 February."""
    if (night.month, night.day) == (2, 29):
        return date(night.year - years, 2, 28)
    return night.replace(year=night.year - years)
