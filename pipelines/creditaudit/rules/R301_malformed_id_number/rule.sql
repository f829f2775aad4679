/*
id: R301
name: malformed_id_number
title:
  zh: 身份证号码不符合编码规则
  en: The ID number is malformed
lane: correction
clause: SPEC 6.3, 4 (ID number)
effective: {from: null, to: null}
reads: [judged_accounts]
key: [provider_code, account_code]
params: {}
evidence: [id_status]
undecidable_when: never; the status of a number is computed from the number alone
*/
SELECT
    a.provider_code,
    a.account_code,
    NULL AS notice_source,
    NULL AS notice_id,
    'lead' AS verdict
FROM judged_accounts AS a
WHERE a.id_type = '10' AND a.id_status IN ('bad_check', 'bad_date', 'bad_form')
