/*
id: R302
name: one_number_several_names
title:
  zh: 同一身份证号码在不同机构登记了不同姓名
  en: One ID number stands with several names at several groups of institutions
lane: correction
clause: SPEC 6.3, 4 (Name), 12 (R302, Names)
effective: {from: null, to: null}
reads: [judged_accounts]
key: [provider_code, account_code]
params:
  least_names:
    value: 2
    unit: name
    bounds: [2, 9]
    reason: SPEC 6.3; names that the registry knows as changed count as one with each other
  least_groups:
    value: 2
    unit: group
    bounds: [1, 9]
    reason: SPEC 6.3; within one group the institution can compare its own files
evidence: [id_status, group_count, name_count]
undecidable_when: never; a name that cannot be compared counts for nothing
*/
WITH known AS (
    SELECT a.id_norm, a.name_key
    FROM judged_accounts AS a
    WHERE a.id_type = '10' AND a.id_status <> 'bad_form'
    GROUP BY a.id_norm, a.name_key
),

people AS (
    -- COUNT leaves out the name that is not known.
    SELECT k.id_norm, COUNT(k.name_key) AS name_count
    FROM known AS k
    GROUP BY k.id_norm
),

places AS (
    -- C1 accounts, accounts without a moment and accounts without a name count here, too.
    SELECT a.id_norm, COUNT(DISTINCT a.group_code) AS group_count
    FROM judged_accounts AS a
    WHERE a.id_type = '10'
    GROUP BY a.id_norm
)

SELECT
    a.provider_code,
    a.account_code,
    NULL AS notice_source,
    NULL AS notice_id,
    'lead' AS verdict,
    g.group_count,
    n.name_count
FROM judged_accounts AS a
INNER JOIN people AS n ON n.id_norm = a.id_norm
INNER JOIN places AS g ON g.id_norm = a.id_norm
WHERE a.id_type = '10' AND n.name_count >= :least_names AND g.group_count >= :least_groups
