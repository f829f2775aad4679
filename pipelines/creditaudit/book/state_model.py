"""What a table of the rows in force is: columns, key, and how rows of several nights combine (SPEC 3.3, 9)."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

import pyarrow as pa


class Overlay(Enum):
    """How rows of one key from several nights combine."""

    LATEST = "latest"  # the newest night's row replaces
    FIRST = "first"  # the first accepted row stays (openings)
    ALL = "all"  # every row stays


@dataclass(frozen=True, slots=True)
class StateTable:
    """One table of the rows in force."""

    name: str
    schema: pa.Schema
    key: tuple[str, ...]
    overlay: Overlay


def text_fields(*names: str) -> list[pa.Field]:
    """Return text columns."""
    return [pa.field(n, pa.string()) for n in names]
