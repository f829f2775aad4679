"""A file with all kinds of damage, and a good one, as text."""

from __future__ import annotations

import random

from landed import csv_text

HEADER = "provider_code,account_code,card_issuer"

GOOD_FILE = f"{HEADER}\nB01,A1,\nB01,A2,\n"


def hostile_file(rows: int = 400, seed: int = 3) -> str:
    rng = random.Random(seed)  # noqa: S311 - a test's data
    changes = []
    for place in range(rows):
        change = {"account_code": f"A{place}", "name": rng.choice(["张三", " 李\u3000四 ", "A·b", "王 五", ""])}
        change |= rng.choice(
            [
                {},
                {},
                {},
                {"amount": "1.5"},
                {"opened_at": "2020-13-01"},
                {"closed_on": "1999-01-01"},
                {"id_number": "130503670401001"},
                {"account_type": "D9"},
            ]
        )
        changes.append(change)
    lines = csv_text("accounts", *changes).split("\n")
    for place in range(5, rows, 17):
        lines[place] = rng.choice(['"' + lines[place], lines[place] + ",", lines[place].replace(",", ',"', 1), ""])
    return "\n".join(lines)
