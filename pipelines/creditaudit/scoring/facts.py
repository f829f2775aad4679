"""What a score rests on: one row of facts per judged subject, from its own and its person's rows alone (SPEC 7.4).

Nothing of another person's account enters here, and nothing that changes with the date alone: so the facts of those who
are not judged tonight stand as they were. What is taken from others (usual amounts, hit rates, who shares a phone) is
frozen in the model and joined by the keys that the facts carry (``features.py``).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.compute as pc

from creditaudit.book.case_state import CASE_FACTS, CASE_QUEUE
from creditaudit.book.state import news
from creditaudit.book.token_columns import token_column

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import date

    from creditaudit.book.keys import Key, Keyring
    from creditaudit.engines import Engine

# An account counts as delinquent from its first month when arrears stand in a report of its first two months: the
# first instalment falls due within a month, and the report on it comes with the next.
FIRST_DAYS = 62
NEAR_DAYS, BURST_DAYS = 30, 7
_PRECISE = 3_600  # an instant told to the minute or the second
OPENS_AT, CLOSES_AT = 8, 20  # hours: no bank counter is open before or after

# Findings of those who were judged tonight, strongest first.
_MINE = """
    SELECT f.provider_code, f.account_code, f.subject, f.rule_id, f.verdict, f.notice_source, f.notice_id, f.relation,
        s.place
    FROM findings AS f JOIN score_strengths AS s ON s.rule_id = f.rule_id AND s.verdict = f.verdict
    WHERE NOT EXISTS (SELECT 1 FROM carried_subjects AS c
        WHERE c.provider_code = f.provider_code AND c.subject = f.subject)
"""

# One row per subject: its strongest finding and the account's own columns. What follows is made from few rows: no
# query joins more than one table of all who were judged, or of all notices.
_WHOSE = """
    WITH strongest AS (
        SELECT * FROM (
            SELECT *, row_number() OVER (PARTITION BY provider_code, subject
                ORDER BY place, notice_source NULLS FIRST, notice_id NULLS FIRST, rule_id) AS rank FROM score_mine
        ) AS r WHERE rank = 1
    )
    SELECT s.provider_code, s.account_code, s.subject, s.rule_id, s.verdict, s.place,
        CASE WHEN a.id_type = '10' AND a.id_status <> 'bad_form' THEN a.id_norm ELSE i.id_norm END AS id_norm,
        a.account_type, a.group_code, a.name_key, a.document_kind,
        a.shown_on, COALESCE(a.moment_from, i.inquired_from) AS moment_from,
        COALESCE(a.moment_to, i.inquired_to) AS moment_to,
        COALESCE(a.moment_day, i.inquired_on) AS moment_day,
        COALESCE(a.region_code, g.region_code) AS region
    FROM strongest AS s
    LEFT JOIN score_accounts AS a ON a.provider_code = s.provider_code AND a.account_code = s.account_code
    LEFT JOIN judged_inquiries AS i
        ON i.provider_code = s.provider_code AND s.subject = 'inquiry:' || i.inquiry_id AND s.account_code IS NULL
    LEFT JOIN addressed_regions AS g ON g.provider_code = s.provider_code
"""

_NOTICES = """
    SELECT n.notice_source, n.notice_id, n.id_norm, n.kind, n.noticed_on, n.lost_from, n.lost_to, n.reported_from,
        n.reported_to, n.collected_from, n.collected_to, n.withdrawn_from, n.withdrawn_unreadable
    FROM notices AS n WHERE EXISTS (SELECT 1 FROM score_whose AS w WHERE w.id_norm = n.id_norm)
"""

# Whose all accounts are candidates, so that counting them means something: persons with a notice, or several names.
_WHOLE_PEOPLE = """
    SELECT id_norm FROM score_notices
    UNION SELECT a.id_norm FROM score_mine AS m
    JOIN score_accounts AS a ON a.provider_code = m.provider_code AND a.account_code = m.account_code
    WHERE m.rule_id = 'R302' AND a.id_norm IS NOT NULL
