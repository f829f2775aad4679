/* Grain: one physical card of a person (id_norm, valid_from), whatever was issued with that first day.

   SPEC 5 asks two things of "an issuance of the person with that card_valid_from": is one of them temporary, and
   is one of them not known to be collected by some instant. Both are answered here once, so that the pairs join
   at most one row per card: two issuances of one day (a temporary and a permanent card) must not double a finding. */
SELECT
    c.id_norm,
    c.valid_from,
    -- 1: at least one is temporary. SPEC 12: any sign suffices.
    MAX(CASE WHEN c.kind = 'temporary' THEN 1 ELSE 0 END) AS has_temporary,
    -- 1: at least one has no readable collection, so nothing is certain about when it came into the holder's hands.
    MAX(CASE WHEN c.collected_to IS NULL THEN 1 ELSE 0 END) AS has_uncollected,
    -- The last second by which all that have a collection were certainly collected; NULL: none has.
    MAX(c.collected_to) AS last_collected_to
FROM issued_cards AS c
GROUP BY c.id_norm, c.valid_from
