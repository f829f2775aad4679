"""The model in force: that of the last sealed night, or the one that tonight takes from the inbox (SPEC 7.4, 9)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from creditaudit.book.files import storage, write_bytes
from creditaudit.book.inbox import MODEL
from creditaudit.book.seal import canonical
from creditaudit.errors import BookBrokenError, Where
from creditaudit.scoring.formula import FORMULA
from creditaudit.scoring.model import Model, as_json, model_flaw, read_model

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from creditaudit.book.inbox import Entry
    from creditaudit.book.layout import Book

MODEL_FILE = "model.json"


@dataclass(frozen=True)
class InForce:
    """What orders the queue tonight.

    Parameters
    ----------
    model : Model
        The formula, where no model is in force.
    card : dict
        The model's card; empty for the formula.
    digest : str or None
        Of the model; None: the formula.
    is_new : bool
        Whether tonight took it.
    """

    model: Model
    card: dict[str, Any]
    digest: str | None
    is_new: bool


def model_in_force(book: Book) -> InForce:
    """Return what the last sealed night scored with.

    Raises
    ------
    BookBrokenError
        Its model file is not there, or another one than that night sealed.
    UsageError
        Its model file is not what its digest says.
    """
    sealed = None if book.last is None else book.manifests[book.last].get("model")
    if book.last is None or sealed is None:
        return InForce(FORMULA, {}, None, is_new=False)
    path = book.folder(book.last) / "model" / MODEL_FILE
    if not path.is_file():
        raise _broken(path, "the model that the last night scored with is gone")
    with storage(path):
        data = path.read_bytes()
    model, card = read_model(data, str(path))
    if model.digest != sealed:
        raise _broken(path, "it is another model than the last night scored with")
    return InForce(model, card, model.digest, is_new=False)


def _broken(path: Path, why: str) -> BookBrokenError:
    return BookBrokenError(
        "the cases cannot be scored",
        why=why,
        next_step="run `creditaudit verify`, and restore the night from a backup",
        where=Where(str(path)),
    )


def model_tonight(book: Book, entries: Sequence[Entry], folder: Path) -> tuple[InForce, list[str]]:
    """Take the models of the inbox, and copy the one in force into the night.

    The last one by day counts. Of several of one day nobody can tell which was meant: all of them are refused.

    Parameters
    ----------
    book : Book
    entries : sequence of Entry
        What tonight takes of the inbox, in order.
    folder : Path
        ``model/`` of the night that is being written; without a model it is not made.

    Returns
    -------
    in_force : InForce
    refused : list of str
        One sentence for each model that tonight does not take.
    """
    found, refused = model_in_force(book), []
    offered = [entry for entry in entries if entry.kind == MODEL]
    flaws = {entry.sha256: model_flaw(entry.body) for entry in offered}
    sound = {(entry.decided_on, entry.body["sha256"]) for entry in offered if flaws[entry.sha256] is None}
    for entry in offered:
        why = flaws[entry.sha256]
        if why is None and any(day == entry.decided_on and digest != entry.body["sha256"] for day, digest in sound):
            why = "another model of the same day contradicts it"
        if why is not None:
            refused.append(f"inbox entry {entry.file_name}: {why}")
            continue
        model, card = read_model(canonical(entry.body), entry.file_name)
        found = InForce(model, card, model.digest, is_new=True)
    if found.digest is not None:
        write_bytes(folder / MODEL_FILE, as_json(found.model, found.card))
    return found, refused
