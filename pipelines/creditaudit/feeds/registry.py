"""Feeds of the registries of lost and invalid cards, issuances and impostors (SPEC 3.2)."""

from __future__ import annotations

from creditaudit.feeds.model import Column, Kind, TableSpec

INVALID_CARD_EVENTS = (
    "reported_lost",
    "withdrawn",
    "replaced",
    "renewed",
    "damaged",
    "name_changed",
    "item_error",
    "cancelled_death",
    "cancelled_other",
)


def _card(*, droppable: bool) -> tuple[Column, ...]:
    return (
        Column("card_valid_from", Kind.DATE, droppable=droppable, note="which card; empty: not given"),
        Column("card_valid_to", Kind.DATE, droppable=droppable, any_date=True, note="empty: not given or long-term"),
    )


INVALID_CARDS = TableSpec(
    name="invalid_cards",
    columns=(
        Column("event_id", required=True),
        Column("id_number", required=True),
        Column("name", droppable=True),
        *_card(droppable=True),
        Column("card_issuer", droppable=True),
        Column("event", Kind.CODE, required=True, codes=INVALID_CARD_EVENTS),
        Column("effective_at", Kind.INSTANT, required=True),
        Column("entered_at", Kind.INSTANT, droppable=True, note="when the registry took it"),
        Column("visible_at", Kind.INSTANT, droppable=True, note="from when institutions could see it"),
        Column("withdraws_event_id", droppable=True),
    ),
    key=("event_id",),
    deciding=("entered_at", "effective_at"),
    grain="one event on one card",
    source="invalid resident ID card system, as announced 2016-10-06",
)

LOSS_REPORTS = TableSpec(
    name="loss_reports",
    columns=(
        Column("report_no", required=True),
        Column("id_number", required=True),
        Column("name", droppable=True),
        *_card(droppable=True),
        Column("lost_at", Kind.INSTANT, droppable=True, note="when lost, as the holder says; empty: unknown"),
        Column("reported_at", Kind.INSTANT, required=True),
        Column("entered_at", Kind.INSTANT, droppable=True),
        Column("visible_at", Kind.INSTANT, droppable=True),
        Column("channel", droppable=True),
        Column("withdrawn_at", Kind.INSTANT, droppable=True, note="empty: stands"),
    ),
    key=("report_no",),
    deciding=("entered_at",),
    grain="one report of a lost card",
    source="police loss reports",
)

ISSUANCES = TableSpec(
    name="issuances",
    columns=(
        Column("id_number", required=True),
        Column("card_valid_from", Kind.DATE, required=True),
        Column("card_valid_to", Kind.DATE, droppable=True, any_date=True),
        Column("kind", Kind.CODE, required=True, codes=("permanent", "temporary")),
        Column("reason", droppable=True),
        Column("collected_at", Kind.INSTANT, droppable=True, note="when the holder took it; empty: not known"),
    ),
    key=("id_norm", "card_valid_from", "kind"),
    grain="one card issued to a person",
    source="card issuance records",
)

IMPOSTORS = TableSpec(
    name="impostors",
    columns=(
        Column("person_ref", required=True),
        Column("id_number", required=True),
        Column("finding_on", Kind.DATE, required=True),
        Column("term_ends_on", Kind.DATE, any_date=True, note="empty: no end"),
        Column("revoked_on", Kind.DATE),
    ),
    key=("person_ref",),
    grain="one finding that a person opened accounts as another",
    source="yinfa 2019 no. 85, para. 9",
)
