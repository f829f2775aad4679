"""Odd ID numbers that one slip of the keyboard away are a number of the registries (SPEC 4): offered, never applied."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import pyarrow as pa

if TYPE_CHECKING:
    from collections.abc import Iterator

    from creditaudit.engines import Engine

# One number has up to 199 neighbours; a night looks for those of this many numbers, the first by code point.
MOST_NUMBERS = 20_000
_AT_A_TIME = 2_000

_REGISTRIES = ("loss_reports", "invalid_cards")

_LENGTH = 18
_DIGITS = b"0123456789"
ONE_CHARACTER, SWAPPED = "one_character", "swapped_neighbours"

_Letters = npt.NDArray[np.uint8]


def suggest(engine: Engine) -> int:
    """Make ``suggestions``; returns how many odd numbers were left out because there were too many.

    Reads ``standing_accounts``, ``standing_loss_reports`` and ``standing_invalid_cards``. ``suggestions`` has one row
    per account and number that may be meant: provider_code, account_code, region_code, id_norm (odd), suggested,
    fix (``one_character``, ``swapped_neighbours``), registry (where the number has a row; both, joined by ``;``).
    """
    engine.table(
        "odd_accounts",
        "SELECT provider_code, account_code, region_code, id_norm FROM standing_accounts"
        " WHERE id_type = '10' AND id_status IN ('bad_check', 'bad_date', 'bad_form')",
    )
    # Of millions of neighbours few are anybody's number: eight bytes a number are sieve enough.
    engine.table(
        "registry_hashes",
        " UNION ".join(
            f"SELECT text_hash(id_norm) AS number FROM standing_{feed} WHERE id_status = 'ok'" for feed in _REGISTRIES
        ),
    )
    odd = engine.fetch("SELECT DISTINCT id_norm FROM odd_accounts WHERE id_norm IS NOT NULL ORDER BY id_norm")
    numbers = odd["id_norm"].to_pylist()
    chosen = numbers[:MOST_NUMBERS]
    found = [pa.schema([(name, pa.string()) for name in ("id_norm", "suggested", "fix")]).empty_table()]
    for start in range(0, len(chosen), _AT_A_TIME):
        engine.load("neighbours", neighbours(chosen[start : start + _AT_A_TIME]))
        found.append(
            engine.fetch(
                "SELECT n.* FROM neighbours AS n WHERE text_hash(n.suggested) IN (SELECT number FROM registry_hashes)"
            )
        )
    engine.load("meant_numbers", pa.concat_tables(found))
    held = " UNION ALL ".join(
        f"SELECT DISTINCT id_norm, '{feed}' AS registry FROM standing_{feed} WHERE id_status = 'ok'"
        " AND id_norm IN (SELECT suggested FROM meant_numbers)"
        for feed in _REGISTRIES
    )
    engine.table(
        "registry_numbers",
        f"SELECT id_norm, string_agg(registry, ';' ORDER BY registry) AS registry FROM ({held}) AS r GROUP BY id_norm",
    )
    engine.table(
        "suggestions",
        """
        SELECT o.provider_code, o.account_code, o.region_code, o.id_norm, m.suggested, m.fix, r.registry
        FROM odd_accounts AS o
        JOIN (SELECT id_norm, suggested, min(fix) AS fix FROM meant_numbers GROUP BY id_norm, suggested) AS m
            ON m.id_norm = o.id_norm
        JOIN registry_numbers AS r ON r.id_norm = m.suggested
        """,
    )
    engine.drop("neighbours", "meant_numbers", "odd_accounts", "registry_numbers", "registry_hashes")
    return len(numbers) - len(chosen)


def neighbours(numbers: list[str]) -> pa.Table:
    """Return the texts of 18 that one slip makes of odd numbers, without asking whether anybody has them.

    Parameters
    ----------
    numbers : list of str
        ``id_norm`` of odd numbers; those of another length than 17 to 19 have no neighbours.

    Returns
    -------
    pyarrow.Table
        id_norm, suggested, fix; one character is changed, added or left out, or two neighbours change places.
    """
    tables = [pa.schema([(name, pa.string()) for name in ("id_norm", "suggested", "fix")]).empty_table()]
    for length, slips in ((_LENGTH - 1, _added), (_LENGTH, _changed), (_LENGTH + 1, _left_out)):
        whole = [number for number in numbers if len(number) == length]
        if not whole:
            continue
        # One byte a letter: a letter that is none of ours is one slip whatever it is.
        letters = np.frombuffer("".join(whole).encode("ascii", "replace"), dtype=np.uint8).reshape(-1, length)
        given = pa.array(whole, pa.string())
        for slipped, fix in slips(letters):
            fits = _fits(slipped)
            suggested = np.ascontiguousarray(slipped[fits]).view(f"S{_LENGTH}").ravel().astype(str)
            columns = [given.filter(pa.array(fits)), pa.array(suggested, pa.string())]
            tables.append(pa.table([*columns, pa.repeat(fix, int(fits.sum()))], names=tables[0].schema.names))
    return pa.concat_tables(tables)


def _added(letters: _Letters) -> Iterator[tuple[_Letters, str]]:
    for place in range(_LENGTH):
        for letter in _letters_at(place):
            yield np.insert(letters, place, letter, axis=1), ONE_CHARACTER


def _left_out(letters: _Letters) -> Iterator[tuple[_Letters, str]]:
    for place in range(_LENGTH + 1):
        yield np.delete(letters, place, axis=1), ONE_CHARACTER


def _changed(letters: _Letters) -> Iterator[tuple[_Letters, str]]:
    for place in range(_LENGTH):
        for letter in _letters_at(place):
            changed = letters.copy()
            changed[:, place] = letter
            yield changed, ONE_CHARACTER
    for place in range(_LENGTH - 1):
        swapped = letters.copy()
        swapped[:, [place, place + 1]] = letters[:, [place + 1, place]]
        yield swapped, SWAPPED


def _letters_at(place: int) -> bytes:
    return _DIGITS + b"X" if place == _LENGTH - 1 else _DIGITS


def _fits(letters: _Letters) -> npt.NDArray[np.bool_]:
    """Which texts are 17 digits and a digit or X: no other number is in a registry."""
    digits = (letters >= _DIGITS[0]) & (letters <= _DIGITS[-1])
    fits: npt.NDArray[np.bool_] = digits[:, :-1].all(axis=1) & (digits[:, -1] | (letters[:, -1] == ord("X")))
    return fits
