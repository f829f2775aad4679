"""The Polars script: lazy frames over the CSV files, the streaming engine, Parquet and CSV out.

Polars takes its number of threads from ``POLARS_MAX_THREADS``.
"""

from __future__ import annotations

import polars as pl
from csv_delivery import ANSWER, Task, task

KEY = ["provider_code", "account_code"]
NOTICE = ["source", "id"]
FULL_WIDTH = dict(zip("０１２３４５６７８９Ｘ", "0123456789X", strict=True))
NO_END = ("长期", "99991231", "9999-12-31", "00000000", "0000-00-00")


def read(asked: Task, feed: str, columns: list[str]) -> pl.LazyFrame:
    """Return columns of a feed as text; an empty cell is null."""
    text = dict.fromkeys(asked.columns(feed), pl.String)
    return pl.scan_csv(asked.files(feed), schema=text).select(columns)


def day(cell: str) -> pl.Expr:
    """Return a day; a card without an end has none."""
    plain = pl.col(cell).str.replace_all("-", "", literal=True)
    return pl.when(~pl.col(cell).is_in(NO_END)).then(plain).str.to_date("%Y%m%d")


def begins(cell: str) -> pl.Expr:
    """Return the first second of an instant, which is delivered as a day, a minute or a second."""
    digits = pl.col(cell).str.replace_all("[-T :]", "")
    return (digits + pl.lit("000000")).str.slice(0, 14).str.to_datetime("%Y%m%d%H%M%S", time_unit="us")


def ends(cell: str) -> pl.Expr:
    """Return the last second of an instant."""
    size = pl.col(cell).str.len_bytes()
    return begins(cell) + pl.duration(seconds=pl.when(size <= 10).then(86_399).when(size == 16).then(59).otherwise(0))


def number() -> pl.Expr:
    """Return the citizen number without blanks, full-width digits or a small x."""
    return pl.col("id_number").str.replace_all(" ", "", literal=True).str.replace_many(FULL_WIDTH).str.to_uppercase()


def earlier(first: tuple[str, str], second: tuple[str, str], names: tuple[str, str]) -> list[pl.Expr]:
    """Return the earlier of two intervals, either of which may be missing, under new names."""
    (a, a_to), (b, b_to) = first, second
    takes_b = pl.col(a).is_null() | (pl.col(b) < pl.col(a)) | ((pl.col(b) == pl.col(a)) & (pl.col(b_to) < pl.col(a_to)))
    takes_b = takes_b.fill_null(value=False)
    return [
        pl.when(takes_b).then(pl.col(there)).otherwise(pl.col(here)).alias(name)
        for here, there, name in ((a, b, names[0]), (a_to, b_to, names[1]))
    ]


def registry(asked: Task) -> pl.DataFrame:
    """Return the losses of both registries, from the newest row of each key."""
    told = [
        *("report_no", "id_number", "card_valid_from", "card_valid_to", "lost_at", "reported_at", "entered_at"),
        "withdrawn_at",
    ]
    reports = (
        read(asked, "loss_reports", told)
        .sort(begins("entered_at"), nulls_last=False)
        .unique("report_no", keep="last", maintain_order=True)
        .select(
            pl.lit("loss_reports").alias("source"),
            pl.col("report_no").alias("id"),
            number().alias("person"),
            day("card_valid_from").alias("noticed_on"),
            day("card_valid_to").alias("noticed_to"),
            begins("lost_at").alias("lost_from"),
            begins("reported_at").alias("reported_from"),
            ends("reported_at").alias("reported_to"),
            begins("withdrawn_at").alias("withdrawn_from"),
            ends("withdrawn_at").alias("withdrawn_to"),
        )
    )
    told = ["event_id", "id_number", "card_valid_from", "card_valid_to", "event", "effective_at", "entered_at"]
    events = (
        read(asked, "invalid_cards", [*told, "withdraws_event_id"])
        .with_columns(since=begins("effective_at"), until=ends("effective_at"), person=number())
        .sort(pl.coalesce(begins("entered_at"), "since"))
        .unique("event_id", keep="last", maintain_order=True)
        .collect(engine="streaming")
        .lazy()
    )
    withdrawals = (
        events.filter(pl.col("event") == "withdrawn")
        .sort("since", "until")
        .unique(["withdraws_event_id", "person"], keep="first", maintain_order=True)
        .select("person", id="withdraws_event_id", withdrawn_from="since", withdrawn_to="until")
    )
    lost = (
        events.filter(pl.col("event") == "reported_lost")
        .select(
            pl.lit("invalid_cards").alias("source"),
            pl.col("event_id").alias("id"),
            "person",
            day("card_valid_from").alias("noticed_on"),
            day("card_valid_to").alias("noticed_to"),
            pl.lit(None, pl.Datetime("us")).alias("lost_from"),
            pl.col("since").alias("reported_from"),
            pl.col("until").alias("reported_to"),
        )
        .join(withdrawals, on=["id", "person"], how="left")
    )
    return pl.concat([reports, lost]).collect(engine="streaming")


