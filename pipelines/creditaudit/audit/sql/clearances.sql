/* Grain: (provider_code, account_code, notice_source, notice_id), at most one row each (SPEC 6.1, last paragraph).

   newer_card_shown clears. The other three mean "not judged", and are counted so everywhere. A cancelled notice has
   none: R107 asks neither which card was shown nor which document. */
SELECT
    p.provider_code,
    p.account_code,
    p.notice_source,
    p.notice_id,
    'newer_card_shown' AS reason
FROM pairs AS p
WHERE p.kind IN ('lost', 'superseded') AND p.relation = 'newer'

UNION ALL

-- Where no ID card was shown no card is newer (shown_on is NULL then), so no account is in both branches for a notice.
SELECT
    a.provider_code,
    a.account_code,
    n.notice_source,
    n.notice_id,
    -- Both may hold (an R4 without agreement, opened with a passport): the first that SPEC 6.1 names is the reason.
    CASE WHEN a.document_kind = 'other' THEN 'no_card_shown' ELSE a.no_moment END AS reason
FROM judged_accounts AS a
INNER JOIN notices AS n ON n.id_norm = a.id_norm
WHERE
    a.id_type = '10'
    -- SPEC 4: bad_form is never matched.
    AND a.id_status <> 'bad_form'
    AND n.kind IN ('lost', 'superseded')
    AND (a.document_kind = 'other' OR a.moment_from IS NULL)
