/*
id: R102
name: no_valid_card
title:
  zh: 挂失后、领取新证前开户，当时持有人手中没有有效证件
  en: Opened after the report and before a new card was collected, when the holder had no valid card
lane: fault
clause: SPEC 6.1, 12 (Twins, Dropped cells)
effective: {from: null, to: null}
reads: [pairs]
key: [provider_code, account_code, notice_source, notice_id]
params:
  late_after_seconds:
    value: 7776000
    unit: second
    bounds: [86400, 31622400]
    reason: 90 days; a card is made within 60 days, 30 more in remote areas (law on resident identity cards, art. 12)
evidence:
  [id_status, relation, standing, shown_on, card_later_than_moment, noticed_on, lost_from, lost_to, withdrawn_from,
   withdrawn_to, collected_from, collected_to, collected_unreadable, collection_covered]
undecidable_when: >-
  as R101; the moment overlaps the collection of the new card; a collection of the person cannot be read; or no
  collection is known and no full issuances file in the book covers the days from the report to the moment
*/
WITH candidates AS (
    SELECT
        p.provider_code,
        p.account_code,
        p.notice_source,
        p.notice_id,
        p.moment_from,
        p.moment_to,
        p.reported_to,
        p.collected_from,
        p.collected_to,
        p.collected_unreadable,
        p.collection_covered,
        CASE WHEN p.is_after = 'yes' AND p.standing = 'yes' THEN 'violation' ELSE 'undecidable' END AS after_standing
    FROM pairs AS p
    WHERE
        p.kind = 'lost'
        AND p.relation = 'unknown'
        AND p.document_kind IS DISTINCT FROM 'other'
        AND p.is_after IN ('yes', 'maybe')
        AND p.standing IN ('yes', 'maybe')
),

told AS (
    SELECT
        c.provider_code,
        c.account_code,
        c.notice_source,
        c.notice_id,
        c.collected_unreadable,
        CASE
            WHEN c.moment_to < c.collected_from THEN c.after_standing
            WHEN c.moment_from > c.collected_to THEN 'clean'
            WHEN c.collected_from IS NOT NULL THEN 'undecidable'
            -- No collection is known, and a full file would know it.
            WHEN c.collection_covered THEN c.after_standing
            -- No file would know it: past the time in which a new card is made, it is only a lead.
            WHEN c.moment_from > c.reported_to + :late_after_seconds THEN 'lead'
            ELSE 'undecidable'
        END AS verdict
    FROM candidates AS c
)

SELECT
    t.provider_code,
    t.account_code,
    t.notice_source,
    t.notice_id,
    -- SPEC 12: some card of the person was collected at an instant that cannot be read, perhaps before the moment.
    CASE WHEN t.verdict = 'violation' AND t.collected_unreadable THEN 'undecidable' ELSE t.verdict END AS verdict
FROM told AS t
WHERE t.verdict <> 'clean'
