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

if TYPE_CHECKING:
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
        Of the nights; their datasets are named by absolute paths, files of a delivery as the manifest calls them.
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
        event["inputs"] = [
            {"namespace": "file", "name": str(self._landing / entry["folder"] / entry["feed"] / entry["file"])}
            for entry in manifest["inputs"]
        ]
        event["outputs"] = [
            {"namespace": "file", "name": str(folder / entry["path"])}
            for entry in manifest["files"]
            if entry["path"].startswith(("published/", "reports/"))
        ]
        self._write([event])

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
