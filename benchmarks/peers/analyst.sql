/* R101 and R102 as an analyst would ask them of one night's CSV files, in one script.

   Reads the text views accounts, openings, loss_reports, invalid_cards and issuances, and the variables
   issuances_known_from and issuances_known_to. Leaves the table findings. Bought debts (C1) are left out: who checked
   what is told by another account. */

CREATE MACRO day_of(t) AS CAST(strptime(replace(t, '-', ''), '%Y%m%d') AS DATE);
CREATE MACRO card_day(t) AS CASE
    WHEN t IN ('长期', '99991231', '9999-12-31', '00000000', '0000-00-00') THEN NULL ELSE day_of(t) END;

-- An instant is delivered as a day, a minute or a second, and stands for all of it.
CREATE MACRO begins(t) AS CASE length(t)
    WHEN 8 THEN strptime(t, '%Y%m%d') WHEN 16 THEN CAST(t || ':00' AS TIMESTAMP) ELSE CAST(t AS TIMESTAMP) END;
CREATE MACRO width(t) AS CASE
    WHEN length(t) <= 10 THEN to_seconds(86399) WHEN length(t) = 16 THEN to_seconds(59) ELSE to_seconds(0) END;

-- Some write blanks, full-width digits or a small x. The registries write 18 characters.
CREATE MACRO number_of(t) AS CASE WHEN strlen(t) = 18 AND NOT contains(t, ' ') THEN upper(t)
    ELSE upper(translate(replace(t, ' ', ''), '０１２３４５６７８９Ｘ', '0123456789X')) END;

-- Both registries: the newest row of each key.
CREATE TEMP TABLE registry AS
WITH reports AS (
    SELECT * FROM loss_reports
    QUALIFY row_number() OVER (PARTITION BY report_no ORDER BY begins(entered_at) DESC NULLS LAST) = 1
),
events AS (
    SELECT * FROM invalid_cards
    QUALIFY row_number() OVER (PARTITION BY event_id ORDER BY begins(coalesce(entered_at, effective_at)) DESC) = 1
),
withdrawals AS (
    SELECT withdraws_event_id, number_of(id_number) AS person, effective_at
    FROM events WHERE event = 'withdrawn'
    QUALIFY row_number() OVER (PARTITION BY withdraws_event_id, number_of(id_number) ORDER BY begins(effective_at)) = 1
)
SELECT 'loss_reports' AS source, report_no AS id, number_of(id_number) AS person,
    card_day(card_valid_from) AS noticed_on, card_day(card_valid_to) AS noticed_to, begins(lost_at) AS lost_from,
    begins(reported_at) AS reported_from, begins(reported_at) + width(reported_at) AS reported_to,
    begins(withdrawn_at) AS withdrawn_from, begins(withdrawn_at) + width(withdrawn_at) AS withdrawn_to
FROM reports
UNION ALL
SELECT 'invalid_cards', e.event_id, number_of(e.id_number),
    card_day(e.card_valid_from), card_day(e.card_valid_to), NULL,
    begins(e.effective_at), begins(e.effective_at) + width(e.effective_at),
    begins(w.effective_at), begins(w.effective_at) + width(w.effective_at)
FROM events AS e
LEFT JOIN withdrawals AS w ON w.withdraws_event_id = e.event_id AND w.person = number_of(e.id_number)
WHERE e.event = 'reported_lost';

CREATE TEMP TABLE cards AS
SELECT number_of(id_number) AS person, day_of(card_valid_from) AS valid_from, kind,
    begins(collected_at) AS collected_from, begins(collected_at) + width(collected_at) AS collected_to
FROM issuances WHERE number_of(id_number) IN (SELECT person FROM registry);

-- One loss is often told to both registries: each row takes from the other what it does not say itself.
CREATE TEMP TABLE losses AS
WITH paired AS (
    SELECT n.source, n.id, n.person, t.id AS twin,
        coalesce(n.noticed_on, t.noticed_on) AS noticed_on, coalesce(n.noticed_to, t.noticed_to) AS noticed_to,
        n.reported_from, n.reported_to, n.withdrawn_from, n.withdrawn_to,
        coalesce(n.lost_from, t.lost_from) AS lost_from,
        least({'since': n.reported_from, 'until': n.reported_to},
              coalesce({'since': t.reported_from, 'until': t.reported_to},
                       {'since': n.reported_from, 'until': n.reported_to})) AS first_told
    FROM registry AS n
    LEFT JOIN registry AS t ON t.person = n.person AND t.source <> n.source
        AND (t.noticed_on = n.noticed_on OR t.noticed_on IS NULL OR n.noticed_on IS NULL)
        AND abs(epoch(t.reported_from) - epoch(n.reported_from)) <= 30 * 86400
),
replaced AS (
    SELECT n.source, n.id, min({'since': c.collected_from, 'until': c.collected_to}) AS collected
    FROM paired AS n JOIN cards AS c ON c.person = n.person
    WHERE c.collected_from IS NOT NULL AND (
        c.valid_from >= CAST(coalesce(n.lost_from, n.first_told.since) AS DATE)
        OR c.collected_from > n.first_told.until)
    GROUP BY n.source, n.id
),
withdrawn AS (
    SELECT n.source, n.id, {'since': n.withdrawn_from, 'until': n.withdrawn_to} AS taken_back
    FROM paired AS n LEFT JOIN replaced AS r ON r.source = n.source AND r.id = n.id
    WHERE n.withdrawn_to >= n.reported_from
        AND (r.collected IS NULL OR n.withdrawn_from <= r.collected.until)
)
SELECT n.* EXCLUDE (withdrawn_from, withdrawn_to, twin), r.collected,
    least(coalesce(w.taken_back, t.taken_back), coalesce(t.taken_back, w.taken_back)) AS taken_back
