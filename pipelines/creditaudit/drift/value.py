"""What a comparison of two sealed nights returns: four tables, and the words in them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import pyarrow as pa

if TYPE_CHECKING:
    from datetime import date

_T, _I, _DATE = pa.string(), pa.int64(), pa.date32()

# What differs. One row per verdict of a finding, and per fault and state of an episode of a case.
CHANGES: Final = pa.schema(
    [
        ("change", _I),  # 1, 2, … in the order of provider_code, account_code, subject, case_id, episode, kind, rule_id
        ("kind", _T),  # verdict, fault, state
        *((name, _T) for name in ("provider_code", "account_code", "subject", "case_id")),  # of the later night
        ("episode", pa.int32()),  # NULL: of a verdict
        *((name, _T) for name in ("rule_id", "notice_source", "notice_id")),  # of a verdict
        ("was", _T),  # on the earlier night; NULL: there was none
        ("now", _T),  # on the later one; NULL: there is none
    ]
)

# Why. One row per change and cause; every change has one at least.
CAUSED: Final = pa.schema(
    [
        ("change", _I),
        ("night", _DATE),  # that took the cause, and on which it showed
        ("cause", _T),  # a key of CAUSES
        ("role", _T),  # what a row is to the finding: a key of creditaudit.trace.ROLES, objection, returned, or related
        *((name, _T) for name in ("feed", "file")),  # as coverage calls it
        *((name, _I) for name in ("row", "line")),  # NULL: no row, or the whole file
        ("sha256", _T),  # of the file, the entry or the text
        ("entry", _T),  # file of the inbox
        ("detail", _T),  # columns that differ, hashes of texts, days, proofs; never a value of a person
    ]
)

# What recipients' files said of the cases that changed, up to the later night.
SENT: Final = pa.schema(
    [
        *((name, _T) for name in ("case_id", "recipient")),
        ("night", _DATE),
        *((name, _T) for name in ("file", "row_token", "change", "provider_code", "account_code")),
    ]
)

# Who must be told of a case that changed.
TELL: Final = pa.schema(
    [
        ("case_id", _T),
        ("recipient", _T),  # NULL: nobody, and why says so
        ("why", _T),  # a key of WHY
        ("told_on", _DATE),  # last night after the earlier one whose files told it; NULL: none did
        ("file", _T),  # of that night
        ("next_step", _T),
    ]
)

CAUSES: Final = {
    "row_new": "a delivered row of a key that the book did not have",
    "row_corrected": "a delivered row that says something else than the one of its key before",
    "row_withdrawn": "a delivered row that takes a notice back",
    "row_readmitted": "a quarantined row that was corrected and readmitted",
    "row_again": "a delivered row that differs from the one before in nothing that the finding is known to rest on",
    "row_quarantined": "a row that could not be read, where it may be the record that is looked for",
    "full_file": "a full file, by what it does not hold",
    "answer": "an answer in the inbox",
    "proof": "a proof of correction by delivered files (SPEC 8.3)",
    "returned": "an account that came back after its absence was proven",
    "rule_text": "another text of the rule",
    "rule_dates": "the rule's days began or ended",
    "table": "a reference table with other rows",
    "table_dates": "rows of a reference table came into force or ended",
    "program": "another version of the program",
    "configuration": "another configuration",
    "key": "another key",
    "date": "the date alone",
    "report": "a file of a recipient had the case",
    "joined": "two accounts became one",
    "recall": "a file was recalled",
    "decision": "another decision in the inbox",
    "removal": "rows of old nights were removed",
    "unnamed": "could not be named; detail says why",
}

WHY: Final = {
    "its_case": "the case is the recipient's to answer",
    "had_it": "the recipient has the case in its files and it is none of its list any more",
    "nobody": "no recipient gets cases of this kind or of this place (SPEC 10.1): the house alone knows",
}


@dataclass(frozen=True)
class Drift:
    """What changed between two sealed nights.

    Parameters
    ----------
    earlier, later : date
    changes : pyarrow.Table
        Schema ``CHANGES``, by change. **Codes as delivered**; no ID number, name or phone otherwise.
    causes : pyarrow.Table
        Schema ``CAUSED``, sorted by its columns.
    sent : pyarrow.Table
        Schema ``SENT``, sorted by its columns; codes as they were sent.
    tell : pyarrow.Table
        Schema ``TELL``, sorted by its columns.
    """

    earlier: date
    later: date
    changes: pa.Table
    causes: pa.Table
    sent: pa.Table
    tell: pa.Table
