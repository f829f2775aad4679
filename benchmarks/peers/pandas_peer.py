"""The pandas script: columns of the CSV files as text, merged in memory, Parquet and CSV out."""

from __future__ import annotations

import pandas as pd
from csv_delivery import ANSWER, Task, task

KEY = ["provider_code", "account_code"]
NOTICE = ["source", "id"]
FULL_WIDTH = str.maketrans("０１２３４５６７８９Ｘ", "0123456789X")
NO_END = ("长期", "99991231", "9999-12-31", "00000000", "0000-00-00")
NEVER = pd.Timestamp.max


def read(asked: Task, feed: str, columns: list[str]) -> pd.DataFrame:
    """Return columns of a feed as text; an empty cell is missing."""
    parts = [
        pd.read_csv(file, usecols=columns, dtype="str", keep_default_na=False, na_values=[""])
        for file in asked.files(feed)
    ]
    return pd.concat(parts, ignore_index=True)


def days(text: pd.Series) -> pd.Series:
    """Return days; a card without an end has none."""
    plain = text.mask(text.isin(NO_END)).str.replace("-", "", regex=False)
    return pd.to_datetime(plain, format="%Y%m%d").astype("datetime64[s]")


def instants(text: pd.Series) -> tuple[pd.Series, pd.Series]:
    """Return first and last second of instants, which are delivered as days, minutes or seconds."""
    digits = text.str.replace("[-T :]", "", regex=True)
    whole = digits.str.pad(14, side="right", fillchar="0")
    begins = pd.to_datetime(whole, format="%Y%m%d%H%M%S").astype("datetime64[s]")
    width = digits.str.len().map({8: 86_399, 12: 59, 14: 0})
    return begins, begins + pd.to_timedelta(width, unit="s")


def numbers(text: pd.Series) -> pd.Series:
    """Return citizen numbers without blanks, full-width digits or a small x."""
    return text.str.replace(" ", "", regex=False).str.translate(FULL_WIDTH).str.upper()


def registry(asked: Task) -> pd.DataFrame:
    """Return the losses of both registries, from the newest row of each key."""
    dates = ["card_valid_from", "card_valid_to"]
    told = ["report_no", "id_number", *dates, "lost_at", "reported_at", "entered_at", "withdrawn_at"]
    reports = read(asked, "loss_reports", told).rename(columns={"report_no": "id"})
    reports["newest_by"] = instants(reports["entered_at"])[0]
    reports = reports.sort_values("newest_by", na_position="first").drop_duplicates("id", keep="last")
    reports["lost_from"], _ = instants(reports["lost_at"])
    reports["reported_from"], reports["reported_to"] = instants(reports["reported_at"])
    reports["withdrawn_from"], reports["withdrawn_to"] = instants(reports["withdrawn_at"])
    told = ["event_id", "id_number", *dates, "event", "effective_at", "entered_at", "withdraws_event_id"]
    events = read(asked, "invalid_cards", told).rename(columns={"event_id": "id"})
    events["reported_from"], events["reported_to"] = instants(events["effective_at"])
    events["newest_by"] = instants(events["entered_at"])[0].fillna(events["reported_from"])
    events = events.sort_values("newest_by").drop_duplicates("id", keep="last")
    withdrawals = (
        events[events["event"] == "withdrawn"][["id_number", "withdraws_event_id", "reported_from", "reported_to"]]
        .set_axis(["id_number", "id", "withdrawn_from", "withdrawn_to"], axis=1)
        .sort_values(["withdrawn_from", "withdrawn_to"])
        .drop_duplicates(["id_number", "id"])
    )
    lost = events[events["event"] == "reported_lost"]
    # A person's number is the same in both rows but for a small x.
    lost, withdrawals = (f.assign(person=numbers(f["id_number"])) for f in (lost, withdrawals))
    lost = lost.merge(withdrawals.drop(columns="id_number"), on=["person", "id"], how="left")
    reports["person"] = numbers(reports["id_number"])
    both = pd.concat([reports.assign(source="loss_reports"), lost.assign(source="invalid_cards")], ignore_index=True)
    both["noticed_on"], both["noticed_to"] = days(both["card_valid_from"]), days(both["card_valid_to"])
    instant = ["lost_from", "reported_from", "reported_to", "withdrawn_from", "withdrawn_to"]
    return both[["person", *NOTICE, "noticed_on", "noticed_to", *instant]]


def cards(asked: Task, notices: pd.DataFrame) -> pd.DataFrame:
    """Return the cards issued to persons who reported a loss."""
    issued = read(asked, "issuances", ["id_number", "card_valid_from", "kind", "collected_at"])
    issued["person"] = numbers(issued["id_number"])
    issued = issued[issued["person"].isin(notices["person"])].copy()
    issued["valid_from"] = days(issued["card_valid_from"])
    issued["collected_from"], issued["collected_to"] = instants(issued["collected_at"])
    return issued[["person", "kind", "valid_from", "collected_from", "collected_to"]]


