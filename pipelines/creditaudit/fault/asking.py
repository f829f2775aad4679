"""What to ask the institution for: the documents that settle what is missing and could change the fault (SPEC 7.3)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pyarrow as pa

from creditaudit.fault.documents import Document, shipped_documents
from creditaudit.fault.elements import MISSING, combination_of, elements
from creditaudit.fault.flips import flip_sets

if TYPE_CHECKING:
    from collections.abc import Mapping

    from creditaudit.engines import Engine

# What ask_for depends on: few combinations, however many findings.
_FACTS = ("rule_id", "verdict", "covered", "knowable", "duty", "performed", "check_kind", "exception")
_SOURCES = (
    "notice_source",
    "notice_id",
    "visible_basis",
    "visible_from",
    "visible_to",
    "duty_id",
    "duty_source",
    "card_check_id",
    "person_check_id",
    "covered_by",
    "exception_code",
    "exception_followed_up_on",
)


def ask_for(finding: Mapping[str, Any]) -> tuple[Document, ...]:
    """Return the shortest list of documents for one row of ``finding_faults``.

    Asked for is what is missing, and what could change the fault: a missing element that is in no flip set of missing
    elements alone is not worth a letter.

    Returns
    -------
    tuple of Document
        The document that could change the fault with the fewest other facts first. Empty: nothing to ask for.
    """
    missing = {e.name for e in elements(finding) if e.status == MISSING}
    sets = [{name for name, _ in one} for one in flip_sets(combination_of(finding))]
    open_sets = [names for names in sets if names <= missing]
    kind = finding["check_kind"]
    chosen = shipped_documents().shortest(set().union(*open_sets), kind)

    def needs(document: Document) -> int:
        return min(len(names) for names in open_sets if any(document.can_settle(n, kind) for n in names))

    return tuple(sorted(chosen, key=needs))  # stable: then by the order of the table


def load_asks(engine: Engine) -> None:
    """Load ``fault_asks``: the facts that ``ask_for`` depends on, and ask_for (ids joined by ``;``; NULL: nothing).

    Reads ``finding_faults``.
    """
    facts = engine.fetch(f"SELECT DISTINCT {', '.join(_FACTS)} FROM finding_faults")
    unknown = dict.fromkeys(_SOURCES)
    ids = [";".join(d.document_id for d in ask_for({**unknown, **row})) or None for row in facts.to_pylist()]
    engine.load("fault_asks", facts.append_column("ask_for", pa.array(ids, type=pa.string())))
