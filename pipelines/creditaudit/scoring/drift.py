"""How far tonight's cases lie from those of the training: population stability, by feature and of the score.

The index is the sum over classes of (p − q) · ln(p / q), where p and q are the shares of tonight's and of the training
cases; half a case is added to each class, so that an empty one does not make it infinite. By custom below 0.1 nothing
has moved, and above 0.25 the model should be trained again (Siddiqi, Credit Risk Scorecards, 2006).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from creditaudit.scoring.features import as_matrix

if TYPE_CHECKING:
    import pyarrow as pa

    from creditaudit.scoring.in_force import InForce
    from creditaudit.scoring.model import Model

CLASSES = 10
MOVED, TRAIN_AGAIN = 0.1, 0.25
_SCORE = "score"


def classes(values: np.ndarray, edges: np.ndarray) -> list[int]:
    """Count values per class: below the first edge, between edges, from the last one on; and NaN last."""
    known = values[~np.isnan(values)]
    counted = np.bincount(np.searchsorted(edges, known, side="right"), minlength=len(edges) + 1)
    return [*(int(n) for n in counted), len(values) - len(known)]


def deciles(values: np.ndarray) -> np.ndarray:
    """Return at most nine edges between classes of about equal size; each is a value that occurs."""
    known = np.sort(values[~np.isnan(values)])
    if not len(known):
        return np.array([], dtype=np.float64)
    places = [len(known) * n // CLASSES for n in range(1, CLASSES)]
    edges: np.ndarray = np.unique(known[places])
    found: np.ndarray = edges[edges > known[0]]
    return found


def population_of(names: tuple[str, ...], matrix: np.ndarray, scores: np.ndarray) -> dict[str, Any]:
    """Return how cases lay: per feature, and of the score, edges and the number of cases per class."""
    found = {}
    for name, values in [*zip(names, matrix.T, strict=True), (_SCORE, scores)]:
        edges = deciles(values)
        found[name] = {"edges": edges.tolist(), "counts": classes(values, edges)}
    return found


def stability(before: list[int], now: list[int]) -> float:
    """Return the population stability index of two counts of the same classes, rounded to four decimals."""
    p, q = (np.array(counts, dtype=np.float64) + 0.5 for counts in (now, before))
    p, q = p / p.sum(), q / q.sum()
    return round(float(np.sum((p - q) * np.log(p / q))), 4)


def scoring_summary(in_force: InForce, found: pa.Table, key_id: str) -> dict[str, Any]:
    """Return what the night says of its score, as plain JSON values.

    Parameters
    ----------
    in_force : InForce
    found : pyarrow.Table
        The features of tonight's cases.
    key_id : str
        Of the key that makes tonight's tokens.

    Returns
    -------
    dict
        model (digest; None: the formula), kind, is_new (tonight took it), trained (first and last night, cases,
        label counts; None for the formula), key_changed (tonight's key is not the one that the model knows operators,
        phones and handlers by: it knows none of them; None: not to be told), cases (with a standing finding),
        score_stability (None: not to be told),
        features (name, stability; the largest first, ties by name), moved (names above 0.25).
    """
    model, tokens = in_force.model, in_force.card.get("tokens")
    trained_by = tokens.get("key_id") if isinstance(tokens, dict) else None
    said: dict[str, Any] = {
        "model": in_force.digest,
        "kind": model.kind,
        "is_new": in_force.is_new,
        "trained": {name: in_force.card.get(name) for name in ("first", "last", "cases")} if in_force.digest else None,
        "key_changed": None if trained_by is None else trained_by != key_id,
        "cases": found.num_rows,
        "score_stability": None,
        "features": [],
        "moved": [],
    }
    if in_force.digest is not None and found.num_rows:
        by_name = _stabilities(model, found)
        said["score_stability"] = by_name.pop(_SCORE, None)
        ordered = sorted(by_name.items(), key=lambda item: (-item[1], item[0]))
        said["features"] = [{"name": name, "stability": value} for name, value in ordered]
        said["moved"] = [name for name, value in ordered if value > TRAIN_AGAIN]
    return said


def _stabilities(model: Model, found: pa.Table) -> dict[str, float]:
    matrix = as_matrix(found, model.features)
    columns = {feature.name: matrix[:, place] for place, feature in enumerate(model.features)}
    columns[_SCORE] = model.scores(model.contributions(matrix))
    return {
        name: stability(before["counts"], classes(columns[name], np.array(before["edges"], dtype=np.float64)))
        for name, before in sorted(model.population.items())
        if name in columns
    }
