"""The fault lane of a night: per finding what the grid says, per case what decided (SPEC 7)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from creditaudit.engines import quoted
from creditaudit.errors import InternalError
from creditaudit.fault.asking import load_asks
from creditaudit.fault.checks import read_checks
from creditaudit.fault.documents import shipped_documents
from creditaudit.fault.duties import ask_duties
from creditaudit.fault.grid import FAULTS, VERDICTS, shipped_grid

if TYPE_CHECKING:
    from datetime import date

    import pyarrow as pa

    from creditaudit.engines import Engine


def decide(engine: Engine, night: date, strengths: pa.Table) -> None:
    """Make ``finding_faults`` and ``case_faults``, and load the ``documents`` that ``ask_for`` names.

    Reads ``raw_findings``, ``judged_accounts``, ``judged_rows``, ``judged_openings``, ``last_checks``, ``notices``,
    ``lineage``, ``standing_full_deliveries``, ``standing_check_gaps``, ``duties`` and ``institutions``.

    ``finding_faults`` has one row per finding of a fault-lane rule on an account that is not C1: provider_code,
    account_code, subject, rule_id, verdict, notice_source, notice_id, covered (BOOLEAN), knowable, duty, duty_id,
    duty_source, performed, fault, grid_row; and for the elements: check_kind (whose duty was asked), moment_from,
    moment_to, visible_from, visible_to, visible_basis (visible_at, entered_at, reported_at: what ``visible`` rests on),
    card_check_id, person_check_id, covered_by (as ``fault_checks`` has it), exception (a key of elements.EXCEPTION),
    exception_code, exception_followed_up_on.

    ``case_faults`` has one row per (provider_code, subject) of ``raw_findings``: knowable, duty, duty_source,
    performed, fault, ask_for (document ids joined by ``;``; NULL: nothing to ask for), and of the finding that decided:
    rule_id, verdict, notice_source, notice_id, duty_id, grid_row (all NULL outside the lane).

    Parameters
    ----------
    engine : Engine
    night : date
        Retention is counted back from it.
    strengths : pyarrow.Table
        rule_id, verdict, place: the smaller place is the stronger finding.
    """
    rules = ", ".join(quoted(rule) for rule in VERDICTS)
    asked = engine.table("fault_findings", _FINDINGS.format(rules=rules))
    ask_duties(engine)
    read_checks(engine, night)
    engine.load("fault_grid", shipped_grid().as_table())
    engine.table("fault_facts", _FACTS.format(knowable=KNOWABLE))
    engine.table("fault_rows", _ROWS)
    decided = engine.table("finding_faults", _FAULTS)
    if decided != asked:  # a finding without a moment or a kind of check would fall out of the lane without a word
        raise InternalError(
            "the fault lane cannot be decided",
            why=f"{asked} findings are in it, and {decided} were decided",
            next_step="report this; nothing was sealed",
        )
    load_asks(engine)
    engine.load("documents", shipped_documents().as_table())
    engine.load("fault_strengths", strengths)
    serious = " ".join(f"WHEN {quoted(fault)} THEN {place}" for place, fault in enumerate(FAULTS))
    engine.table("case_faults", _CASES.format(serious=f"CASE f.fault {serious} END"))
    engine.drop(
        "fault_findings",
        "duty_days",
        "fault_duties",
        "fault_checks",
        "fault_facts",
        "fault_grid",
        "fault_rows",
        "fault_asks",
        "fault_strengths",
    )


# A buyer of debts had no card to check: C1 is in no lane (SPEC 7).
_FINDINGS = """
    SELECT f.provider_code, f.account_code, f.subject, f.rule_id, f.verdict, f.notice_source, f.notice_id,
        CASE WHEN f.rule_id = 'R108' THEN 'in_person'
             WHEN f.rule_id = 'R201' AND f.verdict = 'lead' THEN 'network_check'
             WHEN f.rule_id = 'R202' THEN c.person_check_kind
             ELSE 'invalid_card_check' END AS check_kind,
        j.account_type, j.region_code, j.business_code, j.moment_from, j.moment_to, j.moment_day,
        o.channel, o.session_id, o.exception_code, o.exception_followed_up_on,
        CASE WHEN c.is_excepted THEN 'followed_up_in_time'
             WHEN o.account_code IS NULL THEN 'no_opening'
             WHEN o.exception_code IS NULL THEN 'not_claimed'
             WHEN o.exception_followed_up_on IS NULL THEN 'follow_up_not_recorded'
             ELSE 'not_followed_up_in_time' END AS exception,
        c.card_check_id, c.card_check_result, c.person_check_id
    FROM raw_findings AS f
    JOIN judged_accounts AS j ON j.provider_code = f.provider_code AND j.account_code = f.account_code
    LEFT JOIN judged_openings AS o ON o.provider_code = f.provider_code AND o.account_code = f.account_code
    LEFT JOIN last_checks AS c ON c.provider_code = f.provider_code AND c.account_code = f.account_code
    WHERE f.rule_id IN ({rules}) AND j.account_type <> 'C1'
