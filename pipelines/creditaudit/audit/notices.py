"""Notices: what the registries say about cards, twins matched, withdrawals weighed (SPEC 5)."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from creditaudit.engines import Engine

DAY = 86_400
TWIN_DAYS = 30


def _unreadable(column: str) -> str:
    """Return SQL that is TRUE where the cell was delivered but set to missing by the contract."""
    return f"COALESCE((';' || dropped || ';') LIKE '%:{column};%', FALSE)"


def build_notices(engine: Engine, relation: str = "notices", *, rows: str = "standing") -> None:
    """Make ``notices`` (``creditaudit.tables.NOTICES``) and ``issued_cards``.

    Reads ``standing_loss_reports``, ``standing_invalid_cards``, ``standing_issuances``. A notice hangs on the rows of
    its person alone, so those of some persons give the notices of these persons.

    Parameters
    ----------
    engine : Engine
    relation : str
        What the notices are called.
    rows : str
        What is read in the place of ``standing``.
    """
    _issued_cards(engine, rows)
    _events(engine, rows)
    _lost(engine, rows)
    _twins(engine)
    _collected(engine)
    _share(engine)
    engine.table(relation, f"{_LOST_NOTICES} UNION ALL {_OTHER_NOTICES}")
    engine.drop("registry_events", "own_lost", "twins", "lost_cards", "shared_lost", "unread_collections")


def tell_notices(engine: Engine) -> None:
    """Make ``judged_sheet_notices``: the notices, as rules weigh them, of the persons of ``sheet_cases``.

    Reads ``sheet_cases`` and ``whole_<feed>`` of the registries, so a case has the same ones on every night, judged or
    not (SPEC 2).
    """
    feeds = ("loss_reports", "invalid_cards", "issuances")
    for feed in feeds:
        engine.table(f"sheet_{feed}", f"SELECT * FROM whole_{feed} WHERE id_norm IN (SELECT id_norm FROM sheet_cases)")
    build_notices(engine, "judged_sheet_notices", rows="sheet")
    engine.drop("issued_cards", *(f"sheet_{feed}" for feed in feeds))


def count_ignored(engine: Engine) -> dict[str, int]:
    """Count the events of the whole book that no notice could be made of, or that nothing known is withdrawn by.

    Reads ``standing_invalid_cards``; leaves nothing. Asked of everyone also where only some are judged, so it looks at
    few columns.

    Returns
    -------
    dict
        Reason to rows, by reason.
    """
    # Few events withdraw: the events that they name are looked up, not every event for a withdrawal.
    engine.table(
        "withdrawals",
        "SELECT id_norm, withdraws_event_id FROM standing_invalid_cards"
        " WHERE id_status <> 'bad_form' AND event = 'withdrawn'",
    )
    engine.table(
        "named_events",
        "SELECT DISTINCT e.id_norm, e.event_id FROM standing_invalid_cards AS e"
        " JOIN withdrawals AS w ON w.id_norm = e.id_norm AND w.withdraws_event_id = e.event_id"
        " WHERE e.id_status <> 'bad_form' AND e.event <> 'withdrawn'",
    )
    superseding = ", ".join(f"'{event}'" for event in ("damaged", "item_error", "name_changed", "renewed", "replaced"))
    found = engine.fetch(
        f"""
        SELECT
            (SELECT count(*) FROM standing_invalid_cards
                WHERE id_status <> 'bad_form' AND card_valid_from IS NULL AND event IN ({superseding}))
                AS superseded_without_card,
            (SELECT count(*) FROM withdrawals AS w WHERE NOT EXISTS (SELECT 1 FROM named_events AS e
                WHERE e.id_norm = w.id_norm AND e.event_id = w.withdraws_event_id)) AS withdrawal_of_nothing_known
        """
    )
    engine.drop("withdrawals", "named_events")
    return {name: int(found[name][0].as_py()) for name in found.column_names}


def _issued_cards(engine: Engine, rows: str) -> None:
    engine.table(
        "issued_cards",
        "SELECT id_norm, kind, epoch_day(card_valid_from) AS valid_from,"
        " epoch_second(collected_from) AS collected_from, epoch_second(collected_to) AS collected_to"
        f" FROM {rows}_issuances WHERE id_status <> 'bad_form'",
    )
    engine.table(
        "unread_collections",
        f"SELECT DISTINCT id_norm FROM {rows}_issuances WHERE {_unreadable('collected_at')}",
    )


def _events(engine: Engine, rows: str) -> None:
    engine.table(
        "registry_events",
        f"""
        SELECT id_norm, event_id, event,
            CASE WHEN event = 'reported_lost' THEN 'lost' WHEN event = 'withdrawn' THEN 'withdrawn'
                 WHEN event IN ('cancelled_death', 'cancelled_other') THEN 'cancelled' ELSE 'superseded' END AS kind,
            epoch_day(card_valid_from) AS noticed_on, epoch_day(card_valid_to) AS noticed_to,
            {_unreadable("card_valid_from")} AS noticed_unreadable,
            epoch_second(effective_from) AS reported_from, epoch_second(effective_to) AS reported_to,
            epoch_second(entered_from) AS entered_from, epoch_second(entered_to) AS entered_to,
            epoch_second(visible_from) AS visible_from, epoch_second(visible_to) AS visible_to,
            withdraws_event_id AS withdraws
        FROM {rows}_invalid_cards WHERE id_status <> 'bad_form'
        """,
    )


def _lost(engine: Engine, rows: str) -> None:
    """Make ``own_lost``: lost notices with what their own rows say; ``withdrawn`` is not weighed yet."""
    engine.table(
        "own_lost",
        f"""
        SELECT id_norm, 'loss_reports' AS source, report_no AS id, CAST(NULL AS STRING) AS event,
            epoch_day(card_valid_from) AS noticed_on, epoch_day(card_valid_to) AS noticed_to,
            {_unreadable("card_valid_from")} AS noticed_unreadable,
            epoch_second(lost_from) AS lost_from, epoch_second(lost_to) AS lost_to,
            epoch_second(reported_from) AS reported_from, epoch_second(reported_to) AS reported_to,
            epoch_second(entered_from) AS entered_from, epoch_second(entered_to) AS entered_to,
            epoch_second(visible_from) AS visible_from, epoch_second(visible_to) AS visible_to,
            epoch_second(withdrawn_from) AS withdrawn_from, epoch_second(withdrawn_to) AS withdrawn_to,
            {_unreadable("withdrawn_at")} AS withdrawn_unreadable
        FROM {rows}_loss_reports WHERE id_status <> 'bad_form'
        UNION ALL
        SELECT e.id_norm, 'invalid_cards' AS source, e.event_id AS id, e.event,
            e.noticed_on, e.noticed_to, e.noticed_unreadable,
            CAST(NULL AS BIGINT) AS lost_from, CAST(NULL AS BIGINT) AS lost_to,
            e.reported_from, e.reported_to, e.entered_from, e.entered_to, e.visible_from, e.visible_to,
            w.reported_from AS withdrawn_from, w.reported_to AS withdrawn_to, FALSE AS withdrawn_unreadable
        FROM registry_events AS e LEFT JOIN (
            SELECT id_norm, withdraws, reported_from, reported_to, row_number() OVER (
                PARTITION BY id_norm, withdraws ORDER BY reported_from, reported_to, event_id
            ) AS place
            FROM registry_events WHERE kind = 'withdrawn' AND withdraws IS NOT NULL
        ) AS w ON w.id_norm = e.id_norm AND w.withdraws = e.event_id AND w.place = 1
        WHERE e.kind = 'lost'
        """,
    )


def _twins(engine: Engine) -> None:
    """Make ``twins``: pairs of one loss in both registries, each notice in at most one pair.

    Pairs are taken by smallest distance, then by keys. The smallest pair of all is the best one of both its notices, so
    taking every pair that is best for both, and beginning anew with the rest, gives the same pairs.
    """
    engine.table(
        "twin_candidates",
        f"""
        SELECT l.id AS report_no, e.id AS event_id, abs(l.reported_from - e.reported_from) AS distance
        FROM own_lost AS l JOIN own_lost AS e ON e.id_norm = l.id_norm
        WHERE l.source = 'loss_reports' AND e.source = 'invalid_cards'
            AND (l.noticed_on = e.noticed_on OR l.noticed_on IS NULL OR e.noticed_on IS NULL)
            AND abs(l.reported_from - e.reported_from) <= {TWIN_DAYS * DAY}
        """,
    )
    engine.table("twins", "SELECT report_no, event_id FROM twin_candidates WHERE FALSE")
    while True:
        found = engine.table(
            "twin_round",
            """
            SELECT report_no, event_id FROM (
                SELECT report_no, event_id,
                    row_number() OVER (PARTITION BY report_no ORDER BY distance, event_id) AS by_report,
                    row_number() OVER (PARTITION BY event_id ORDER BY distance, report_no) AS by_event
                FROM twin_candidates
            ) AS ranked WHERE by_report = 1 AND by_event = 1
            """,
        )
        if not found:
            break
        engine.table("twins", "SELECT * FROM twins UNION ALL SELECT * FROM twin_round")
        engine.table(
            "twin_candidates",
            "SELECT c.* FROM twin_candidates AS c"
            " WHERE NOT EXISTS (SELECT 1 FROM twin_round AS t WHERE t.report_no = c.report_no)"
            " AND NOT EXISTS (SELECT 1 FROM twin_round AS t WHERE t.event_id = c.event_id)",
        )
    engine.drop("twin_candidates", "twin_round")


def _collected(engine: Engine) -> None:
    """Make ``lost_cards``: lost notices joined with their twin, and when the next card was collected."""
    engine.table(
        "paired_lost",
        """
        SELECT o.*, t.id AS twin_id,
            t.noticed_on AS twin_noticed_on, t.noticed_to AS twin_noticed_to,
            COALESCE(o.lost_from, t.lost_from) AS shared_lost_from, COALESCE(o.lost_to, t.lost_to) AS shared_lost_to,
            CASE WHEN t.reported_from < o.reported_from
                OR (t.reported_from = o.reported_from AND t.reported_to < o.reported_to)
                THEN t.reported_from ELSE o.reported_from END AS shared_reported_from,
            CASE WHEN t.reported_from < o.reported_from
                OR (t.reported_from = o.reported_from AND t.reported_to < o.reported_to)
                THEN t.reported_to ELSE o.reported_to END AS shared_reported_to,
            COALESCE(t.withdrawn_unreadable, FALSE) AS twin_withdrawn_unreadable
        FROM own_lost AS o
        LEFT JOIN (
            SELECT 'loss_reports' AS source, report_no AS id, 'invalid_cards' AS other_source, event_id AS other_id
            FROM twins
            UNION ALL
            SELECT 'invalid_cards' AS source, event_id AS id, 'loss_reports' AS other_source, report_no AS other_id
            FROM twins
        ) AS p ON p.source = o.source AND p.id = o.id
        LEFT JOIN own_lost AS t ON t.source = p.other_source AND t.id = p.other_id
        """,
    )
    engine.table(
        "lost_cards",
        """
        SELECT n.*, c.collected_from, c.collected_to FROM paired_lost AS n LEFT JOIN (
            SELECT source, id, collected_from, collected_to, row_number() OVER (
                PARTITION BY source, id ORDER BY collected_from, collected_to
            ) AS place
            FROM (
                SELECT p.source, p.id, i.collected_from, i.collected_to
                FROM paired_lost AS p JOIN issued_cards AS i ON i.id_norm = p.id_norm
                WHERE i.collected_from IS NOT NULL AND (
                    i.valid_from >= day_of_second(COALESCE(p.shared_lost_from, p.shared_reported_from))
                    OR i.collected_from > p.shared_reported_to
                )
            ) AS given
        ) AS c ON c.source = n.source AND c.id = n.id AND c.place = 1
        """,
    )
    engine.drop("paired_lost")


def _share(engine: Engine) -> None:
    """Make ``shared_lost``: each notice's own effective withdrawal, and its twin's."""
    engine.table(
        "weighed",
        """
        SELECT source, id, withdrawn_from, withdrawn_to FROM lost_cards
        WHERE withdrawn_from IS NOT NULL
            AND NOT COALESCE(withdrawn_from > collected_to, FALSE) AND NOT withdrawn_to < reported_from
        """,
    )
    engine.table(
        "shared_lost",
        """
        SELECT n.*,
            CASE WHEN t.withdrawn_from < w.withdrawn_from OR w.withdrawn_from IS NULL
                OR (t.withdrawn_from = w.withdrawn_from AND t.withdrawn_to < w.withdrawn_to)
                THEN t.withdrawn_from ELSE w.withdrawn_from END AS effective_from,
            CASE WHEN t.withdrawn_from < w.withdrawn_from OR w.withdrawn_from IS NULL
                OR (t.withdrawn_from = w.withdrawn_from AND t.withdrawn_to < w.withdrawn_to)
                THEN t.withdrawn_to ELSE w.withdrawn_to END AS effective_to
        FROM lost_cards AS n
        LEFT JOIN weighed AS w ON w.source = n.source AND w.id = n.id
        LEFT JOIN weighed AS t ON t.source <> n.source AND t.id = n.twin_id
        """,
    )
    engine.drop("weighed")


# Twins speak of one card. Of two ends the earlier one is kept, and the end of a row that has no beginning counts too,
# since any sign of a temporary card suffices (SPEC 12): overlooking one would accuse.
_LOST_NOTICES = """
    SELECT s.id_norm, s.source AS notice_source, s.id AS notice_id, 'lost' AS kind, s.event,
        COALESCE(s.noticed_on, s.twin_noticed_on) AS noticed_on,
        LEAST(COALESCE(s.noticed_to, s.twin_noticed_to), COALESCE(s.twin_noticed_to, s.noticed_to)) AS noticed_to,
        s.noticed_unreadable AND s.twin_noticed_on IS NULL AS noticed_unreadable,
        s.shared_lost_from AS lost_from, s.shared_lost_to AS lost_to,
        s.reported_from, s.reported_to, s.shared_reported_from, s.shared_reported_to,
        s.entered_from, s.entered_to,
        COALESCE(s.visible_from, s.entered_from, s.reported_from) AS visible_from, s.visible_to,
        s.effective_from AS withdrawn_from, s.effective_to AS withdrawn_to,
        s.withdrawn_unreadable OR s.twin_withdrawn_unreadable AS withdrawn_unreadable,
        s.collected_from, s.collected_to, u.id_norm IS NOT NULL AS collected_unreadable
    FROM shared_lost AS s LEFT JOIN unread_collections AS u ON u.id_norm = s.id_norm
