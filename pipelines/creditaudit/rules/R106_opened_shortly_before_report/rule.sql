/*
id: R106
name: opened_shortly_before_report
title:
  zh: 挂失前数日内用后来挂失的证件开户（丢失时间不明）
  en: Opened with the card in the days before its loss was reported, the time of the loss being unknown
lane: correction
clause: SPEC 6.1, 12 (Temporary)
effective: {from: null, to: null}
reads: [pairs]
key: [provider_code, account_code, notice_source, notice_id]
params:
  window_seconds:
    value: 604800
    unit: second
    bounds: [86400, 7776000]
    reason: 7 days, the time within which most holders notice and report a loss; SPEC 6.1 fixes it
evidence: [id_status, relation, shown_on, noticed_on, withdrawn_from, withdrawn_to]
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
    AND p.lost_from IS NULL
    AND p.relation IN ('same', 'presumed_same')
    AND p.is_after = 'no'
    AND p.moment_from >= p.reported_from - :window_seconds