def cards(asked: Task, notices: pl.DataFrame) -> pl.DataFrame:
    """Return the cards issued to persons who reported a loss."""
    issued = read(asked, "issuances", ["id_number", "card_valid_from", "kind", "collected_at"])
    return (
        issued.with_columns(person=number())
        .join(notices.lazy().select("person").unique(), on="person", how="semi")
        .select(
            "person",
            "kind",
            valid_from=day("card_valid_from"),
            collected_from=begins("collected_at"),
            collected_to=ends("collected_at"),
        )
        .collect(engine="streaming")
    )


def losses(notices: pl.DataFrame, issued: pl.DataFrame) -> pl.DataFrame:
    """Return the losses, each with what the other registry says of it and with the next card's collection."""
    others = notices.select(
        "person",
        other="source",
        twin="id",
        t_noticed_on="noticed_on",
        t_noticed_to="noticed_to",
        t_lost_from="lost_from",
        t_reported_from="reported_from",
        t_reported_to="reported_to",
    )
    twins = (
        notices.select("person", *NOTICE, "noticed_on", "reported_from")
        .join(others, on="person")
        .filter(
            pl.col("other") != pl.col("source"),
            (pl.col("t_noticed_on") == pl.col("noticed_on")).fill_null(value=True),
            (pl.col("t_reported_from") - pl.col("reported_from")).abs() <= pl.duration(days=30),
        )
        .drop("person", "noticed_on", "reported_from")
    )
    paired = notices.join(twins, on=NOTICE, how="left").with_columns(
        pl.coalesce("noticed_on", "t_noticed_on").alias("noticed_on"),
        pl.coalesce("noticed_to", "t_noticed_to").alias("noticed_to"),
        pl.coalesce("lost_from", "t_lost_from").alias("lost_from"),
        *earlier(("reported_from", "reported_to"), ("t_reported_from", "t_reported_to"), ("told_from", "told_to")),
    )
    collected = (
        paired.select("person", *NOTICE, "lost_from", "told_from", "told_to")
        .join(issued.filter(pl.col("collected_from").is_not_null()), on="person")
        .filter(
            (pl.col("valid_from") >= pl.coalesce("lost_from", "told_from").dt.date())
            | (pl.col("collected_from") > pl.col("told_to"))
        )
        .sort("collected_from", "collected_to")
        .unique(NOTICE, keep="first", maintain_order=True)
        .select(*NOTICE, "collected_from", "collected_to")
    )
    paired = paired.join(collected, on=NOTICE, how="left")
    is_late = (pl.col("withdrawn_from") > pl.col("collected_to")).fill_null(value=False)
    withdrawn = paired.filter(pl.col("withdrawn_to") >= pl.col("reported_from"), ~is_late)
    own = withdrawn.select(*NOTICE, own_from="withdrawn_from", own_to="withdrawn_to")
    other = own.rename({"source": "other", "id": "twin", "own_from": "other_from", "own_to": "other_to"})
    return (
        paired.join(own, on=NOTICE, how="left")
        .join(other, on=["other", "twin"], how="left")
        .with_columns(*earlier(("own_from", "own_to"), ("other_from", "other_to"), ("back_from", "back_to")))
    )


