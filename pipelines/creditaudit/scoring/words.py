"""The reasons of a score in words: the three features that moved a case most, zh and en (SPEC 7.4)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from creditaudit.scoring.formula import WHOLE

if TYPE_CHECKING:
    from creditaudit.scoring.features import Feature
    from creditaudit.scoring.model import Model

MOST_TERMS = 3
# Both languages stand in the published column; who sends it in one takes the other away (reports/case_cells.py).
ZH, EN, BETWEEN = "评分依据：", "score: ", " | "


def terms(model: Model, matrix: np.ndarray, contributions: np.ndarray) -> pa.Array:
    """Return for each row its three largest contributions in words, ``评分依据：… | score: …``.

    By the absolute contribution, ties in the order of the model's features; a feature that moved nothing is left out,
    and a row that none moved is NULL.
    """
    order = np.argsort(-np.abs(contributions), axis=1, kind="stable")[:, :MOST_TERMS]
    spelled = [_spelled(model, place, matrix[:, place]) for place in range(matrix.shape[1])]
    starts = np.cumsum([0, *(len(zh) for _, zh, _ in spelled)])
    codes = np.stack([code + start for (code, _, _), start in zip(spelled, starts[:-1], strict=True)], axis=1)
    chosen = np.take_along_axis(codes, order, axis=1)
    moved = np.take_along_axis(contributions, order, axis=1) != 0
    sides = []
    for side, head, between in ((1, ZH, "，"), (2, EN, ", ")):
        words = pa.array([word for entry in spelled for word in entry[side]], type=pa.string())
        parts = [words.take(pa.array(chosen[:, n], mask=~moved[:, n], type=pa.int64())) for n in range(chosen.shape[1])]
        parts[0] = parts[0].fill_null("")  # pyarrow leaves a row out of which every part is NULL
        joined = pc.binary_join_element_wise(*parts, between, null_handling="skip")
        sides.append(pc.binary_join_element_wise(head, joined, ""))
    whole = pc.binary_join_element_wise(*sides, BETWEEN)
    nothing = pa.array(~moved.any(axis=1))
    return pc.if_else(nothing, pa.scalar(None, pa.string()), whole)


def _spelled(model: Model, place: int, column: np.ndarray) -> tuple[np.ndarray, list[str], list[str]]:
    """Return the word of each row as a place in a list, and the list in zh and en; the last one is for unknown."""
    feature, edges, values = model.features[place], model.edges[place], model.values[place]
    steps = np.where(np.isnan(column), -1, np.searchsorted(edges, column, side="right"))
    if feature.levels:
        named = np.array([level for level, _, _ in feature.levels])
        code = np.where(steps < 0, -1, np.searchsorted(named, np.nan_to_num(column)))
        at = np.searchsorted(edges, named, side="right")
        zh = [f"{word} {_moved(model, values[step])}" for (_, word, _), step in zip(feature.levels, at, strict=True)]
        en = [f"{word} {_moved(model, values[step])}" for (_, _, word), step in zip(feature.levels, at, strict=True)]
    else:
        code = steps
        ranges = [_range(feature, edges, step) for step in range(len(values))]
        zh = [f"{z} {_moved(model, value)}" for (z, _), value in zip(ranges, values, strict=True)]
        en = [f"{e} {_moved(model, value)}" for (_, e), value in zip(ranges, values, strict=True)]
    return np.where(code < 0, len(zh), code), [*zh, ""], [*en, ""]


def _range(feature: Feature, edges: np.ndarray, step: int) -> tuple[str, str]:
    low = _number(edges[step - 1]) if step > 0 else None
    high = _number(edges[step]) if step < len(edges) else None
    if low is None and high is None:
        return feature.zh, feature.en
    if low is None:
        return f"{feature.zh}低于{high}", f"{feature.en} below {high}"
    if high is None:
        return f"{feature.zh}不低于{low}", f"{feature.en} at least {low}"
    return f"{feature.zh}不低于{low}且低于{high}", f"{feature.en} at least {low} and below {high}"


def _number(value: float) -> str:
    return f"{value:.0f}" if value == int(value) else f"{value:.4g}"


def _moved(model: Model, value: float) -> str:
    return f"{value / (WHOLE if model.kind == 'formula' else 1.0):+.2f}"