def earlier(frame: pd.DataFrame, first: tuple[str, str], second: tuple[str, str]) -> tuple[pd.Series, pd.Series]:
    """Return the earlier of two intervals, either of which may be missing."""
    (a, a_to), (b, b_to) = first, second
    takes_b = frame[a].isna() | (frame[b] < frame[a]) | ((frame[b] == frame[a]) & (frame[b_to] < frame[a_to]))
    return frame[a].mask(takes_b, frame[b]), frame[a_to].mask(takes_b, frame[b_to])


def losses(notices: pd.DataFrame, issued: pd.DataFrame) -> pd.DataFrame:
    """Return the losses, each with what the other registry says of it and with the next card's collection."""
    said = ["noticed_on", "noticed_to", "lost_from", "reported_from", "reported_to"]
    other = notices[["person", *NOTICE, *said]]
    other = other.rename(columns={"source": "other", "id": "twin", **{name: f"t_{name}" for name in said}})
    twins = notices[["person", *NOTICE, "noticed_on", "reported_from"]].merge(other, on="person")
    is_same_card = (
        twins["noticed_on"].isna() | twins["t_noticed_on"].isna() | (twins["noticed_on"] == twins["t_noticed_on"])
    )
    is_near = (twins["reported_from"] - twins["t_reported_from"]).abs() <= pd.Timedelta(days=30)
    twins = twins[(twins["source"] != twins["other"]) & is_same_card & is_near]
    paired = notices.merge(twins.drop(columns=["person", "noticed_on", "reported_from"]), on=NOTICE, how="left")
    for name in ("noticed_on", "noticed_to", "lost_from"):
        paired[name] = paired[name].fillna(paired[f"t_{name}"])
    paired["told_from"], paired["told_to"] = earlier(
        paired, ("reported_from", "reported_to"), ("t_reported_from", "t_reported_to")
    )
    next_cards = paired[["person", *NOTICE, "lost_from", "told_from", "told_to"]].merge(
        issued[issued["collected_from"].notna()], on="person"
    )
    gone_on = next_cards["lost_from"].fillna(next_cards["told_from"]).dt.normalize()
    is_next = (next_cards["valid_from"] >= gone_on) | (next_cards["collected_from"] > next_cards["told_to"])
    collected = next_cards[is_next].sort_values(["collected_from", "collected_to"]).drop_duplicates(NOTICE)
    paired = paired.merge(collected[[*NOTICE, "collected_from", "collected_to"]], on=NOTICE, how="left")
    is_effective = (paired["withdrawn_to"] >= paired["reported_from"]) & ~(
        paired["withdrawn_from"] > paired["collected_to"]
    )
    own = paired[is_effective][[*NOTICE, "withdrawn_from", "withdrawn_to"]]
    own = own.rename(columns={"withdrawn_from": "own_from", "withdrawn_to": "own_to"})
    twin = own.set_axis(["other", "twin", "other_from", "other_to"], axis=1)
    paired = paired.merge(own, on=NOTICE, how="left").merge(twin, on=["other", "twin"], how="left")
    paired["back_from"], paired["back_to"] = earlier(paired, ("own_from", "own_to"), ("other_from", "other_to"))
    return paired


def suspects(asked: Task, lost: pd.DataFrame) -> pd.DataFrame:
    """Return the accounts of persons who reported a loss, with the card that was shown."""
    told = [*KEY, "report_date", "id_type", "id_number", "account_type", "opened_at", "agreement_at"]
    accounts = read(asked, "accounts", told)
    accounts["reported"] = accounts["report_date"].str.replace("-", "", regex=False).astype("int32")
    newest = accounts.sort_values("reported", kind="stable").drop_duplicates(KEY, keep="last")
    newest = newest[newest["id_type"].isin(["10", "0", "7"]) & (newest["account_type"] != "C1")]
    people = lost["person"].drop_duplicates()
    # A number of 15 digits is one of 18 without the century, 19, and the check character.
    short = people[people.str[6:8] == "19"]
    written = pd.concat(
        [
            pd.DataFrame({"written": people, "person": people}),
            pd.DataFrame({"written": short.str[:6] + short.str[8:17], "person": short}),
        ]
    )
    checked = newest.assign(written=numbers(newest["id_number"])).merge(written, on="written")
    agreed = checked["agreement_at"]
    checked["checked_at"] = agreed.mask(checked["account_type"] != "R4", agreed.fillna(checked["opened_at"]))
    checked = checked[checked["checked_at"].notna()].copy()
    checked["moment_from"], checked["moment_to"] = instants(checked["checked_at"])
    openings = read(asked, "openings", [*KEY, "document_kind", "card_valid_from", "card_valid_to"])
    shown = checked[[*KEY, "person", "moment_from", "moment_to"]].merge(
        openings.drop_duplicates(KEY), on=KEY, how="left"
    )
    shown = shown[shown["document_kind"] != "other"].copy()
    valid_from, valid_to = days(shown["card_valid_from"]), days(shown["card_valid_to"])
    was_there = valid_from <= shown["moment_from"].dt.normalize()
    shown["shown_on"], shown["shown_to"] = valid_from.where(was_there), valid_to.where(was_there)
    return shown


