"""The score of a night: every subject with a standing finding, by the model in force, else by the formula (SPEC 7.4).

All of them are scored each night, from facts that change only where somebody is judged: so a night that judges few
gives the priorities of one that judges everyone, and a new model moves all open cases at once.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pyarrow as pa

from creditaudit.errors import InternalError
from creditaudit.scoring.features import as_matrix, feature_matrix
from creditaudit.scoring.words import terms

if TYPE_CHECKING:
    from creditaudit.engines import Engine
    from creditaudit.scoring.model import Model

_BATCH = 32_768  # rows whose contributions and words are held at once

SCORES = pa.schema(
    [
        ("provider_code", pa.string()),
        ("subject", pa.string()),
        ("priority", pa.float64()),  # in [0, 1], four decimals
        ("terms", pa.string()),  # what moved it most, zh and en; NULL: nothing did
    ]
)


def score_cases(engine: Engine, model: Model) -> pa.Table:
    """Make ``scores`` (schema ``SCORES``): one row per subject of ``findings``; returns the features they rest on.

    Reads ``findings`` and ``standing_case_facts``.

    Returns
    -------
    pyarrow.Table
        As :func:`creditaudit.scoring.features.feature_matrix`, of the model's features.

    Raises
    ------
    InternalError
        A subject has no facts: it would fall out of the queue's order without a word.
    """
    wanted = engine.table("scored_subjects", "SELECT DISTINCT provider_code, subject FROM findings")
    engine.view(
        "scored_facts",
        "SELECT f.* FROM standing_case_facts AS f JOIN scored_subjects AS s"
        " ON s.provider_code = f.provider_code AND s.subject = f.subject",
    )
    found = feature_matrix(engine, model.lookups, facts="scored_facts", features=model.features)
    if found.num_rows != wanted:
        raise InternalError(
            "the cases cannot be scored",
            why=f"{wanted} subjects have findings, and {found.num_rows} have facts",
            next_step="report this; nothing was sealed",
        )
    engine.load("scores", scored(model, found))
    engine.drop("scored_facts", "scored_subjects")
    return found


def scored(model: Model, found: pa.Table) -> pa.Table:
    """Return the scores (schema ``SCORES``) of a table of features, row by row."""
    parts = []
    for start in range(0, found.num_rows, _BATCH):
        rows = found.slice(start, _BATCH)
        matrix = as_matrix(rows, model.features)
        moved = model.contributions(matrix)
        columns = [rows["provider_code"], rows["subject"], pa.array(model.priority(moved)), terms(model, matrix, moved)]
        parts.append(pa.table(dict(zip(SCORES.names, columns, strict=True))).cast(SCORES))
    return pa.concat_tables(parts) if parts else SCORES.empty_table()
