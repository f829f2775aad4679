/*
id: R101
name: lost_card_used
title:
  zh: 挂失后仍使用已丢失的证件
  en: The card reported lost was shown after the report
lane: fault
clause: SPEC 6.1
effective: {from: null, to: null}
reads: [pairs]
key: [provider_code, account_code, notice_source, notice_id]
params: {}
evidence: [id_status, relation, standing, shown_on, noticed_on, lost_from, lost_to, withdrawn_from, withdrawn_to]
undecidable_when: >-
  the moment and the report, or the moment and the withdrawal, overlap as delivered (a date without a time, for
  example), or the withdrawal was delivered but cannot be read
*/
SELECT
    p.provider_code,
    p.account_code,
    p.notice_source,
    p.notice_id,
    CASE WHEN p.is_after = 'yes' AND p.standing = 'yes' THEN 'violation' ELSE 'undecidable' END AS verdict
FROM pairs AS p
WHERE
    p.kind = 'lost'
    AND p.relation IN ('same', 'presumed_same')
    -- after x standing: either one "no" and there is no finding
    AND p.is_after IN ('yes', 'maybe')
    AND p.standing IN ('yes', 'maybe')
