/*
id: R103
name: card_unknown_after_replacement
title:
  zh: 领取新证后开户，所出示的证件不明
  en: Opened after the new card was collected, and it is not known which card was shown
lane: correction
clause: SPEC 6.1
effective: {from: null, to: null}
reads: [pairs]
key: [provider_code, account_code, notice_source, notice_id]
params: {}
evidence: [id_status, relation, standing, shown_on, card_later_than_moment, noticed_on, collected_from, collected_to]
undecidable_when: never; it is a lead or nothing
*/
SELECT
    p.provider_code,
    p.account_code,
    p.notice_source,
    p.notice_id,
    'lead' AS verdict
FROM pairs AS p
WHERE
    p.kind = 'lost'
    AND p.relation = 'unknown'
    AND p.document_kind IS DISTINCT FROM 'other'
    AND p.is_after = 'yes'
    AND p.standing = 'yes'
    AND p.moment_from > p.collected_to
