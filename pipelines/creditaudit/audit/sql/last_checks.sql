/* Grain: one judged account that has a moment and is not C1, also without any check (SPEC 4, 7.3, 12).

   Which checks are an account's is decided before (account_checks). A check counts if it began by the end of the
   moment; the last of a kind is the greatest by (from, to, id), and an error is passed over unless there is no other. */
WITH counting AS (
    SELECT
        c.provider_code,
        c.account_code,
        c.check_provider,
        c.check_id,
        c.check_kind,
        c.result,
        c.checked_from,
        c.checked_to,
        -- SPEC 12: R202 asks for the last of both kinds together.
        CASE WHEN c.check_kind IN ('face_match', 'fingerprint_match') THEN 'person' ELSE c.check_kind END AS family
    FROM account_checks AS c
    INNER JOIN judged_accounts AS a ON a.provider_code = c.provider_code AND a.account_code = c.account_code
    WHERE c.checked_from <= a.moment_to
),

ranked AS (
    SELECT
        c.provider_code,
        c.account_code,
        c.check_id,
        c.check_kind,
        c.result,
        c.checked_from,
        c.checked_to,
        c.family,
        ROW_NUMBER() OVER (
            PARTITION BY c.provider_code, c.account_code, c.family
            ORDER BY
                CASE WHEN c.result = 'error' THEN 0 ELSE 1 END DESC,
                c.checked_from DESC,
                c.checked_to DESC,
                c.check_id DESC,
                -- Institutions give their own ids; an account that moved may have two checks of one id.
                c.check_provider DESC
        ) AS place
    FROM counting AS c
),

lasts AS (
    SELECT
        r.provider_code,
        r.account_code,
        MAX(CASE WHEN r.family = 'invalid_card_check' THEN r.check_id END) AS card_check_id,
        MAX(CASE WHEN r.family = 'invalid_card_check' THEN r.result END) AS card_check_result,
        MAX(CASE WHEN r.family = 'invalid_card_check' THEN r.checked_from END) AS card_check_from,
        MAX(CASE WHEN r.family = 'invalid_card_check' THEN r.checked_to END) AS card_check_to,
        MAX(CASE WHEN r.family = 'network_check' THEN r.check_id END) AS network_check_id,
        MAX(CASE WHEN r.family = 'network_check' THEN r.result END) AS network_check_result,
        MAX(CASE WHEN r.family = 'network_check' THEN r.checked_from END) AS network_check_from,
        MAX(CASE WHEN r.family = 'network_check' THEN r.checked_to END) AS network_check_to,
        MAX(CASE WHEN r.family = 'person' THEN r.check_id END) AS person_check_id,
        MAX(CASE WHEN r.family = 'person' THEN r.check_kind END) AS person_check_kind,
        MAX(CASE WHEN r.family = 'person' THEN r.result END) AS person_check_result,
        MAX(CASE WHEN r.family = 'person' THEN r.checked_from END) AS person_check_from,
        MAX(CASE WHEN r.family = 'person' THEN r.checked_to END) AS person_check_to
    FROM ranked AS r
    WHERE r.place = 1
    GROUP BY r.provider_code, r.account_code
),

passed AS (
    SELECT i.provider_code, i.account_code
    FROM counting AS i
    INNER JOIN lasts AS l ON l.provider_code = i.provider_code AND l.account_code = i.account_code
    WHERE
        i.check_kind = 'in_person'
        AND i.result = 'pass'
        -- SPEC 12: later is greater by (from, to, id).
        AND (
            i.checked_from > l.person_check_from
            OR (i.checked_from = l.person_check_from AND i.checked_to > l.person_check_to)
            OR (
                i.checked_from = l.person_check_from
                AND i.checked_to = l.person_check_to
                AND i.check_id > l.person_check_id
            )
        )
    GROUP BY i.provider_code, i.account_code
),

soon AS (
    SELECT c.provider_code, c.account_code
    FROM account_checks AS c
    INNER JOIN judged_accounts AS a ON a.provider_code = c.provider_code AND a.account_code = c.account_code
    -- SPEC 7.3: in (moment.to, moment.to + 86,400 s].
    WHERE
        c.check_kind = 'invalid_card_check'
        AND c.checked_from > a.moment_to
        AND c.checked_from <= a.moment_to + 86400
    GROUP BY c.provider_code, c.account_code
)

SELECT
    a.provider_code,
    a.account_code,
    l.card_check_id,
    l.card_check_result,
    l.card_check_from,
    l.card_check_to,
    l.network_check_id,
    l.network_check_result,
    l.network_check_from,
    l.network_check_to,
    l.person_check_id,
    l.person_check_kind,
    l.person_check_result,
    l.person_check_from,
    l.person_check_to,
    CASE WHEN p.account_code IS NOT NULL THEN TRUE ELSE FALSE END AS passed_in_person_later,
    CASE WHEN s.account_code IS NOT NULL THEN TRUE ELSE FALSE END AS card_checked_soon_after,
    -- SPEC 7.3: by the same day of the next month, or its last day.
    CASE
        WHEN
            o.exception_code = 'urgent_need'
            AND o.exception_followed_up_on >= a.moment_day
            AND o.exception_followed_up_on <= day_next_month(a.moment_day)
            THEN TRUE
        ELSE FALSE
    END AS is_excepted
FROM judged_accounts AS a
LEFT JOIN lasts AS l ON l.provider_code = a.provider_code AND l.account_code = a.account_code
LEFT JOIN passed AS p ON p.provider_code = a.provider_code AND p.account_code = a.account_code
LEFT JOIN soon AS s ON s.provider_code = a.provider_code AND s.account_code = a.account_code
LEFT JOIN judged_openings AS o ON o.provider_code = a.provider_code AND o.account_code = a.account_code
WHERE a.moment_from IS NOT NULL AND a.account_type <> 'C1'
