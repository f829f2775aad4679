"""Planted personal data, and every spelling of it that must not be found outside its places (SPEC 10.4)."""

from __future__ import annotations

import base64
import gzip
import hashlib
import re
import unicodedata
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
SECRETS = (*NUMBERS, *NAMES, *PHONES)
# SPEC 10.4: the only places in a book that hold raw values; `kept/` has what stays of older nights (ADR 5).
_ROOMS = r"(intake|state)/|quarantine/[a-z_]+\.parquet$"
ALLOWED = (re.compile(rf"nights/[0-9-]+/(kept/[0-9-]+/)?({_ROOMS})"),)


def _base64_of(content: bytes) -> Iterator[str]:
    """The three ways in which bytes look inside a longer base64 text, without the letters that neighbours change."""
    for shift in range(3):
        whole = base64.b64encode(b"\0" * shift + content).decode()
        kept = whole[(0, 2, 3)[shift] :].rstrip("=")
        yield kept[: len(kept) - (1 if (len(content) + shift) % 3 else 0)]


def spellings(value: str) -> Iterator[tuple[str, bytes]]:
    """Every spelling of a value that gives it away: what it is called, and its bytes."""
    for encoding in ("utf-8", "gb18030", "utf-16-le", "utf-16-be"):
        yield encoding, value.encode(encoding)
    yield "reversed", value[::-1].encode()
    yield "escaped", value.encode("unicode_escape")
    yield "entities", "".join(f"&#{ord(letter)};" for letter in value).encode()
    yield "hex entities", "".join(f"&#x{ord(letter):x};" for letter in value).encode()
    utf8 = value.encode()
    # Whoever tries all ID numbers finds the one that has a digest made without a key.
    for digest in ("md5", "sha1", "sha256"):
        yield digest, hashlib.new(digest, utf8, usedforsecurity=False).hexdigest().encode()
    yield "hex", utf8.hex().encode()
    yield "HEX", utf8.hex().upper().encode()
    yield "percent", "".join(f"%{byte:02X}" for byte in utf8).encode()
    for text in _base64_of(utf8):
        yield "base64", text.encode()
        yield "base64 for addresses", text.replace("+", "-").replace("/", "_").encode()


_NEEDLES = {
    needle: f"{kind} of secret {place}" for place, value in enumerate(SECRETS) for kind, needle in spellings(value)
}
_HAYSTACK = re.compile(b"|".join(re.escape(needle) for needle in sorted(_NEEDLES, key=len, reverse=True)))
# 6+4 shows the region and the check digit, and leaves about 3,300 birth dates to guess: masked so, or with more shown,
# a number is raw. Of a phone 3+4 leaves 10,000.
_MASKS = {
    re.compile(
        rb"%b[0-9]{0,10}[^0-9A-Za-z]{1,24}%b" % (number[:4].encode(), number[-4:].encode())
    ): f"4+4 of secret {place}"
    for place, number in enumerate(NUMBERS)
} | {
    re.compile(
        rb"%b[0-9]{0,4}[^0-9A-Za-z]{1,24}%b" % (phone[:3].encode(), phone[-4:].encode())
    ): f"3+4 of phone {place}"
    for place, phone in enumerate(PHONES)
}
_SEPARATORS = b" \t\r\n-._/:,|'\"()"
_UNICODE_SEPARATORS = re.compile(
    r"[\s\u00ad\u00b7\u2010-\u2015\u2022\u2027\u200b-\u200f\u2060\u3000\u30fb\ufeff\uff65]"
)
_PLAIN = {
    _UNICODE_SEPARATORS.sub("", value).encode(): f"in pieces, secret {place}" for place, value in enumerate(SECRETS)
}
_PIECES = re.compile(b"|".join(map(re.escape, _PLAIN)))


def found_in(content: bytes) -> set[str]:
    """Name what is found in some bytes; never quotes it."""
    found = {_NEEDLES[match] for match in _HAYSTACK.findall(content)}
    found |= {what for mask, what in _MASKS.items() if mask.search(content)}
    return found | {_PLAIN[match] for match in _PIECES.findall(_joined(content))}


def _joined(content: bytes) -> bytes:
    """Return bytes without what may stand between the letters of a value, each letter in its usual form."""
    if not content.isascii():
        text = unicodedata.normalize("NFKC", content.decode("utf-8", "ignore"))
        content = _UNICODE_SEPARATORS.sub("", text).encode()
    return content.translate(None, _SEPARATORS)


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
            content = path.read_bytes()
            if name.endswith(".parquet"):
                content += b"\n" + cells_of(path)
            elif content.startswith(b"\x1f\x8b"):
                content = gzip.decompress(content)
            places |= {f"{name}: {what}" for what in found_in(content)}
        leaks += sorted(places)
    return leaks
