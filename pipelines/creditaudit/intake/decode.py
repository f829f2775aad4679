"""From delivered bytes to blocks of whole UTF-8 lines, with one hash over what was delivered (SPEC 3.1)."""

from __future__ import annotations

import gzip
import hashlib
import io
import os
import zlib
from contextlib import contextmanager
from typing import TYPE_CHECKING, Protocol

import numpy as np
import pyarrow as pa

from creditaudit.errors import UnjudgedFileError
from creditaudit.intake.landing import open_regular
from creditaudit.intake.profile import GZIP_SUFFIX

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from creditaudit.intake.cells import Ints

# Larger blocks were slower: what is made of a block no longer fits the processor's cache (measured 1 to 16 MiB).
BLOCK_BYTES = 4 << 20

# A longer line cannot be held and typed in bounded memory; its file is refused with the line's number.
MAX_LINE_BYTES = 64 << 20

# What comes out of gzip: a free amount, and so many bytes for each byte delivered. Rows of codes and dates pack to a
# twentieth; a bomb comes to a thousand times its size.
_FREE_BYTES = 64 << 20
_MAX_EXPANSION = 200

BYTE_ORDER_MARK = "\ufeff".encode()
LF, CR = b"\n", b"\r"

_OURS, _CHINESE = "utf-8", "gb18030"

# In GB18030 a byte below this one is always a letter of its own, one from 0x80 on is always part of a longer one.
_NEVER_INSIDE, _BEYOND_ASCII = ord("0"), 0x80


class NotThisEncodingError(Exception):
    """The content does not decode; ``offset`` is the first byte (after gunzip) that does not."""

    def __init__(self, offset: int) -> None:
        super().__init__(f"byte {offset}")
        self.offset = offset


class _Readable(Protocol):
    def read(self, size: int = -1, /) -> bytes: ...


class Delivery:
    """The bytes of one delivered file, read once from front to back and hashed on the way.

    Parameters
    ----------
    path : Path
        A regular file; one whose name ends in ``.gz`` is taken out of gzip.

    Raises
    ------
    UnjudgedFileError
        The file cannot be opened or is no regular file.
    """

    def __init__(self, path: Path) -> None:
        self._file = os.fdopen(open_regular(path), "rb", buffering=0)
        self._hash = hashlib.sha256()
        self._hashed = False
        self._passed = 0
        self._seen_before: tuple[int, bytes] = 0, b""
        self.is_other = False
        self._content: _Readable = self
        self._unpacked = 0
        if path.name.endswith(GZIP_SUFFIX):
            # gzip reads small pieces; the buffer keeps them from becoming as many system calls.
            self._content = gzip.GzipFile(fileobj=io.BufferedReader(_Raw(self), 1 << 20), mode="rb")

    def read(self, size: int = -1) -> bytes:
        """Return up to ``size`` bytes as delivered; empty at the end."""
        piece = self._file.read(size)
        length, digest = self._seen_before
        if self._passed < length <= self._passed + len(piece):
            beginning = self._hash.copy()
            beginning.update(memoryview(piece)[: length - self._passed])
            self.is_other = beginning.digest() != digest
        self.is_other |= not piece and self._passed < length
        self._passed += len(piece)
        self._hash.update(piece)
        self._hashed = self._hashed or not piece
        return piece

    def content(self, size: int) -> bytes:
        """Return ``size`` bytes of the content (out of gzip where it is packed); fewer only at its end.

        Raises
        ------
        UnjudgedFileError
            The gzip stream is damaged or cut off, or comes to far more than was delivered.
        """
        pieces: list[bytes] = []
        try:
            while size > 0 and (piece := self._content.read(size)):
                pieces.append(piece)
                size -= len(piece)
        except (gzip.BadGzipFile, EOFError, zlib.error) as error:
            raise UnjudgedFileError(f"the gzip stream is damaged or cut off ({type(error).__name__})") from None
        if self._content is not self:
            self._unpacked += sum(map(len, pieces))
            if self._unpacked > _FREE_BYTES + _MAX_EXPANSION * self._passed:
                raise UnjudgedFileError(f"its content is more than {_MAX_EXPANSION} times the gzip file")
        return pieces[0] if len(pieces) == 1 else b"".join(pieces)

    def seekable(self) -> io.FileIO:
        """Hash the file, then return it for a format that is not read from front to back."""
        self.sha256()
        self._file.seek(0)
        return self._file

    def sha256(self) -> str:
        """Return the digest of all bytes delivered, reading those not yet read."""
        while not self._hashed:
            self.read(BLOCK_BYTES)
        return self._hash.hexdigest()

    def seen(self) -> tuple[int, bytes]:
        """Return how many bytes were read until now, and their digest."""
        return self._passed, self._hash.digest()

    def compare(self, seen: tuple[int, bytes]) -> None:
        """Set ``is_other`` if the file does not begin as an earlier reading of it saw; called before reading."""
        self._seen_before = seen

    def stamp(self) -> tuple[int, int]:
        """Return size and time of change, which tell a file that is written to while it is read."""
        state = os.fstat(self._file.fileno())
        return state.st_size, state.st_mtime_ns

    def close(self) -> None:
        """Close the file."""
        self._file.close()


