"""Who gets a folder of reports, and how each reads (SPEC 10.1, 10.2)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from creditaudit.book.keys import DESTROYED, RETIRED
from creditaudit.errors import UsageError, Where
from creditaudit.reports.masks import read_mask

if TYPE_CHECKING:
    import pyarrow as pa

    from creditaudit.book.keys import Keyring
    from creditaudit.masking import Mask

INSTITUTION = "institution"
KINDS = ("pboc_liaison", INSTITUTION)
ENCODINGS = ("utf-8-sig", "gb18030")
LANGUAGES = ("zh", "en")
_LONGEST_NAME = 60  # characters, each of which may take four of the 255 bytes that a folder's name may have


@dataclass(frozen=True, slots=True)
class Recipient:
    """Who gets a folder of reports, and how it reads.

    Parameters
    ----------
    name : str
        Name of its folder.
    kind : str
        ``pboc_liaison`` or ``institution``.
    mask : Mask
    encoding, language : str
    provider_code : str or None
        Of an institution: what names another reads ``other``; None: it may read every code.
    key_id : str or None
        Key of the key file that makes its row tokens; None: the active one.
    """

    name: str
    kind: str
    mask: Mask
    encoding: str
    language: str
    provider_code: str | None = None
    key_id: str | None = None


def read_recipients(table: pa.Table) -> tuple[Recipient, ...]:
    """Check the reference table of recipients and return it, sorted by name.

    Raises
    ------
    UsageError
        A name that cannot be a folder or comes twice, or a value outside its list.
    """
    found = [_recipient(row) for row in table.to_pylist()]
    names = [r.name for r in found]
    for name in names:
        if names.count(name) > 1:
            raise _bad(name, "recipient", "the name comes twice")
    return tuple(sorted(found, key=lambda r: r.name))


def _recipient(row: dict[str, Any]) -> Recipient:
    name = row["recipient"] or ""
    if not name.isprintable() or name[:1] in {"", "."} or set(name) & {"/", "\\"} or len(name) > _LONGEST_NAME:
        raise _bad(name, "recipient", "it cannot be the name of a folder")
    kind, encoding = row["kind"], row["encoding"] or "utf-8-sig"
    language = row["language"] or "zh"
    for column, value, known in (
        ("kind", kind, KINDS),
        ("encoding", encoding, ENCODINGS),
        ("language", language, LANGUAGES),
    ):
        if value not in known:
            raise _bad(name, column, f"it must be one of {', '.join(known)}")
    if kind == INSTITUTION and not row["provider_code"]:
        raise _bad(name, "provider_code", "an institution needs one: nobody could tell which cases are its own")
    own = row["provider_code"] if kind == INSTITUTION else None
    return Recipient(name, kind, read_mask(row["id_mask"], name), encoding, language, own, row["pseudonym_key_id"])


def without_key(recipients: tuple[Recipient, ...], keys: Keyring) -> list[str]:
    """Return one sentence for each recipient whose pseudonym_key_id the key file does not have: the active key serves.

    Raises
    ------
    UsageError
        The key is retired or destroyed: nobody could answer with tokens that it makes.
    """
    states = {key.key_id: key.state for key in keys.keys}
    for recipient in recipients:
        state = states.get(recipient.key_id or "")
        if state in {RETIRED, DESTROYED}:
            raise _bad(recipient.name, "pseudonym_key_id", f"that key is {state}: no answer could give its tokens back")
    return [
        f"recipient {r.name}: the key file has no key named by its pseudonym_key_id; the active key makes its tokens"
        for r in recipients
        if r.key_id is not None and r.key_id not in states
    ]


def _bad(name: str, column: str, why: str) -> UsageError:
    return UsageError(
        "the table of recipients cannot be used",
        why=f"recipient '{name}': {why}",
        next_step="mend reference/recipients.csv in the book",
        where=Where("reference/recipients.csv", column=column),
    )
