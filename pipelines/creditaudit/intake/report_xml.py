"""Personal credit reports in the bureau's XML form (SPEC 3.1, ``pbc2-report-xml``): one file, one person.

An envelope holds the report in base64. Both are XML, both are read as UTF-8 or else as GB18030, whatever they declare.
The parser takes no document type: no entity is ever defined, nothing outside the file is ever asked for.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NoReturn
from xml.parsers import expat

import numpy as np

from creditaudit.errors import UnjudgedFileError
from creditaudit.intake.decode import BYTE_ORDER_MARK
from creditaudit.intake.identity import normalise_id
from creditaudit.intake.profile import ENCODINGS
from creditaudit.intake.readmission import block_of

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from creditaudit.feeds import TableSpec
    from creditaudit.intake.blocks import RowBlock
    from creditaudit.intake.decode import Delivery

# A report of a person with hundreds of accounts is a few megabytes; more is no report.
MAX_BYTES = 32 << 20
MAX_DEPTH = 32
MAX_ELEMENTS = 500_000

_HEADER = b"B2.0.0"  # the fixed-width line that some front ends leave before the envelope
_SUCCESS = "AAA000"
_RESULT = re.compile(r"[A-Z0-9]{1,12}", re.ASCII)
_BLANKS = " \t\r\n"

# Column and where a report has it; of several, the first that is filled. What is not listed a report does not have.
_ACCOUNT_CELLS: dict[str, tuple[str, ...]] = {
    "provider_code": ("PD01AI02",),
    "account_code": ("PD01AI03",),
    "account_type": ("PD01AD01",),
    "business_code": ("PD01AD03",),
    "opened_at": ("PD01AR01",),
    "currency": ("PD01AD04",),
    "amount": ("PD01AJ01", "PD01AJ02"),
    "balance": ("PD01BJ01",),
    "status": ("PD01BD01",),
    "closed_on": ("PD01BR01",),
}
_PERSON_CELLS = {"name": "PA01BQ01", "id_type": "PA01BD01", "id_number": "PA01BI01"}

# A stand-in is made with effort, so that nobody tries all ID numbers to find whose it is.
_ROUNDS = 20_000
_SALT = b"creditaudit/pbc2-report-xml/1"
_STAND_IN_DIGITS = 24


@dataclass
class _Node:
    """One element: its name, what it holds, and its line."""

    tag: str
    line: int
    children: list[_Node] = field(default_factory=list)
    pieces: list[str] = field(default_factory=list)

    @property
    def text(self) -> str:
        return "".join(self.pieces).strip(_BLANKS)

    def all(self, tag: str) -> Iterator[_Node]:
        """Yield the elements of that name, at any depth, in the document's order."""
        for child in self.children:
            if child.tag == tag:
                yield child
            else:
                yield from child.all(tag)

    def cell(self, *tags: str) -> str:
        """Return the text of the first of these elements that is filled; empty: none is."""
        texts = (node.text for tag in tags for node in self.all(tag))
        return next((text for text in texts if text), "")


class ReportSource:
    """One report, read for one feed.

    Parameters
    ----------
    spec : TableSpec
        ``accounts`` or ``fraud_alerts``.
    """

    unknown_columns: tuple[str, ...] = ()

    def __init__(self, spec: TableSpec) -> None:
        self._spec = spec
        self.encoding = ENCODINGS[0]
        self.remarks: tuple[str, ...] = ()
        self.stand_ins = 0

    def blocks(self, delivery: Delivery, path: Path) -> Iterator[RowBlock]:  # noqa: ARG002 - as CsvSource has it
        """Yield the report's rows; a row's line is that of its element within the report.

        Raises
        ------
        UnjudgedFileError
            It is too large, no such XML, has a document type, or says success and holds no report.
        """
        yield from self.read(delivery.content(MAX_BYTES + 1))

    def read(self, content: bytes) -> Iterator[RowBlock]:
        """Yield the rows of a report that is held whole, as :meth:`blocks` does."""
        report = self._report(content)
        if report is None:
            return
        found = self._accounts(report) if self._spec.name == "accounts" else _alerts(report)
        if not found:
            return
        columns = [c.name for c in self._spec.columns]
        rows = [[cells.get(name, "") for name in columns] for _, cells in found]
        yield block_of(columns, rows, first_row=1, lines=np.array([line for line, _ in found], dtype=np.int64))

    def _report(self, content: bytes) -> _Node | None:
        """Open the envelope; None where the bureau answered without a report."""
        if len(content) > MAX_BYTES:
            raise UnjudgedFileError(f"longer than {MAX_BYTES} bytes")
        content = content.removeprefix(BYTE_ORDER_MARK)
        if content.startswith(_HEADER):
            content = content.partition(b"\n")[2]
        envelope, self.encoding = _parsed(content, "the envelope")
        message = next(envelope.all("Msg"), None)
        if message is None:
            raise UnjudgedFileError("the envelope has no Msg")
        result = message.cell("ResultCode")
        if result != _SUCCESS:
            shown = result if _RESULT.fullmatch(result) else "of another form"
            self.remarks = (f"no report: result code {shown}",)
            return None
        try:
            inner = base64.b64decode("".join(message.cell("ReportMessage").split()).encode(), validate=True)
        except (binascii.Error, ValueError):
            raise UnjudgedFileError("its ReportMessage is not base64") from None
        report, self.encoding = _parsed(inner.removeprefix(BYTE_ORDER_MARK), "the report")
        if not any(True for _ in report.all("PA01")):
            raise UnjudgedFileError("the report has no head (PA01)")
        return report

    def _accounts(self, report: _Node) -> list[tuple[int, dict[str, str]]]:
        head = next(report.all("PA01"))
        person = {column: head.cell(tag) for column, tag in _PERSON_CELLS.items()}
        person["report_date"] = _day(head.cell("PA01AR01"))
        equals: Counter[tuple[str, ...]] = Counter()
        found = []
        for account in report.all("PD01"):
            cells = {column: account.cell(*tags) for column, tags in _ACCOUNT_CELLS.items()}
            if not cells["account_code"]:
                key = tuple(cells[c] for c in ("provider_code", "opened_at", "account_type", "currency", "amount"))
                equals[key] += 1
                cells["account_code"] = stand_in(person["id_number"], *key, str(equals[key]))
            found.append((account.line, cells | person))
        self.stand_ins = equals.total()
        return found


