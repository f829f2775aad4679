"""Training: from sealed nights up to a cut to a model and its card; never by a night (SPEC 7.4)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from creditaudit.book.addressed import name_regions
from creditaudit.book.case_state import CASE_FACTS, CASE_LIFE, CASE_QUEUE
from creditaudit.book.inbox import MODEL, Entry, put
from creditaudit.book.reference import read
from creditaudit.book.state import open_state
from creditaudit.engines import engine_aside
from creditaudit.errors import UsageError, Where
from creditaudit.scoring.card import card_of
from creditaudit.scoring.features import as_matrix, feature_matrix
from creditaudit.scoring.lookups import freeze_lookups
from creditaudit.scoring.outcomes import labels_of, open_queued, training_rows
from creditaudit.tables import CASE_EVENTS, CASES

if TYPE_CHECKING:
    from datetime import date

    from creditaudit.book.keys import Keyring
    from creditaudit.book.layout import Book
    from creditaudit.engines import Engine
    from creditaudit.scoring.model import Model

# Fewer cases say nothing of what is unusual.
LEAST_CASES = 30


@dataclass(frozen=True)
class Trained:
    """A model and its card.

    Parameters
    ----------
    model : Model
    card : dict
    """

    model: Model
    card: dict[str, Any]

    @property
    def body(self) -> dict[str, Any]:
        """What the inbox entry holds."""
        return {"model": self.model.content(), "card": self.card, "sha256": self.model.digest}


def train_model(engine: Engine, book: Book, keys: Keyring, first: date, last: date) -> Trained:
    """Train on the cases that began from the first night on, as the book knew them when the last one was sealed.

    Nothing of a later night is read: a longer book with the same cut gives the same bytes.

    Parameters
    ----------
    engine : Engine
        One of its own: relations of the cut are named in it.
    book : Book
    keys : Keyring
        Operators, phones and handlers become tokens of its active key.
    first, last : date
        Sealed nights; ``last`` is the cut.

    Raises
    ------
    UsageError
        A night is not sealed, the nights are the wrong way round, or there are too few cases.
    """
    then = book.then(last)
    _check_nights(book, first, last)
    _open(engine, then, last)
    rows = training_rows(engine, first)
    if rows.num_rows < LEAST_CASES:
        raise UsageError(
            "no model was trained",
            why=f"{rows.num_rows} cases with facts began from {first} to {last}, and {LEAST_CASES} are needed",
            next_step="name more nights; until then the documented formula orders the queue",
            where=Where(str(book.root)),
        )
    frozen = freeze_lookups(engine, keys)
    engine.load("training_rows", rows)
    engine.table(
        "trained_facts",
        "SELECT f.* FROM training_facts AS f WHERE EXISTS (SELECT 1 FROM training_rows AS r"
        " WHERE r.provider_code = f.provider_code AND r.subject = f.subject)",
    )
    matrix = as_matrix(feature_matrix(engine, frozen.known, facts="trained_facts"))
    labels = labels_of(rows)
    from creditaudit.scoring.fit import labelled_model, tail_model  # noqa: PLC0415 - scikit-learn comes with it

    metrics: dict[str, Any] | None = None
    if labels.is_enough:
        open_queued(engine, rows, labels)
        learn = as_matrix(feature_matrix(engine, frozen.known, facts="queued_facts"))
        ids = rows["case_id"].take(labels.place).to_pylist()
        model, metrics = labelled_model(matrix, learn, labels, ids, frozen.lookups)
    else:
        model = tail_model(matrix, frozen.lookups)
    nights = [night for night in then.sealed if night >= first]
    tokens = _tokens(engine, then, keys, is_labelled=labels.is_enough)
    return Trained(model, card_of(model, matrix, nights=nights, labels=labels.card, metrics=metrics, tokens=tokens))


def _tokens(engine: Engine, book: Book, keys: Keyring, *, is_labelled: bool) -> dict[str, Any]:
    """Return what the card says of keys: in how many cases nobody can be recognised, since their key is gone."""
    there = {key.key_id for key in keys.accepted}
    made_by = {night: str(book.manifests[night]["key"]["key_id"]) for night in book.sealed}
    gone = [night.isoformat() for night, key_id in made_by.items() if key_id not in there]
    nights = ", ".join(f"DATE '{night}'" for night in gone) or "NULL"

    def unknown(facts: str) -> int:
        found = engine.fetch(
            f"SELECT count(*) AS n FROM {facts} WHERE night IN ({nights})"
            " AND COALESCE(operator_token, phone_token, handler_token) IS NOT NULL"
        )
        return int(found["n"][0].as_py())

    return {
        "key_id": keys.active.key_id,
        "keys_gone": sorted(set(made_by.values()) - there),
        "cases_unknown": unknown("trained_facts"),
        "labels_unknown": unknown("queued_facts") if is_labelled else 0,
    }


def train(book: Book, keys: Keyring, *, first: date, last: date, by: str, on: date | None) -> tuple[Trained, Entry]:
    """Train, and put model and card into the inbox as one entry; the next night takes it.

    Raises
    ------
    UsageError
        As :func:`train_model`, or nobody is named.
    """
    with engine_aside(reads=book.root) as engine:
        trained = train_model(engine, book, keys, first, last)
    reason = f"trained on {first} to {last}"
    return trained, put(book, MODEL, by=by, reason=reason, body=trained.body, on=on)


def _check_nights(book: Book, first: date, last: date) -> None:
    for night in (first, last):
        if night not in book.sealed:
            known = f"it has {book.sealed[0]} to {book.sealed[-1]}" if book.sealed else "it has none"
            raise UsageError(
                "no model was trained",
                why=f"{night} is no sealed night of this book; {known}",
                next_step="name two sealed nights",
                where=Where(str(book.root)),
            )
    if first > last:
        raise UsageError("no model was trained", why=f"{first} is after {last}", next_step="give --from before --to")


def _open(engine: Engine, book: Book, last: date) -> None:
    """Name what the book knew at the cut."""
    published = book.folder(last) / "published"
    engine.scan("training_cases", [published / "cases.parquet"], CASES)
    engine.scan("training_events", [published / "case_events.parquet"], CASE_EVENTS)
    open_state(engine, book, CASE_FACTS.name, "training_facts")
    for table in (CASE_LIFE.name, CASE_QUEUE.name, "openings", "accounts"):
        open_state(engine, book, table, f"standing_{table}")
    engine.load("institutions", read(book.folder(last) / "reference", "institutions"))
    name_regions(engine, last)
