"""What the stages of one night share: where it is written, with which engine, and what it is a function of."""

from __future__ import annotations

import shutil
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from creditaudit.audit.rules_tonight import Rulebook
from creditaudit.book.complete import write_complete
from creditaudit.book.erase import erase
from creditaudit.book.files import storage
from creditaudit.book.inbox import Decisions
from creditaudit.book.layout import FORMAT
from creditaudit.book.program import program
from creditaudit.book.prune import bury
from creditaudit.book.state import RECALLED_FILES, TABLES, open_state, write_changes
from creditaudit.cases.recalled import name_recalled, nothing_recalled, without_objections, without_proofs
from creditaudit.engines import Engine, bytes_of, open_engine
from creditaudit.intake.readmission import Readmissions, readmissions
from creditaudit.intake.recalls import Recalled, Recalls, recalls
from creditaudit.intake.take_back import take_back
from creditaudit.runlog import Meter

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
    from datetime import date
    from pathlib import Path

    import pyarrow as pa

    from creditaudit.book.keys import Keyring
    from creditaudit.book.layout import Book
    from creditaudit.book.tombstones import Tombstone
    from creditaudit.intake.order import Skipped
    from creditaudit.runlog import RunLog
    from creditaudit.settings import Settings

SCRATCH = ".scratch"

# Complete states are written by so many engines at a time, if each has so many bytes: a sort that has less is slow.
_BESIDE = 2
_ENOUGH = 512 * 1024**2


