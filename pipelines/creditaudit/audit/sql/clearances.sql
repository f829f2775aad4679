/* Grain: (provider_code, account_code, notice_source, notice_id), at most one row each (SPEC 6.1, last paragraph).

   newer_card_shown clears. The other three mean "not judged", and are counted so everywhere. A cancelled notice has
   none: R107 asks neither which card was shown nor which document. */
SELECT
    p.provider_code,
    p.account_code,
    p.notice_source,
    p.notice_id,
    CASE WHEN p.document_kind = 'other' THEN 'no_card_shown' ELSE 'newer_card_shown' END AS reason
FROM pairs AS p
WHERE p.kind IN ('lost', 'superseded') AND (p.document_kind = 'other' OR p.relation = 'newer')

UNION ALL

-- An account without a moment gets none of 6.1, whatever its opening says: the reason is that there is no moment.
SELECT
    a.provider_code,
    a.account_code,
    n.notice_source,
    n.notice_id,
    a.no_moment AS reason
FROM judged_accounts AS a
INNER JOIN notices AS n ON n.id_norm = a.id_norm
WHERE
    a.id_type = '10'
    AND a.id_status <> 'bad_form'
    AND a.moment_from IS NULL
    AND n.kind IN ('lost', 'superseded')
