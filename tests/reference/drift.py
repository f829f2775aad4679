"""What differs between two nights, by plain Python over what they published: nothing of the program is asked."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from datetime import date

    from place import Place

_FINDING = ("provider_code", "account_code", "subject", "rule_id", "notice_source", "notice_id")
Key = tuple[Any, ...]


def differing(place: Place, earlier: date, later: date, *, other: Place | None = None) -> set[Key]:
    """Return kind, what it is about, before and after, of everything that differs.

    With ``other``, the later night is that of another house.
    """
    old, new = _said(place, earlier), _said(other or place, later)
    return {(*key, old.get(key), new.get(key)) for key in {*old, *new} if old.get(key) != new.get(key)}


def _said(place: Place, night: date) -> dict[Key, Any]:
    said: dict[Key, Any] = {}
    for row in place.rows(night, "findings"):
        key = ("verdict", *(row[name] for name in _FINDING))
        assert key not in said
        said[key] = row["verdict"]
    for row in place.rows(night, "cases"):
        for kind in ("fault", "state"):
            said[kind, row["case_id"], row["episode"]] = row[kind]
    return {key: value for key, value in said.items() if value is not None}


def told(changes: list[dict[str, Any]]) -> set[Key]:
    """Return the same of what the program says."""
    return {
        (
            row["kind"],
            *((row[name] for name in _FINDING) if row["kind"] == "verdict" else (row["case_id"], row["episode"])),
            row["was"],
            row["now"],
        )
        for row in changes
    }
