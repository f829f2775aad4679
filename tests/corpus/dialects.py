"""The dialects of the corpus, and a writer of each that shares nothing with the reader."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from creditaudit.intake.profile import DEFAULT_PROFILE, Profile
from creditaudit.source_settings import SourceSettings

# The last column is a required date: a row whose end is lost, or that was shifted, cannot go unseen there.
COLUMNS = (
    "provider_code",
    "account_code",
    "name",
    "id_type",
    "id_number",
    "account_type",
    "business_code",
    "opened_at",
    "currency",
    "amount",
    "closed_on",
    "status",
    "region_code",
    "report_date",
)
WIDTHS = (14, 12, 12, 4, 18, 8, 4, 19, 3, 8, 10, 2, 6, 10)
REQUIRED = ("provider_code", "account_code", "id_type", "id_number", "account_type", "opened_at", "report_date")


@dataclass(frozen=True)
class Form:
    """One way of writing a file.

    Parameters
    ----------
    name : str
    said : dict
        What the profile says of it, but feed and files; empty: the default dialect.
    encoding, end : str
    is_quoted : bool
        Every cell is written in quotes.
    """

    name: str
    said: dict[str, Any]
    encoding: str = "utf-8"
    end: str = "\n"
    is_quoted: bool = False

    @property
    def delimiter(self) -> str:
        return str(self.said.get("delimiter", ","))

    @property
    def quote(self) -> str:
        return "" if self.is_fixed else str(self.said.get("quote", '"'))

    @property
    def is_fixed(self) -> bool:
        return "widths" in self.said

    @property
    def is_multiline(self) -> bool:
        return bool(self.said.get("multiline", False))

    @property
    def has_header(self) -> bool:
        return "columns" not in self.said

    @property
    def profile(self) -> Profile:
        if not self.said:
            return DEFAULT_PROFILE
        return Profile(self.name, SourceSettings.model_validate({"feed": "accounts", "files": "*", **self.said}))

    def cells(self, row: tuple[str, ...]) -> list[str]:
        """Return a row's cells as they stand in the file."""
        if self.is_fixed:
            return [
                cell + " " * (width - (len(cell) if self.said.get("width_unit") != "bytes" else len(self.bytes(cell))))
                for cell, width in zip(row, WIDTHS, strict=True)
            ]
        if self.is_quoted:
            return [self.quote + cell.replace(self.quote, self.quote * 2) + self.quote for cell in row]
        return list(row)

    def line(self, cells: list[str]) -> str:
        return ("" if self.is_fixed else self.delimiter).join(cells)

    def bytes(self, text: str) -> bytes:
        return text.encode(self.encoding)

    def file(self, lines: list[str]) -> bytes:
        head = [self.line(self.cells(COLUMNS))] if self.has_header else []
        return self.bytes("".join(line + self.end for line in [*head, *lines]))


FIXED = {"widths": WIDTHS, "columns": COLUMNS}
FORMS = (
    Form("default", {}),
    Form("default_gb18030_crlf", {}, "gb18030", "\r\n"),
    Form("default_quoted", {}, is_quoted=True),
    Form("pipe_at", {"delimiter": "|@|", "encoding": "utf-8"}),
    Form("pipe_bang", {"delimiter": "|!", "quote": "", "columns": COLUMNS, "encoding": "gb18030"}, "gb18030", "\r\n"),
    Form("escape_cr", {"delimiter": "\x1b", "quote": ""}, end="\r"),
    Form("group_separator", {"delimiter": "\x1d", "quote": "'"}, is_quoted=True),
    Form("tab_multiline", {"delimiter": "\t", "multiline": True}, is_quoted=True),
    Form("fixed", FIXED),
    Form("fixed_bytes", {**FIXED, "width_unit": "bytes", "encoding": "gb18030"}, "gb18030", "\r\n"),
)
