/*
id: R104
name: superseded_card_used
title:
  zh: 使用已换领、已被取代的证件
  en: A card was shown that a later one had replaced
lane: fault
clause: SPEC 6.1
effective: {from: null, to: null}
reads: [pairs]
key: [provider_code, account_code, notice_source, notice_id]
params: {}
evidence: [id_status, relation, shown_on, noticed_on, event]
undecidable_when: the moment and the report overlap as delivered
*/
SELECT
    p.provider_code,
    p.account_code,
    p.notice_source,
    p.notice_id,
    CASE WHEN p.is_after = 'yes' THEN 'violation' ELSE 'undecidable' END AS verdict
FROM pairs AS p
WHERE
    -- Standing is not asked: a card older than the lost one stays replaced when the loss is withdrawn.
    ((p.kind = 'superseded' AND p.relation = 'same') OR (p.kind = 'lost' AND p.relation = 'older'))
    AND p.is_after IN ('yes', 'maybe')
