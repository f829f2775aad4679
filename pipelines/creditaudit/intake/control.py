"""The control file beside a delivered file: what its sender says of it (SPEC 3.1)."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import pyarrow as pa

from creditaudit.errors import UnjudgedFileError
from creditaudit.intake.cells import cells_of
from creditaudit.intake.dates import read_dates
from creditaudit.intake.landing import CONTROL_SUFFIX, open_regular

if TYPE_CHECKING:
    from datetime import date
    from pathlib import Path

MAX_CONTROL_BYTES = 1 << 20
SHA256_LETTERS = 64


@dataclass(frozen=True)
class Control:
    """What a ``.ctl`` says; the defaults are those of a file without one.

    A key that is missing proves nothing; a scope key (provider, region, business) that is null means all: the
    two are told apart by ``…_given``.

    Parameters
    ----------
    rows : int or None
        Data rows; None: not said.
    sha256 : str or None
        Lower-case hexadecimal digest of the delivered bytes; None: not said.
    kind : str
        ``full`` or ``delta``; a file without kind is a delta.
    provider_code, region_code : str or None
        Scope; None: not said, or null.
    provider_given, region_given, business_given : bool
        Whether the key is there.
    business_codes : tuple of str or None
        Scope, sorted; None: not said, or null.
    covers_from, covers_to : date or None
        Dates covered, both included; None: not said.
    """

    rows: int | None = None
    sha256: str | None = None
    kind: Literal["full", "delta"] = "delta"
    provider_code: str | None = None
    region_code: str | None = None
    business_codes: tuple[str, ...] | None = None
    covers_from: date | None = None
    covers_to: date | None = None
    provider_given: bool = False
    region_given: bool = False
    business_given: bool = False


def read_control(data_file: Path) -> Control:
    """Read the ``.ctl`` of a data file.

    Parameters
    ----------
    data_file : Path
        The data file, not the control file.

    Returns
    -------
    Control
        The defaults where there is no control file.

    Raises
    ------
    UnjudgedFileError
        The control file is not JSON, or holds a value of the wrong type.
    """
    path = data_file.with_name(data_file.name + CONTROL_SUFFIX)
    if not os.path.lexists(path):
        return Control()
    try:
        with open(open_regular(path), "rb") as file:  # noqa: PTH123 - opened by descriptor, links refused
            content = file.read(MAX_CONTROL_BYTES + 1)
    except UnjudgedFileError as error:
        raise UnjudgedFileError(f"its .ctl is {error.reason}") from error
    if len(content) > MAX_CONTROL_BYTES:
        raise UnjudgedFileError(f"its .ctl is longer than {MAX_CONTROL_BYTES} bytes")
    try:
        said = json.loads(content.decode("utf-8-sig"), object_pairs_hook=_once)
    except UnjudgedFileError:
        raise
    except (ValueError, RecursionError):
        # The parser's own message may quote the content.
        raise UnjudgedFileError("its .ctl is not JSON") from None
    if not isinstance(said, dict):
        raise UnjudgedFileError("its .ctl is not a JSON object")
    return _control(said)


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Return a JSON object; one that says a key twice says two things, and readers differ on which holds."""
    found = dict(pairs)
    if len(found) < len(pairs):
        raise UnjudgedFileError("its .ctl says a key twice")
    return found


def _control(said: dict[str, Any]) -> Control:
    kind = _text(said, "kind")
    if kind not in {None, "full", "delta"}:
        raise UnjudgedFileError("its .ctl has a kind other than full and delta")
    sha256 = _text(said, "sha256")
    if sha256 is not None and (len(sha256) != SHA256_LETTERS or not set(sha256.lower()) <= set("0123456789abcdef")):
        raise UnjudgedFileError("its .ctl has a sha256 that is not 64 hexadecimal digits")
    return Control(
        rows=_count(said, "rows"),
        sha256=None if sha256 is None else sha256.lower(),
        kind="full" if kind == "full" else "delta",
        provider_code=_text(said, "provider_code"),
        region_code=_text(said, "region_code"),
        business_codes=_texts(said, "business_codes"),
        covers_from=_date(said, "covers_from"),
        covers_to=_date(said, "covers_to"),
        provider_given="provider_code" in said,
        region_given="region_code" in said,
        business_given="business_codes" in said,
    )


def _wrong(key: str, wanted: str) -> UnjudgedFileError:
    return UnjudgedFileError(f"its .ctl has a {key} that is not {wanted}")


def _storable(text: str) -> bool:
    """Whether a text is Unicode proper (JSON can spell half a surrogate pair, which no table can hold)."""
    return not any("\ud800" <= letter <= "\udfff" for letter in text)


def _text(said: dict[str, Any], key: str) -> str | None:
    value = said.get(key)
    if value is not None and not (isinstance(value, str) and _storable(value)):
        raise _wrong(key, "text")
    return value


def _texts(said: dict[str, Any], key: str) -> tuple[str, ...] | None:
    value = said.get(key)
    if value is None:
        return None
    if not isinstance(value, list) or not all(isinstance(code, str) and _storable(code) for code in value):
        raise _wrong(key, "a list of texts")
    return tuple(sorted(set(value)))


def _count(said: dict[str, Any], key: str) -> int | None:
    value = said.get(key)
    if value is None:
        return None
    if not isinstance(value, int) or isinstance(value, bool) or value < 0:
        raise _wrong(key, "a whole number of rows")
    return value


def _date(said: dict[str, Any], key: str) -> date | None:
    """Read a date as a date column is read: a sentinel is missing, and so is what is no date, for it proves nothing."""
    text = _text(said, key)
    if text is None:
        return None
    days = read_dates(cells_of(pa.array([text], pa.string())), key)
    if days.bad[0]:
        return None
    found: date | None = days.array()[0].as_py()
    return found
