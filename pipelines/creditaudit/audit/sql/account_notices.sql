/* Grain: one judged account with a moment and id_type 10, times one notice of the same id_norm (SPEC 6.1, first lines).

   pairs.sql says how the two stand to each other; nothing else reads this table. It is kept by itself because a join of
   so many rows needs the memory of a large night for itself. */
SELECT
    a.provider_code,
    a.account_code,
    a.id_norm,
    a.id_status,
    a.account_type,
    a.group_code,
    a.document_kind,
    a.moment_from,
    a.moment_to,
    a.moment_day,
    -- SPEC 5: a card that begins after the moment was not the card shown; it is missing, and says so.
    CASE WHEN a.shown_on <= a.moment_day THEN a.shown_on END AS shown_on,
    CASE WHEN a.shown_on > a.moment_day THEN NULL ELSE a.shown_to END AS shown_to,
    CASE WHEN a.shown_on > a.moment_day THEN TRUE ELSE FALSE END AS card_later_than_moment,
    n.notice_source,
    n.notice_id,
    n.kind,
    n.event,
    n.noticed_on,
    n.noticed_to,
    n.noticed_unreadable,
    n.lost_from,
    n.lost_to,
    n.reported_from,
    n.reported_to,
    day_of_second(n.reported_from) AS reported_on,
    -- SPEC 5, Twins: the earlier reported of the two serves the relation; "after" keeps the notice's own.
    day_of_second(n.shared_reported_from) AS shared_reported_on,
    COALESCE(n.lost_from, n.shared_reported_from) AS gone_from,
    n.visible_from,
    n.visible_to,
    n.withdrawn_from,
    n.withdrawn_to,
    n.withdrawn_unreadable,
    n.collected_from,
    n.collected_to,
    n.collected_unreadable
FROM judged_accounts AS a
INNER JOIN notices AS n ON n.id_norm = a.id_norm
-- SPEC 4: bad_form is never matched.
WHERE a.id_type = '10' AND a.id_status <> 'bad_form' AND a.moment_from IS NOT NULL
