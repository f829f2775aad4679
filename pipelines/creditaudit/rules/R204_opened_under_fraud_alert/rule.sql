/*
id: R204
name: opened_under_fraud_alert
title:
  zh: 防欺诈警示有效期内开户
  en: Opened while a fraud alert of the person was in force
lane: correction
clause: SPEC 6.2
effective: {from: null, to: null}
reads: [judged_accounts, person_alerts]
key: [provider_code, account_code]
params: {}
evidence: [id_status, effective_from, effective_to]
undecidable_when: the account was opened on the day on which the alert began; the alert does not say at what time
*/
WITH met AS (
    SELECT
        a.provider_code,
        a.account_code,
        f.alert_id,
        f.effective_from,
        f.effective_to,
        CASE WHEN f.effective_from < a.moment_day THEN 'violation' ELSE 'undecidable' END AS verdict
    FROM judged_accounts AS a
    INNER JOIN person_alerts AS f ON f.id_norm = a.id_norm
    WHERE
        a.id_type = '10'
        -- SPEC 4: bad_form is never matched.
        AND a.id_status <> 'bad_form'
        AND (
            f.effective_from = a.moment_day
            OR (f.effective_from < a.moment_day AND (f.effective_to IS NULL OR a.moment_day <= f.effective_to))
        )
),

placed AS (
    SELECT
        m.provider_code,
        m.account_code,
        m.effective_from,
        m.effective_to,
        m.verdict,
        -- One finding, the stronger: an alert that makes a violation began before one that began on the day itself.
        ROW_NUMBER() OVER (
            PARTITION BY m.provider_code, m.account_code ORDER BY m.effective_from, m.alert_id
        ) AS place
    FROM met AS m
)

SELECT
    p.provider_code,
    p.account_code,
    NULL AS notice_source,
    NULL AS notice_id,
    p.verdict,
    p.effective_from,
    p.effective_to
FROM placed AS p
WHERE p.place = 1
