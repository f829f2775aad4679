/*
id: R202
name: person_check_failed
title:
  zh: 人像或指纹比对未通过仍予开户
  en: Opened although the last comparison of face or fingerprint had failed
lane: fault
clause: SPEC 6.2, 12 (R202)
effective: {from: null, to: null}
reads: [last_checks]
key: [provider_code, account_code]
params: {}
evidence: [id_status, check_id, check_kind, check_result, checked_from, checked_to]
undecidable_when: never; the last comparison failed or it did not
*/
SELECT
    l.provider_code,
    l.account_code,
    NULL AS notice_source,
    NULL AS notice_id,
    'violation' AS verdict,
    l.person_check_id AS check_id,
    l.person_check_kind AS check_kind,
    l.person_check_result AS check_result,
    l.person_check_from AS checked_from,
    l.person_check_to AS checked_to
FROM last_checks AS l
WHERE
    l.person_check_result = 'fail'
    -- Whoever was then recognised in person by the staff has been checked after all.
    AND NOT l.passed_in_person_later
