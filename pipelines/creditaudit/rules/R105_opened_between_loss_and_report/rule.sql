/*
id: R105
name: opened_between_loss_and_report
title:
  zh: 在丢失之后、挂失之前开户
  en: Opened after the card was lost and before the loss was reported
lane: fault
clause: SPEC 6.1
effective: {from: null, to: null}
reads: [pairs]
key: [provider_code, account_code, notice_source, notice_id]
params: {}
evidence: [id_status, relation, shown_on, card_later_than_moment, noticed_on, lost_from, lost_to, withdrawn_from, withdrawn_to]
undecidable_when: the moment and the loss overlap as delivered
*/
SELECT
    p.provider_code,
    p.account_code,
    p.notice_source,
    p.notice_id,
    CASE
        -- The holder took the report back: the card may never have left the holder's hands. A withdrawal that cannot
        -- be read is not known to be effective; it weakens standing (SPEC 12), which this rule does not ask.
        WHEN p.withdrawn_from IS NOT NULL THEN 'lead'
        WHEN p.moment_from > p.lost_to THEN 'violation'
        ELSE 'undecidable'
    END AS verdict
FROM pairs AS p
WHERE
    p.kind = 'lost'
    AND p.relation <> 'newer'
    AND p.document_kind IS DISTINCT FROM 'other'
    AND p.is_after = 'no'
    -- not certainly before the loss; a loss whose time is unknown is R106's
    AND p.moment_to >= p.lost_from