"""

# Whether a loss says where the card was at the moment: it was never taken back, or the account was opened while the
# report stood. A card that was found again may have been with its holder all the time before the report.
_SPEAKS = """NOT n.withdrawn_unreadable AND (n.withdrawn_from IS NULL
        OR COALESCE(w.moment_to < n.withdrawn_from AND w.moment_to >= n.reported_from, FALSE))"""

# One row per subject: the notice that its strongest finding with one names (else the person's earliest lost one that
# speaks, else the earliest), beside its strongest finding and the account's own columns.
_SUBJECTS = f"""
    WITH named AS (
        SELECT * FROM (
            SELECT *, row_number() OVER (PARTITION BY provider_code, subject
                ORDER BY place, notice_source, notice_id, rule_id) AS rank FROM score_mine WHERE notice_id IS NOT NULL
        ) AS r WHERE rank = 1
    ), losses AS (
        SELECT * FROM (
            SELECT w.provider_code, w.subject, n.notice_source, n.notice_id,
                row_number() OVER (PARTITION BY w.provider_code, w.subject
                    ORDER BY CASE WHEN {_SPEAKS} THEN 0 ELSE 1 END, n.reported_from, n.notice_source, n.notice_id
                ) AS rank
            FROM score_whose AS w JOIN score_notices AS n ON n.id_norm = w.id_norm AND n.kind = 'lost'
        ) AS r WHERE rank = 1
    )
    SELECT w.*, f.relation, n.kind, n.noticed_on, n.lost_from, n.lost_to, n.reported_from, n.reported_to,
        n.collected_from, n.collected_to, {_SPEAKS} AS speaks, p.id_norm IS NOT NULL AS is_whole
    FROM score_whose AS w
    LEFT JOIN named AS f ON f.provider_code = w.provider_code AND f.subject = w.subject
    LEFT JOIN losses AS l ON l.provider_code = w.provider_code AND l.subject = w.subject AND f.notice_id IS NULL
    LEFT JOIN score_notices AS n ON n.notice_source = COALESCE(f.notice_source, l.notice_source)
        AND n.notice_id = COALESCE(f.notice_id, l.notice_id) AND n.id_norm = w.id_norm
    LEFT JOIN score_whole_people AS p ON p.id_norm = w.id_norm
"""

# The person's accounts beside each subject, itself among them.
_PERSONS = """
    SELECT a.id_norm, a.provider_code, a.account_code, a.group_code, a.name_key, a.moment_day,
        COALESCE(a.region_code, g.region_code) AS region
    FROM judged_accounts AS a LEFT JOIN addressed_regions AS g ON g.provider_code = a.provider_code
    WHERE a.id_type = '10' AND a.id_status <> 'bad_form' AND a.account_type <> 'C1'
        AND EXISTS (SELECT 1 FROM score_subjects AS s WHERE s.id_norm = a.id_norm AND s.is_whole)
"""

_BESIDE = f"""
    WITH met AS (
        SELECT s.provider_code, s.subject, s.moment_day AS own_day, s.name_key AS own_name, s.region AS own_region,
            p.group_code, p.name_key, p.moment_day, p.region,
            p.provider_code <> s.provider_code OR p.account_code IS DISTINCT FROM s.account_code AS is_other
        FROM score_subjects AS s JOIN score_persons AS p ON p.id_norm = s.id_norm WHERE s.is_whole
    )
    SELECT provider_code, subject,
        COUNT(DISTINCT CASE WHEN abs(moment_day - own_day) <= {NEAR_DAYS} THEN group_code END) AS institutions,
        COUNT(CASE WHEN abs(moment_day - own_day) <= {BURST_DAYS} THEN 1 END) AS burst,
        COUNT(CASE WHEN is_other AND name_key IS NOT NULL THEN 1 END) AS named_others,
        COUNT(CASE WHEN is_other AND name_key <> own_name THEN 1 END) AS differently_named,
        MIN(CASE WHEN NOT is_other OR moment_day >= own_day - {NEAR_DAYS} OR region IS NULL THEN NULL
            WHEN moment_day IS NULL OR own_day IS NULL THEN NULL
            WHEN left(region, 4) = left(own_region, 4) THEN 0
            WHEN left(region, 2) = left(own_region, 2) THEN 1 ELSE 2 END) AS region_away
    FROM met GROUP BY provider_code, subject
