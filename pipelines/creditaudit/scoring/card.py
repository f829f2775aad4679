"""The model card: what a model was made of, how good it is where that can be told, and what it cannot do (SPEC 7.4)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from creditaudit.scoring.features import FEATURES

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import date

    from creditaudit.scoring.model import Model

# Said on every card.
LIMITS = (
    "The score orders the queue. It opens, closes and decides no case, and is no statement on anybody's guilt.",
    "It knows only cases that a rule has named: what no rule names it cannot find.",
    "Sex, age, ethnicity and birthplace are no features; region_away, channel and amounts may stand in for them:"
    " compare the delays of groups with `creditaudit score evaluate` before relying on it.",
    "Operators, institutions, phones and handlers that came after the training are unknown to it and count nothing.",
    "Arrears are one term, capped: a patient thief pays, and an honest holder may not.",
)
_BY_KIND = {
    "tail": "Without labels: a case comes first for how few training cases are as extreme, feature by feature, in the"
    " direction set by hand. That is how unusual it is, not how probable a theft is.",
    "labelled": "With labels: gradient boosting, every tree on one feature and monotone where a sign is set, summed up"
    " exactly; calibrated on cases that the fold's model had not seen.",
}


def card_of(
    model: Model,
    matrix: np.ndarray,
    *,
    nights: Sequence[date],
    labels: Mapping[str, Any],
    metrics: Mapping[str, Any] | None,
    tokens: Mapping[str, Any],
) -> dict[str, Any]:
    """Return the card of a model as plain JSON values.

    Parameters
    ----------
    model : Model
    matrix : numpy.ndarray
        Of its training cases.
    nights : sequence of date
        Sealed nights from the first to the cut.
    labels : mapping
        What :func:`creditaudit.scoring.outcomes.labels_of` says of them.
    metrics : mapping or None
        None: without enough labels there is nothing to measure against.
    tokens : mapping
        ``key_id`` that makes the tokens of the nights to come, ``keys_gone`` (of older nights, in the key file no more)
        and in how many cases and labels operator, phone and handler are unknown for that.
    """
    return {
        "kind": model.kind,
        "method": _BY_KIND[model.kind],
        "first": nights[0].isoformat(),
        "last": nights[-1].isoformat(),
        "nights": len(nights),
        "cases": len(matrix),
        "labels": dict(labels),
        "labels_were_used": model.kind == "labelled",
        "metrics": dict(metrics) if metrics is not None else None,
        "why_no_metrics": None
        if metrics is not None
        else "too few confirmed outcomes to measure against; see `creditaudit score evaluate` on nights with truth",
        "features": [_feature(model, matrix, place) for place in range(len(FEATURES))],
        "lookups": {name: len(table) for name, table in sorted(model.lookups.tables.items())},
        "tokens": dict(tokens),
        "limits": list(LIMITS),
        "model_sha256": model.digest,
    }


def _feature(model: Model, matrix: np.ndarray, place: int) -> dict[str, Any]:
    feature, values = model.features[place], model.values[place]
    known = int((~np.isnan(matrix[:, place])).sum())
    return {
        "name": feature.name,
        "unit": feature.unit,
        "sign": feature.sign,
        "reason": feature.reason,
        "unknown_when": feature.unknown,
        "known_share": round(known / len(matrix), 4),
        "steps": len(values),
        "lowest": round(float(values.min()), 4),
        "highest": round(float(values.max()), 4),
        "cap": feature.cap,
    }
