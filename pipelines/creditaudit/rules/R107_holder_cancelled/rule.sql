/*
id: R107
name: holder_cancelled
title:
  zh: 证件因死亡或其他原因注销后开户
  en: Opened after the holder's card was cancelled, by death or otherwise
lane: fault
clause: SPEC 6.1, 12 (R107)
effective: {from: null, to: null}
reads: [pairs]
key: [provider_code, account_code, notice_source, notice_id]
params: {}
evidence: [id_status, relation, event, shown_on, card_later_than_moment, last_issued_on]
undecidable_when: the card was cancelled by death and the moment and the cancellation overlap as delivered
*/
SELECT
    p.provider_code,
    p.account_code,
    p.notice_source,
    p.notice_id,
    CASE
        WHEN p.event = 'cancelled_other' THEN 'lead'
        WHEN p.is_after = 'yes' THEN 'violation'
        ELSE 'undecidable'
    END AS verdict
FROM pairs AS p
WHERE
    -- Only cancelled notices have these events.
    (p.event = 'cancelled_death' AND p.is_after IN ('yes', 'maybe'))
    OR (
        p.event = 'cancelled_other'
        AND p.is_after = 'yes'
        -- A card that begins after the cancellation says that the person has papers again (the dead get none).
        AND (p.shown_on IS NULL OR p.shown_on <= p.reported_on)
        AND (p.last_issued_on IS NULL OR p.last_issued_on <= p.reported_on)
    )
