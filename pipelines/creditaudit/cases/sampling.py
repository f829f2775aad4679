"""The sample of cases that stay in the queue however low they lie: what nobody looks at teaches nothing (SPEC 7.4)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pyarrow as pa

if TYPE_CHECKING:
    from creditaudit.book.keys import Keyring
    from creditaudit.engines import Engine

# A case is sampled below this priority, one in so many.
BELOW = 0.2
ONE_IN = 100

# Once per episode: on the first night on which it has a priority.
_UNDRAWN = f"""
    SELECT n.case_id, n.episode FROM case_now AS n
    LEFT JOIN known_cases AS k ON k.case_id = n.case_id AND k.episode = n.episode
    WHERE n.priority < {BELOW} AND k.priority IS NULL ORDER BY n.case_id, n.episode
"""


def draw_sample(engine: Engine, keys: Keyring) -> None:
    """Make ``case_draws`` (case_id, episode): the cases that tonight draws into the sample.

    Reads ``case_now`` and ``known_cases``. By the HMAC of the episode's row token, so that nobody without the key can
    tell who is in it, and a later key changes no draw that was made.
    """
    found = engine.fetch(_UNDRAWN)
    cases, episodes = found["case_id"].to_pylist(), found["episode"].to_pylist()
    drawn = keys.tokens("sample", keys.row_tokens(cases, episodes), length=64)
    mask = pa.array([int(token, 16) % ONE_IN == 0 for token in drawn], type=pa.bool_())
    engine.load("case_draws", found.filter(mask))
