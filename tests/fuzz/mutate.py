"""Changes of bytes: single bits, pieces, words that readers know, numbers at the edges."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import random
    from collections.abc import Sequence

LARGEST = 1 << 16
WORDS = (
    b",", b'"', b'""', b"\n", b"\r\n", b"\r", b"\x00", b"\xff", b"\xef\xbb\xbf", b"\xff\xfe", b"'", b"|", b";", b"\t",
    b"=", b"=1+1", b"'; DROP TABLE x; --", b"../", b"<!DOCTYPE a [<!ENTITY b 'c'>]>", b"&b;", b"&#0;", b"]]>", b"<a>",
    b"</a>", b"{", b"}", b"[", b"]", b"[[", b"[[[[[[[[", b'{"a":', b"null", b"true", b"NaN", b"Infinity", b"-0",
    b"1e400", b"9" * 30, b"9" * 5000,
    b"-1", b"0", b"\\ud800", b"\\u0000", b"\xe4\xb8", b"\x81\x30\x81\x30", b"2026-11-20",
    b"0000-00-00", b"9999-12-31", b"99999919800101001X", b"11010519491231002X", "长期".encode(), "\u202e".encode(),
    "\u200b".encode(), "\u3000".encode(), b"PAR1", b"\x15\x00", b"\x19\xfc", b"\x7f\xff\xff\xff", b"\xff" * 8,
    b"\x80" * 9, b"SELECT", b"UNION ALL", b"(" * 200, b"\x1f\x8b\x08", b"a" * 300, b"\n\n", b"sep=;", b"====",
)  # fmt: skip


def mutated(rng: random.Random, pool: Sequence[bytes]) -> bytes:
    """Return one of the pool, changed in one to eight ways."""
    data = bytearray(rng.choice(pool))
    for _ in range(rng.choice((1, 1, 1, 2, 3, 4, 8))):
        _change(rng, data, pool)
    return bytes(data[:LARGEST])


def _change(rng: random.Random, data: bytearray, pool: Sequence[bytes]) -> None:
    at = rng.randint(0, len(data))
    length = min(len(data) - at, int(rng.expovariate(1 / 8)) + 1)
    how = rng.randrange(9)
    if how == 0 and data:
        data[min(at, len(data) - 1)] ^= 1 << rng.randrange(8)
    elif how == 1 and data:
        data[min(at, len(data) - 1)] = rng.randrange(256)
    elif how == 2:
        del data[at : at + length]
    elif how == 3:
        data[at:at] = data[at : at + length] * rng.choice((1, 2, 50))
    elif how == 4:
        data[at:at] = rng.choice(WORDS)
    elif how == 5:
        data[at : at + length] = rng.choice(WORDS)
    elif how == 6:
        other = rng.choice(pool)
        start = rng.randint(0, len(other))
        data[at : at + length] = other[start : start + rng.randint(0, 64)]
    elif how == 7:
        del data[at:]
    else:
        data[at : at + length] = bytes(rng.randrange(256) for _ in range(length))
