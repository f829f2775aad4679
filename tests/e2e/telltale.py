"""Deliveries with a secret in every cell that may hold one: sound, spoilt, broken, refused, under tell-tale names."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import TYPE_CHECKING

from credit_reports import envelope
from e2e.secrets import NAMES, NUMBERS, PHONES, SECRETS
from reference.columns import FEEDS
from reference.small import ACCOUNT, CHECK, EVENT, ISSUANCE, NIGHT, OPENING, RENAME, REPORT

if TYPE_CHECKING:
    from datetime import date

    from place import Place

SECOND, THIRD = NIGHT + timedelta(days=1), NIGHT + timedelta(days=2)
HOLDER, OTHER = NUMBERS[0], NUMBERS[1]

# A sound row of every feed. Keys, account codes and provider codes name things, not persons: they are published.
ROWS: dict[str, dict[str, str]] = {
    "accounts": ACCOUNT,
    "openings": OPENING,
    "verifications": CHECK,
    "invalid_cards": EVENT,
    "loss_reports": REPORT,
    "issuances": ISSUANCE,
    "impostors": {"person_ref": "I1", "id_number": OTHER, "finding_on": "2019-01-01"},
    "inquiries": {
        "provider_code": "B01",
        "inquiry_id": "Q1",
        "id_number": HOLDER,
        "inquired_at": "2024-02-01",
        "reason": "loan_approval",
    },
    "objections": {"objection_no": "O1", "id_number": HOLDER, "provider_code": "B01", "received_on": "2026-11-01"},
    "fraud_alerts": {"alert_id": "F1", "id_number": HOLDER, "effective_from": "2023-01-01"},
    "account_renames": RENAME,
}
NAMES_OF_THINGS = {
    "event_id",
    "withdraws_event_id",
    "report_no",
    "person_ref",
    "inquiry_id",
    "check_id",
    "objection_no",
}
NAMES_OF_THINGS |= {"alert_id", "id_type", "region_code", "provider_code", "account_code"}
NAMES_OF_THINGS |= {
    f"{whose}_{what}_code" for whose in ("original", "settlement", "new") for what in ("provider", "account")
}
NAMES_OF_THINGS |= {"old_account_code"}


def _planted(feed: str, place: int) -> dict[str, str]:
    """A sound row with a secret in every text cell that may hold one."""
    row = dict(ROWS[feed])
    free = [c.name for c in FEEDS[feed] if c.kind == "text" and c.name not in NAMES_OF_THINGS and c.name != "id_number"]
    for number, name in enumerate(free):
        row[name] = NAMES[place % 3] if name == "name" else f"{SECRETS[(number + place) % len(SECRETS)]} 注"
    return {**row, "备注": f"{NAMES[0]} {PHONES[0]}"}


def _spoilt(feed: str) -> list[dict[str, str]]:
    """Rows that are quarantined, or lose a cell, by a secret in every column that has a type or a list."""
    rows = []
    for number, column in enumerate(c for c in FEEDS[feed] if c.kind != "text"):
        row = {**_planted(feed, number), **_key_of(feed, chr(ord("F") + number))}
        row[column.name] = SECRETS[number % len(SECRETS)]
        rows.append(row)
    return rows


def _broken(feed: str) -> bytes:
    """Lines that do not split, each with secrets."""
    header = ",".join(c.name for c in FEEDS[feed])
    width = len(FEEDS[feed])
    good = [f'"{SECRETS[place % len(SECRETS)]}"' for place in range(width)]
    lines = [
        ",".join([*good, "x"]),
        ",".join(good[1:]),
        ",".join([f'{HOLDER}"{NAMES[1]}', *good[1:]]),
        ",".join([f'"{HOLDER}"{PHONES[0]}', *good[1:]]),
        ",".join([*good[1:], f'"{NAMES[2]}']),
    ]
    return "\n".join([header, *lines, ""]).encode()


def deliver_telltales(place: Place, night: date) -> None:
    """Deliver everything: sound, reserved, conflicting, stale and spoilt rows, broken lines, tell-tale file names."""
    for feed, row in ROWS.items():
        sound = _planted(feed, 0)
        conflict = [{**sound, **_key_of(feed, "C"), "name": name} for name in NAMES[:2]]
        twin = [{**sound, **_key_of(feed, "D")}] * 2
        reserved = {**sound, **_key_of(feed, "E"), "id_number": NUMBERS[3]} if "id_number" in row else sound
        place.deliver(night, feed, [sound, *conflict, *twin, reserved], name="sound.csv")
        place.deliver(night, feed, _spoilt(feed) or [sound], name="spoilt.csv")
        place.drop(night, feed, _broken(feed), name="broken.csv")
    dates = ("2026-11-01", "2025-01-01")
    stale = [{**ACCOUNT, "account_code": "S", "name": NAMES[1], "report_date": reported} for reported in dates]
    place.deliver(night, "accounts", stale, name="stale.csv")
    for place_of, secret in enumerate((HOLDER, NAMES[0], PHONES[0])):
        place.deliver(night, "inquiries", [{**ROWS["inquiries"], "inquiry_id": f"N{place_of}"}], name=f"{secret}.csv")
        place.drop(night, "inquiries", b"not read", name=f"{secret}.txt")


def _key_of(feed: str, letter: str) -> dict[str, str]:
    """Another key for a row of a feed; where the key is of the person, none."""
    names = ("account_code", "check_id", "event_id", "report_no", "person_ref", "inquiry_id", "objection_no")
    names += ("alert_id", "old_account_code")
    if feed == "issuances":
        return {"card_valid_from": f"2024-03-{ord(letter) - 55:02d}"}
    return {next(name for name in names if name in ROWS[feed]): letter}


def deliver_refused(place: Place, night: date) -> None:
    """Files that are refused as a whole, of a feed that only degrades a night."""
    header = ",".join(c.name for c in FEEDS["impostors"]).encode()
    line = f"I9,{OTHER},2019-01-01,,\n".encode()
    contents = {
        "undecodable.csv": header + b"\n" + line + NAMES[0].encode() + b"\xff\xff\n",
        "headless.csv": line,
        "name_twice.csv": header + f",{HOLDER},{HOLDER}\n".encode(),
        "odd_column.csv": header + f",{OTHER},{NAMES[1]},{PHONES[1]}\n".encode(),
        "controlled.csv": header + b"\n" + line,
        "kind.csv": header + b"\n" + line,
    }
    for name, content in contents.items():
        place.drop(night, "impostors", content, name=name)
    place.drop(night, "impostors", f'{{"rows": "{HOLDER}", {NAMES[0]}'.encode(), name="controlled.csv.ctl")
    said = {"kind": PHONES[0], "remark": [HOLDER, NAMES[1]], "rows": 1}
    place.drop(night, "impostors", json.dumps(said, ensure_ascii=False).encode(), name="kind.csv.ctl")
    fine = {"kind": "full", "sender": NAMES[0], "phone": PHONES[0], "region_code": None}
    place.drop(night, "impostors", json.dumps(fine, ensure_ascii=False).encode(), name="sound.csv.ctl")
    place.drop(night, "impostors", b"{}", name=f"{HOLDER}.csv.ctl")
    broken = f"<Document><{NAMES[0]}>{HOLDER} {PHONES[0]}</Document>".encode()
    place.drop(night, "reports", envelope(broken), name="inside.xml")
    place.drop(night, "reports", broken, name=f"{PHONES[0]}.xml")
    place.drop(night, "reports", envelope(b"", result=HOLDER), name=f"{HOLDER}.xml")
