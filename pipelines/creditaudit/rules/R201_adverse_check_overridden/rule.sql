/*
id: R201
name: adverse_check_overridden
title:
  zh: 核查结果不利仍予开户
  en: Opened although the last check of the card or of the person's number was adverse
lane: fault
clause: SPEC 6.2, 7.3, 4 (Moment)
effective: {from: null, to: null}
reads: [last_checks]
key: [provider_code, account_code]
params: {}
evidence: [id_status, check_id, check_kind, check_result, checked_from, checked_to]
undecidable_when: never; a check counts or it does not, and a check without a usable result is passed over
*/
WITH told AS (
    SELECT
        l.provider_code,
        l.account_code,
        l.card_check_id,
        l.card_check_result,
        l.card_check_from,
        l.card_check_to,
        l.network_check_id,
        l.network_check_result,
        l.network_check_from,
        l.network_check_to,
        CASE
            -- SPEC 7.3: an urgent need that was followed up in time is no override.
            WHEN l.card_check_result IN ('reported_lost', 'invalid') AND NOT l.is_excepted THEN 'violation'
            WHEN l.network_check_result IN ('name_mismatch', 'number_unknown') THEN 'lead'
        END AS verdict
    FROM last_checks AS l
)

SELECT
    t.provider_code,
    t.account_code,
    NULL AS notice_source,
    NULL AS notice_id,
    t.verdict,
    CASE WHEN t.verdict = 'violation' THEN t.card_check_id ELSE t.network_check_id END AS check_id,
    CASE WHEN t.verdict = 'violation' THEN 'invalid_card_check' ELSE 'network_check' END AS check_kind,
    CASE WHEN t.verdict = 'violation' THEN t.card_check_result ELSE t.network_check_result END AS check_result,
    CASE WHEN t.verdict = 'violation' THEN t.card_check_from ELSE t.network_check_from END AS checked_from,
    CASE WHEN t.verdict = 'violation' THEN t.card_check_to ELSE t.network_check_to END AS checked_to
FROM told AS t
WHERE t.verdict IS NOT NULL
