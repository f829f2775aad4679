"""How a delivered feed is described: columns, types, keys, and the typed table that comes of it."""

from __future__ import annotations

import enum
from dataclasses import dataclass
from functools import cached_property

import pyarrow as pa

INSTANT = pa.timestamp("us")  # zone-less, Asia/Shanghai wall clock, whole seconds


class Kind(enum.Enum):
    """Type of a delivered cell (SPEC 3.2)."""

    TEXT = "text"
    CODE = "code"
    DATE = "date"
    INSTANT = "instant"
    INT = "int"


@dataclass(frozen=True, slots=True)
class Column:
    """One delivered column.

    Parameters
    ----------
    name : str
        Header name.
    kind : Kind
        Cell type.
    required : bool
        Whether the column must be there and every cell filled.
    codes : tuple of str
        Closed list of a CODE column.
    droppable : bool
        A bad cell is set to missing and the row kept (SPEC 3.4), instead of costing the row.
    any_date : bool
        The column may hold dates outside 1949-10-01 … night + 1 day (SPEC 3.4, ``impossible_date``).
    note : str
        Unit, meaning of an empty cell, source.
    """

    name: str
    kind: Kind = Kind.TEXT
    required: bool = False
    codes: tuple[str, ...] = ()
    droppable: bool = False
    any_date: bool = False
    note: str = ""

    @property
    def is_dated(self) -> bool:
        """Whether the cells are dates or instants."""
        return self.kind in {Kind.DATE, Kind.INSTANT}

    @property
    def stem(self) -> str:
        """Name of an instant without ``_at``: the typed columns are ``<stem>_from`` and ``<stem>_to``."""
        return self.name.removesuffix("_at")


PROVENANCE: tuple[pa.Field, ...] = (
    pa.field("night", pa.date32(), nullable=False),
    pa.field("file", pa.string(), nullable=False),
    pa.field("row", pa.int64(), nullable=False),
    pa.field("line", pa.int64(), nullable=False),
    pa.field("dropped", pa.string()),
)


@dataclass(frozen=True)
class TableSpec:
    """One feed: its columns, key and deciding column (SPEC 3.2, 3.3).

    Parameters
    ----------
    name : str
        Feed name, also the folder name in a landing.
    columns : tuple of Column
        In SPEC order; the order also breaks ties when rows are reduced.
    key : tuple of str
        Columns of the *typed* table that name one row in the book.
    deciding : tuple of str
        Delivered columns that order two rows of one key; empty where none does.
    reducible : tuple of str
        Columns in which account rows of one night may differ and still be reduced to the greatest.
    grain : str
        What one row is.
    source : str
        Where the facts on this feed come from.
    """

    name: str
    columns: tuple[Column, ...]
    key: tuple[str, ...]
    deciding: tuple[str, ...] = ()
    reducible: tuple[str, ...] = ()
    grain: str = ""
    source: str = ""

    @cached_property
    def by_name(self) -> dict[str, Column]:
        """Columns by header name."""
        return {c.name: c for c in self.columns}

    @cached_property
    def required(self) -> tuple[str, ...]:
        """Names of the required columns, in order."""
        return tuple(c.name for c in self.columns if c.required)

    @cached_property
    def id_columns(self) -> tuple[str, ...]:
        """Delivered columns that hold an ID number; each has ``…_norm`` and ``…_status`` beside it."""
        return tuple(c.name for c in self.columns if c.name in ID_COLUMNS)

    @cached_property
    def schema(self) -> pa.Schema:
        """Schema of the typed table.

        Text, codes and dates keep their name; an instant ``x_at`` becomes ``x_from``, ``x_to`` (a closed
        interval of whole seconds); ``id_number`` gains ``id_norm`` and ``id_status``, ``handler_id_number``
        gains ``handler_id_norm`` and ``handler_id_status``; ``name`` gains ``name_norm`` (null: unknown is
        told by ``name_known``). Provenance (night, file, row, line) and ``dropped`` (cells set to missing, as
        ``reason:column`` joined by ``;``, else null) close the row. NULL means missing.
        """
        fields: list[pa.Field] = []
        for column in self.columns:
            fields.extend(typed_fields(column))
        return pa.schema([*fields, *PROVENANCE])

    @cached_property
    def compared(self) -> tuple[str, ...]:
        """Typed columns that decide whether two rows are identical (SPEC 3.3 b, section 12)."""
        names: list[str] = []
        for column in self.columns:
            if column.name in ID_COLUMNS:
                names.append(ID_COLUMNS[column.name][0])
            elif column.name == "name":
                names.append("name_norm")
            else:
                names.extend(f.name for f in typed_fields(column))
        return tuple(names)


# delivered column → (normalised, status)
ID_COLUMNS: dict[str, tuple[str, str]] = {
    "id_number": ("id_norm", "id_status"),
    "handler_id_number": ("handler_id_norm", "handler_id_status"),
}


def typed_fields(column: Column) -> list[pa.Field]:
    """Return the typed columns that one delivered column becomes, in order."""
    if column.name in ID_COLUMNS:
        norm, status = ID_COLUMNS[column.name]
        return [pa.field(column.name, pa.string()), pa.field(norm, pa.string()), pa.field(status, pa.string())]
    if column.name == "name":
        return [
            pa.field("name", pa.string()),
            pa.field("name_norm", pa.string()),
            pa.field("name_known", pa.bool_()),
        ]
    if column.kind is Kind.INSTANT:
        return [pa.field(f"{column.stem}_from", INSTANT), pa.field(f"{column.stem}_to", INSTANT)]
    if column.kind is Kind.DATE:
        return [pa.field(column.name, pa.date32())]
    if column.kind is Kind.INT:
        return [pa.field(column.name, pa.int64())]
    return [pa.field(column.name, pa.string())]
