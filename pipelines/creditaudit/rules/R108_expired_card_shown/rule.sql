/*
id: R108
name: expired_card_shown
title:
  zh: 开户时出示的证件已过有效期
  en: The card shown had expired
lane: fault
clause: SPEC 6.2, 5 (Card relation)
effective: {from: null, to: null}
reads: [judged_accounts]
key: [provider_code, account_code]
params: {}
evidence: [id_status, shown_on, shown_to]
undecidable_when: never; a card is valid to the end of its last day, and a moment lies within one day
*/
SELECT
    a.provider_code,
    a.account_code,
    NULL AS notice_source,
    NULL AS notice_id,
    'violation' AS verdict
FROM judged_accounts AS a
WHERE
    -- SPEC 6.2: a buyer of debts (C1) had no card to check.
    a.account_type <> 'C1'
    -- An account without a moment has no day, so it never passes.
    AND a.shown_to < a.moment_day
    -- SPEC 5: a card that begins after the moment was not the card shown.
    AND (a.shown_on IS NULL OR a.shown_on <= a.moment_day)
