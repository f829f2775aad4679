/*
id: R401
name: inquiry_without_account
title:
  zh: 挂失后以审批名义查询信用报告而未开立账户
  en: An approval inquiry after the report of loss that no account answers
lane: correction
clause: SPEC 6.3, 12 (R203, R401, R402)
effective: {from: null, to: null}
reads: [judged_accounts, judged_inquiries, inquiry_pairs]
key: [provider_code, subject]
params:
  answer_days:
    value: 90
    unit: day
    bounds: [1, 366]
    reason: SPEC 6.3; an application is decided and the account reported by then
  answer_seconds:
    value: 7776000
    unit: second
    bounds: [86400, 31622400]
    reason: the same 90 days, for the moment of the account that answers
evidence: [id_status, reason, standing, lost_from, lost_to, withdrawn_from, withdrawn_to]
undecidable_when: never; what is not certainly after the report and standing gives nothing
*/
WITH answered AS (
    SELECT i.provider_code, i.inquiry_id
    FROM judged_inquiries AS i
    INNER JOIN judged_accounts AS a ON a.id_norm = i.id_norm AND a.group_code = i.group_code
    WHERE
        a.id_type = '10'
        -- SPEC 6.3: a C1 does not count. An account without a moment never passes the next line.
        AND a.account_type <> 'C1'
        AND a.moment_to >= i.inquired_from
        AND a.moment_from <= i.inquired_to + :answer_seconds
    GROUP BY i.provider_code, i.inquiry_id
),

named AS (
    SELECT
        p.provider_code,
        p.inquiry_id,
        p.notice_source,
        p.notice_id,
        p.lost_from,
        p.lost_to,
        p.withdrawn_from,
        p.withdrawn_to,
        p.standing,
        ROW_NUMBER() OVER (
            PARTITION BY p.provider_code, p.inquiry_id ORDER BY p.reported_from, p.notice_source, p.notice_id
        ) AS place
    FROM inquiry_pairs AS p
    WHERE p.is_after = 'yes' AND p.standing = 'yes'
)

SELECT
    i.provider_code,
    NULL AS account_code,
    n.notice_source,
    n.notice_id,
    'lead' AS verdict,
    'inquiry:' || i.inquiry_id AS subject,
    i.reason,
    n.standing,
    n.lost_from,
    n.lost_to,
    n.withdrawn_from,
    n.withdrawn_to
FROM judged_inquiries AS i
INNER JOIN named AS n ON n.provider_code = i.provider_code AND n.inquiry_id = i.inquiry_id
WHERE
    n.place = 1
    AND i.reason IN ('loan_approval', 'card_approval')
    AND i.night_on > i.inquired_on + :answer_days
    AND NOT EXISTS (
        SELECT d.inquiry_id
        FROM answered AS d
        WHERE d.provider_code = i.provider_code AND d.inquiry_id = i.inquiry_id
    )