class _Raw(io.RawIOBase):
    """The delivered bytes as Python's buffered reader wants them."""

    def __init__(self, delivery: Delivery) -> None:
        self._delivery = delivery

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        piece = self._delivery.read(len(buffer))
        buffer[: len(piece)] = piece
        return len(piece)


@contextmanager
def opened(path: Path) -> Iterator[Delivery]:
    """Open a delivered file and close it in the end."""
    delivery = Delivery(path)
    try:
        yield delivery
    finally:
        delivery.close()


def text_blocks(delivery: Delivery, path: Path, encoding: str, block_bytes: int) -> Iterator[tuple[bytes, bytes]]:
    """Yield a delivered text file as blocks of whole lines in UTF-8.

    Parameters
    ----------
    delivery : Delivery
        Opened anew.
    path : Path
        The same file: a file whose first block has no LF is looked through once more, to know what ends a line.
    encoding : str
        Decoded strictly; no character of it has a line end's byte inside.
    block_bytes : int
        Bytes read at a time.

    Yields
    ------
    block : bytes
        UTF-8, without a leading U+FEFF; whole lines, but the last line of the file may lack its end.
    end : bytes
        What ends a line: LF, or CR in a file without any LF.

    Raises
    ------
    NotThisEncodingError
        A byte does not decode.
    UnjudgedFileError
        Damaged gzip, or a line longer than ``MAX_LINE_BYTES``.
    """
    offset, end, start = 0, b"", True
    for block, end in _whole_lines(delivery, path, block_bytes):
        decoded = _decoded(block, encoding, offset)
        yield decoded.removeprefix(BYTE_ORDER_MARK) if start else decoded, end
        offset += len(block)
        start = False


def _whole_lines(delivery: Delivery, path: Path, block_bytes: int) -> Iterator[tuple[bytes, bytes]]:
    end = b""
    pending: list[bytes] = []
    held = passed = 0
    while piece := delivery.content(block_bytes):
        if not end:
            end = LF if LF in piece or _has_line_feed(path, block_bytes) else CR
        elif end == CR and LF in piece:
            raise UnjudgedFileError("the file changed while it was read")
        cut = piece.rfind(end) + 1
        if cut:
            block = b"".join([*pending, memoryview(piece)[:cut]])
            passed += len(block)
            yield block, end
            pending, held = [], 0
        pending.append(piece[cut:])
        held += len(piece) - cut
        if held > MAX_LINE_BYTES:
            line = _ends_before(passed, path, block_bytes, end) + 1
            raise UnjudgedFileError(f"line {line} is longer than {MAX_LINE_BYTES} bytes")
    if held:
        yield b"".join(pending), end


def _has_line_feed(path: Path, block_bytes: int) -> bool:
    with opened(path) as again:
        while piece := again.content(block_bytes):
            if LF in piece:
                return True
    return False


