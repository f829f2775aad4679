"""The frozen model: exact, monotone, checked when read."""

from __future__ import annotations

import json
from functools import cache
from typing import Any

import numpy as np
import pytest

from creditaudit.book.seal import canonical
from creditaudit.errors import UsageError
from creditaudit.scoring.features import FEATURES, NAMES, Lookups
from creditaudit.scoring.fit import labelled_model, tail_model
from creditaudit.scoring.formula import FORMULA
from creditaudit.scoring.model import Model, as_json, read_model
from creditaudit.scoring.outcomes import Labels
from creditaudit.scoring.words import terms

ROWS = 400


def cases(seed: int = 1, rows: int = ROWS) -> np.ndarray:
    rng = np.random.default_rng(seed)
    matrix = rng.exponential(2.0, (rows, len(FEATURES)))
    matrix[:, NAMES.index("verdict")] = rng.integers(0, 3, rows)
    matrix[:, NAMES.index("phase")] = rng.integers(0, 3, rows)
    matrix[rng.random(matrix.shape) < 0.2] = np.nan
    return matrix


def labels(matrix: np.ndarray) -> Labels:
    """Half of the cases have a label; thefts come soon after the loss and at many institutions."""
    place = np.arange(0, len(matrix), 2)
    risk = np.nan_to_num(matrix[:, NAMES.index("institutions_30d")]) - np.nan_to_num(matrix[:, 0])
    return Labels(place, (risk[place] > np.median(risk)).astype(float), np.ones(len(place)), {})


def learnt_from(matrix: np.ndarray) -> tuple[Model, dict[str, Any]]:
    known = labels(matrix)
    return labelled_model(matrix, matrix[known.place], known, [str(n) for n in known.place], Lookups())


@cache
def learnt() -> tuple[Model, dict[str, Any]]:
    return learnt_from(cases())


@pytest.fixture(scope="module", params=["tail", "labelled"])
def model(request: pytest.FixtureRequest) -> Model:
    matrix = cases()
    if request.param == "tail":
        return tail_model(matrix, Lookups({"operator_hits": {"t": 0.5}}))
    return learnt()[0]


def test_reasons_sum_up_exactly_to_the_distance_from_the_base(model: Model) -> None:
    moved = model.contributions(cases(2))
    scores = model.scores(moved)
    assert (scores - model.base == moved.sum(axis=1)).all()
    assert (scores - model.base == moved[:, ::-1].sum(axis=1)).all()  # in whatever order


def test_a_score_does_not_hang_on_the_rest_of_the_batch(model: Model) -> None:
    matrix = cases(3)
    together = model.priority(model.contributions(matrix))
    alone = [model.priority(model.contributions(matrix[n : n + 1]))[0] for n in range(ROWS)]
    assert together.tolist() == alone
    assert ((together >= 0) & (together <= 1)).all()
    assert (np.round(together, 4) == together).all()


def test_each_feature_keeps_the_direction_that_was_set_by_hand(model: Model) -> None:
    for place, feature in enumerate(FEATURES):
        rising = np.full((50, len(FEATURES)), np.nan)
        rising[:, place] = np.linspace(-1, 20, 50)
        found = model.priority(model.contributions(rising))
        assert (np.diff(found) * feature.sign >= 0).all(), feature.name


def test_cases_above_all_those_trained_on_keep_their_order() -> None:
    """A night scores older and graver cases, too: the top of the queue must not go by institution."""
    leads = cases()[:60]
    leads[:, NAMES.index("verdict")] = 0
    model = tail_model(leads, Lookups())
    moved = model.contributions(leads)
    graver = leads[[int(model.scores(moved).argmax())] * 3]
    graver[:, NAMES.index("verdict")] = [0, 1, 2]
    top, *above = model.priority(model.contributions(graver))
    assert model.priority(moved).max() == top < above[0] < above[1] <= 1
    best, worst = (np.array([[side * feature.sign * 1e6 for feature in FEATURES]]) for side in (1, -1))
    assert model.priority(model.contributions(best))[0] == 1
    assert model.priority(model.contributions(worst))[0] < model.priority(moved).min()