FROM paired AS n
LEFT JOIN replaced AS r ON r.source = n.source AND r.id = n.id
LEFT JOIN withdrawn AS w ON w.source = n.source AND w.id = n.id
LEFT JOIN withdrawn AS t ON t.source <> n.source AND t.id = n.twin;

-- A number of 15 digits is one of 18 without the century, 19, and the check character.
CREATE TEMP TABLE spellings AS
SELECT DISTINCT person AS written, person FROM losses
UNION ALL
SELECT DISTINCT substr(person, 1, 6) || substr(person, 9, 9), person FROM losses WHERE substr(person, 7, 2) = '19';

-- The newest row of every account, then those of persons who reported a loss.
CREATE TEMP TABLE suspects AS
WITH newest AS (
    SELECT provider_code, account_code, id_type, id_number, account_type, opened_at, agreement_at FROM accounts
    QUALIFY row_number() OVER (
        PARTITION BY provider_code, account_code ORDER BY CAST(replace(report_date, '-', '') AS INTEGER) DESC) = 1
),
checked AS (
    SELECT a.provider_code, a.account_code, s.person, CASE
        WHEN a.account_type = 'R4' THEN a.agreement_at ELSE coalesce(a.agreement_at, a.opened_at) END AS checked_at
    FROM newest AS a JOIN spellings AS s ON s.written = number_of(a.id_number)
    WHERE a.id_type IN ('10', '0', '7') AND a.account_type <> 'C1'
)
SELECT provider_code, account_code, person,
    begins(checked_at) AS moment_from, begins(checked_at) + width(checked_at) AS moment_to
FROM checked WHERE checked_at IS NOT NULL;

CREATE TEMP TABLE shown_cards AS
SELECT s.*, o.document_kind,
    CASE WHEN card_day(o.card_valid_from) <= CAST(s.moment_from AS DATE) THEN card_day(o.card_valid_from) END AS shown_on,
    CASE WHEN card_day(o.card_valid_from) <= CAST(s.moment_from AS DATE) THEN card_day(o.card_valid_to) END AS shown_to
FROM suspects AS s
LEFT JOIN openings AS o ON o.provider_code = s.provider_code AND o.account_code = s.account_code
WHERE o.document_kind IS DISTINCT FROM 'other'
QUALIFY row_number() OVER (PARTITION BY s.provider_code, s.account_code ORDER BY o.session_id) = 1;

CREATE TEMP TABLE findings AS
WITH card_facts AS (
    SELECT person, valid_from, bool_or(kind = 'temporary') AS is_temporary,
        bool_or(collected_to IS NULL) AS is_uncollected, max(collected_to) AS collected_to
    FROM cards GROUP BY person, valid_from
),
pairs AS (
    SELECT a.*, n.source AS notice_source, n.id AS notice_id, n.reported_from, n.reported_to, n.collected,
        CASE WHEN a.moment_from > n.reported_to THEN 'yes'
             WHEN a.moment_to < n.reported_from THEN 'no' ELSE 'maybe' END AS is_after,
        CASE WHEN n.taken_back IS NULL OR a.moment_to < n.taken_back.since THEN 'yes'
             WHEN a.moment_from > n.taken_back.until THEN 'no' ELSE 'maybe' END AS standing,
        CASE WHEN a.shown_on IS NULL THEN 'unknown'
             WHEN a.shown_on = n.noticed_on THEN 'same'
             WHEN a.shown_on > n.noticed_on THEN 'newer'
             WHEN a.shown_on < n.noticed_on THEN CASE
                 WHEN a.document_kind = 'temporary' OR s.is_temporary OR m.is_temporary
                     OR a.shown_to <= a.shown_on + 100 OR n.noticed_to <= n.noticed_on + 100 THEN 'unknown'
                 ELSE 'older' END
             WHEN a.shown_on > CAST(n.first_told.since AS DATE) THEN 'newer'
             WHEN a.shown_on >= CAST(n.first_told.since AS DATE) - 90 THEN 'unknown'
             WHEN s.is_uncollected OR s.collected_to >= coalesce(n.lost_from, n.first_told.since) THEN 'unknown'
             ELSE 'presumed_same' END AS relation
    FROM shown_cards AS a
    JOIN losses AS n ON n.person = a.person
    LEFT JOIN card_facts AS s ON s.person = a.person AND s.valid_from = a.shown_on
    LEFT JOIN card_facts AS m ON m.person = n.person AND m.valid_from = n.noticed_on
),
standing AS (
    SELECT *, CASE WHEN is_after = 'yes' AND standing = 'yes' THEN 'violation' ELSE 'undecidable' END AS told
    FROM pairs WHERE is_after <> 'no' AND standing <> 'no'
)
SELECT provider_code, account_code, notice_source, notice_id, 'R101' AS rule_id, told AS verdict
FROM standing WHERE relation IN ('same', 'presumed_same')
UNION ALL
SELECT provider_code, account_code, notice_source, notice_id, 'R102', CASE
    WHEN collected IS NOT NULL THEN CASE WHEN moment_to < collected.since THEN told ELSE 'undecidable' END
    WHEN CAST(reported_from AS DATE) >= getvariable('issuances_known_from')
        AND CAST(moment_from AS DATE) <= getvariable('issuances_known_to') THEN told
    WHEN moment_from > reported_to + to_seconds(90 * 86400) THEN 'lead'
    ELSE 'undecidable' END
FROM standing WHERE relation = 'unknown' AND NOT coalesce(moment_from > collected.until, FALSE);
