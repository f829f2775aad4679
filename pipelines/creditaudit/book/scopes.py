"""What a full delivery speaks for, as one text: equal texts are equal scopes (SPEC 3.1, 8.3)."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

BETWEEN = "\x1f"


def scope_text(provider: str | None, region: str | None, business: Iterable[str] | None) -> str | None:
    """Return a stated scope as text: provider, region and business codes (sorted, joined by ``;``), ``BETWEEN`` them.

    None means all, and is an empty part. A part that is given and empty speaks for nothing: then None is returned.
    """
    codes = None if business is None else ";".join(sorted(set(business)))
    parts = (provider, region, codes)
    return None if "" in parts else BETWEEN.join(part or "" for part in parts)
