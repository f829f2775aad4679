"""From training cases to a frozen model: tails without labels, boosting without interactions with them (SPEC 7.4)."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any

import numpy as np

from creditaudit.scoring.drift import population_of
from creditaudit.scoring.features import FEATURES, NAMES, SIGNS, Lookups, with_alone
from creditaudit.scoring.model import Model, quantised
from creditaudit.scoring.tail import fit_tail

if TYPE_CHECKING:
    from collections.abc import Sequence

    from creditaudit.scoring.features import Feature
    from creditaudit.scoring.model import Kind
    from creditaudit.scoring.outcomes import Labels

_KNOTS = 257  # of the calibration
# Of the priorities, for scores above those of all training cases: a night scores older and graver cases, too, and the
# top of the queue must have an order.
_ABOVE = 0.02
_BINS = 32  # classes of a feature that boosting may cut between
_FOLDS = 5
_RESAMPLES = 400
_SEED = 20_261_120

# The one term that no tail gives: what is proven would count little where much is. By hand, so that a proven case lies
# above a lead unless much speaks for the lead; between leads it decides nothing.
VERDICT_STEPS = (np.array([1.0, 2.0]), np.array([0.0, 2.0, 4.0]))
_INTERVAL = (2.5, 97.5)  # per cent


def tail_model(matrix: np.ndarray, lookups: Lookups) -> Model:
    """Return the model that needs no labels: one frozen tail score per feature, in the direction set by hand.

    Its priority is the share of the training cases that score lower (ties count half), of the part that is not kept
    for cases that score above all of them.
    """
    fitted = fit_tail(with_alone(matrix), SIGNS)
    edges, values = list(fitted.edges), list(fitted.values)
    for place, feature in enumerate(FEATURES):
        if feature.alone is not None:  # unknown contributes nothing, and so does what it stands for
            values[place] = values[place] - values[place][0]
    edges[NAMES.index("verdict")], values[NAMES.index("verdict")] = VERDICT_STEPS
    model = _model("tail", edges, values, 0.0, lookups)
    scores = model.scores(model.contributions(matrix))
    ordered = np.sort(scores)
    distinct = np.unique(ordered)
    knots = distinct[np.unique(np.linspace(0, len(distinct) - 1, min(_KNOTS, len(distinct))).astype(np.int64))]
    below, upto = (np.searchsorted(ordered, knots, side=side) for side in ("left", "right"))
    levels = (1.0 - _ABOVE) * (below + upto) / (2 * len(ordered))
    low, high = _reach(model)
    is_open = np.array([low < knots[0], *[True] * len(knots), high > knots[-1]])
    knots, levels = np.array([low, *knots, high])[is_open], np.array([0.0, *levels, 1.0])[is_open]
    return _finished(model, matrix, scores, knots, levels)


def labelled_model(
    matrix: np.ndarray, learn: np.ndarray, labels: Labels, case_ids: Sequence[str], lookups: Lookups
) -> tuple[Model, dict[str, Any]]:
    """Return the model that learnt from confirmed outcomes, and its metrics.

    Gradient boosting in which every tree asks one feature and follows its sign, summed up exactly into steps; the
    calibration is a logistic curve through scores of cases that the fold's model had not seen.

    Parameters
    ----------
    matrix : numpy.ndarray
        Of all training cases, as of the cut: how the scores of tonight's cases will lie.
    learn : numpy.ndarray
        Of the cases with a label, in the order of ``labels``, as of the night that queued each: before its answer.
    labels : Labels
    case_ids : sequence of str
        Of the cases with a label; the folds go by them.
    lookups : Lookups
    """
    import sklearn.ensemble  # noqa: F401, PLC0415 - only training loads it; its threads must be there to be limited
    from threadpoolctl import threadpool_limits  # noqa: PLC0415 - comes with scikit-learn, which needs it

    # One thread: sums of several may differ in the last digit, and on a busy machine they wait for each other.
    with threadpool_limits(limits=1):
        return _learnt(matrix, learn, labels, case_ids, lookups)


def _learnt(
    matrix: np.ndarray, learn: np.ndarray, labels: Labels, case_ids: Sequence[str], lookups: Lookups
) -> tuple[Model, dict[str, Any]]:
    edges = tuple(_class_edges(column, feature) for column, feature in zip(learn.T, FEATURES, strict=True))
    codes = _codes(with_alone(learn), edges)
    fold = np.array([hashlib.sha256(case_id.encode()).digest()[0] % _FOLDS for case_id in case_ids])
    unseen = np.zeros(len(codes))
    for n in range(_FOLDS):
        inside = fold == n
        if inside.any():
            base, values = _boosted(codes[~inside], labels.label[~inside], labels.weight[~inside], edges)
            part = _model("labelled", edges, values, base, lookups)
            unseen[inside] = part.scores(part.contributions(learn[inside]))
    base, values = _boosted(codes, labels.label, labels.weight, edges)
    model = _model("labelled", edges, values, base, lookups)
    scores = model.scores(model.contributions(matrix))
    slope, shift = _logistic(unseen, labels)
    low, high = _reach(model)
    known = np.linspace(scores.min(), scores.max(), _KNOTS)
    knots = np.unique(np.concatenate([np.linspace(low, known[0], _KNOTS), known, np.linspace(known[-1], high, _KNOTS)]))
    levels = np.maximum.accumulate(1.0 / (1.0 + np.exp(-(slope * knots + shift))))
    return _finished(model, matrix, scores, knots, levels), _metrics(unseen, labels)


def _model(
    kind: Kind, edges: Sequence[np.ndarray], values: Sequence[np.ndarray], base: float, lookups: Lookups
) -> Model:
    exact = []
    for feature, moved in zip(FEATURES, values, strict=True):
        capped = moved if feature.cap is None else np.clip(moved, -feature.cap, feature.cap)
        exact.append(quantised(capped))
    flat = np.array([0.0]), np.array([0.5])
    return Model(
        kind, FEATURES, tuple(edges), tuple(exact), float(quantised(np.array([base]))[0]), *flat, lookups=lookups
    )


def _reach(model: Model) -> tuple[float, float]:
    """Return the least and the greatest score that there can be; what is unknown contributes nothing."""
    low = sum(min(0.0, float(values.min())) for values in model.values)
    high = sum(max(0.0, float(values.max())) for values in model.values)
    return model.base + low, model.base + high


def _finished(model: Model, matrix: np.ndarray, scores: np.ndarray, knots: np.ndarray, levels: np.ndarray) -> Model:
    lay = population_of(NAMES, matrix, scores)
    return Model(model.kind, model.features, model.edges, model.values, model.base, knots, levels, model.lookups, lay)


def _class_edges(column: np.ndarray, feature: Feature) -> np.ndarray:
    """Return edges between classes of about equal size of what is known; being alone is a class of its own."""
    known = np.sort(column[~np.isnan(column)])
    if not len(known):
        return np.array([], dtype=np.float64)
    edges: np.ndarray = np.unique(known[[len(known) * n // _BINS for n in range(_BINS)]])
    return np.array(edges[edges > (known[0] if feature.alone is None else feature.alone)])


def _codes(matrix: np.ndarray, edges: Sequence[np.ndarray]) -> np.ndarray:
    """Return the class of each cell as a number, NaN for unknown."""
    codes = np.empty(matrix.shape)
    for place, cuts in enumerate(edges):
        column = matrix[:, place]
        codes[:, place] = np.where(np.isnan(column), np.nan, np.searchsorted(cuts, column, side="right"))
    return codes


def _boosted(
    codes: np.ndarray, label: np.ndarray, weight: np.ndarray, edges: Sequence[np.ndarray]
) -> tuple[float, list[np.ndarray]]:
    """Return base and steps: what the boosted model says of a case of which nothing, or one feature, is known."""
    from sklearn.ensemble import HistGradientBoostingClassifier  # noqa: PLC0415 - only training loads it

    asked = [place for place, column in enumerate(codes.T) if len(np.unique(column[~np.isnan(column)])) > 1]
    if not asked:  # nothing tells the cases apart
        share = float(weight @ label / weight.sum())
        return float(np.log(share / (1 - share))), [np.zeros(len(cuts) + 1) for cuts in edges]
    booster = HistGradientBoostingClassifier(
        interaction_cst="no_interactions",
        monotonic_cst=[SIGNS[place] for place in asked],
        max_iter=100,
        learning_rate=0.1,
        max_leaf_nodes=8,
        min_samples_leaf=10,
        l2_regularization=1.0,
        early_stopping=False,
        random_state=_SEED,
    )
    booster.fit(codes[:, asked], label, sample_weight=weight / weight.mean())
    nothing = [np.nan if FEATURES[place].alone is None else 0.0 for place in asked]  # class 0 is being alone
    blocks = [np.array([nothing])]
    for nth, place in enumerate(asked):
        block = np.tile(nothing, (len(edges[place]) + 1, 1))
        block[:, nth] = np.arange(len(block))
        blocks.append(block)
    said = np.split(booster.decision_function(np.concatenate(blocks)), np.cumsum([len(block) for block in blocks])[:-1])
    base, values = float(said[0][0]), [np.zeros(len(cuts) + 1) for cuts in edges]
    for place, raw in zip(asked, said[1:], strict=True):
        sign = SIGNS[place]
        values[place] = np.maximum.accumulate((raw - base) * sign) * sign if sign else raw - base
    return base, values


def _logistic(scores: np.ndarray, labels: Labels) -> tuple[float, float]:
    """Return slope and shift of the probability of a score; the slope never falls below 0."""
    from sklearn.linear_model import LogisticRegression  # noqa: PLC0415 - only training loads it

    fitted = LogisticRegression().fit(scores[:, np.newaxis], labels.label, sample_weight=labels.weight)
    return max(0.0, float(fitted.coef_[0, 0])), float(fitted.intercept_[0])


def _metrics(unseen: np.ndarray, labels: Labels) -> dict[str, Any]:
    """Return AUROC and its bootstrap interval, of scores by models that had not seen the case."""
    rng = np.random.default_rng(_SEED)
    found = []
    for _ in range(_RESAMPLES):
        drawn = rng.integers(0, len(unseen), len(unseen))
        if 0 < labels.label[drawn].sum() < len(drawn):
            found.append(_auroc(unseen[drawn], labels.label[drawn], labels.weight[drawn]))
    low, high = np.percentile(found, _INTERVAL)
    return {
        "measure": f"AUROC over {_FOLDS} folds, weighted, each case scored by a model that had not seen it",
        "auroc": round(_auroc(unseen, labels.label, labels.weight), 4),
        "interval_95": [round(float(low), 4), round(float(high), 4)],
        "resamples": _RESAMPLES,
    }


def _auroc(scores: np.ndarray, label: np.ndarray, weight: np.ndarray) -> float:
    """Return the weighted share of (theft, holder) pairs in the right order; ties count half."""
    _, rank = np.unique(scores, return_inverse=True)
    thefts = np.bincount(rank, weights=weight * label)
    holders = np.bincount(rank, weights=weight * (1 - label))
    below = np.cumsum(holders) - holders
    return float((thefts * (below + holders / 2)).sum() / (thefts.sum() * holders.sum()))
