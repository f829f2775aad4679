"""A frozen score: plain arrays, checked when read, with a digest; additive, so that its reasons are exact (SPEC 7.4).

A score is ``base`` plus one step value per feature; the priority is a non-decreasing broken line through fixed knots.
Step values and base are whole multiples of 2^-20, so that every sum of them is exact, in whatever order, in whatever
batch. A model is JSON and nothing else: a changed file can make a wrong number, never run code, and a changed file is
told by its digest.
"""

from __future__ import annotations

import hashlib
import json
import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from creditaudit.book.layout import night_of
from creditaudit.book.seal import canonical
from creditaudit.errors import UsageError, Where
from creditaudit.masking import each_text, numbers_hidden, without_numbers
from creditaudit.scoring.features import BY_NAME, LOOKUP_KEYS, Feature, Lookups
from creditaudit.visible import visible

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

Kind = Literal["formula", "tail", "labelled"]
FORMAT = 1
TRAINED = ("tail", "labelled")
QUANTUM = 2.0**-20
MOST_STEPS = 512
_LARGEST = 1_000_000.0  # beyond it a sum of multiples of the quantum would not be exact any more
_PLACES = 10_000  # a priority has four decimals
_PARTS = frozenset(
    ("creditaudit_model", "kind", "features", "edges", "values", "base", "knots", "levels", "lookups", "population")
)


def quantised(values: np.ndarray) -> np.ndarray:
    """Return values rounded half-even to whole multiples of 2^-20."""
    found: np.ndarray = np.rint(np.asarray(values, dtype=np.float64) / QUANTUM) * QUANTUM
    return found


@dataclass(frozen=True)
class Model:
    """A frozen additive score.

    Parameters
    ----------
    kind : {"formula", "tail", "labelled"}
    features : tuple of Feature
    edges : tuple of numpy.ndarray
        Per feature, strictly increasing; step i holds for edges[i-1] <= x < edges[i].
    values : tuple of numpy.ndarray
        Per feature one more than edges, multiples of 2^-20; unknown contributes 0.
    base : float
        Score of a case of which nothing is known.
    knots, levels : numpy.ndarray
        The priority is the broken line through (knot, level): knots strictly increasing, levels in [0, 1] and never
        falling; constant beyond the ends.
    lookups : Lookups
        What is known of other persons' accounts.
    population : mapping
        How the training cases lay, for the drift (``drift.py``).
    """

    kind: Kind
    features: tuple[Feature, ...]
    edges: tuple[np.ndarray, ...]
    values: tuple[np.ndarray, ...]
    base: float
    knots: np.ndarray
    levels: np.ndarray
    lookups: Lookups = field(default_factory=Lookups)
    population: Mapping[str, Any] = field(default_factory=dict)

    def steps(self, matrix: np.ndarray) -> np.ndarray:
        """Return the step that each cell lies in, int64 (n, k); −1: unknown."""
        found = np.empty(matrix.shape, dtype=np.int64)
        for place, edges in enumerate(self.edges):
            column = matrix[:, place]
            found[:, place] = np.where(np.isnan(column), -1, np.searchsorted(edges, column, side="right"))
        return found

    def contributions(self, matrix: np.ndarray) -> np.ndarray:
        """Return what each feature moves each score by.

        Parameters
        ----------
        matrix : numpy.ndarray
            float64 (n, k), columns as ``features``, NaN for unknown.

        Returns
        -------
        numpy.ndarray
            float64 (n, k); a row sums exactly to its score less ``base``.
        """
        steps = self.steps(matrix)
        moved = np.zeros(matrix.shape, dtype=np.float64)
        for place, values in enumerate(self.values):
            known = steps[:, place] >= 0
            moved[known, place] = values[steps[known, place]]
        return moved

    def scores(self, contributions: np.ndarray) -> np.ndarray:
        """Return ``base`` plus the contributions of each row; exact."""
        total = np.full(len(contributions), self.base, dtype=np.float64)
        for place in range(contributions.shape[1]):
            total += contributions[:, place]
        return total

    def priority(self, contributions: np.ndarray) -> np.ndarray:
        """Return the priority of each row, float64 in [0, 1], rounded half-even to four decimals."""
        return self.level(self.scores(contributions))

    def level(self, scores: np.ndarray) -> np.ndarray:
        """Return the priority of scores; row by row the same arithmetic, whatever else is in the batch."""
        if len(self.knots) == 1:
            return np.full(len(scores), _rounded(self.levels)[0])
        place = np.clip(np.searchsorted(self.knots, scores, side="right") - 1, 0, len(self.knots) - 2)
        left, right = self.knots[place], self.knots[place + 1]
        share = np.clip((scores - left) / (right - left), 0.0, 1.0)
        low, high = self.levels[place], self.levels[place + 1]
        return _rounded(np.clip(low + share * (high - low), low, high))

    def content(self) -> dict[str, Any]:
        """Return the model as plain JSON values."""
        return {
            "creditaudit_model": FORMAT,
            "kind": self.kind,
            "features": [feature.name for feature in self.features],
            "edges": [edges.tolist() for edges in self.edges],
            "values": [values.tolist() for values in self.values],
            "base": float(self.base),
            "knots": self.knots.tolist(),
            "levels": self.levels.tolist(),
            "lookups": {name: dict(table) for name, table in self.lookups.tables.items()},
            "population": dict(self.population),
        }

    @property
    def digest(self) -> str:
        """SHA-256 of the model's canonical JSON."""
        return hashlib.sha256(canonical(self.content())).hexdigest()


