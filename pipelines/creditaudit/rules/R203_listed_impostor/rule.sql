/*
id: R203
name: listed_impostor
title:
  zh: 经办人为在册的冒名开户人
  en: A listed impostor acted at the opening
lane: correction
clause: SPEC 6.2, 12 (R203)
effective: {from: null, to: null}
reads: [judged_accounts, judged_openings, listed_impostors]
key: [provider_code, account_code]
params: {}
evidence: [id_status, finding_on, term_ends_on, revoked_on]
undecidable_when: never; the days of the list are whole days, and a moment lies within one day
*/
WITH met AS (
    SELECT
        a.provider_code,
        a.account_code,
        i.entry,
        i.finding_on,
        i.term_ends_on,
        i.revoked_on,
        -- As a value, so that no engine joins the list to all accounts by the days instead of by the number.
        CASE
            -- An account without a moment has no day, so it never passes.
            WHEN
                i.finding_on <= a.moment_day
                AND (i.term_ends_on IS NULL OR a.moment_day <= i.term_ends_on)
                AND (i.revoked_on IS NULL OR a.moment_day < i.revoked_on)
                THEN 'yes'
        END AS is_listed
    FROM judged_accounts AS a
    INNER JOIN judged_openings AS o ON o.provider_code = a.provider_code AND o.account_code = a.account_code
    INNER JOIN listed_impostors AS i ON i.id_norm = o.handler_id_norm
    WHERE
        -- SPEC 6.2: not for C1.
        a.account_type <> 'C1'
        -- SPEC 4: bad_form is never matched.
        AND o.handler_id_status <> 'bad_form'
),

matched AS (
    SELECT
        m.provider_code,
        m.account_code,
        m.finding_on,
        m.term_ends_on,
        m.revoked_on,
        -- One finding however many rows of the list match: the smallest of them is named.
        ROW_NUMBER() OVER (PARTITION BY m.provider_code, m.account_code ORDER BY m.entry) AS place
    FROM met AS m
    WHERE m.is_listed = 'yes'
)

SELECT
    m.provider_code,
    m.account_code,
    NULL AS notice_source,
    NULL AS notice_id,
    'violation' AS verdict,
    m.finding_on,
    m.term_ends_on,
    m.revoked_on
FROM matched AS m
WHERE m.place = 1
