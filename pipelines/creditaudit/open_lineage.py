"""What a night read and made, as OpenLineage run events in a file: for catalogues, when asked for.

Source of the form: the OpenLineage specification 2-0-2 (RunEvent). The events hold times and places, so they are no
part of a night; nothing is sent anywhere.
"""

from __future__ import annotations

import json
import uuid
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from creditaudit import __version__
from creditaudit.book.layout import read_manifest
from creditaudit.errors import UsageError, Where
from creditaudit.intake.landing import INBOX

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import date
    from pathlib import Path

_SCHEMA = "https://openlineage.io/spec/2-0-2/OpenLineage.json#/definitions/RunEvent"
_PRODUCER = f"https://pypi.org/project/creditaudit/{__version__}"
_FACET = "https://openlineage.io/spec/facets/1-0-0/NominalTimeRunFacet.json#/definitions/NominalTimeRunFacet"


class LineageFile:
    """Appends the events of nights to a file, one JSON object a line.

    Parameters
    ----------
    path : Path
        The file; made where it is not there.
    book, landing : Path
        Of the nights; their datasets are named by absolute paths, files of a delivery as the manifest calls them. A
        refused file is no input: nothing of it was read into the night.
    """

    def __init__(self, path: Path, book: Path, landing: Path) -> None:
        self._path, self._book, self._landing = path, book.resolve(), landing.resolve()
        self._write([])  # found out before any work is done

    def begun(self, night: date) -> str:
        """Record that a night begins; returns the id of its run."""
        run = str(uuid.uuid4())
        self._write([self._event("START", run, night)])
        return run

    def ended(self, run: str, night: date) -> None:
        """Record that it is sealed, with what it read and published."""
        folder = self._book / "nights" / night.isoformat()
        manifest = read_manifest(folder)
        event = self._event("COMPLETE", run, night)
        read = (self._place(entry, manifest["inbox"]) for entry in manifest["inputs"] if entry.get("refused") is None)
        # A credit report is a file of two feeds.
        event["inputs"] = [{"namespace": "file", "name": str(path)} for path in dict.fromkeys(read)]
        event["outputs"] = [
            {"namespace": "file", "name": str(folder / entry["path"])}
            for entry in manifest["files"]
            if entry["path"].startswith(("published/", "reports/"))
        ]
        self._write([event])

    def _place(self, entry: Mapping[str, Any], inbox: Sequence[str]) -> Path:
        """Return where a file of the manifest lies; one whose name may name a person is called as the manifest does."""
        folder, feed, file = (str(entry[key]) for key in ("folder", "feed", "file"))
        if folder == INBOX:
            [name] = [name for name in inbox if f"-{file}" in name]
            return self._book / INBOX / name
        return self._landing.joinpath(folder, *(() if "/" in file else (feed,)), file)  # of reports/, or of its feed

    def failed(self, run: str, night: date) -> None:
        """Record that nothing was sealed."""
        self._write([self._event("FAIL", run, night)])

    def _event(self, kind: str, run: str, night: date) -> dict[str, Any]:
        nominal = {"_producer": _PRODUCER, "_schemaURL": _FACET, "nominalStartTime": f"{night}T00:00:00+08:00"}
        return {
            "eventType": kind,
            "eventTime": datetime.now(UTC).isoformat(),
            "producer": _PRODUCER,
            "schemaURL": _SCHEMA,
            "run": {"runId": run, "facets": {"nominalTime": nominal}},
            "job": {"namespace": "creditaudit", "name": f"night:{self._book.name}"},
            "inputs": [],
            "outputs": [],
        }

    def _write(self, events: list[dict[str, Any]]) -> None:
        try:
            with self._path.open("a", encoding="utf-8") as file:
                file.writelines(json.dumps(event, ensure_ascii=False) + "\n" for event in events)
        except OSError as error:
            raise UsageError(
                "the file of lineage events cannot be written",
                why=error.strerror or type(error).__name__,
                next_step="name a file in a folder that you may write with --lineage; a sealed night stays sealed",
                where=Where(str(self._path)),
            ) from error
