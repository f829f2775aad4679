/*
id: R109
name: chained_account
title:
  zh: 还款账户或原账户链接到已发现违规的账户
  en: Its settlement account or original leads to an account that was opened against its holder
lane: correction
clause: SPEC 6.2, 12 (Lineage)
effective: {from: null, to: null}
reads: [chained_accounts]
key: [provider_code, account_code]
params: {}
evidence: [id_status, chain, chain_by]
undecidable_when: never; a chain is there or it is not, and it is a lead whatever its length
*/
SELECT
    c.provider_code,
    c.account_code,
    NULL AS notice_source,
    NULL AS notice_id,
    'lead' AS verdict,
    -- The chains are walked after the other rules have judged: what they lead to is a violation of R101, R102 or R107.
    c.chain,
    c.chain_by
FROM chained_accounts AS c