"""

# Arrears as a share of the amount, below 1; NULL: no arrears delivered, or arrears of an amount that is not known.
_SHARE = """CASE WHEN r.overdue_amount <= 0 THEN 0.0
                WHEN r.amount > 0 THEN least(CAST(r.overdue_amount AS DOUBLE) / r.amount, 0.999) END"""

_FACTS = f"""
    SELECT s.provider_code, s.subject, s.rule_id, s.verdict, s.place,
        s.account_type || '|' || COALESCE(r.business_code, '') AS product, s.region,
        k.token AS operator_token, h.token AS phone_token, t.token AS handler_token,
        CAST(CASE WHEN COALESCE(r.currency, 'CNY') = 'CNY' AND r.amount > 0 THEN r.amount END AS DOUBLE) AS amount,
        CAST(CASE WHEN s.moment_day IS NULL OR s.reported_from IS NULL OR NOT s.speaks THEN NULL
            WHEN s.lost_from IS NOT NULL AND s.moment_to >= s.lost_from THEN s.moment_day - day_of_second(s.lost_from)
            ELSE abs(s.moment_day - day_of_second(s.reported_from)) END AS DOUBLE) AS days_from_loss,
        CAST(CASE WHEN s.moment_from IS NULL OR s.kind IS DISTINCT FROM 'lost' OR NOT s.speaks THEN NULL
            WHEN s.moment_to < s.lost_from THEN 0
            WHEN s.moment_to < s.reported_from AND s.moment_from > s.lost_to THEN 2
            WHEN s.moment_from > s.reported_to AND s.moment_to < s.collected_from THEN 2
            WHEN s.moment_from > s.reported_to AND s.moment_from > s.collected_to THEN 0
            ELSE 1 END AS DOUBLE) AS phase,
        CAST(CASE s.relation WHEN 'same' THEN 3 WHEN 'presumed_same' THEN 2 WHEN 'unknown' THEN 1 WHEN 'older' THEN 1
            WHEN 'newer' THEN 0 END AS DOUBLE) AS relation,
        CASE WHEN q.overdue >= 1.0 OR (r.overdue_amount > 0
                AND epoch_day(r.report_date) - day_of_second(r.opened_from) <= {FIRST_DAYS})
            THEN 1.0 + COALESCE({_SHARE}, 0.0) ELSE {_SHARE} END AS overdue,
        CAST(CASE WHEN s.moment_day IS NOT NULL THEN b.institutions END AS DOUBLE) AS institutions_30d,
        CAST(CASE WHEN s.moment_day IS NOT NULL THEN b.burst END AS DOUBLE) AS burst_7d,
        CAST(CASE WHEN s.region IS NOT NULL THEN b.region_away END AS DOUBLE) AS region_away,
        CAST(CASE o.channel WHEN 'counter' THEN 0 WHEN 'machine' THEN 1 WHEN 'online' THEN 2 WHEN 'mail' THEN 2
            WHEN 'agent' THEN 2 END AS DOUBLE) AS channel,
        CAST(CASE WHEN s.moment_to - s.moment_from >= {_PRECISE} OR s.moment_from IS NULL THEN NULL
            WHEN s.moment_from - 86400 * CAST(s.moment_day AS BIGINT) < {OPENS_AT * 3600} THEN 1
            WHEN s.moment_from - 86400 * CAST(s.moment_day AS BIGINT) >= {CLOSES_AT * 3600} THEN 1
            ELSE 0 END AS DOUBLE) AS out_of_hours,
        CASE WHEN s.name_key IS NOT NULL AND b.named_others > 0
            THEN CAST(b.differently_named AS DOUBLE) / b.named_others END AS name_conflict,
        CAST((CASE WHEN s.shown_on IS NOT NULL THEN 1 ELSE 0 END)
            + (CASE WHEN s.noticed_on IS NOT NULL THEN 1 ELSE 0 END)
            + (CASE WHEN s.moment_to - s.moment_from < {_PRECISE} THEN 1 ELSE 0 END)
            + (CASE WHEN c.card_check_id IS NOT NULL OR c.network_check_id IS NOT NULL OR c.person_check_id IS NOT NULL
                THEN 1 ELSE 0 END) AS DOUBLE) AS evidence,
        CAST(CASE WHEN c.card_check_result IN ('reported_lost', 'invalid') OR c.person_check_result = 'fail' THEN 2
            WHEN c.network_check_result IN ('name_mismatch', 'number_unknown') THEN 1
            WHEN c.card_check_id IS NOT NULL OR c.network_check_id IS NOT NULL OR c.person_check_id IS NOT NULL
                THEN 0 END AS DOUBLE) AS checks
    FROM score_subjects AS s
    LEFT JOIN score_rows AS r ON r.provider_code = s.provider_code AND r.account_code = s.account_code
    LEFT JOIN score_openings AS o ON o.provider_code = s.provider_code AND o.account_code = s.account_code
    -- What was told before: arrears of the first months stay so, whatever a later report says.
    LEFT JOIN standing_{CASE_FACTS.name} AS q ON q.provider_code = s.provider_code AND q.subject = s.subject
    LEFT JOIN score_checks AS c ON c.provider_code = s.provider_code AND c.account_code = s.account_code
    LEFT JOIN score_beside AS b ON b.provider_code = s.provider_code AND b.subject = s.subject
    LEFT JOIN score_parties AS p ON p.provider_code = s.provider_code AND p.account_code = s.account_code
    LEFT JOIN party_tokens AS k
        ON k.party = 'operator' AND k.provider_code = p.session_provider AND k.value = p.operator_id
    LEFT JOIN party_tokens AS h ON h.party = 'phone' AND h.value = p.phone
    LEFT JOIN party_tokens AS t ON t.party = 'handler' AND t.value = p.handler_id_norm