def suspects(asked: Task, lost: pl.DataFrame) -> pl.LazyFrame:
    """Return the accounts of persons who reported a loss, with the card that was shown."""
    told = [*KEY, "report_date", "id_type", "id_number", "account_type", "opened_at", "agreement_at"]
    reported = pl.col("report_date").str.replace_all("-", "", literal=True).cast(pl.Int32)
    newest = (
        read(asked, "accounts", told)
        .with_columns(reported=reported)
        .group_by(KEY)
        .agg(pl.col("id_type", "id_number", "account_type", "opened_at", "agreement_at").max_by("reported"))
    )
    short = pl.concat_str(pl.col("person").str.slice(0, 6), pl.col("person").str.slice(8, 9))
    people = lost.lazy().select("person").unique()
    # A number of 15 digits is one of 18 without the century, 19, and the check character.
    written = pl.concat(
        [
            people.select("person", written="person"),
            people.filter(pl.col("person").str.slice(6, 2) == "19").select("person", written=short),
        ]
    )
    line = pl.col("account_type") == "R4"
    checked = (
        newest.filter(pl.col("id_type").is_in(["10", "0", "7"]), pl.col("account_type") != "C1")
        .with_columns(written=number())
        .join(written, on="written")
        .with_columns(checked_at=pl.when(line).then("agreement_at").otherwise(pl.coalesce("agreement_at", "opened_at")))
        .filter(pl.col("checked_at").is_not_null())
        .select(*KEY, "person", moment_from=begins("checked_at"), moment_to=ends("checked_at"))
    )
    opened = read(asked, "openings", [*KEY, "session_id", "document_kind", "card_valid_from", "card_valid_to"])
    shown = (pl.col("from") <= pl.col("moment_from").dt.date()).fill_null(value=False)
    return (
        checked.join(opened, on=KEY, how="left")
        .sort("session_id")
        .unique(KEY, keep="first", maintain_order=True)
        .filter(pl.col("document_kind").ne_missing("other"))
        .with_columns(day("card_valid_from").alias("from"), day("card_valid_to").alias("to"))
        .with_columns(shown_on=pl.when(shown).then("from"), shown_to=pl.when(shown).then("to"))
    )


