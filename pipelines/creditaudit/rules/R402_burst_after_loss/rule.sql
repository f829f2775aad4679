/*
id: R402
name: burst_after_loss
title:
  zh: 挂失后短期内在多家机构集中开户
  en: Several accounts at several groups of institutions soon after the report of loss
lane: correction
clause: SPEC 6.3, 12 (R203, R401, R402)
effective: {from: null, to: null}
reads: [pairs]
key: [provider_code, account_code]
params:
  window_seconds:
    value: 2592000
    unit: second
    bounds: [86400, 31622400]
    reason: SPEC 6.3, 30 days
  least_accounts:
    value: 3
    unit: account
    bounds: [2, 99]
    reason: SPEC 6.3
  least_groups:
    value: 2
    unit: group
    bounds: [1, 99]
    reason: SPEC 6.3
evidence: [id_status, relation, standing, account_count, group_count]
undecidable_when: never; what is not certainly after the report and standing does not count
*/
WITH used AS (
    SELECT
        p.provider_code,
        p.account_code,
        p.group_code,
        p.notice_source,
        p.notice_id,
        p.reported_from
    FROM pairs AS p
    WHERE
        p.kind = 'lost'
        -- SPEC 6.3: a buyer of debts opened nothing.
        AND p.account_type <> 'C1'
        AND p.relation <> 'newer'
        AND p.is_after = 'yes'
        AND p.standing = 'yes'
        AND p.moment_from <= p.reported_to + :window_seconds
),

bursts AS (
    SELECT
        u.notice_source,
        u.notice_id,
        COUNT(u.account_code) AS account_count,
        COUNT(DISTINCT u.group_code) AS group_count
    FROM used AS u
    GROUP BY u.notice_source, u.notice_id
),

placed AS (
    SELECT
        u.provider_code,
        u.account_code,
        u.notice_source,
        u.notice_id,
        b.account_count,
        b.group_count,
        -- SPEC 12: for each account the earliest notice for which it qualifies.
        ROW_NUMBER() OVER (
            PARTITION BY u.provider_code, u.account_code ORDER BY u.reported_from, u.notice_source, u.notice_id
        ) AS place
    FROM used AS u
    INNER JOIN bursts AS b ON b.notice_source = u.notice_source AND b.notice_id = u.notice_id
    WHERE b.account_count >= :least_accounts AND b.group_count >= :least_groups
)

SELECT
    q.provider_code,
    q.account_code,
    q.notice_source,
    q.notice_id,
    'lead' AS verdict,
    q.account_count,
    q.group_count
FROM placed AS q
WHERE q.place = 1
