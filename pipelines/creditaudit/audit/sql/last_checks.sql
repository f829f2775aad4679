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
    WHERE c.checked_from <= c.moment_to
),

several AS (
    SELECT c.provider_code, c.account_code, c.family
    FROM counting AS c
    GROUP BY c.provider_code, c.account_code, c.family
    HAVING COUNT(c.check_id) > 1
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
    -- Most accounts have one check of a kind: ordering them all would cost more than all rules together.
    INNER JOIN several AS s
        ON s.provider_code = c.provider_code AND s.account_code = c.account_code AND s.family = c.family
),

lasts AS (
    SELECT
        r.provider_code,
        r.account_code,
        r.check_id,
        r.check_kind,
        r.result,
        r.checked_from,
        r.checked_to,
        r.family
    FROM ranked AS r
    WHERE r.place = 1

    UNION ALL

    SELECT
        c.provider_code,
        c.account_code,
        c.check_id,
        c.check_kind,
        c.result,
        c.checked_from,
        c.checked_to,
        c.family
    FROM counting AS c
    LEFT JOIN several AS s
        ON s.provider_code = c.provider_code AND s.account_code = c.account_code AND s.family = c.family
    WHERE s.family IS NULL
),

passed AS (
    SELECT i.provider_code, i.account_code
    FROM counting AS i
    INNER JOIN lasts AS l ON l.provider_code = i.provider_code AND l.account_code = i.account_code
    WHERE
        l.family = 'person'
        AND i.check_kind = 'in_person'
        AND i.result = 'pass'
        -- SPEC 12: later is greater by (from, to, id).
        AND (
            i.checked_from > l.checked_from
            OR (i.checked_from = l.checked_from AND i.checked_to > l.checked_to)
            OR (
                i.checked_from = l.checked_from
                AND i.checked_to = l.checked_to
                AND i.check_id > l.check_id
            )
        )
    GROUP BY i.provider_code, i.account_code
),

soon AS (
    SELECT c.provider_code, c.account_code
    FROM account_checks AS c
    -- SPEC 7.3: in (moment.to, moment.to + 86,400 s].
    WHERE
        c.check_kind = 'invalid_card_check'
        AND c.checked_from > c.moment_to
        AND c.checked_from <= c.moment_to + 86400
    GROUP BY c.provider_code, c.account_code
)

SELECT
    a.provider_code,
    a.account_code,
    c.check_id AS card_check_id,
    c.result AS card_check_result,
    c.checked_from AS card_check_from,
    c.checked_to AS card_check_to,
    n.check_id AS network_check_id,
    n.result AS network_check_result,
    n.checked_from AS network_check_from,
    n.checked_to AS network_check_to,
    f.check_id AS person_check_id,
    f.check_kind AS person_check_kind,
    f.result AS person_check_result,
    f.checked_from AS person_check_from,
    f.checked_to AS person_check_to,
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
LEFT JOIN lasts AS c
    ON c.provider_code = a.provider_code AND c.account_code = a.account_code AND c.family = 'invalid_card_check'
LEFT JOIN lasts AS n
    ON n.provider_code = a.provider_code AND n.account_code = a.account_code AND n.family = 'network_check'
LEFT JOIN lasts AS f
    ON f.provider_code = a.provider_code AND f.account_code = a.account_code AND f.family = 'person'
LEFT JOIN passed AS p ON p.provider_code = a.provider_code AND p.account_code = a.account_code
LEFT JOIN soon AS s ON s.provider_code = a.provider_code AND s.account_code = a.account_code
LEFT JOIN judged_openings AS o ON o.provider_code = a.provider_code AND o.account_code = a.account_code
WHERE a.moment_from IS NOT NULL AND a.account_type <> 'C1'
