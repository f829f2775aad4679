"""Where the columns of a rule text come from, and which of them can never be NULL."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

import sqlglot
from sqlglot import exp
from sqlglot.optimizer.scope import Scope, traverse_scope

DIALECT = "duckdb"

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    Readable = Mapping[str, Mapping[str, bool]]


def tables_read(tree: exp.Expr) -> frozenset[str]:
    """Return the tables that a statement reads, without its own CTEs; one of a schema has the schema before its name.

    A CTE stands for its name only where it can be seen: not in its own text, not in those of CTEs before it, and not
    outside the query that it belongs to. There the name is the engine's table.
    """
    return frozenset(_told(table) for table in tree.find_all(exp.Table) if not _is_cte(table))


def _told(table: exp.Table) -> str:
    return ".".join(part.name for part in table.parts)


def _is_cte(table: exp.Table) -> bool:
    if len(table.parts) > 1:
        return False
    node: exp.Expr = table
    while node.parent is not None:
        inner, node = node, node.parent
        held = node if isinstance(node, exp.With) else node.args.get("with_")
        if held is None or held is inner:
            continue
        for cte in held.expressions:
            if cte is inner:
                break
            if cte.alias == table.name:
                return True
    return False


@cache
def returned(text: str) -> tuple[str, ...]:
    """Return the names of the columns that a statement returns, in order."""
    tree = sqlglot.parse_one(text, dialect=DIALECT)
    return tuple(tree.named_selects) if isinstance(tree, exp.Query) else ()


def columns_read(tree: exp.Expr) -> frozenset[tuple[str, str]]:
    """Return (table, column) for each column that a statement reads from a table."""
    found: set[tuple[str, str]] = set()
    for scope in traverse_scope(tree):
        for column in scope.columns:
            source = _source(column, scope)
            if isinstance(source, exp.Table):
                found.add((source.name, column.name))
    return frozenset(found)


def column_refusals(tree: exp.Expr, readable: Readable) -> Iterator[tuple[exp.Expr, str]]:
    """Yield each table or column that may not be read, or is not there, with the reason."""
    for table in tree.find_all(exp.Table):
        if not _is_cte(table) and _told(table) not in readable:
            yield table, f"table {_told(table)}: a rule may read {', '.join(sorted(readable))}"
    for select in tree.find_all(exp.Select):
        sources = [select.args.get("from_"), *(select.args.get("joins") or ())]
        named = [source.alias_or_name for source in sources if source is not None]
        yield from ((select, f"{name} names two tables") for name in sorted(set(named)) if named.count(name) > 1)
    for scope in traverse_scope(tree):
        for column in scope.columns:
            reason = _refused(column, scope, readable)
            if reason is not None:
                yield column, reason


def personal_refusals(tree: exp.Query, personal: frozenset[str]) -> Iterator[tuple[exp.Expr, str]]:
    """Yield each projection through which a person's number or name could reach what a statement returns.

    Inside the statement such a column keeps its name, so that its name alone tells it apart further out.
    """
    outermost = list(_branches(tree))
    for select in outermost:
        for column in _values(select.expressions):
            if column.name in personal:
                yield column, f"column {column.name}: {_PERSONAL}; only COUNT(...) of it may be returned"
    for select in tree.find_all(exp.Select):
        if any(select is one for one in outermost):
            continue
        # The first branch of a UNION ALL names the columns of them all.
        names = next(_branches(_united(select))).named_selects
        for place, projection in enumerate(select.expressions):
            bare = projection.unalias()
            if isinstance(bare, exp.Column) and names[place : place + 1] == [bare.name] == [projection.alias_or_name]:
                continue
            for column in _values([projection]):
                if column.name in personal:
                    yield (
                        column,
                        f"column {column.name}: {_PERSONAL}; inside, it is passed on bare and under its own name",
                    )


_PERSONAL = "a person's own number or name, which no finding may hold (SPEC 10.4)"


def _branches(query: exp.Expr) -> Iterator[exp.Select]:
    """Return the SELECTs of a query, from the first to the last of its UNION ALL."""
    if isinstance(query, exp.SetOperation):
        yield from _branches(query.this)
        yield from _branches(query.expression)
    elif isinstance(query, exp.Subquery):
        yield from _branches(query.this)
    elif isinstance(query, exp.Select):
        yield query


def _united(select: exp.Select) -> exp.Expr:
    """Return the whole query that a SELECT is a branch of; mostly itself."""
    query: exp.Expr = select
    above = query.parent
    while isinstance(above, (exp.SetOperation, exp.Subquery)):
        query, above = above, above.parent
    return query


def _values(projections: Iterable[exp.Expr]) -> Iterator[exp.Column]:
    """Return the columns whose values enter a result; a count, a place in an order and an EXISTS let none in."""
    for projection in projections:
        for node in projection.walk(prune=lambda inner: isinstance(inner, (exp.Count, exp.Window, exp.Query))):
            if isinstance(node, exp.Column):
                yield node


def _refused(column: exp.Column, scope: Scope, readable: Readable) -> str | None:
    if not column.table:
        return f"column {column.name}: write the table's name or alias before it"
    source = _source(column, scope)
    if source is None:
        return f"column {column.table}.{column.name}: nothing here is called {column.table}"
    if isinstance(source, exp.Table):
        columns = readable.get(source.name)
        if columns is not None and column.name not in columns:
            return f"column {column.name}: {source.name} has {', '.join(columns)}"
    elif column.name not in _selects(source):
        return f"column {column.name}: {column.table} has {', '.join(_selects(source))}"
    return None


def _source(column: exp.Column, scope: Scope) -> exp.Table | Scope | None:
    """Find what a qualified column names, here or in the query around it."""
    looked: Scope | None = scope
    while looked is not None:
        source = looked.sources.get(column.table)
        if isinstance(source, (exp.Table, Scope)):
            return source
        looked = looked.parent
    return None


def _selects(scope: Scope) -> dict[str, exp.Expr]:
    """Return what a CTE or subquery selects, by the name that it gives it."""
    query = scope.expression
    return {select.alias_or_name: select for select in query.selects} if isinstance(query, exp.Query) else {}


def is_never_null(node: exp.Expr, tree: exp.Expr, readable: Readable) -> bool:
    """Return whether an expression is certainly never NULL, as far as the text itself shows it."""
    if isinstance(node, exp.Paren):
        return is_never_null(node.this, tree, readable)
    if isinstance(node, (exp.And, exp.Or)):
        return is_never_null(node.left, tree, readable) and is_never_null(node.right, tree, readable)
    if isinstance(node, exp.Column):
        return _column_never_null(node, tree, readable)
    if isinstance(node, exp.Not):
        return is_never_null(node.this, tree, readable)
    return isinstance(node, (exp.Is, exp.Exists, exp.NullSafeEQ, exp.NullSafeNEQ, exp.Boolean))


def _column_never_null(column: exp.Column, tree: exp.Expr, readable: Readable) -> bool:
    """Follow a column through CTEs that only pass it on, to a table that never has NULL in it."""
    scope = next((s for s in traverse_scope(tree) if any(column is c for c in s.columns)), None)
    while scope is not None:
        source = _source(column, scope)
        if source is None or _outer_joined(column.table, scope):
            return False
        if isinstance(source, exp.Table):
            # Unknown tables and columns are refused elsewhere.
            return not readable.get(source.name, {}).get(column.name, True)
        passed = _selects(source).get(column.name)
        inner = passed.unalias() if passed is not None else None
        if not isinstance(inner, exp.Column):
            return False
        column, scope = inner, source
    return False


def _outer_joined(alias: str, scope: Scope) -> bool:
    joins = scope.expression.args.get("joins") or []
    return any(join.alias_or_name == alias and str(join.args.get("side") or "") for join in joins)
