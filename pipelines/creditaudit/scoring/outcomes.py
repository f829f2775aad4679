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
# the facts are those of the subject. Priority and sample are those of the night that queued it; what was queued after
# its answer, or by a program that did not keep it, says nothing of what the desk could see.
_ROWS = """
    WITH last AS (
        SELECT c.*, row_number() OVER (PARTITION BY c.provider_code, c.subject
            ORDER BY c.first_seen DESC, c.episode DESC, c.case_id) AS age FROM training_cases AS c
    ), known AS (
        SELECT case_id, episode, to_state, MAX(night) AS known_on FROM training_events
        WHERE to_state IN ('correction_verified', 'holder_confirmed') GROUP BY case_id, episode, to_state
    ), moves AS (
        SELECT case_id, episode, MIN(CASE WHEN event = 'answered' THEN night END) AS answered_on,
            bool_or(COALESCE(to_state = 'sent', FALSE)) AS was_sent
        FROM training_events GROUP BY case_id, episode
    )
    SELECT c.case_id, c.episode, c.provider_code, c.subject, q.priority, COALESCE(c.sampled, FALSE) AS sampled,
        c.first_seen, COALESCE(m.was_sent, FALSE) AS was_sent,
        COALESCE(q.night < COALESCE(m.answered_on, DATE '9999-12-31'), FALSE) AS is_queued,
        CASE WHEN v.known_on IS NULL OR l.outcome IS NOT DISTINCT FROM '3' THEN NULL
            WHEN c.state IN ('correction_verified', 'reappeared') THEN 1
            WHEN c.state = 'holder_confirmed' THEN 0 END AS label,
        v.known_on, COALESCE(l.outcome = '3' AND c.state = 'correction_verified', FALSE) AS is_left_out
    FROM last AS c
    JOIN training_facts AS f ON f.provider_code = c.provider_code AND f.subject = c.subject
    LEFT JOIN standing_case_queue AS q ON q.case_id = c.case_id AND q.episode = c.episode
    LEFT JOIN known AS v ON v.case_id = c.case_id AND v.episode = c.episode
        AND v.to_state = CASE WHEN c.state = 'reappeared' THEN 'correction_verified' ELSE c.state END
    LEFT JOIN moves AS m ON m.case_id = c.case_id AND m.episode = c.episode
    LEFT JOIN standing_case_life AS l ON l.case_id = c.case_id AND l.episode = c.episode
    WHERE c.age = 1 AND c.first_seen >= DATE '{first}'
    ORDER BY c.provider_code, c.subject
"""

# What each label is learnt from: the facts of the night that queued its case, under the case's present code.
_QUEUED = """
    SELECT q.* REPLACE (r.provider_code AS provider_code, r.subject AS subject)
    FROM labelled_rows AS r JOIN standing_case_queue AS q ON q.case_id = r.case_id AND q.episode = r.episode
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
    """Return the cases of the training, one row per subject, sorted by provider_code and subject.

    Reads ``training_cases``, ``training_events``, ``training_facts``, ``standing_case_queue`` and
    ``standing_case_life``, all as of the cut.

    Returns
    -------
    pyarrow.Table
        case_id, episode, provider_code, subject; priority and sampled of the night that queued it; first_seen;
        was_sent; is_queued (its facts of that night are kept, and older than its first answer); label, known_on,
        is_left_out.
    """
    return engine.fetch(_ROWS.format(first=first.isoformat()))


def open_queued(engine: Engine, rows: pa.Table, labels: Labels) -> None:
    """Make ``queued_facts``: what each label is learnt from, one row each (columns of ``CASE_FACTS`` and more)."""
    engine.load("labelled_rows", rows.take(labels.place))
    engine.table("queued_facts", _QUEUED)


def labels_of(rows: pa.Table) -> Labels:
    """Return the labels of training rows, weighted against the choice of what was looked at.

    Cases at or above the priority of 0.2 are looked at because they lie there: each of their labels stands for as many
    cases as there are per label. Below it only the sample, drawn by chance, is looked at for no reason of its own: its
    labels stand for all cases there, and other labels from there (an objection, an institution's find) are left out.
    What nobody was sent nobody can answer: no label stands for those cases, and the card says so.
    """
    label, priority = (_numbers(rows, name) for name in ("label", "priority"))
    sampled, was_sent, is_queued, left_out = (
        rows[name].to_numpy(zero_copy_only=False).astype(bool)
        for name in ("sampled", "was_sent", "is_queued", "is_left_out")
    )
    has, low = ~np.isnan(label), priority < SAMPLED_BELOW
    asked = is_queued & was_sent
    used = has & asked & (~low | sampled)
    weight = np.zeros(len(label))
    strata = {}
    for name, inside in (("from_0_2", asked & ~low), ("below_0_2", asked & low)):
        cases, labelled = int(inside.sum()), int((inside & used).sum())
        each = cases / labelled if labelled else 0.0
        weight[inside & used] = each
        strata[name] = {"cases": cases, "labels_used": labelled, "weight": round(each, 4)}
    unspoken = {name: stratum["cases"] for name, stratum in strata.items() if not stratum["labels_used"]}
    unspoken |= {"never_sent": int((is_queued & ~was_sent).sum()), "facts_not_kept": int((~is_queued).sum())}
    place = np.flatnonzero(used)
    known = [day for day, keep in zip(rows["known_on"].to_pylist(), used.tolist(), strict=True) if keep]
    card = {
        "corrections_verified": int(label[place].sum()),
        "holders_confirmed": int(len(place) - label[place].sum()),
        "needed_of_each": LEAST_LABELS,
        "known_first": min(known).isoformat() if known else None,
        "known_last": max(known).isoformat() if known else None,
        "left_out": {
            "answered_missing_data": int(left_out.sum()),
            "below_0_2_and_not_sampled": int((has & asked & ~used).sum()),
            "facts_not_kept": int((has & ~asked).sum()),
        },
        "selection": strata,
        "selection_method": "inverse probability: each label stands for the cases of its stratum per label used, by the"
        " priority on the night that queued the case; below 0.2 only labels of the random 1 % count, since nothing else"
        " there was looked at by chance",
        "cases_no_label_speaks_for": {name: cases for name, cases in unspoken.items() if cases},
        "features_as_of": "the night that queued the case, before its first answer",
    }
    return Labels(place, label[place], weight[place], card)


def _numbers(rows: pa.Table, name: str) -> np.ndarray:
    found: np.ndarray = rows[name].to_numpy(zero_copy_only=False).astype(np.float64)
    return found
