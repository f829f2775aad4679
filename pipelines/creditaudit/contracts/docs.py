"""Data Docs of a sealed night, rendered by Great Expectations from the sealed results: the only place that loads it."""

from __future__ import annotations

import html
import json
import logging
import os
import shutil
import warnings
from contextlib import contextmanager
from datetime import datetime
from typing import TYPE_CHECKING, Any

from creditaudit.book.files import below, sha256_of, storage, write_bytes
from creditaudit.contracts.contract import RESULTS, SUITES
from creditaudit.contracts.offline import offline_page, require_offline, with_section
from creditaudit.contracts.results import run_time
from creditaudit.errors import BookBrokenError, CreditAuditError, InternalError, UsageError, Where, place_of

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import date
    from pathlib import Path

    from creditaudit.book.layout import Book

_SITE = "contracts"


def build_docs(book: Book, night: date | None) -> Path:
    """Write the pages of a sealed night into ``BOOK/docs/<night>/``; what was there is replaced.

    Parameters
    ----------
    book : Book
    night : date or None
        None: the last sealed night.

    Returns
    -------
    Path
        ``index.html``. The same night gives the same files, and none names an outside address.

    Raises
    ------
    UsageError
        The night is not sealed or has no results, or the ``docs`` extra is not installed.
    BookBrokenError
        A sealed result is not what the manifest says.
    """
    night = night or book.last
    if night is None or night not in book.sealed:
        raise UsageError(
            "there are no pages to make",
            why="the book has no sealed night" if night is None else f"night {night} is not sealed in this book",
            next_step="seal the night first, or name one that is sealed",
        )
    results = _sealed(book, night, RESULTS)
    suites = _sealed(book, night, SUITES)
    if not suites:
        raise UsageError(
            f"there are no pages to make of night {night}",
            why="an earlier version of the program sealed it, without results of its contract",
            next_step="name a later night",
        )
    fresh, target = book.root / "docs" / f".{night}.partial", book.root / "docs" / night.isoformat()
    with storage(fresh):
        shutil.rmtree(fresh, ignore_errors=True)
        fresh.mkdir(parents=True)
    try:
        with _quiet():
            _render(fresh, night, suites, results)
        _make_whole(fresh, night, results)
        with storage(target):
            shutil.rmtree(target, ignore_errors=True)
            fresh.rename(target)
    finally:
        shutil.rmtree(fresh, ignore_errors=True)
    return target / "index.html"


def _sealed(book: Book, night: date, folder: str) -> dict[str, dict[str, Any]]:
    """Read sealed JSON files below a folder of a night, each checked against the manifest; feed to content."""
    found: dict[str, dict[str, Any]] = {}
    for entry in book.manifests[night]["files"]:
        name = entry["path"]
        if not name.startswith(f"{folder}/") or not name.endswith(".json"):
            continue
        path = book.folder(night) / name
        if not path.is_file() or sha256_of(path) != entry["sha256"]:
            raise BookBrokenError(
                f"night {night} is broken at {name}",
                why="its bytes are not those that were sealed",
                next_step="run `creditaudit verify`, and restore the night from a backup",
                where=Where(name),
            )
        feed = name.removeprefix(f"{folder}/").partition("/")[0].removesuffix(".json")
        found[feed] = json.loads(path.read_bytes())
    return found


def _render(folder: Path, night: date, suites: dict[str, dict[str, Any]], results: dict[str, dict[str, Any]]) -> None:
    """Let the library write its site."""
    try:
        import great_expectations as gx  # noqa: PLC0415 - seconds and hundreds of MiB that no night may pay
        from great_expectations.core.expectation_validation_result import (  # noqa: PLC0415 - as above
            ExpectationSuiteValidationResultSchema,
        )
        from great_expectations.core.run_identifier import RunIdentifier  # noqa: PLC0415 - as above
        from great_expectations.data_context.types.base import (  # noqa: PLC0415 - as above
            DataContextConfig,
            InMemoryStoreBackendDefaults,
        )
        from great_expectations.data_context.types.resource_identifiers import (  # noqa: PLC0415 - as above
            ExpectationSuiteIdentifier,
            ValidationResultIdentifier,
        )
    except ImportError as error:
        raise UsageError(
            "the pages cannot be made",
            why="great_expectations is not installed here",
            next_step="install creditaudit with its docs extra: pip install 'creditaudit[docs]'",
        ) from error
    site = {
        "class_name": "SiteBuilder",
        "show_how_to_buttons": False,
        "store_backend": {"class_name": "TupleFilesystemStoreBackend", "base_directory": str(folder.resolve())},
        "site_index_builder": {"class_name": "DefaultSiteIndexBuilder"},
    }
    configuration = DataContextConfig(
        store_backend_defaults=InMemoryStoreBackendDefaults(), data_docs_sites={_SITE: site}
    )
    context = gx.get_context(mode="ephemeral", project_config=configuration)
    for suite in suites.values():
        context.suites.add(gx.ExpectationSuite(**_escaped(suite)))
    run = RunIdentifier(run_name=night.isoformat(), run_time=datetime.fromisoformat(run_time(night)))
    for feed, result in results.items():
        key = ValidationResultIdentifier(ExpectationSuiteIdentifier(feed), run, batch_identifier=feed)
        context.validation_results_store.set(key, ExpectationSuiteValidationResultSchema().load(_escaped(result)))
    context.build_data_docs()
    written = {p.name for p in _pages(folder)}
    if "index.html" not in written or not {f"{feed}.html" for feed in results} <= written:
        raise InternalError(
            "pages are missing",
            why="great_expectations wrote no page for some result",
            next_step="report this with its version",
        )


def _pages(folder: Path) -> list[Path]:
    return [path for path in below(folder) if path.suffix == ".html"]


def _escaped(content: Any) -> Any:
    """Return JSON with its texts as HTML.

    The library puts them into its pages as they are, and a file's name or an argument may hold a tag. Notes it reads as
    Markdown, and escapes itself.
    """
    if isinstance(content, dict):
        return {name: value if name == "notes" else _escaped(value) for name, value in content.items()}
    if isinstance(content, list):
        return [_escaped(value) for value in content]
    return html.escape(content, quote=False) if isinstance(content, str) else content


def _make_whole(folder: Path, night: date, results: dict[str, dict[str, Any]]) -> None:
    """Make every page stand alone, and leave nothing else."""
    with storage(folder):
        shutil.rmtree(folder / "static", ignore_errors=True)
    far = [line for result in results.values() for line in result["meta"]["creditaudit"]["against_last_nights"]]
    for path in _pages(folder):
        text = offline_page(path.read_text(encoding="utf-8"))
        if path.parent == folder:
            text = with_section(text, f"{night}: far from the last nights", far)
        write_bytes(path, text.encode())
    require_offline(folder)


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep the library's deprecations and log lines from a person who asked for pages.

    Its errors become one of ours, by their kind and place alone (their text may hold values): the night is sealed,
    whatever becomes of its pages.
    """
    os.environ.setdefault("GX_ANALYTICS_ENABLED", "false")
    log = logging.getLogger("great_expectations")
    level = log.level
    log.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    except CreditAuditError:
        raise
    except Exception as error:
        raise InternalError(
            "the pages could not be made",
            why=f"great_expectations gave {type(error).__name__} at {place_of(error, 'great_expectations')}",
            next_step="the night and its results are sealed; report this with the library's version",
        ) from error
    finally:
        log.setLevel(level)