def _rounded(values: np.ndarray) -> np.ndarray:
    rounded: np.ndarray = np.rint(values * _PLACES) / _PLACES
    return rounded


def as_json(model: Model, card: Mapping[str, Any]) -> bytes:
    """Return a model file: the model, its card and its digest, sorted keys."""
    return canonical({"model": model.content(), "card": dict(card), "sha256": model.digest})


def read_model(data: bytes, where: str) -> tuple[Model, dict[str, Any]]:
    """Read a model file; everything in it is checked.

    Parameters
    ----------
    data : bytes
    where : str
        What to call it in an error.

    Raises
    ------
    UsageError
        It is no model, or not the one that its digest is of.
    """
    try:
        whole = json.loads(data, parse_constant=_no_constant)
    except (ValueError, RecursionError) as error:
        raise _refused(where, "it is not JSON with finite numbers") from error
    if not isinstance(whole, dict):
        raise _refused(where, "it is no JSON object")
    why = model_flaw(whole)
    if why is not None:
        raise _refused(where, why)
    return _made(whole["model"]), whole["card"]


class _FlawError(ValueError):
    """A model's content is not what a night can use; says why."""


def model_flaw(whole: Mapping[str, Any]) -> str | None:
    """Say what is wrong with a model file's content; None: it is a model that a night can use."""
    try:
        _check(whole)
    except _FlawError as flaw:
        return str(flaw)
    except (ArithmeticError, ValueError, KeyError, TypeError, RecursionError) as error:
        return f"it cannot be read ({type(error).__name__})"
    return None


def _check(whole: Mapping[str, Any]) -> None:
    content = whole.get("model")
    _want(isinstance(content, dict) and isinstance(whole.get("card"), dict), "it has no model or no card")
    assert isinstance(content, dict)  # noqa: S101 - for the type checker
    _check_card(whole["card"])
    digest = hashlib.sha256(canonical(content)).hexdigest()
    _want(digest == whole.get("sha256"), "its sha256 is not that of its model")
    is_ours = set(content) == _PARTS and content["creditaudit_model"] == FORMAT and content["kind"] in TRAINED
    _want(is_ours, "it is not a model of this version")
    _check_shape(content)
    _check_lookups(content["lookups"])
    _check_population(content["population"])
    _check_steps(_made(content))


def _check_card(card: Mapping[str, Any]) -> None:
    """Look at what a night says of the card: it is no part of the digest, and anybody may have written it."""
    canonical(card)
    _want(each_text(card, numbers_hidden) == card, "its card holds what reads as an ID number or a phone")
    json.dumps(card, allow_nan=False)
    for name in ("first", "last"):
        _want(card.get(name) is None or night_of(str(card[name])) is not None, f"its card has no date as {name}")
    _want(card.get("cases") is None or isinstance(card["cases"], int), "its card has no number of cases")


