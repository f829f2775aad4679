"""Tokens of a whole column, in bounded memory."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pyarrow as pa

if TYPE_CHECKING:
    from creditaudit.book.keys import Key, Keyring, Purpose

# Values that become tokens at a time: as Python's texts they take ten times the memory.
_AT_ONCE = 100_000


def token_column(
    keys: Keyring, purpose: Purpose, values: pa.ChunkedArray, *, length: int, key: Key | None = None
) -> pa.ChunkedArray:
    """Return the token of each text of a column without NULL, by the active key or another one; in its order."""
    tokens = [
        pa.array(keys.tokens(purpose, values.slice(at, _AT_ONCE).to_pylist(), length=length, key=key), pa.string())
        for at in range(0, len(values), _AT_ONCE)
    ]
    return pa.chunked_array(tokens, pa.string())