def test_arrears_are_one_capped_term(model: Model) -> None:
    assert sum("overdue" in name for name in NAMES) == 1
    assert np.abs(model.values[NAMES.index("overdue")]).max() <= 1.0


def test_the_unknown_contributes_nothing(model: Model) -> None:
    nothing = np.full((1, len(FEATURES)), np.nan)
    assert not model.contributions(nothing).any()
    assert model.scores(model.contributions(nothing))[0] == model.base


def test_a_model_is_read_as_it_was_written(model: Model) -> None:
    read, card = read_model(as_json(model, {"kind": model.kind}), "model.json")
    assert read.content() == model.content()
    assert read.digest == model.digest
    assert card == {"kind": model.kind}
    matrix = cases(4)
    assert (read.contributions(matrix) == model.contributions(matrix)).all()


def test_training_twice_gives_the_same_bytes_whatever_the_order_of_rows() -> None:
    matrix = cases()
    assert tail_model(matrix, Lookups()).content() == tail_model(matrix[::-1], Lookups()).content()
    again = learnt_from(matrix)
    first = learnt()
    assert as_json(first[0], first[1]) == as_json(again[0], again[1])


def test_a_feature_that_nobody_knows_or_that_is_the_same_everywhere_teaches_nothing() -> None:
    matrix = cases()
    matrix[:, NAMES.index("handler_people")] = np.nan
    matrix[:, NAMES.index("evidence")] = 2.0
    model, _ = learnt_from(matrix)
    for name in ("handler_people", "evidence"):
        assert not model.values[NAMES.index(name)].any()
    read_model(as_json(model, {}), "model.json")


def test_labels_teach_and_are_measured_on_cases_not_seen() -> None:
    matrix = cases()
    model, metrics = learnt()
    low, high = metrics["interval_95"]
    assert 0.7 < low <= metrics["auroc"] <= high <= 1
    found = model.priority(model.contributions(matrix))[labels(matrix).place]
    assert found[labels(matrix).label == 1].mean() > found[labels(matrix).label == 0].mean() + 0.3


def _broken(path: tuple[Any, ...], value: object) -> dict[str, Any]:
    whole: dict[str, Any] = json.loads(as_json(tail_model(cases(), Lookups()), {}))
    part = whole
    for step in path[:-1]:
        part = part[step]
    part[path[-1]] = value
    return whole


def _sealed(whole: dict[str, Any]) -> dict[str, Any]:
    import hashlib  # noqa: PLC0415

    return {**whole, "sha256": hashlib.sha256(canonical(whole["model"])).hexdigest()}


@pytest.mark.parametrize(
    ("path", "value", "why"),
    [
        (("model", "features", 0), "sex", "unknown feature sex"),
        (("model", "kind"), "pickle", "not a model of this version"),
        (("model", "values", 1), [0.0], "the steps of phase are no steps"),
        (("model", "edges", 0), [3.0, 1.0], "the steps of days_from_loss are no steps"),
        (("model", "base"), "0", "a number of it is none"),
        (("model", "base"), 0.1, "its base is no multiple"),
        (("model", "knots"), [1.0, 1.0], "its calibration is no line"),
        (("model", "levels", 0), 2.0, "its calibration leaves"),
        (("model", "lookups"), {"id_number": {"x": 1.0}}, "its lookups are not those"),
        (("model", "lookups"), {"phone_people": {"x": -1.0}}, "holds something else than numbers above 0"),
        (("model", "population"), {"phase": {"edges": [1.0], "counts": [1.0]}}, "how its training cases lay"),
        (("card",), None, "no model or no card"),
        (("card",), {"seen": [{"remark": "asked by 139 1234 5678"}]}, "ID number or a phone"),
    ],
)
def test_a_model_that_is_none_is_refused_in_words(path: tuple[Any, ...], value: object, why: str) -> None:
    with pytest.raises(UsageError, match=why):
        read_model(canonical(_sealed(_broken(path, value))), "model.json")


