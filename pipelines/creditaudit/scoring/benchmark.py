"""What the scorer without labels is worth on public labelled sets, beside an isolation forest."""

from __future__ import annotations

import struct
import tokenize
import zipfile
import zlib
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import numpy.typing as npt

from creditaudit.errors import UsageError, Where
from creditaudit.scoring.tail import LARGEST, fit_tail

if TYPE_CHECKING:
    from pathlib import Path

FOREST_SEEDS: Final = (0, 1, 2, 3, 4)
"""Of the isolation forests; their figures are the means over these."""
# What numpy and zipfile say of a file that is damaged, encrypted, claims sizes that it has not, or is of another kind;
# ValueError is also what numpy says of objects, which would need pickle.
_UNREADABLE = (
    *(OSError, ValueError, EOFError, TypeError, AttributeError, KeyError, OverflowError, MemoryError, RuntimeError),
    *(zipfile.BadZipFile, zlib.error, struct.error, tokenize.TokenError, SyntaxError),
)
_NEXT = "give a folder of .npz files with X, numbers of shape (rows, features), and y, 0 or 1 for each row"


@dataclass(frozen=True)
class Worth:
    """Two measures of an order: 1 is perfect.

    Attributes
    ----------
    auroc
        Share of the pairs of an outlier and another row in which the outlier is higher; ties count half.
    average_precision
        Mean of the precision at each outlier, from the top.
    """

    auroc: float
    average_precision: float


@dataclass(frozen=True)
class SetWorth:
    """What both scorers are worth on one set.

    Attributes
    ----------
    name
        Of the file, without its suffix.
    outliers
        Rows with y = 1.
    tail, isolation_forest
        The project's scorer, and scikit-learn's forest with its default settings.
    """

    name: str
    rows: int
    features: int
    outliers: int
    tail: Worth
    isolation_forest: Worth


def read_set(path: Path) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.bool_]]:
    """Read one set.

    Parameters
    ----------
    path
        A ``.npz`` file.

    Returns
    -------
    X as float64 of shape (rows, features), and which rows are outliers.

    Raises
    ------
    UsageError
        No readable ``.npz`` file, an array that is missing or has another shape, anything but finite numbers in X,
        anything but 0 and 1 in y, or one of the two alone. Nothing in it is ever run (no pickle).
    """
    matrix, labels = _arrays(path)
    for name, array in (("X", matrix), ("y", labels)):
        if array.dtype.kind not in "fiub":
            raise _refused(path, f"{name} holds {array.dtype.name}, not numbers")
    if matrix.ndim != 2 or not matrix.shape[1]:  # noqa: PLR2004 - rows and features
        raise _refused(path, f"X has the shape {matrix.shape}, not (rows, features)")
    if labels.shape != matrix.shape[:1]:
        raise _refused(path, f"y has the shape {labels.shape}, and X has {matrix.shape[0]} rows")
    matrix = matrix.astype(np.float64)
    if not np.isfinite(matrix).all():
        raise _refused(path, "X holds a number that is missing or infinite")
    if (np.abs(matrix) > LARGEST).any():
        raise _refused(path, f"X holds a number above {LARGEST:g} in size")
    if not np.isin(labels, (0, 1)).all():
        raise _refused(path, "y holds something else than 0 and 1")
    outlier = labels == 1
    if outlier.all() or not outlier.any():
        raise _refused(path, "y holds one of 0 and 1 only, so there is no order to judge")
    return matrix, outlier


def _arrays(path: Path) -> tuple[npt.NDArray[Any], npt.NDArray[Any]]:
    try:
        # Opened here: numpy leaves a file open that begins as a zip and is none.
        with path.open("rb") as file, np.load(file, allow_pickle=False) as arrays:
            missing = [name for name in ("X", "y") if name not in arrays.files]
            if not missing:
                return arrays["X"], arrays["y"]
    except _UNREADABLE as error:
        raise _refused(path, "it is no .npz file of plain arrays, or is damaged") from error
    raise _refused(path, f"the array {' and the array '.join(missing)} is missing")


def _refused(path: Path, why: str) -> UsageError:
    return UsageError("a set cannot be scored", why=why, next_step=_NEXT, where=Where(path.name))


