/* Grain: one judged account with a moment and id_type 10, times one notice of the same id_norm (SPEC 6.1, first
   lines). Computed once; every rule on accounts and notices reads this table and nothing else.

   What SPEC 5 and 6.1 define for all those rules at once is decided here and in account_notices.sql, which this reads,
   and nowhere else: the card that was shown, the card relation, "after", "standing", and how far the issuances in the
   book reach.
   Joins go by id_norm, or by a day; nothing here grows faster than the pairs themselves. */
WITH person_cards AS (
    -- R107: an issuance of either kind clears, so the latest card of the person is enough.
    SELECT f.id_norm, MAX(f.valid_from) AS last_issued_on
    FROM card_facts AS f
    GROUP BY f.id_norm
),

report_days AS (
    SELECT day_of_second(n.reported_from) AS reported_on
    FROM notices AS n
    GROUP BY day_of_second(n.reported_from)
),

coverage_starts AS (
    SELECT c.covers_from, MAX(c.covers_to) AS covers_to
    FROM issuance_coverage AS c
    GROUP BY c.covers_from
),

-- R102: "a full issuances file with covers_from <= date of reported.from and covers_to >= date of moment". Of the
-- files that begin in time, the one that reaches furthest answers for all; asked once per day, not per pair.
coverage_reach AS (
    SELECT d.reported_on, MAX(c.covers_to) AS reaches_to
    FROM report_days AS d
    INNER JOIN coverage_starts AS c ON c.covers_from <= d.reported_on
    GROUP BY d.reported_on
)

SELECT
    m.provider_code,
    m.account_code,
    m.id_norm,
    m.id_status,
    m.account_type,
    m.group_code,
    m.document_kind,
    m.moment_from,
    m.moment_to,
    m.moment_day,
    m.shown_on,
    m.shown_to,
    m.card_later_than_moment,
    m.notice_source,
    m.notice_id,
    m.kind,
    m.event,
    m.noticed_on,
    m.noticed_to,
    m.noticed_unreadable,
    m.lost_from,
    m.lost_to,
    m.reported_from,
    m.reported_to,
    m.reported_on,
    m.visible_from,
    m.visible_to,
    m.withdrawn_from,
    m.withdrawn_to,
    m.withdrawn_unreadable,
    m.collected_from,
    m.collected_to,
    m.collected_unreadable,
    p.last_issued_on,
    -- R102: TRUE: a full issuances file would know of a collection. How far it reaches grows with every file, so that
    -- number stays here: in the evidence it would make each night a change.
    CASE WHEN r.reaches_to >= m.moment_day THEN TRUE ELSE FALSE END AS collection_covered,
    -- SPEC 5, Card relation: the first that applies.
    CASE
        WHEN m.shown_on IS NULL THEN 'unknown'
        -- SPEC 12: an unreadable card of the notice is weaker than a missing one; it presumes nothing.
        WHEN m.noticed_unreadable THEN 'unknown'
        WHEN m.shown_on = m.noticed_on THEN 'same'
        WHEN m.shown_on > m.noticed_on THEN 'newer'
        -- Shown earlier: a temporary card lies beside the permanent one, so it says nothing about which came first.
        WHEN
            m.shown_on < m.noticed_on
            AND (
                m.document_kind = 'temporary'
                OR shown.has_temporary = 1
                OR noticed.has_temporary = 1
                OR m.shown_to <= m.shown_on + 100
                OR m.noticed_to <= m.noticed_on + 100
            )
            THEN 'unknown'
        WHEN m.shown_on < m.noticed_on THEN 'older'
        -- From here on the notice does not say which card.
        WHEN m.shown_on > m.shared_reported_on THEN 'newer'
        -- A card issued this shortly before may be the one that replaced the lost one, reported late.
        WHEN m.shown_on >= m.shared_reported_on - 90 THEN 'unknown'
        -- A card that may not have been in the holder's hands when it was lost may not be the lost one.
        WHEN shown.has_uncollected = 1 OR shown.last_collected_to >= m.gone_from THEN 'unknown'
        ELSE 'presumed_same'
    END AS relation,
    -- SPEC 6.1: yes = moment certainly after reported; no = certainly before; maybe = undecided.
    CASE
        WHEN m.moment_from > m.reported_to THEN 'yes'
        WHEN m.moment_to < m.reported_from THEN 'no'
        ELSE 'maybe'
    END AS is_after,
    -- SPEC 6.1: whether the notice still stood at the moment. SPEC 12: unreadable, so at best maybe.
    CASE
        WHEN m.moment_from > m.withdrawn_to THEN 'no'
        WHEN m.withdrawn_unreadable THEN 'maybe'
        WHEN m.withdrawn_from IS NULL OR m.moment_to < m.withdrawn_from THEN 'yes'
        ELSE 'maybe'
    END AS standing
FROM account_notices AS m
LEFT JOIN card_facts AS shown ON shown.id_norm = m.id_norm AND shown.valid_from = m.shown_on
LEFT JOIN card_facts AS noticed ON noticed.id_norm = m.id_norm AND noticed.valid_from = m.noticed_on
LEFT JOIN person_cards AS p ON p.id_norm = m.id_norm
LEFT JOIN coverage_reach AS r ON r.reported_on = m.reported_on