"""

_PARTIES = """
    SELECT DISTINCT u.party, u.provider_code, u.value FROM (
        SELECT 'operator' AS party, p.session_provider AS provider_code, p.operator_id AS value FROM score_parties AS p
        UNION ALL
        SELECT 'phone', NULL, p.phone FROM score_parties AS p
        UNION ALL
        SELECT 'handler', NULL, p.handler_id_norm FROM score_parties AS p
        WHERE length(p.handler_id_norm) = 18 OR length(p.handler_id_norm) = 15
    ) AS u
    WHERE u.value IS NOT NULL
"""

# What is asked of the accounts that have a finding, few of all that were judged.
_OF_ACCOUNTS = {
    "score_accounts": (
        "judged_accounts",
        (
            *("id_type", "id_status", "id_norm", "account_type", "group_code", "name_key", "document_kind", "shown_on"),
            *("moment_from", "moment_to", "moment_day", "region_code"),
        ),
    ),
    "score_rows": (
        "judged_rows",
        ("business_code", "currency", "amount", "overdue_amount", "report_date", "opened_from"),
    ),
    "score_openings": ("judged_openings", ("channel",)),
    "score_checks": (
        "last_checks",
        tuple(f"{kind}_check_{said}" for kind in ("card", "network", "person") for said in ("id", "result")),
    ),
    "score_parties": ("opening_parties", ("session_provider", "operator_id", "phone", "handler_id_norm")),
}


def gather_facts(engine: Engine, keys: Keyring, strengths: pa.Table) -> int:
    """Make ``facts_tonight`` (the columns of ``CASE_FACTS`` but night) of who was judged; returns how many subjects.

    Reads ``findings``, ``carried_subjects``, ``notices``, ``judged_accounts``, ``judged_rows``, ``judged_openings``,
    ``judged_inquiries``, ``opening_parties``, ``last_checks`` and ``addressed_regions``. To be called while those are
    tonight's.

    Parameters
    ----------
    engine : Engine
    keys : Keyring
        Operators, phones and handlers become tokens of its active key.
    strengths : pyarrow.Table
        rule_id, verdict, place: the smaller place is the stronger finding.
    """
    engine.load("score_strengths", strengths)
    engine.table("score_mine", _MINE)
    for name, (of, columns) in _OF_ACCOUNTS.items():
        engine.table(
            name,
            f"SELECT x.provider_code, x.account_code, {', '.join(f'x.{column}' for column in columns)} FROM {of} AS x"
            " WHERE EXISTS (SELECT 1 FROM score_mine AS s"
            " WHERE s.provider_code = x.provider_code AND s.account_code = x.account_code)",
        )
    engine.table("score_whose", _WHOSE)
    engine.table("score_notices", _NOTICES)
    engine.table("score_whole_people", _WHOLE_PEOPLE)
    engine.table("score_subjects", _SUBJECTS)
    engine.table("score_persons", _PERSONS)
    engine.table("score_beside", _BESIDE)
    engine.load("party_tokens", with_tokens(engine.fetch(_PARTIES), keys))
    made = engine.table("facts_tonight", _FACTS)
    engine.drop(
        *("score_strengths", "score_mine", "score_whose", "score_notices", "score_whole_people", "score_subjects"),
        *("score_persons", "score_beside", "party_tokens", "opening_parties", *_OF_ACCOUNTS),
    )
    return made


def with_tokens(parties: pa.Table, keys: Keyring, key: Key | None = None) -> pa.Table:
    """Add the column ``token`` to a table of party, provider_code and value: 16 hex digits, the same in every night.

    By the active key, or another one of the key file.
    """
    named = pc.binary_join_element_wise(
        parties["party"].cast(pa.string()),
        parties["provider_code"].cast(pa.string()).fill_null(""),
        parties["value"].cast(pa.string()),
        "\x1f",
    )
    return parties.append_column("token", token_column(keys, "score", named, length=16, key=key))


def facts_changed(engine: Engine, night: date) -> Iterator[pa.RecordBatch]:
    """Yield the facts of tonight that say something new (schema ``CASE_FACTS``)."""
    return news(engine, CASE_FACTS, "facts_tonight", night)


def queued_tonight(engine: Engine, night: date) -> Iterator[pa.RecordBatch]:
    """Yield facts and priority of the episodes that have both for the first time (schema ``CASE_QUEUE``).

    An objection has a priority before it has a finding; an episode that an older program queued is never told: its
    facts of that night are gone, and tonight's may be what an answer made of them. Reads ``case_rows``,
    ``known_cases``, ``resting_cases`` (queued long since), ``scores`` and the standing facts and queue.
    """
    said = [name for name in CASE_QUEUE.schema.names if name not in ("night", "case_id", "episode", "priority")]
    yield from engine.stream(
        f"SELECT DATE '{night.isoformat()}' AS night, r.case_id, r.episode, r.priority,"
        f" {', '.join(f'f.{name}' for name in said)}"
        " FROM case_rows AS r"
        " JOIN scores AS p ON p.provider_code = r.provider_code AND p.subject = r.subject"
        f" JOIN standing_{CASE_FACTS.name} AS f ON f.provider_code = r.provider_code AND f.subject = r.subject"
        " LEFT JOIN known_cases AS k ON k.case_id = r.case_id AND k.episode = r.episode"
        " WHERE r.is_current AND NOT r.is_superseded AND (k.priority IS NULL OR k.tier = 'objection')"
        " AND NOT EXISTS (SELECT 1 FROM resting_cases AS s WHERE s.case_id = r.case_id)"
        f" AND NOT EXISTS (SELECT 1 FROM standing_{CASE_QUEUE.name} AS q"
        " WHERE q.case_id = r.case_id AND q.episode = r.episode)"
        " ORDER BY r.case_id, r.episode"
    )