def stand_in(id_number: str, *parts: str) -> str:
    """Return what stands for a mark that the report does not have: the same for the same things on every day.

    ``NOMARK-`` and the first 24 hexadecimal digits of PBKDF2-HMAC-SHA256 (20,000 rounds, a fixed salt) over the
    person's id_norm and the parts, joined by U+001F.
    """
    number = normalise_id(id_number)[0] if id_number else ""
    digest = hashlib.pbkdf2_hmac("sha256", "\x1f".join((number, *parts)).encode(), _SALT, _ROUNDS)
    return f"NOMARK-{digest.hex()[:_STAND_IN_DIGITS]}"


def _alerts(report: _Node) -> list[tuple[int, dict[str, str]]]:
    head = next(report.all("PA01"))
    number = head.cell(_PERSON_CELLS["id_number"])
    found = []
    for alert in head.all("PA01D"):
        if not alert.children:
            continue  # an empty element: the bureau has no alert to tell of
        start, end = _day(alert.cell("PA01DR01")), _day(alert.cell("PA01DR02"))
        cells = {"id_number": number, "effective_from": start, "effective_to": end}
        found.append((alert.line, cells | {"alert_id": stand_in(number, "alert", start)}))
    return found


def _day(text: str) -> str:
    """Return the date of a report's time."""
    return text.partition("T")[0]


def _parsed(content: bytes, what: str) -> tuple[_Node, str]:
    """Parse XML; returns its root, and the encoding in which it decodes."""
    for encoding in ENCODINGS:
        try:
            text = content.decode(encoding)
        except UnicodeDecodeError:
            continue
        return _Parsing(what).run(text), encoding
    raise UnjudgedFileError(f"{what} is neither UTF-8 nor GB18030")


class _Parsing:
    """The parsing of one document into a tree of bounded depth and size."""

    def __init__(self, what: str) -> None:
        self._what = what
        self._elements = 0
        self._open: list[_Node] = [_Node("", 0)]
        # An encoding given here replaces the one that the document declares.
        self._parser = expat.ParserCreate("utf-8")
        self._parser.buffer_text = True
        self._parser.StartElementHandler = self._start
        self._parser.EndElementHandler = self._end
        self._parser.CharacterDataHandler = self._text
        self._parser.StartDoctypeDeclHandler = self._refuse
        self._parser.EntityDeclHandler = self._refuse
        self._parser.ExternalEntityRefHandler = self._refuse

    def run(self, text: str) -> _Node:
        try:
            self._parser.Parse(text.strip(_BLANKS).encode(), True)  # noqa: FBT003 - the parser's own signature
        except expat.ExpatError as error:
            reason = expat.ErrorString(error.code)
            raise UnjudgedFileError(f"{self._what} is not XML: line {error.lineno}: {reason}") from None
        return self._open[0].children[0]

    def _start(self, tag: str, _: dict[str, str]) -> None:
        self._elements += 1
        if len(self._open) > MAX_DEPTH or self._elements > MAX_ELEMENTS:
            raise UnjudgedFileError(f"{self._what} has more than {MAX_DEPTH} levels or {MAX_ELEMENTS} elements")
        node = _Node(tag, self._parser.CurrentLineNumber)
        self._open[-1].children.append(node)
        self._open.append(node)

    def _end(self, _: str) -> None:
        self._open.pop()

    def _text(self, text: str) -> None:
        self._open[-1].pieces.append(text)

    def _refuse(self, *_: object) -> NoReturn:
        raise UnjudgedFileError(f"{self._what} has a document type or entity, which no report has")
