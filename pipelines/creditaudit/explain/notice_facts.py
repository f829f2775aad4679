"""What could be otherwise of a notice: when it was visible, reported or withdrawn, and when the next card came."""

from __future__ import annotations

from typing import TYPE_CHECKING

from creditaudit.explain.changes import (
    ABOVE_ALL,
    Change,
    date_of,
    instant,
    seconds_of,
    with_provenance,
    without_dropped,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from creditaudit.explain.changes import Judged
    from creditaudit.explain.worlds import Row, Rows


def notice_changes(judged: Judged, pair: Row) -> Iterator[Change]:
    """Yield what could be otherwise of one notice, met by an account (a row of ``pairs``)."""
    source, key = pair["notice_source"], pair["notice_id"]
    about = f"{source} {key}"
    moment = judged.account["moment_from"], judged.account["moment_to"]

    def told(stem: str, second: int | None) -> Callable[[Rows], None]:
        return _registry(source, key, stem, second)

    visible_known = pair["visible_to"] is not None
    overlaps = not (pair["visible_from"] > moment[1] or (visible_known and pair["visible_to"] < moment[0]))
    if pair["kind"] != "cancelled":  # SPEC 7.1: the registry of cards does not tell of deaths
        if moment[0] - 1 >= pair["reported_from"] and not (visible_known and pair["visible_to"] < moment[0]):
            yield Change(
                "visible", "before_the_moment", about, is_unknown=overlaps, apply=told("visible", moment[0] - 1)
            )
        if pair["visible_from"] <= moment[1]:
            yield Change(
                "visible", "after_the_moment", about, is_unknown=overlaps, apply=told("visible", moment[1] + 1)
            )
    stem = "reported" if source == "loss_reports" else "effective"
    if pair["is_after"] == "maybe":
        for name, second in (("first", pair["reported_from"]), ("last", pair["reported_to"])):
            if pair["reported_from"] != pair["reported_to"]:
                yield Change("reported", f"at_its_{name}_second", about, is_unknown=True, apply=told(stem, second))
    if pair["kind"] == "lost":
        yield from _loss(pair, about, moment)
    else:
        yield Change("withdrawn", "the_event_was_annulled", about, is_unknown=False, apply=_annulled(pair))


def _loss(pair: Row, about: str, moment: tuple[int, int]) -> Iterator[Change]:
    """Yield what a lost notice's own times could be."""
    source, key = pair["notice_source"], pair["notice_id"]
    if pair["standing"] != "no" and moment[0] - 1 >= pair["reported_from"]:
        unread = bool(pair["withdrawn_unreadable"]) or pair["standing"] == "maybe"
        apply = _withdrawn(pair, moment[0] - 1)
        yield Change("withdrawn", "before_the_moment", about, is_unknown=unread, apply=apply)
    if pair["standing"] != "yes":
        unread = pair["standing"] == "maybe"
        yield Change("withdrawn", "not_at_all", about, is_unknown=unread, apply=_withdrawn(pair, None))
    if source == "loss_reports" and pair["lost_from"] is not None and pair["lost_from"] <= moment[1] + 1:
        unsure = pair["lost_to"] >= moment[0] and pair["lost_from"] <= moment[1]
        if moment[1] + 1 <= pair["reported_to"]:
            apply = _registry(source, key, "lost", moment[1] + 1)
            yield Change("lost", "after_the_moment", about, is_unknown=unsure, apply=apply)
        if unsure:
            yield Change(
                "lost", "before_the_moment", about, is_unknown=True, apply=_registry(source, key, "lost", moment[0] - 1)
            )
    if pair["relation"] == "unknown":
        known = pair["collected_from"] is not None
        undecided = not known or (pair["collected_from"] <= moment[1] and pair["collected_to"] >= moment[0])
        if not known or pair["collected_to"] >= moment[0]:
            apply = _collected(pair, moment[0] - 1)
            yield Change("collected", "before_the_moment", about, is_unknown=undecided, apply=apply)
        if not known or pair["collected_from"] <= moment[1]:
            apply = _collected(pair, moment[1] + 1)
            yield Change("collected", "after_the_moment", about, is_unknown=undecided, apply=apply)


def _registry(source: str, key: str, stem: str, second: int | None) -> Callable[[Rows], None]:
    """Give an instant of one notice another value."""
    relation, name = f"standing_{source}", "report_no" if source == "loss_reports" else "event_id"

    def apply(rows: Rows) -> None:
        rows[relation] = [{**r, **instant(stem, second)} if r[name] == key else r for r in rows[relation]]

    return apply


def _withdrawn(pair: Row, second: int | None) -> Callable[[Rows], None]:
    """Withdraw one lost notice at a second, a registry's by an event of its own; or take its withdrawal away.

    Other notices keep theirs. A withdrawal that twins share is that of one of them: it goes wherever it stands.
    """
    source, key = pair["notice_source"], pair["notice_id"]
    shared = (pair["withdrawn_from"], pair["withdrawn_to"])

    def is_it(row: Row, stem: str) -> bool:
        given = row[f"{stem}_from"], row[f"{stem}_to"]
        return None not in (*given, *shared) and tuple(seconds_of(moment) for moment in given) == shared

    def apply(rows: Rows) -> None:
        if second is None:
            rows["standing_loss_reports"] = [
                without_dropped(r, "withdrawn_at") | instant("withdrawn", None)
                if (source == "loss_reports" and r["report_no"] == key) or is_it(r, "withdrawn")
                else r
                for r in rows["standing_loss_reports"]
            ]
            rows["standing_invalid_cards"] = [
                r
                for r in rows["standing_invalid_cards"]
                if r["event"] != "withdrawn" or not (r["withdraws_event_id"] == key or is_it(r, "effective"))
            ]
        elif source == "loss_reports":
            rows["standing_loss_reports"] = [
                without_dropped(r, "withdrawn_at") | instant("withdrawn", second) if r["report_no"] == key else r
                for r in rows["standing_loss_reports"]
            ]
        else:
            rows["standing_invalid_cards"] = [*rows["standing_invalid_cards"], _event(pair, second)]

    return apply


def _annulled(pair: Row) -> Callable[[Rows], None]:
    def apply(rows: Rows) -> None:
        rows["standing_invalid_cards"] = [*rows["standing_invalid_cards"], _event(pair, pair["reported_to"])]

    return apply


def _event(pair: Row, second: int) -> Row:
    cells = {
        **{"event_id": ABOVE_ALL, "id_norm": pair["id_norm"], "id_status": "ok", "event": "withdrawn"},
        **{"withdraws_event_id": pair["notice_id"], **instant("effective", second)},
    }
    return with_provenance(cells)


def _collected(pair: Row, second: int) -> Callable[[Rows], None]:
    """Let the card that followed the loss be collected at a second."""
    day = date_of(pair["reported_on"])

    def apply(rows: Rows) -> None:
        later = [without_dropped(r, "collected_at") | instant("collected", second) for r in rows["standing_issuances"]]
        kept = [r if r["card_valid_from"] < day else n for r, n in zip(rows["standing_issuances"], later, strict=True)]
        if kept != rows["standing_issuances"] or any(r["card_valid_from"] >= day for r in kept):
            rows["standing_issuances"] = kept
            return
        made = {"id_norm": pair["id_norm"], "id_status": "ok", "card_valid_from": day, "kind": "permanent"}
        rows["standing_issuances"] = [
            *rows["standing_issuances"],
            with_provenance({**made, **instant("collected", second)}),
        ]

    return apply
