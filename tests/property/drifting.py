"""What is said to have changed between two nights of a history: the difference itself, and all of it with causes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from creditaudit.book.layout import open_book
from creditaudit.drift import drift
from reference.drift import differing, told

if TYPE_CHECKING:
    from datetime import date

    from place import Place


def check_drift(place: Place, nights: tuple[date, date] | None = None, *, judged: Place | None = None) -> None:
    """Compare two nights (none named: the first and the last) with what they published.

    With ``judged`` the difference is that of another house, which lived the same history.
    """
    book = open_book(place.book)
    earlier, later = nights or (book.sealed[0], book.sealed[-1])
    found = drift(book, earlier, later)
    changes = {row["change"]: row for row in found.changes.to_pylist()}
    assert told(list(changes.values())) == differing(judged or place, earlier, later)
    causes = found.causes.to_pylist()
    assert {row["change"] for row in causes} == set(changes)
    unnamed: list[dict[str, Any]] = [changes[row["change"]] for row in causes if row["cause"] == "unnamed"]
    assert not unnamed, f"{earlier} to {later}: {unnamed}"
    for row in causes:
        assert earlier < row["night"] <= later
        if row["cause"] in {"row_new", "row_corrected", "row_withdrawn"}:
            folder, _, name = row["file"].rpartition("/")
            path = place.landing / (folder or row["night"].isoformat()) / row["feed"] / name
            assert len(path.read_text(encoding="utf-8").splitlines()) >= row["line"], row
