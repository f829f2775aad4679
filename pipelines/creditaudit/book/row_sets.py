"""Rows of delivered files by where they came from: night, file and row name a row in every file that has it."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc


@dataclass(frozen=True)
class RowSet:
    """A set of typed rows and of quarantined ones.

    Parameters
    ----------
    typed : dict of str to pyarrow.Table
        Per feed: night, file, row.
    quarantined : pyarrow.Table
        night, feed, file, row.
    """

    typed: dict[str, pa.Table]
    quarantined: pa.Table
    _cut: dict[tuple[str, bool], dict[tuple[object, str], np.ndarray]] = field(default_factory=dict)

    def holds(self, feed: str, rows: pa.Table, *, is_typed: bool) -> np.ndarray:
        """Say of rows with night, file and row which are in the set."""
        by_file = self._rows_by_file(feed, is_typed=is_typed)
        mask = np.zeros(rows.num_rows, dtype=bool)
        numbers = rows["row"].to_numpy()
        origins = rows.select(["night", "file"]).group_by(["night", "file"], use_threads=False).aggregate([])
        for origin in origins.to_pylist():
            chosen = by_file.get((origin["night"], origin["file"]))
            if chosen is not None:
                here = pc.and_(pc.equal(rows["night"], origin["night"]), pc.equal(rows["file"], origin["file"]))
                mask |= here.to_numpy() & np.isin(numbers, chosen)
        return mask

    def _rows_by_file(self, feed: str, *, is_typed: bool) -> dict[tuple[object, str], np.ndarray]:
        """Return the rows of each file of a feed; made once."""
        if (feed, is_typed) not in self._cut:
            whole = self.typed[feed] if is_typed else self.quarantined.filter(pc.equal(self.quarantined["feed"], feed))
            grouped = whole.group_by(["night", "file"], use_threads=False).aggregate([("row", "list")])
            self._cut[feed, is_typed] = {
                (night, file): np.array(rows, dtype=np.int64)
                for night, file, rows in zip(
                    grouped["night"].to_pylist(),
                    grouped["file"].to_pylist(),
                    grouped["row_list"].to_pylist(),
                    strict=True,
                )
            }
        return self._cut[feed, is_typed]
