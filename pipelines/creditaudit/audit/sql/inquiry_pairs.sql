/* Grain: one inquiry times one lost notice of the same id_norm (SPEC 6.3, R401).

   The same "after" and "standing" as in pairs.sql, with the inquiry in place of the moment. Reading one text for both
   would need accounts and inquiries in one table; these lines change together with those. */
SELECT
    i.provider_code,
    i.inquiry_id,
    i.id_norm,
    n.notice_source,
    n.notice_id,
    n.lost_from,
    n.lost_to,
    n.reported_from,
    n.withdrawn_from,
    n.withdrawn_to,
    CASE
        WHEN i.inquired_from > n.reported_to THEN 'yes'
        WHEN i.inquired_to < n.reported_from THEN 'no'
        ELSE 'maybe'
    END AS is_after,
    CASE
        WHEN i.inquired_from > n.withdrawn_to THEN 'no'
        WHEN n.withdrawn_unreadable THEN 'maybe'
        WHEN n.withdrawn_from IS NULL OR i.inquired_to < n.withdrawn_from THEN 'yes'
        ELSE 'maybe'
    END AS standing
FROM judged_inquiries AS i
INNER JOIN notices AS n ON n.id_norm = i.id_norm
-- SPEC 4: bad_form is never matched.
WHERE i.id_status <> 'bad_form' AND n.kind = 'lost'