def judged(accounts: pd.DataFrame, lost: pd.DataFrame, issued: pd.DataFrame) -> pd.DataFrame:
    """Return pairs of account and loss with relation, after and standing."""
    facts = issued.assign(
        is_temporary=issued["kind"] == "temporary",
        is_uncollected=issued["collected_to"].isna(),
    )
    facts = facts.groupby(["person", "valid_from"], as_index=False)[
        ["is_temporary", "is_uncollected", "collected_to"]
    ].max()
    shown = facts.set_axis(["person", "shown_on", "shown_temporary", "is_uncollected", "last"], axis=1)
    noticed = facts[["person", "valid_from", "is_temporary"]].set_axis(
        ["person", "noticed_on", "noticed_temporary"], axis=1
    )
    pairs = accounts.merge(lost, on="person")
    pairs = pairs[pairs["moment_to"] >= pairs["reported_from"]]
    pairs = pairs[~(pairs["moment_from"] > pairs["back_to"])]
    pairs = pairs.merge(shown, on=["person", "shown_on"], how="left")
    pairs = pairs.merge(noticed, on=["person", "noticed_on"], how="left")
    on, noticed_on, told_on = pairs["shown_on"], pairs["noticed_on"], pairs["told_from"].dt.normalize()
    hundred = pd.Timedelta(days=100)
    is_temporary = (
        (pairs["document_kind"] == "temporary")
        | pairs["shown_temporary"].eq(other=True)
        | pairs["noticed_temporary"].eq(other=True)
        | (pairs["shown_to"] <= on + hundred)
        | (pairs["noticed_to"] <= noticed_on + hundred)
    )
    gone_from = pairs["lost_from"].fillna(pairs["told_from"])
    in_hand = ~pairs["is_uncollected"].eq(other=True) & ~(pairs["last"] >= gone_from)
    # From the weakest to the strongest condition: the last one written stands.
    relation = pd.Series("unknown", index=pairs.index).mask(in_hand, "presumed_same")
    relation = relation.mask(on >= told_on - pd.Timedelta(days=90), "unknown").mask(on > told_on, "newer")
    relation = relation.mask(on < noticed_on, "older").mask((on < noticed_on) & is_temporary, "unknown")
    relation = relation.mask(on > noticed_on, "newer").mask(on == noticed_on, "same").mask(on.isna(), "unknown")
    is_after = pairs["moment_from"] > pairs["reported_to"]
    is_standing = pairs["back_from"].isna() | (pairs["moment_to"] < pairs["back_from"])
    told = pd.Series("undecidable", index=pairs.index).mask(is_after & is_standing, "violation")
    return pairs.assign(relation=relation, told=told)


def verdicts(pairs: pd.DataFrame, asked: Task) -> pd.DataFrame:
    """Return the findings of R101 and R102."""
    known_from, known_to = (pd.Timestamp(d) if d else NEVER for d in asked.issuances_known())
    lost_card = pairs[pairs["relation"].isin(["same", "presumed_same"])]
    r101 = lost_card.assign(rule_id="R101", verdict=lost_card["told"])
    rest = pairs[(pairs["relation"] == "unknown") & ~(pairs["moment_from"] > pairs["collected_to"])]
    is_late = rest["moment_from"] > rest["reported_to"] + pd.Timedelta(days=90)
    is_known = (rest["reported_from"].dt.normalize() >= known_from) & (rest["moment_from"].dt.normalize() <= known_to)
    verdict = pd.Series("undecidable", index=rest.index).mask(is_late, "lead").mask(is_known, rest["told"])
    verdict = verdict.mask(rest["collected_from"].notna(), "undecidable")
    verdict = verdict.mask(rest["moment_to"] < rest["collected_from"], rest["told"])
    found = pd.concat([r101, rest.assign(rule_id="R102", verdict=verdict)])
    found = found.rename(columns={"source": "notice_source", "id": "notice_id"})[list(ANSWER)]
    return found.sort_values(list(ANSWER), ignore_index=True)


def run(asked: Task) -> None:
    """Judge one night's delivery."""
    notices = registry(asked)
    issued = cards(asked, notices)
    lost = losses(notices, issued)
    findings = verdicts(judged(suspects(asked, lost), lost, issued), asked)
    findings.to_parquet(asked.out / "findings.parquet", index=False)
    findings.to_csv(asked.out / "findings.csv", index=False)


if __name__ == "__main__":
    run(task(__doc__))
