"""The documented formula: how cases are ordered as long as no model is in force (SPEC 7.4; docs/scoring.md).

Whole points of verdict, tier, amount and days; 10,000 points are a priority of 1, so that four decimals are exact. It
asks nothing of the night's date: the days are those between the loss or report and the opening.
"""

from __future__ import annotations

import numpy as np

from creditaudit.scoring.features import Feature
from creditaudit.scoring.model import Model

# Places of SPEC 6's order (cases/strength.py): ten violations, ten undecidables, eleven leads.
_PLACES = 31
_VERDICT_OF_PLACE = ((6_000.0, 10), (3_500.0, 10), (1_000.0, 11))
_TIER_STEP = 100.0
_AMOUNTS = ((1_000.0, 300.0), (10_000.0, 600.0), (50_000.0, 900.0), (200_000.0, 1_200.0), (1_000_000.0, 1_500.0))
_DAYS = ((7, 1_500.0), (30, 1_100.0), (90, 700.0), (365, 300.0))
WHOLE = 10_000.0


def _place_points() -> np.ndarray:
    """Return the points of tier per place: within one verdict the strongest has 1,000 or 900, the weakest 0."""
    return np.array([(many - 1 - rank) * _TIER_STEP for _, many in _VERDICT_OF_PLACE for rank in range(many)])


FORMULA = Model(
    "formula",
    (
        Feature(
            "verdict_points",
            "level",
            1,
            "what the rules prove comes before what they only point to",
            "never",
            "规则判断",
            "verdict of the rules",
            "CASE f.verdict WHEN 'violation' THEN 2.0 WHEN 'undecidable' THEN 1.0 ELSE 0.0 END",
            (
                (0.0, "规则判断为线索", "a lead by the rules"),
                (1.0, "规则无法判定", "undecidable by the rules"),
                (2.0, "规则判断为违规", "a violation by the rules"),
            ),
        ),
        Feature(
            "tier_place",
            "place in the order of SPEC 6, 1 the strongest",
            0,
            "the order of SPEC 6; it begins anew with each verdict",
            "never",
            "规则强度次序",
            "place of the rule in the order of strength",
            "f.place",
            tuple(
                (float(n), f"规则强度次序第{n}位", f"place {n} in the order of rules") for n in range(1, _PLACES + 1)
            ),
        ),
        Feature(
            "amount",
            "yuan",
            1,
            "more is at stake",
            "no amount, or one in another currency",
            "金额(元)",
            "amount in yuan",
            "f.amount",
        ),
        Feature(
            "days",
            "days",
            -1,
            "who finds or steals a card uses it before it is barred",
            "no notice of the person, or no moment",
            "丢失或挂失到开户的天数",
            "days from the loss or report to the opening",
            "f.days_from_loss",
        ),
    ),
    (
        np.array([1.0, 2.0]),
        np.arange(2.0, _PLACES + 1),
        np.array([edge for edge, _ in _AMOUNTS]),
        np.array([float(days + 1) for days, _ in _DAYS]),
    ),
    (
        np.array([points for points, _ in reversed(_VERDICT_OF_PLACE)]),
        _place_points(),
        np.array([0.0, *(points for _, points in _AMOUNTS)]),
        np.array([*(points for _, points in _DAYS), 0.0]),
    ),
    0.0,
    np.array([0.0, WHOLE]),
    np.array([0.0, 1.0]),
)