def worth(scores: npt.NDArray[np.float64], is_hit: npt.NDArray[np.bool_]) -> Worth:
    """Judge an order: higher scores ought to be hits; at least one row is a hit and one is none."""
    from sklearn.metrics import average_precision_score, roc_auc_score  # noqa: PLC0415 - a night never needs it

    return Worth(float(roc_auc_score(is_hit, scores)), float(average_precision_score(is_hit, scores)))


def forest_scores(matrix: npt.NDArray[np.float64], seed: int) -> npt.NDArray[np.float64]:
    """Score rows by an isolation forest with scikit-learn's default settings; higher is more unusual."""
    from sklearn.ensemble import IsolationForest  # noqa: PLC0415 - a night never needs it

    scores: npt.NDArray[np.float64] = -IsolationForest(random_state=seed).fit(matrix).score_samples(matrix)
    return scores


def run_benchmark(folder: Path) -> tuple[SetWorth, ...]:
    """Score every set of a folder without labels and with the same settings, then judge the orders by the labels.

    Parameters
    ----------
    folder
        With ``.npz`` files; others are not looked at.

    Returns
    -------
    One for each set, by name.

    Raises
    ------
    UsageError
        No such folder, no set in it, or a set that cannot be scored (:func:`read_set`).
    """
    if not folder.is_dir():
        raise UsageError("there is nothing to score", why="no such folder", next_step=_NEXT, where=Where(folder.name))
    paths = sorted(folder.glob("*.npz"))
    if not paths:
        raise UsageError(
            "there is nothing to score", why="no file ends in .npz", next_step=_NEXT, where=Where(folder.name)
        )
    return tuple(_judged(path) for path in paths)


def _judged(path: Path) -> SetWorth:
    matrix, outlier = read_set(path)
    rows, features = matrix.shape
    forests = [worth(forest_scores(matrix, seed), outlier) for seed in FOREST_SEEDS]
    return SetWorth(
        name=path.stem,
        rows=rows,
        features=features,
        outliers=int(outlier.sum()),
        # No sign is known of any feature of a set that comes from elsewhere.
        tail=worth(fit_tail(matrix, [0] * features).score(matrix), outlier),
        isolation_forest=_mean(forests),
    )


def _mean(several: list[Worth]) -> Worth:
    return Worth(float(np.mean([w.auroc for w in several])), float(np.mean([w.average_precision for w in several])))


def as_json(judged: tuple[SetWorth, ...]) -> dict[str, Any]:
    """Return the figures as plain values, rounded to 6 decimals: ``sets``, by name, and their ``mean``."""
    sets = [
        {"name": w.name, "rows": w.rows, "features": w.features, "outliers": w.outliers}
        | _figures(w.tail, w.isolation_forest)
        for w in judged
    ]
    mean = _figures(_mean([w.tail for w in judged]), _mean([w.isolation_forest for w in judged]))
    return {"sets": sets, "mean": mean, "isolation_forest_seeds": list(FOREST_SEEDS)}


def _figures(tail: Worth, forest: Worth) -> dict[str, Any]:
    return _rounded(tail) | {"isolation_forest": _rounded(forest)}


def _rounded(measured: Worth) -> dict[str, float]:
    return {name: round(value, 6) for name, value in asdict(measured).items()}


def as_lines(judged: tuple[SetWorth, ...]) -> list[str]:
    """Return the figures as a Markdown table that is also fit to be read on a terminal, the means last."""
    width = max(len("mean"), *(len(w.name) for w in judged))
    heads = " | ".join(f"{head:>6}" for head in ("auroc", "forest", "ap", "forest"))
    mean = _cells(_mean([w.tail for w in judged]), _mean([w.isolation_forest for w in judged]))
    return [
        f"| {'set':<{width}} | {'rows':>7} | {'features':>8} | {'outliers':>8} | {heads} |",
        f"|{'-' * (width + 2)}|--------:|---------:|---------:|{'-------:|' * 4}",
        *(
            f"| {w.name:<{width}} | {w.rows:>7} | {w.features:>8} | {w.outliers:>8}"
            f" | {_cells(w.tail, w.isolation_forest)} |"
            for w in judged
        ),
        f"| {'mean':<{width}} | {'':>7} | {'':>8} | {'':>8} | {mean} |",
    ]


def _cells(tail: Worth, forest: Worth) -> str:
    figures = (tail.auroc, forest.auroc, tail.average_precision, forest.average_precision)
    return " | ".join(f"{figure:6.3f}" for figure in figures)