"""

_OTHER_NOTICES = """
    SELECT e.id_norm, 'invalid_cards' AS notice_source, e.event_id AS notice_id, e.kind, e.event,
        e.noticed_on, e.noticed_to, e.noticed_unreadable,
        CAST(NULL AS BIGINT) AS lost_from, CAST(NULL AS BIGINT) AS lost_to,
        e.reported_from, e.reported_to,
        e.reported_from AS shared_reported_from, e.reported_to AS shared_reported_to,
        e.entered_from, e.entered_to,
        COALESCE(e.visible_from, e.entered_from, e.reported_from) AS visible_from, e.visible_to,
        CAST(NULL AS BIGINT) AS withdrawn_from, CAST(NULL AS BIGINT) AS withdrawn_to, FALSE AS withdrawn_unreadable,
        CAST(NULL AS BIGINT) AS collected_from, CAST(NULL AS BIGINT) AS collected_to,
        u.id_norm IS NOT NULL AS collected_unreadable
    FROM registry_events AS e LEFT JOIN unread_collections AS u ON u.id_norm = e.id_norm
    WHERE (e.kind = 'cancelled' OR (e.kind = 'superseded' AND e.noticed_on IS NOT NULL))
        AND NOT EXISTS (SELECT 1 FROM registry_events AS w
            WHERE w.kind = 'withdrawn' AND w.id_norm = e.id_norm AND w.withdraws = e.event_id)
"""