def _want(holds: bool, otherwise: str) -> None:  # noqa: FBT001
    if not holds:
        raise _FlawError(otherwise)


def _check_shape(content: Mapping[str, Any]) -> None:
    names = content["features"]
    _want(isinstance(names, list) and bool(names), "it does not list its features")
    for name in names:
        _want(isinstance(name, str) and name in BY_NAME, f"unknown feature {without_numbers(visible(str(name)))[:40]}")
    _want(len(set(names)) == len(names), "it has a feature twice")
    for part in ("edges", "values"):
        is_one_each = isinstance(content[part], list) and len(content[part]) == len(names)
        _want(is_one_each, f"it has not one list of {part} per feature")
    lists = [*content["edges"], *content["values"], content["knots"], content["levels"], [content["base"]]]
    _want(all(map(_are_numbers, lists)), "a number of it is none, or not finite")


def _are_numbers(values: object) -> bool:
    return isinstance(values, list) and all(map(_is_number, values))


def _is_number(value: object) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)


def _check_lookups(lookups: object) -> None:
    known = isinstance(lookups, dict) and set(lookups) <= set(LOOKUP_KEYS)
    _want(known, "its lookups are not those of this version")
    assert isinstance(lookups, dict)  # noqa: S101 - for the type checker
    for name, table in lookups.items():
        held = isinstance(table, dict) and all(_is_number(value) and value > 0 for value in table.values())
        _want(held, f"lookup {name} holds something else than numbers above 0")


def _check_population(population: object) -> None:
    why = "it does not say how its training cases lay"
    _want(isinstance(population, dict), why)
    assert isinstance(population, dict)  # noqa: S101 - for the type checker
    for lay in population.values():
        _want(isinstance(lay, dict) and set(lay) == {"edges", "counts"} and all(map(_are_numbers, lay.values())), why)
        _want(len(lay["counts"]) == len(lay["edges"]) + 2 and min(lay["counts"]) >= 0, why)


def _check_steps(model: Model) -> None:
    for feature, edges, values in zip(model.features, model.edges, model.values, strict=True):
        name = feature.name
        is_stepped = len(values) == len(edges) + 1 and len(values) <= MOST_STEPS and bool(np.all(np.diff(edges) > 0))
        _want(is_stepped, f"the steps of {name} are no steps")
        _want(_is_exact(values), f"a value of {name} is no multiple of 2^-20")
        rises = not feature.sign or bool(np.all(np.diff(values) * feature.sign >= 0))
        _want(rises, f"the values of {name} are not monotone in the direction that was set by hand")
        if feature.cap is not None:
            _want(bool(np.all(np.abs(values) <= feature.cap)), f"a value of {name} is beyond its cap of {feature.cap}")
    _want(_is_exact(np.array([model.base])), "its base is no multiple of 2^-20")
    knots, levels = model.knots, model.levels
    is_line = len(knots) > 0 and len(knots) == len(levels) and bool(np.all(np.diff(knots) > 0))
    _want(is_line, "its calibration is no line")
    in_range = bool(np.all(np.diff(levels) >= 0)) and levels[0] >= 0 and levels[-1] <= 1
    _want(in_range, "its calibration leaves [0, 1], or falls")


def _is_exact(values: np.ndarray) -> bool:
    return bool(np.all(quantised(values) == values) and np.all(np.abs(values) <= _LARGEST))


def _made(content: Mapping[str, Any]) -> Model:
    def arrays(lists: Sequence[Sequence[float]]) -> tuple[np.ndarray, ...]:
        return tuple(np.array(numbers, dtype=np.float64) for numbers in lists)

    return Model(
        content["kind"],
        tuple(BY_NAME[name] for name in content["features"]),
        arrays(content["edges"]),
        arrays(content["values"]),
        float(content["base"]),
        np.array(content["knots"], dtype=np.float64),
        np.array(content["levels"], dtype=np.float64),
        Lookups(content["lookups"]),
        content["population"],
    )


def _no_constant(name: str) -> float:
    raise ValueError(name)


def _refused(where: str, why: str) -> UsageError:
    return UsageError(
        "the model cannot be used",
        why=why,
        next_step="train it again with `creditaudit score train`, or restore the file from a backup",
        where=Where(where),
    )