def _ends_before(size: int, path: Path, block_bytes: int, end: bytes) -> int:
    """Count the line ends among the first bytes of a file's content."""
    count = 0
    with opened(path) as again:
        while size > 0 and (piece := again.content(min(block_bytes, size))):
            count += piece.count(end)
            size -= len(piece)
    return count


def _decoded(block: bytes, encoding: str, offset: int) -> bytes:
    """Return a block as UTF-8.

    A block ends behind a line end, and no character of either encoding has that byte inside: so blocks decode
    one by one as the whole file would.
    """
    if encoding == _OURS:
        if not is_utf8(block):
            raise NotThisEncodingError(offset + _first_error(block, encoding))
        return block
    try:
        return from_gb18030(block) if encoding == _CHINESE else block.decode(encoding).encode()
    except UnicodeDecodeError as error:
        raise NotThisEncodingError(offset + error.start) from None


def from_gb18030(block: bytes) -> bytes:
    """Return a block as UTF-8; Python's codec, which goes letter by letter, sees only what is not ASCII.

    Two bytes above ASCII that are not neighbours, with one byte between them that cannot be inside a letter or with
    more than one byte, belong to different letters: so stretches of letters can be cut out, decoded one behind the
    other, each with a LF behind it, and put back.

    Raises
    ------
    UnicodeDecodeError
        A byte does not decode; ``start`` counts from the begin of the block.
    """
    data = np.frombuffer(block, dtype=np.uint8)
    high = np.flatnonzero(data >= _BEYOND_ASCII)
    if not len(high) or high[-1] + 2 >= len(data):
        return block.decode(_CHINESE).encode()  # nothing to do; or the last letter leaves no room for the cut behind it
    gap = np.diff(high)
    apart = np.flatnonzero((gap > 2) | ((gap == 2) & (data[high[:-1] + 1] < _NEVER_INSIDE)))  # noqa: PLR2004 - bytes of a letter
    first, last = high[np.append(0, apart + 1)], high[np.append(apart, len(high) - 1)]
    lengths = last - first + 1 + (data[last + 1] >= _NEVER_INSIDE)
    cut = data[_spread(first, lengths + 1)]
    cut[np.cumsum(lengths + 1) - 1] = ord(LF)
    try:
        decoded = np.frombuffer(cut.tobytes().decode(_CHINESE).encode(), dtype=np.uint8)
    except UnicodeDecodeError:
        return block.decode(_CHINESE).encode()  # tells the place in the block
    is_end = decoded == ord(LF)
    becoming = np.diff(np.flatnonzero(is_end), prepend=-1) - 1
    whole = np.empty(len(data) + int(becoming.sum() - lengths.sum()), dtype=np.uint8)
    there = np.ones(len(data), dtype=bool)
    there[_spread(first, lengths)] = False
    at = _spread(first + np.cumsum(becoming - lengths) - (becoming - lengths), becoming)
    whole[at] = decoded[~is_end]
    ascii_there = np.ones(len(whole), dtype=bool)
    ascii_there[at] = False
    whole[ascii_there] = data[there]
    return whole.tobytes()


def _spread(first: Ints, lengths: Ints) -> Ints:
    """Return the places of runs of bytes: ``first[0]``, ``first[0] + 1``, …, ``first[1]``, and so on."""
    before = np.cumsum(lengths) - lengths
    places: Ints = np.arange(int(lengths.sum())) + np.repeat(first - before, lengths)
    return places


def is_utf8(block: bytes) -> bool:
    """Whether bytes are strict UTF-8 (no surrogates, no overlong forms); does not hold the interpreter's lock."""
    ends = np.array([0, len(block)], dtype=np.int32)
    try:
        pa.StringArray.from_buffers(1, pa.py_buffer(ends), pa.py_buffer(block)).validate(full=True)
    except pa.ArrowInvalid:
        return False
    return True


def _first_error(block: bytes, encoding: str) -> int:
    try:
        block.decode(encoding)
    except UnicodeDecodeError as error:
        return error.start
    return 0