def judged(accounts: pl.LazyFrame, lost: pl.DataFrame, issued: pl.DataFrame) -> pl.LazyFrame:
    """Return pairs of account and loss with relation, after and standing."""
    facts = (
        issued.lazy()
        .group_by("person", "valid_from")
        .agg(
            temporary=(pl.col("kind") == "temporary").any(),
            uncollected=pl.col("collected_to").is_null().any(),
            last=pl.col("collected_to").max(),
        )
    )
    shown = facts.rename({"valid_from": "shown_on"})
    noticed = facts.select("person", noticed_on="valid_from", noticed_temporary="temporary")
    hundred, told_on = pl.duration(days=100), pl.col("told_from").dt.date()
    is_temporary = (
        (pl.col("document_kind") == "temporary").fill_null(value=False)
        | pl.col("temporary").fill_null(value=False)
        | pl.col("noticed_temporary").fill_null(value=False)
        | (pl.col("shown_to") <= pl.col("shown_on") + hundred).fill_null(value=False)
        | (pl.col("noticed_to") <= pl.col("noticed_on") + hundred).fill_null(value=False)
    )
    in_hand = ~pl.col("uncollected").fill_null(value=False) & (
        pl.col("last") < pl.coalesce("lost_from", "told_from")
    ).fill_null(value=True)
    relation = (
        pl.when(pl.col("shown_on").is_null())
        .then(pl.lit("unknown"))
        .when(pl.col("shown_on") == pl.col("noticed_on"))
        .then(pl.lit("same"))
        .when(pl.col("shown_on") > pl.col("noticed_on"))
        .then(pl.lit("newer"))
        .when(pl.col("shown_on") < pl.col("noticed_on"))
        .then(pl.when(is_temporary).then(pl.lit("unknown")).otherwise(pl.lit("older")))
        .when(pl.col("shown_on") > told_on)
        .then(pl.lit("newer"))
        .when(pl.col("shown_on") >= told_on - pl.duration(days=90))
        .then(pl.lit("unknown"))
        .when(in_hand)
        .then(pl.lit("presumed_same"))
        .otherwise(pl.lit("unknown"))
    )
    yes, no, maybe = pl.lit("yes"), pl.lit("no"), pl.lit("maybe")
    after = (
        pl.when(pl.col("moment_from") > pl.col("reported_to"))
        .then(yes)
        .when(pl.col("moment_to") < pl.col("reported_from"))
        .then(no)
        .otherwise(maybe)
    )
    standing = (
        pl.when(pl.col("back_from").is_null() | (pl.col("moment_to") < pl.col("back_from")))
        .then(yes)
        .when(pl.col("moment_from") > pl.col("back_to"))
        .then(no)
        .otherwise(maybe)
    )
    return (
        accounts.join(lost.lazy(), on="person")
        .join(shown, on=["person", "shown_on"], how="left")
        .join(noticed, on=["person", "noticed_on"], how="left")
        .with_columns(relation=relation, after=after, standing=standing)
        .filter(pl.col("after") != "no", pl.col("standing") != "no")
    )


def verdicts(pairs: pl.LazyFrame, asked: Task) -> pl.LazyFrame:
    """Return the findings of R101 and R102."""
    known_from, known_to = asked.issuances_known()
    both = (pl.col("after") == "yes") & (pl.col("standing") == "yes")
    told = pl.when(both).then(pl.lit("violation")).otherwise(pl.lit("undecidable"))
    is_known = (
        (pl.col("reported_from").dt.date() >= known_from) & (pl.col("moment_from").dt.date() <= known_to)
        if known_from
        else pl.lit(value=False)
    )
    late = pl.col("moment_from") > pl.col("reported_to") + pl.duration(days=90)
    unknown = (
        pl.when(pl.col("moment_to") < pl.col("collected_from"))
        .then(told)
        .when(pl.col("collected_from").is_not_null())
        .then(pl.lit("undecidable"))
        .when(is_known)
        .then(told)
        .when(late)
        .then(pl.lit("lead"))
        .otherwise(pl.lit("undecidable"))
    )
    is_cleared = (pl.col("moment_from") > pl.col("collected_to")).fill_null(value=False)
    lost_card = pl.col("relation").is_in(["same", "presumed_same"])
    return (
        pairs.filter(lost_card | ((pl.col("relation") == "unknown") & ~is_cleared))
        .with_columns(
            rule_id=pl.when(lost_card).then(pl.lit("R101")).otherwise(pl.lit("R102")),
            verdict=pl.when(lost_card).then(told).otherwise(unknown),
        )
        .rename({"source": "notice_source", "id": "notice_id"})
        .select(ANSWER)
        .sort(ANSWER)
    )


def run(asked: Task) -> None:
    """Judge one night's delivery."""
    notices = registry(asked)
    issued = cards(asked, notices)
    lost = losses(notices, issued)
    findings = verdicts(judged(suspects(asked, lost), lost, issued), asked).collect(engine="streaming")
    findings.write_parquet(asked.out / "findings.parquet")
    findings.write_csv(asked.out / "findings.csv")


if __name__ == "__main__":
    run(task(__doc__))
