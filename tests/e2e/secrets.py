"""Planted personal data, and every spelling of it that must not be found outside its places (SPEC 10.4)."""

from __future__ import annotations

import base64
import re
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.parquet as pq

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

# Right check characters; the third is the legacy form of another person, the last has the reserved area.
NUMBERS = ("11010519491231002X", "440305199001015556", "110105500101123", "99999919800101001X")
NAMES = ("欧阳修竹", "阿迪力·买买提江", "王小明")
PHONES = ("13912345678", "18655501234")
# SPEC 10.4: the only places in a book that hold raw values.
ALLOWED = (re.compile(r"nights/[0-9-]+/(intake|state)/"), re.compile(r"nights/[0-9-]+/quarantine/[a-z_]+\.parquet$"))


def _base64_of(content: bytes) -> Iterator[str]:
    """The three ways in which bytes look inside a longer base64 text, without the letters that neighbours change."""
    for shift in range(3):
        whole = base64.b64encode(b"\0" * shift + content).decode()
        kept = whole[(0, 2, 3)[shift] :].rstrip("=")
        yield kept[: len(kept) - (1 if (len(content) + shift) % 3 else 0)]


def spellings(value: str) -> Iterator[tuple[str, bytes]]:
    """Every spelling of a value that gives it away: what it is called, and its bytes."""
    for encoding in ("utf-8", "gb18030", "utf-16-le"):
        yield encoding, value.encode(encoding)
    yield "reversed", value[::-1].encode()
    yield "escaped", value.encode("unicode_escape")
    utf8 = value.encode()
    yield "hex", utf8.hex().encode()
    yield "HEX", utf8.hex().upper().encode()
    yield "percent", "".join(f"%{byte:02X}" for byte in utf8).encode()
    for text in _base64_of(utf8):
        yield "base64", text.encode()
        yield "base64 for addresses", text.replace("+", "-").replace("/", "_").encode()


_NEEDLES = {
    needle: f"{kind} of secret {place}"
    for place, value in enumerate((*NUMBERS, *NAMES, *PHONES))
    for kind, needle in spellings(value)
}
_HAYSTACK = re.compile(b"|".join(re.escape(needle) for needle in sorted(_NEEDLES, key=len, reverse=True)))
# 6+4 shows the region and the check digit, and leaves about 3,300 birth dates to guess: masked so, a number is raw.
_MASKS = {
    re.compile(rb"%b[^0-9A-Za-z]{1,24}%b" % (number[:6].encode(), number[-4:].encode())): f"6+4 of secret {place}"
    for place, number in enumerate(NUMBERS)
}


def found_in(content: bytes) -> set[str]:
    """Name what is found in some bytes; never quotes it."""
    found = {_NEEDLES[match] for match in _HAYSTACK.findall(content)}
    return found | {what for mask, what in _MASKS.items() if mask.search(content)}


def cells_of(path: Path) -> bytes:
    """Return every text of a Parquet file, its metadata too, as a reader would see it."""
    table = pq.read_table(path)
    texts = [str(table.schema.metadata), *table.column_names]
    for column in table.columns:
        if pa.types.is_string(column.type) or pa.types.is_large_string(column.type):
            texts += [text for text in column.to_pylist() if text is not None]
        else:
            texts += map(str, column.to_pylist())
    return "\n".join(texts).encode()


def leaks_of(book: Path) -> list[str]:
    """Search every file of a book but the allowed ones, its name, its bytes and its cells."""
    leaks = []
    for path in sorted(book.rglob("*")):
        name = path.relative_to(book).as_posix()
        places = {f"{name}: in its name: {what}" for what in found_in(name.encode())}
        if path.is_file() and not any(allowed.match(name) for allowed in ALLOWED):
            content = path.read_bytes() + (b"\n" + cells_of(path) if name.endswith(".parquet") else b"")
            places |= {f"{name}: {what}" for what in found_in(content)}
        leaks += sorted(places)
    return leaks