def test_values_against_the_sign_and_beyond_the_cap_are_refused() -> None:
    whole = _broken(("model", "kind"), "tail")
    place = NAMES.index("channel")
    whole["model"]["edges"][place], whole["model"]["values"][place] = [1.0], [1.0, 0.0]
    with pytest.raises(UsageError, match="channel are not monotone"):
        read_model(canonical(_sealed(whole)), "model.json")
    whole = _broken(("model", "kind"), "tail")
    place = NAMES.index("overdue")
    whole["model"]["edges"][place], whole["model"]["values"][place] = [1.0], [0.0, 2.0]
    with pytest.raises(UsageError, match="overdue is beyond its cap"):
        read_model(canonical(_sealed(whole)), "model.json")


@pytest.mark.parametrize("data", [b"\x80\x04K\x01.", b"[]", b'{"model":{"base":NaN},"card":{},"sha256":""}'])
def test_bytes_that_are_no_model_are_refused(data: bytes) -> None:
    with pytest.raises(UsageError, match="the model cannot be used"):
        read_model(data, "model.json")


def test_the_formula_in_points() -> None:
    """docs/scoring.md: verdict, tier, amount, days; four decimals without rounding."""
    nan = float("nan")
    asked = np.array(
        [
            [2.0, 1.0, 1_000_000.0, 0.0],  # R101 violation, a million, the same day
            [2.0, 10.0, nan, nan],  # R105 violation
            [1.0, 11.0, 999.0, 366.0],  # R101 undecidable
            [0.0, 21.0, 50_000.0, 30.0],  # R102 lead
            [0.0, 31.0, nan, nan],  # R103 lead
        ]
    )
    assert FORMULA.priority(FORMULA.contributions(asked)).tolist() == [0.99, 0.6, 0.44, 0.40, 0.1]


def test_terms_are_the_three_that_moved_most_in_both_languages() -> None:
    asked = np.array([[2.0, 1.0, 60_000.0, 3.0], [0.0, 31.0, float("nan"), float("nan")]])
    said = terms(FORMULA, asked, FORMULA.contributions(asked)).to_pylist()
    assert said[0] == (
        "评分依据：规则判断为违规 +0.60，丢失或挂失到开户的天数低于8 +0.15，规则强度次序第1位 +0.09"
        " | score: a violation by the rules +0.60, days from the loss or report to the opening below 8 +0.15,"
        " place 1 in the order of rules +0.09"
    )
    assert said[1] == "评分依据：规则判断为线索 +0.10 | score: a lead by the rules +0.10"


def test_a_case_that_nothing_moved_has_no_terms_and_the_others_keep_theirs(model: Model) -> None:
    matrix = cases(5)[:3]
    matrix[1] = np.nan
    moved = model.contributions(matrix)
    said = terms(model, matrix, moved).to_pylist()
    assert said[1] is None
    assert [word is None for word in said] == (~moved.any(axis=1)).tolist()
    assert said == [terms(model, matrix[n : n + 1], moved[n : n + 1]).to_pylist()[0] for n in range(3)]


def test_every_feature_is_documented_in_both_languages() -> None:
    for feature in FEATURES:
        assert feature.sign in {-1, 0, 1}
        assert feature.reason
        assert feature.unknown
        assert feature.unit
        words = [feature.zh, feature.en, *(word for level in feature.levels for word in level[1:])]
        assert all(words)
        assert not any(mark in word for word in words for mark in ";|>/")
    assert not {"sex", "age", "ethnicity", "birthplace", "id_norm", "name"} & set(NAMES)
