"""Confirmed outcomes of cases as labels, with the night on which each was known (SPEC 7.4).

1: the correction was verified by what the institution delivered. 0: a liaison's evidence confirmed that the account is
the holder's. Everything else is no label: a claim, an open case, a withdrawn lead; and a verified answer 3 (missing
data), which says that a record was incomplete and not whose account it is.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from datetime import date

    import pyarrow as pa

    from creditaudit.engines import Engine

# Confirmed outcomes of each kind from which on a model learns from them.
LEAST_LABELS = 50
# Below this priority only the cases that were drawn at random are looked at for their order alone (cases/sampling.py).
SAMPLED_BELOW = 0.2

# The newest episode of the newest case of each subject that began on the nights of the training, as the cut knew it:
# the facts are those of the subject.
_ROWS = """
    WITH last AS (
        SELECT c.*, row_number() OVER (PARTITION BY c.provider_code, c.subject
            ORDER BY c.first_seen DESC, c.episode DESC, c.case_id) AS age FROM training_cases AS c
    ), known AS (
        SELECT case_id, episode, to_state, MAX(night) AS known_on FROM training_events
        WHERE to_state IN ('correction_verified', 'holder_confirmed') GROUP BY case_id, episode, to_state
    )
    SELECT c.case_id, c.provider_code, c.subject, c.priority, COALESCE(c.sampled, FALSE) AS sampled, c.first_seen,
        CASE WHEN v.known_on IS NULL OR l.outcome IS NOT DISTINCT FROM '3' THEN NULL
            WHEN c.state IN ('correction_verified', 'reappeared') THEN 1
            WHEN c.state = 'holder_confirmed' THEN 0 END AS label,
        v.known_on, COALESCE(l.outcome = '3' AND c.state = 'correction_verified', FALSE) AS is_left_out
    FROM last AS c
    JOIN training_facts AS f ON f.provider_code = c.provider_code AND f.subject = c.subject
    LEFT JOIN known AS v ON v.case_id = c.case_id AND v.episode = c.episode
        AND v.to_state = CASE WHEN c.state = 'reappeared' THEN 'correction_verified' ELSE c.state END
    LEFT JOIN standing_case_life AS l ON l.case_id = c.case_id AND l.episode = c.episode
    WHERE c.age = 1 AND c.first_seen >= DATE '{first}'
    ORDER BY c.provider_code, c.subject
"""


@dataclass(frozen=True)
class Labels:
    """The labels of a training.

    Parameters
    ----------
    place : numpy.ndarray
        Row of each label in the training's rows, int64.
    label : numpy.ndarray
        1.0 correction verified, 0.0 holder confirmed.
    weight : numpy.ndarray
        Inverse of the share of such cases that has a label.
    card : dict
        What the card says of them.
    """

    place: np.ndarray
    label: np.ndarray
    weight: np.ndarray
    card: dict[str, Any]

    @property
    def is_enough(self) -> bool:
        """Whether there are enough of each kind to learn from."""
        return min(int(self.label.sum()), int((1 - self.label).sum())) >= LEAST_LABELS


def training_rows(engine: Engine, first: date) -> pa.Table:
    """Return the cases of the training: case_id, key, priority, sampled, first_seen, label, known_on, is_left_out.

    Reads ``training_cases``, ``training_events``, ``training_facts`` and ``standing_case_life``, all as of the cut.
    One row per subject, sorted by provider_code and subject.
    """
    return engine.fetch(_ROWS.format(first=first.isoformat()))


def labels_of(rows: pa.Table) -> Labels:
    """Return the labels of training rows, weighted against the choice of what was looked at.

    Cases at or above the priority of 0.2 are looked at because they lie there: each of their labels stands for as many
    cases as there are per label. Below it only the sample, drawn by chance, is looked at for no reason of its own: its
    labels stand for all cases there, and other labels from there (an objection, an institution's find) are left out.
    """
    label = rows["label"].to_numpy(zero_copy_only=False).astype(np.float64)
    priority = rows["priority"].to_numpy(zero_copy_only=False).astype(np.float64)
    sampled = rows["sampled"].to_numpy(zero_copy_only=False).astype(bool)
    low = priority < SAMPLED_BELOW
    has = ~np.isnan(label)
    used = has & (~low | sampled)
    weight = np.zeros(len(label))
    strata = {}
    for name, inside in (("from_0_2", ~low), ("below_0_2", low)):
        cases, labelled = int(inside.sum()), int((inside & used).sum())
        each = cases / labelled if labelled else 0.0
        weight[inside & used] = each
        strata[name] = {"cases": cases, "labels_used": labelled, "weight": round(each, 4)}
    place = np.flatnonzero(used)
    known = [day for day, keep in zip(rows["known_on"].to_pylist(), used.tolist(), strict=True) if keep]
    card = {
        "corrections_verified": int(label[place].sum()),
        "holders_confirmed": int(len(place) - label[place].sum()),
        "needed_of_each": LEAST_LABELS,
        "known_first": min(known).isoformat() if known else None,
        "known_last": max(known).isoformat() if known else None,
        "left_out": {
            "answered_missing_data": int(rows["is_left_out"].to_numpy(zero_copy_only=False).sum()),
            "below_0_2_and_not_sampled": int((has & ~used).sum()),
        },
        "selection": strata,
        "selection_method": "inverse probability: each label stands for the cases of its stratum per label used; below"
        " a priority of 0.2 only labels of the random 1 % count, since nothing else there was looked at by chance",
    }
    return Labels(place, label[place], weight[place], card)
