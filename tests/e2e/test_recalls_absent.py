"""A recall turns the row of an account that is proven to be gone: judged no more, and counted nowhere (SPEC 8.3)."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from creditaudit.runlog import RunLog
from e2e.correction_house import File, House, nth
from place import changed, tree_of

if TYPE_CHECKING:
    from pathlib import Path

# So many that a night which few are touched in judges those alone.
OTHERS = tuple(f"P{n}" for n in range(12))


def test_an_account_that_stays_absent_is_not_counted_because_its_row_is_another(tmp_path: Path) -> None:
    """Night 2 delivered it again, as night 1 had; without night 2's file its absence is as proven as before."""
    house = House.made(tmp_path / "house")
    for name in ("DELETED", *OTHERS):
        house.way(name)
    again = [house.flagged("DELETED", balance="7"), *house.others("DELETED", 2)]
    house.files[2, "DELETED"] = [File(again)]
    for night in (3, 4):
        house.deliver(night, "DELETED", File(house.others("DELETED", night)))
    for night in (5, 6):
        house.deliver(night, "P0", File(house.others("P0", night)[:1], kind="delta"))
    for night in range(1, 6):
        house.run(night)
    assert house.state(5, "DELETED") == "correction_verified"
    path = house.place.landing / nth(2).isoformat() / "accounts" / "DELETED-0.csv"
    sha256 = hashlib.sha256(path.read_bytes()).hexdigest()
    decided = ("--apply", "--by", "Li Audit", "--reason", "of another bank")
    assert house.place.say("recall", "--book", str(house.place.book), sha256, *decided).code == 0
    whole, log = house.copied(tmp_path / "whole"), RunLog()
    house.run(6, log=log)
    whole.run(6, everyone=True)
    assert changed(tree_of(house.place.folder(nth(6))), tree_of(whole.place.folder(nth(6)))) == []
    assert next(stage.note for stage in log.stages if stage.name == "judge").endswith(" accounts")
    assert house.state(6, "DELETED") == "correction_verified"
    counted = [r for r in house.place.rows(nth(6), "institutions") if r["measure"] == "accounts_judged"]
    assert sum(r["value"] for r in counted if r["provider_code"] == "DELETED") == len(house.others("DELETED", 6))
