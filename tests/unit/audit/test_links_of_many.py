"""Links of more accounts than memory holds (SPEC 6.2, 13): judging everyone on a book with changes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from creditaudit.audit.linked import find_linked
from creditaudit.engines import engine_aside
from creditaudit.tables import NOTICES

if TYPE_CHECKING:
    from pathlib import Path

MANY = 1_000_000
_KEY = "n.provider_code = b.provider_code AND n.account_code = b.account_code"


def links_of_many() -> pa.Table:
    """Every 20th account is settled by the next one; a thousand persons, each with a thousand accounts."""
    numbers = pa.array(range(MANY))
    tails = pc.utf8_lpad(numbers.cast(pa.string()), 9, "0")
    nexts = pc.utf8_lpad(pc.add(numbers, 1).cast(pa.string()), 9, "0")
    settled = pc.equal(pc.subtract(numbers, pc.multiply(pc.divide(numbers, 20), 20)), 0)
    nothing = pa.nulls(MANY, pa.string())
    bank = pa.repeat("B01", MANY)
    return pa.table(
        {
            "provider_code": bank,
            "account_code": pc.binary_join_element_wise("A", tails, ""),
            "id_norm": pc.binary_join_element_wise("110105198001011", pc.utf8_slice_codeunits(tails, 6, 9), ""),
            "account_type": pa.repeat("D1", MANY),
            "original_provider_code": nothing,
            "original_account_code": nothing,
            "settlement_provider_code": pc.if_else(settled, bank, nothing),
            "settlement_account_code": pc.if_else(settled, pc.binary_join_element_wise("A", nexts, ""), nothing),
        }
    )


def test_links_are_followed_where_memory_holds_no_accounts(tmp_path: Path) -> None:
    """The state is as a second night finds it: rows in force that no change replaces, and the changes."""
    accounts = links_of_many()
    changed = accounts.filter(pc.ends_with(accounts["account_code"], "77"))
    for name, rows in (("base", accounts), ("delta", changed)):
        pq.write_table(rows, tmp_path / f"{name}.parquet")
    persons = pc.unique(accounts["id_norm"])
    with engine_aside("64MiB", reads=tmp_path, threads=1) as small:  # held as the short side of a join: over 96 MiB
        for name in ("base", "delta"):
            small.scan(name, [tmp_path / f"{name}.parquet"], accounts.schema)
        small.view(
            "standing_accounts",
            f"SELECT * FROM base AS b WHERE NOT EXISTS (SELECT 1 FROM delta AS n WHERE {_KEY}) UNION ALL"
            " SELECT * FROM delta",
        )
        small.table("candidate_rows", "SELECT * FROM base WHERE right(account_code, 1) IN ('1', '4', '7')")
        noticed = {name: pa.nulls(len(persons), NOTICES.field(name).type) for name in NOTICES.names}
        noticed |= {"id_norm": persons, "kind": pa.repeat("lost", len(persons))}
        small.load("notices", pa.table(noticed))
        codes = pa.table({name: pa.array([], pa.string()) for name in ("provider_code", "account_code")})
        small.load("lineage", codes.append_column("head_provider", codes[0]).append_column("head_code", codes[1]))
        find_linked(small)
        found = small.fetch("SELECT account_code, settlement_account_code FROM linked_codes ORDER BY account_code")
    # Of the settled ones each is told, by an account that ends in 1, which is a noticed person's.
    assert found["account_code"].to_pylist() == [f"A{n:09}" for n in range(0, MANY, 20)]
    assert found["settlement_account_code"].to_pylist() == [f"A{n + 1:09}" for n in range(0, MANY, 20)]