@dataclass
class Run:
    """What the stages of one night share; it fills as the night goes on."""

    night: date
    book: Book
    keys: Keyring
    settings: Settings
    engine: Engine
    folder: Path
    log: RunLog
    threads: int
    is_complete: bool
    everyone: bool
    judge: str = "duckdb"  # which engine reads the big tables
    inputs: list[dict[str, Any]] = field(default_factory=list)
    tonight: dict[str, list[Path]] = field(default_factory=dict)
    inbox: Decisions = field(default_factory=Decisions)
    removals: list[Tombstone] = field(default_factory=list)
    recalls: Recalls = field(default_factory=Recalls)
    rules: Rulebook = field(default_factory=lambda: Rulebook((), (), {}, (), ()))
    model: str | None = None  # digest of the model in force; None: the formula
    shadow: list[dict[str, Any]] = field(default_factory=list)  # what changed texts would find, in numbers
    doubts: list[str] = field(default_factory=list)
    quarantined: Callable[[], Mapping[str, pa.Table]] = dict  # rows of accounts, made when somebody asks

    def remember(self, made: Mapping[str, pa.Table | Iterable[pa.RecordBatch]]) -> None:
        """Keep tonight's rows of tables of the state, and let whoever reads those see them."""
        for table, rows in made.items():
            self.tonight[table] = write_changes(self.folder, table, rows)
            open_state(self.engine, self.book, table, f"standing_{table}", tonight=self.tonight[table])

    def erase(self) -> None:
        """Take the decisions to erase: what is read of the book from here on is without those persons."""
        erased = erase(self.engine, self.book, self.folder, self.inbox.sound, keys=self.keys, night=self.night)
        self.book, self.removals = erased.book, erased.stones
        self.inbox.refused.extend(erased.refused)

    def bury(self) -> list[str]:
        """Take the decisions to prune; returns one sentence for each that is refused."""
        stones, refused = bury(self.engine, self.book, self.folder, self.inbox.sound, night=self.night)
        self.removals += stones
        return refused

    def has_last_model(self) -> bool:
        """Say whether the cases are scored by what scored them last night."""
        return self.book.last is not None and self.book.manifests[self.book.last].get("model") == self.model

    def take_back(self) -> frozenset[Recalled]:
        """Let the book be read without the files that tonight recalls, from here on; returns what went with them."""
        self.recalls = recalls(self.book, self.inbox.sound)
        self.inbox.refused.extend(self.recalls.refused)
        if not self.recalls.files:
            nothing_recalled(self.engine)
            return frozenset()
        with self.log.stage("recall"):
            book, gone = take_back(self.engine, self.book, self.recalls)
            name_recalled(self.engine, book.recalled)
            self.engine.load("recalled_tonight", self.recalls.rows(gone, self.night))
            memory = without_proofs(self.engine, self.book, self.night) | without_objections(self.engine, book)
            self.book = replace(book, restated={**book.restated, **memory})
        self.is_complete = True  # no later night asks what older ones still hold of these files
        self.tonight[RECALLED_FILES.name] = write_changes(
            self.folder, RECALLED_FILES.name, self.recalls.rows(gone, self.night)
        )
        return gone

    def readmit(self, recalled: frozenset[Recalled]) -> Readmissions:
        """Say which corrected rows of the inbox tonight reads: none of what it recalls."""
        return readmissions(self.book, self.inbox.sound, self.night, recalled)

    def tell_recalled(self, engine: Engine, tables: Collection[str]) -> None:
        """Let another engine know what stands instead of recalled rows: it is known for this night alone."""
        for table in sorted(self.book.recalled & set(tables)):
            for kind in ("recalled_keys", "restored"):
                engine.load(f"{kind}_{table}", self.engine.fetch(f"SELECT * FROM {kind}_{table}"))

    def write_complete(self) -> None:
        """Write all rows in force of every table; all that the engine of the night still has is dropped."""
        with self._engines_beside() as engines:
            for engine in engines:
                self.tell_recalled(engine, TABLES)
            self.engine.drop(*self.engine.tables())
            write_complete(engines, self.book, self.folder, self.tonight)

    @contextmanager
    def _engines_beside(self) -> Iterator[list[Engine]]:
        """Give engines that share the night's threads and memory; one where a share would be small."""
        limit = bytes_of(self.settings.engine.memory_limit)
        count = max(1, min(_BESIDE, self.threads, limit // _ENOUGH))
        meters = [Meter(is_whole=self.log.meter.is_whole) for _ in range(count)]
        with ExitStack() as stack:
            engines = []
            for number, meter in enumerate(meters):
                spill = self.folder / SCRATCH / f"spill-{number}"
                with storage(spill):
                    spill.mkdir()
                engine = open_engine(
                    spill,
                    threads=max(1, self.threads // count),
                    memory_limit=f"{limit // count // 1024}KiB",
                    reads=self.book.root,
                    meter=meter,
                    on_disk=True,
                )
                stack.callback(engine.close)
                engines.append(engine)
            yield engines
        self.log.meter.add(meters)

    def judged_by(self) -> dict[str, Any]:
        """Return the parts of the manifest that say what judges."""
        return {
            "format": FORMAT,
            "program": program(),
            "configuration": self.settings.digest,
            "key": {"key_id": self.keys.active.key_id, "digest": self.keys.digest},
            "rules": self.rules.digests,
        }

    def manifest(self, skipped: Sequence[Skipped], summary: dict[str, Any]) -> dict[str, Any]:
        """Return the manifest but its file list and seal: a digest of everything that the night is a function of."""
        last = self.book.last
        return {
            **self.judged_by(),
            "night": self.night.isoformat(),
            "previous_night": last.isoformat() if last else None,
            "previous_seal": self.book.manifests[last]["seal"] if last else None,
            "mandate": self.settings.mandate.text,
            "inputs": self.inputs,
            "model": self.model,
            "inbox": [entry.file_name for entry in self.inbox.taken],
            "recalls": list(self.recalls.told),
            "removals": [stone.as_dict() for stone in self.removals],
            "skipped": [s.as_dict() for s in skipped],
            "state": "complete" if self.is_complete else "changes",
            "summary": summary,
        }


@contextmanager
def workshop(book: Book, night: date, settings: Settings, threads: int, meter: Meter) -> Iterator[tuple[Path, Engine]]:
    """Give a night its folder and its engine; whatever goes wrong, nothing of them is left."""
    folder = book.partial(night)
    with storage(folder):
        (folder / SCRATCH / "spill").mkdir(parents=True)
    engine = open_engine(
        folder / SCRATCH / "spill",
        threads=threads,
        memory_limit=settings.engine.memory_limit,
        reads=book.root,
        meter=meter,
        on_disk=True,
    )
    try:
        yield folder, engine
    finally:
        engine.close()
        shutil.rmtree(folder, ignore_errors=True)