"""

# Knowable (SPEC 7.1), the first that applies, of a finding f and its notice n (without one, n is NULL).
# visible_to NULL: no upper bound, so never certainly before the moment.
KNOWABLE = """
        CASE WHEN f.notice_id IS NULL THEN 'not_applicable'
             WHEN f.card_check_result IN ('reported_lost', 'invalid') THEN 'knew'
             WHEN f.rule_id = 'R107' THEN 'undecidable'
             WHEN n.visible_to < f.moment_from THEN 'could_have_known'
             WHEN n.visible_from > f.moment_to THEN 'could_not_have_known'
             ELSE 'undecidable' END
"""

_FACTS = """
    SELECT f.*, n.visible_from, n.visible_to,
        CASE WHEN n.notice_id IS NULL THEN NULL WHEN n.visible_to IS NOT NULL THEN 'visible_at'
             WHEN n.entered_from IS NOT NULL THEN 'entered_at' ELSE 'reported_at' END AS visible_basis,
        {knowable} AS knowable,
        d.duty, d.duty_id, d.duty_source, v.covered_by, v.covered_by IS NOT NULL AS covered, v.performed
    FROM fault_findings AS f
    LEFT JOIN notices AS n ON n.notice_source = f.notice_source AND n.notice_id = f.notice_id
    JOIN duty_days AS t ON t.moment_day = f.moment_day
    JOIN fault_duties AS d ON d.provider_code = f.provider_code AND d.region_code = COALESCE(f.region_code, '')
        AND d.business_code = COALESCE(f.business_code, '') AND d.account_type = f.account_type
        AND d.channel = COALESCE(f.channel, '') AND d.check_kind = f.check_kind AND d.as_of_day = t.as_of_day
    JOIN fault_checks AS v ON v.provider_code = f.provider_code AND v.account_code = f.account_code
"""

# The first line of the grid that matches, once per combination that occurs.
_ROWS = """
    SELECT rule_id, verdict, covered, knowable, duty, performed, grid_row, fault FROM (
        SELECT c.*, g.grid_row, g.fault, row_number() OVER (
            PARTITION BY c.rule_id, c.verdict, c.covered, c.knowable, c.duty, c.performed ORDER BY g.line
        ) AS place
        FROM (SELECT DISTINCT rule_id, verdict, covered, knowable, duty, performed FROM fault_facts) AS c
        JOIN fault_grid AS g ON (g.finding IS NULL OR g.finding = c.rule_id)
            AND (g.verdict IS NULL OR g.verdict = c.verdict)
            AND (g.covered IS NULL OR g.covered = CASE WHEN c.covered THEN 'yes' ELSE 'no' END)
            AND (g.knowable IS NULL OR g.knowable = c.knowable)
            AND (g.duty IS NULL OR g.duty = c.duty)
            AND (g.performed IS NULL OR g.performed = c.performed)
    ) AS placed WHERE place = 1
"""

_FAULTS = """
    SELECT f.provider_code, f.account_code, f.subject, f.rule_id, f.verdict, f.notice_source, f.notice_id, f.covered,
        f.knowable, f.duty, f.duty_id, f.duty_source, f.performed, r.fault, r.grid_row,
        f.check_kind, f.moment_from, f.moment_to, f.visible_from, f.visible_to, f.visible_basis, f.card_check_id,
        f.person_check_id, f.covered_by, f.exception, f.exception_code, f.exception_followed_up_on
    FROM fault_facts AS f
    JOIN fault_rows AS r ON r.rule_id = f.rule_id AND r.verdict = f.verdict AND r.covered = f.covered
        AND r.knowable = f.knowable AND r.duty = f.duty AND r.performed = f.performed
"""

_CASES = """
    WITH ranked AS (
        SELECT f.*, a.ask_for, row_number() OVER (
            PARTITION BY f.provider_code, f.subject
            ORDER BY {serious}, s.place, f.notice_source NULLS FIRST, f.notice_id NULLS FIRST, f.rule_id
        ) AS rank
        FROM finding_faults AS f
        JOIN fault_strengths AS s ON s.rule_id = f.rule_id AND s.verdict = f.verdict
        JOIN fault_asks AS a ON a.rule_id = f.rule_id AND a.verdict = f.verdict AND a.covered = f.covered
            AND a.knowable = f.knowable AND a.duty = f.duty AND a.performed = f.performed
            AND a.check_kind = f.check_kind AND a.exception = f.exception
    )
    SELECT c.provider_code, c.subject,
        COALESCE(r.knowable, 'not_applicable') AS knowable, COALESCE(r.duty, 'not_applicable') AS duty, r.duty_source,
        COALESCE(r.performed, 'not_applicable') AS performed, COALESCE(r.fault, 'not_applicable') AS fault, r.ask_for,
        r.rule_id, r.verdict, r.notice_source, r.notice_id, r.duty_id, r.grid_row
    FROM (SELECT DISTINCT provider_code, subject FROM raw_findings) AS c
    LEFT JOIN ranked AS r ON r.rank = 1 AND r.provider_code = c.provider_code AND r.subject = c.subject
"""
