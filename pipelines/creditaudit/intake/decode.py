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

# Larger blocks were slower: what is made of a block no longer fits the processor's cache (measured 1 to 16 MiB).
BLOCK_BYTES = 4 << 20

# A longer line cannot be held and typed in bounded memory; its file is refused with the line's number.
MAX_LINE_BYTES = 64 << 20

BYTE_ORDER_MARK = "\ufeff".encode()
LF, CR = b"\n", b"\r"

_OURS = "utf-8"


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
        self._content: _Readable = self
        if path.name.endswith(GZIP_SUFFIX):
            # gzip reads small pieces; the buffer keeps them from becoming as many system calls.
            self._content = gzip.GzipFile(fileobj=io.BufferedReader(_Raw(self), 1 << 20), mode="rb")

    def read(self, size: int = -1) -> bytes:
        """Return up to ``size`` bytes as delivered; empty at the end."""
        piece = self._file.read(size)
        self._hash.update(piece)
        self._hashed = self._hashed or not piece
        return piece

    def content(self, size: int) -> bytes:
        """Return ``size`` bytes of the content (out of gzip where it is packed); fewer only at its end.

        Raises
        ------
        UnjudgedFileError
            The gzip stream is damaged or cut off.
        """
        pieces: list[bytes] = []
        try:
            while size > 0 and (piece := self._content.read(size)):
                pieces.append(piece)
                size -= len(piece)
        except (gzip.BadGzipFile, EOFError, zlib.error) as error:
            raise UnjudgedFileError(f"the gzip stream is damaged or cut off ({type(error).__name__})") from None
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
    held = lines = 0
    while piece := delivery.content(block_bytes):
        if not end:
            end = LF if LF in piece or _has_line_feed(path, block_bytes) else CR
        elif end == CR and LF in piece:
            raise UnjudgedFileError("the file changed while it was read")
        cut = piece.rfind(end) + 1
        if cut:
            block = b"".join([*pending, piece[:cut]])
            lines += block.count(end)
            yield block, end
            pending, held = [], 0
        pending.append(piece[cut:])
        held += len(piece) - cut
        if held > MAX_LINE_BYTES:
            raise UnjudgedFileError(f"line {lines + 1} is longer than {MAX_LINE_BYTES} bytes")
    if held:
        yield b"".join(pending), end


def _has_line_feed(path: Path, block_bytes: int) -> bool:
    with opened(path) as again:
        while piece := again.content(block_bytes):
            if LF in piece:
                return True
    return False


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
        return block.decode(encoding).encode()
    except UnicodeDecodeError as error:
        raise NotThisEncodingError(offset + error.start) from None


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
