"""Small wrong changes of a SQL text, each of which some case must notice."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

import sqlglot
from sqlglot import exp

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    # Changes a node of a copied tree in place; returns the new root where that is another node.
    Change = Callable[[exp.Expr], exp.Expr | None]

SWAPPED: dict[type[exp.Expr], type[exp.Expr]] = {
    exp.GT: exp.GTE,
    exp.GTE: exp.GT,
    exp.LT: exp.LTE,
    exp.LTE: exp.LT,
    exp.EQ: exp.NEQ,
    exp.NEQ: exp.EQ,
    exp.NullSafeEQ: exp.NullSafeNEQ,
    exp.NullSafeNEQ: exp.NullSafeEQ,
    exp.And: exp.Or,
    exp.Or: exp.And,
    exp.Add: exp.Sub,
    exp.Sub: exp.Add,
    exp.Min: exp.Max,
    exp.Max: exp.Min,
}


@dataclass(frozen=True)
class Mutant:
    """``what`` is unique among the mutants of one text, and does not change when lines move."""

    what: str
    text: str


def mutants(text: str) -> list[Mutant]:
    tree = sqlglot.parse_one(text, dialect="duckdb")
    tree.comments = None
    made: list[Mutant] = []
    seen: Counter[str] = Counter()
    for index, node in enumerate(tree.walk()):
        for label, change in _changes(node):
            copy = tree.copy()
            target = list(copy.walk())[index]
            root = change(target) or copy
            what = f"{label}: {_short(node)}"
            seen[what] += 1
            if seen[what] > 1:
                what = f"{what} #{seen[what]}"
            made.append(Mutant(what, root.sql(dialect="duckdb", comments=False)))
    return made


def _short(node: exp.Expr) -> str:
    shown = node
    if isinstance(node, (exp.Literal, exp.Boolean)) and node.parent is not None:
        shown = node.parent
    words = shown.sql(dialect="duckdb", comments=False)
    return words if len(words) <= 160 else f"{words[:110]} ... {words[-40:]}"


def _changes(node: exp.Expr) -> Iterator[tuple[str, Change]]:
    yield from _comparisons(node)
    yield from _values(node)
    yield from _structure(node)


def _comparisons(node: exp.Expr) -> Iterator[tuple[str, Change]]:
    kind = type(node)
    if kind in SWAPPED:
        yield f"{kind.__name__} to {SWAPPED[kind].__name__}", _swap
    if isinstance(node, exp.Connector):
        yield "left only", lambda n: _replace(n, n.left)
        yield "right only", lambda n: _replace(n, n.right)
    if isinstance(node, (exp.Is, exp.Exists)):
        yield "negated", _negate
    if isinstance(node, exp.In):
        for element in range(len(node.expressions)):
            yield f"element {element + 1} dropped", _drop_element(element)


def _values(node: exp.Expr) -> Iterator[tuple[str, Change]]:
    if isinstance(node, exp.Case):
        for branch in range(len(node.args["ifs"])):
            yield f"branch {branch + 1} dropped", _drop_branch(branch)
        if node.args.get("default") is not None:
            yield "ELSE dropped", lambda n: n.set("default", None)
    if isinstance(node, exp.Literal) and not node.is_string:
        yield "plus 1", _shift(1)
        yield "minus 1", _shift(-1)
    if isinstance(node, exp.Boolean):
        yield "TRUE to FALSE or back", lambda n: n.set("this", not n.this)
    if isinstance(node, exp.Coalesce):
        yield "first only", lambda n: _replace(n, n.this)
        yield "default only", lambda n: _replace(n, n.expressions[0])


def _structure(node: exp.Expr) -> Iterator[tuple[str, Change]]:
    if isinstance(node, exp.Join):
        yield "LEFT to INNER or back", _other_join
    if isinstance(node, exp.Union):
        yield "first branch only", lambda n: _replace(n, n.left)
        yield "second branch only", lambda n: _replace(n, n.right)
    if isinstance(node, exp.Where):
        yield "WHERE dropped", lambda n: n.parent.set("where", None) if n.parent is not None else None


def _swap(node: exp.Expr) -> exp.Expr | None:
    swapped = SWAPPED[type(node)](**{name: part.copy() for name, part in node.args.items() if part is not None})
    # OR binds weaker than the AND around it.
    return _replace(node, exp.Paren(this=swapped) if isinstance(node, exp.Connector) else swapped)


def _replace(node: exp.Expr, other: exp.Expr) -> exp.Expr | None:
    if node.parent is None:
        lifted = other.copy()
        if node.args.get("with_"):
            lifted.set("with_", node.args["with_"].copy())
        return lifted
    node.replace(other.copy())
    return None


def _negate(node: exp.Expr) -> None:
    if isinstance(node.parent, exp.Not):
        node.parent.replace(node.copy())
    else:
        node.replace(exp.Not(this=node.copy()))


def _drop_branch(branch: int) -> Change:
    def drop(node: exp.Expr) -> None:
        ifs = node.args["ifs"]
        if len(ifs) == 1:
            node.replace(node.args.get("default") or exp.Null())
        else:
            node.set("ifs", [kept for number, kept in enumerate(ifs) if number != branch])

    return drop


def _drop_element(element: int) -> Change:
    def drop(node: exp.Expr) -> None:
        kept = [kept for number, kept in enumerate(node.expressions) if number != element]
        if kept:
            node.set("expressions", kept)
        else:
            node.replace(exp.false())

    return drop


def _shift(by: int) -> Change:
    return lambda node: node.replace(exp.Literal.number(int(node.this) + by)) and None


def _other_join(join: exp.Expr) -> None:
    was_left = bool(join.args.get("side"))
    join.set("side", None if was_left else "LEFT")
    join.set("kind", "INNER" if was_left else None)
