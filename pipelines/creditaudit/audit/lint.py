"""Reads a rule text and refuses whatever two SQL engines might answer differently.

The text is parsed and looked at, never translated: translation turns loud differences into silent ones. What is
not on the list of allowed constructs is refused, with the reason where there is one to learn from.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

import sqlglot
from sqlglot import TokenType, exp
from sqlglot.errors import SqlglotError

from creditaudit.audit.columns import DIALECT, column_refusals, is_never_null, personal_refusals
from creditaudit.audit.readable import PERSONAL, READABLE, ROW_KEYS
from creditaudit.masking import line_with_number

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

# What the parser has to say is said by the refusal; its own warnings would quote the text on stderr.
_PARSER = logging.getLogger("sqlglot")
_PARSER.addHandler(logging.NullHandler())
_PARSER.propagate = False

# Functions by the name that is written; a synonym of one of these is another function.
FUNCTIONS = frozenset(
    {
        *("COALESCE", "COUNT", "GREATEST", "LEAST", "MAX", "MIN", "ROW_NUMBER", "SUM"),
        *("DAY_NEXT_MONTH", "DAY_OF_SECOND"),  # our own: an engine gives them their meaning
    }
)

_STRUCTURE = (exp.Select, exp.With, exp.CTE, exp.From, exp.Join, exp.Where, exp.Group, exp.Having, exp.Union)
_NAMES = (exp.Subquery, exp.Table, exp.TableAlias, exp.Alias, exp.Column, exp.Identifier)
_VALUES = (exp.Literal, exp.Null, exp.Boolean, exp.Placeholder, exp.Var)
_PREDICATES = (exp.And, exp.Or, exp.Not, exp.Paren, exp.EQ, exp.NEQ, exp.GT, exp.GTE, exp.LT, exp.LTE)
_TESTS = (exp.NullSafeEQ, exp.NullSafeNEQ, exp.Is, exp.In, exp.Exists, exp.Between, exp.Case, exp.If)
_CALLS = (exp.Coalesce, exp.Count, exp.Min, exp.Max, exp.Sum, exp.Greatest, exp.Least, exp.RowNumber, exp.Anonymous)
_REST = (exp.Window, exp.Order, exp.Ordered, exp.Distinct, exp.DPipe, exp.Add, exp.Sub, exp.Neg)
ALLOWED: frozenset[type[exp.Expr]] = frozenset((*_STRUCTURE, *_NAMES, *_VALUES, *_PREDICATES, *_TESTS, *_CALLS, *_REST))

# A chain of ANDs is as deep as it is long; engines fail beyond some hundreds, and so does what looks at the text here.
DEEPEST = 200

# First that fits; the general sentence serves the rest.
_REASONS: tuple[tuple[tuple[type[exp.Expr], ...], str], ...] = (
    (
        (exp.Cast, exp.TryCast),
        "CAST, TRY_CAST, :: and typed literals: engines round, overflow and fail differently; "
        "make it a typed column earlier",
    ),
    (
        (exp.Div, exp.IntDiv, exp.Mod),
        "division: one engine gives infinity or a fraction where the other fails or truncates",
    ),
    ((exp.Interval, exp.IntervalOp), "date arithmetic: the result's type differs; use whole days or seconds"),
    ((exp.RegexpLike, exp.RegexpILike, exp.RegexpReplace, exp.RegexpExtract, exp.SimilarTo), "regular expressions"),
    ((exp.Like, exp.ILike), "pattern matching: escapes and collation differ"),
    ((exp.Limit, exp.Offset, exp.Fetch), "LIMIT: which rows remain depends on the engine's order"),
    ((exp.Star,), "SELECT * and COUNT(*): a new column would change the rule unseen; name the columns"),
    ((exp.Intersect, exp.Except), "INTERSECT and EXCEPT: write a join or EXISTS"),
    ((exp.Rand, exp.Uuid), "random values: the same input would give another answer"),
    ((exp.CurrentDate, exp.CurrentTimestamp, exp.CurrentTime), "clocks: no time of the machine enters a judgment"),
    ((exp.Qualify,), "QUALIFY: filter in an outer SELECT"),
)


@dataclass(frozen=True, slots=True, order=True)
class Refusal:
    """One thing that a rule text may not say.

    Parameters
    ----------
    line : int
        1-based line of the text.
    reason : str
        What it is and why it is refused.
    """

    line: int
    reason: str


def line_of(node: exp.Expr) -> int:
    """Return the first line on which a node, or failing that what holds it, stands."""
    found: exp.Expr | None = node
    while found is not None:
        lines = [int(inner.meta["line"]) for inner in found.walk() if "line" in inner.meta]
        if lines:
            return min(lines)
        found = found.parent
    return 1


def parsed(text: str) -> exp.Query | Refusal:
    """Parse one statement, or say why it cannot be."""
    try:
        statements = [s for s in sqlglot.parse(text, dialect=DIALECT) if s is not None]
    except SqlglotError as error:
        details = getattr(error, "errors", None) or [{}]
        line = details[0].get("line") or 1
        return Refusal(int(line), f"not SQL that can be read: {details[0].get('description') or 'unknown token'}")
    except RecursionError:
        return Refusal(1, "not SQL that can be read: it is nested too deeply")
    if len(statements) != 1:
        return Refusal(1, f"{len(statements)} statements: a rule is one SELECT")
    tree = statements[0]
    if not isinstance(tree, (exp.Select, exp.SetOperation)):
        return Refusal(1, f"{tree.key.upper()}: a rule is one SELECT, and changes nothing")
    return tree if _is_shallow(tree) else Refusal(1, f"more than {DEEPEST} levels deep, or a chain of so many parts")


def _is_shallow(tree: exp.Expr) -> bool:
    """Say whether a tree can be walked by functions that call themselves, ours and an engine's."""
    level = [tree]
    for _ in range(DEEPEST):
        level = [inner for node in level for inner in node.iter_expressions()]
        if not level:
            return True
    return False


def lint(text: str, readable: Mapping[str, Mapping[str, bool]] = READABLE) -> tuple[Refusal, ...]:
    """Return everything that the text may not say, by line; empty means clean.

    Parameters
    ----------
    text : str
        One SELECT, with or without its leading comment; parameters as ``:name``.
    readable : mapping
        Table to column to whether it may be NULL: what the text may read.

    Returns
    -------
    tuple of Refusal
    """
    return _lint(text, parsed(text), readable)


def _lint(text: str, tree: exp.Query | Refusal, readable: Mapping[str, Mapping[str, bool]]) -> tuple[Refusal, ...]:
    if isinstance(tree, Refusal):
        return (tree,)
    found = {Refusal(line, reason) for line, reason in _written(text)}
    for node in tree.walk():
        reason = _refused(node, tree, readable)
        if reason is not None:
            found.add(Refusal(line_of(node), reason))
    if not found:
        found.update(Refusal(line_of(node), reason) for node, reason in column_refusals(tree, readable))
    return tuple(sorted(found))


def lint_rule(text: str, tree: exp.Query | Refusal | None = None) -> tuple[Refusal, ...]:
    """Return what :func:`lint` does, and what in the text of a rule could put a person's number or name into a finding.

    The steps before the rules pass such columns on to the rules, and are not asked for the second.

    Parameters
    ----------
    text : str
        As for :func:`lint`.
    tree : sqlglot.exp.Query or Refusal, optional
        What :func:`parsed` gave for it, where the caller has it.

    Returns
    -------
    tuple of Refusal
        By line; empty means clean.
    """
    tree = parsed(text) if tree is None else tree
    found = set(_lint(text, tree, READABLE))
    line = line_with_number(text)
    if line is not None:
        found.add(Refusal(line, "an ID number or a phone: a rule is of nobody, and its text stays in every night"))
    if not isinstance(tree, Refusal):
        found.update(Refusal(line_of(node), reason) for node, reason in personal_refusals(tree, PERSONAL))
    return tuple(sorted(found))


_SIGNS = {
    TokenType.SEMICOLON: "a semicolon: the text is part of a larger query",
    TokenType.PARAMETER: "a parameter with $: write :name",
}


def _written(text: str) -> Iterator[tuple[int, str]]:
    """Look at what is written: the parser makes one function of many synonyms, and passes over signs."""
    tokens = sqlglot.tokenize(text, dialect=DIALECT)
    for token in tokens:
        if token.token_type in _SIGNS:
            yield token.line, _SIGNS[token.token_type]
    for token, following in pairwise(tokens):
        if token.token_type is TokenType.COLON and following.start != token.end + 1:
            yield token.line, "a colon that begins no parameter: write :name"
        if token.token_type is TokenType.VAR and following.token_type is TokenType.L_PAREN:
            name = token.text.upper()
            if name not in FUNCTIONS and not name.endswith("CAST"):  # a cast has its own reason
                yield token.line, f"function {name}: not on the list ({', '.join(sorted(FUNCTIONS))})"


def _refused(node: exp.Expr, tree: exp.Expr, readable: Mapping[str, Mapping[str, bool]]) -> str | None:
    if isinstance(node, (exp.DataType, exp.DataTypeParam)):
        return None  # part of a CAST, which is refused itself
    for kinds, reason in _REASONS:
        if isinstance(node, kinds):
            return reason
    if type(node) not in ALLOWED:
        return f"{node.key.upper()}: not on the list of constructs that engines agree on"
    check = _CHECKS.get(type(node))
    return (check(node) if check is not None else None) or _null_refused(node, tree, readable)


def _null_refused(node: exp.Expr, tree: exp.Expr, readable: Mapping[str, Mapping[str, bool]]) -> str | None:
    if isinstance(node, exp.Not) and not is_never_null(node.this, tree, readable):
        return "NOT over a comparison that may be NULL: it lets the NULL pass; write the positive cases"
    if isinstance(node, exp.Count) and isinstance(node.this, exp.Distinct):
        counted = node.this.expressions
        if len(counted) != 1 or not is_never_null(counted[0], tree, readable):
            return "COUNT(DISTINCT) over what may be NULL: NULLs are not counted; count a column that is never NULL"
    return None


def _select(node: exp.Expr) -> str | None:
    if node.args.get("distinct"):
        return "SELECT DISTINCT: it hides rows that a join doubled; GROUP BY the key"
    return None


def _union(node: exp.Expr) -> str | None:
    return "UNION without ALL: it hides doubled rows" if node.args.get("distinct") else None


def _with(node: exp.Expr) -> str | None:
    return "recursive WITH: make the chain a table earlier" if node.args.get("recursive") else None


def _join(node: exp.Expr) -> str | None:
    kind, side, method = (str(node.args.get(part) or "").upper() for part in ("kind", "side", "method"))
    if method == "ASOF" or kind == "ASOF":
        return "ASOF JOIN: with a second condition it is a nested loop, with it in WHERE it is wrong"
    if method or kind not in {"", "INNER", "OUTER"} or side not in {"", "LEFT"}:
        return f"{' '.join(filter(None, (method, side, kind)))} JOIN: only [INNER] JOIN and LEFT JOIN"
    if node.args.get("on") is None:
        return "JOIN without ON: a product of both tables grows without bound"
    return None


def _group(node: exp.Expr) -> str | None:
    if any(node.args.get(part) for part in ("all", "cube", "rollup", "grouping_sets", "totals")):
        return "GROUP BY ALL, CUBE, ROLLUP, GROUPING SETS: name the columns"
    if any(isinstance(expression, exp.Literal) for expression in node.expressions):
        return "GROUP BY a position: name the column"
    return None


def _in(node: exp.Expr) -> str | None:
    if not (node.args.get("query") or node.args.get("unnest") or node.args.get("field")):
        return None
    if isinstance(node.parent, exp.Not):
        return "NOT IN (subquery): one NULL in it and nothing passes; write NOT EXISTS"
    return "IN (subquery): write EXISTS"


def _is(node: exp.Expr) -> str | None:
    return None if isinstance(node.expression, exp.Null) else "IS TRUE, IS FALSE: only IS [NOT] NULL"


def _compared(node: exp.Expr) -> str | None:
    sides = (node.this, node.expression)
    return "comparison with NULL: it is never true; IS NULL" if any(isinstance(s, exp.Null) for s in sides) else None


def _if(node: exp.Expr) -> str | None:
    return None if isinstance(node.parent, exp.Case) else "IF(): write CASE"


def _anonymous(node: exp.Expr) -> str | None:
    # Names that are not VAR tokens would slip past the look at the tokens.
    return None if str(node.this).upper() in FUNCTIONS else f"function {str(node.this).upper()}: not on the list"


def _literal(node: exp.Expr) -> str | None:
    if node.is_string or str(node.this).isdigit():
        return None
    return "a number with a fraction or exponent: engines give it different types"


def _subquery(node: exp.Expr) -> str | None:
    if isinstance(node.parent, (exp.From, exp.Join, exp.SetOperation)):
        return None
    return "a query as a value: it is run for each row, and fails on two; join it"


def _identifier(node: exp.Expr) -> str | None:
    if node.args.get("quoted"):
        return "double-quoted name: a string to one engine, a name to the other"
    return None


def _table_alias(node: exp.Expr) -> str | None:
    if node.args.get("columns"):
        return "an alias that gives the columns other names: by their place, unseen; write AS in the SELECT"
    return None


def _placeholder(node: exp.Expr) -> str | None:
    return None if node.this else "a parameter without a name: write :name"


def _distinct(node: exp.Expr) -> str | None:
    return None if isinstance(node.parent, (exp.Count, exp.Select)) else "DISTINCT: only in COUNT(DISTINCT ...)"


def _order(node: exp.Expr) -> str | None:
    return None if isinstance(node.parent, exp.Window) else "ORDER BY: a table has no order; whoever writes it sorts"


def _window(node: exp.Expr) -> str | None:
    if not isinstance(node.this, exp.RowNumber):
        return "window: only ROW_NUMBER()"
    if node.args.get("spec") is not None:
        return "window frame: ROW_NUMBER() has none"
    order = node.args.get("order")
    named = {
        column.name
        for part in (*node.args.get("partition_by", ()), *(order or ()))
        for column in part.find_all(exp.Column)
    }
    if order is None or not any(named.issuperset(key) for key in ROW_KEYS.values()):
        return "window without a total ORDER BY: equal rows come in any order; order by the key of the table as well"
    return None


_CHECKS = {
    exp.Select: _select,
    exp.Union: _union,
    exp.With: _with,
    exp.Join: _join,
    exp.Group: _group,
    exp.In: _in,
    exp.Is: _is,
    exp.EQ: _compared,
    exp.NEQ: _compared,
    exp.GT: _compared,
    exp.GTE: _compared,
    exp.LT: _compared,
    exp.LTE: _compared,
    exp.If: _if,
    exp.Anonymous: _anonymous,
    exp.Literal: _literal,
    exp.Identifier: _identifier,
    exp.Subquery: _subquery,
    exp.Placeholder: _placeholder,
    exp.Distinct: _distinct,
    exp.TableAlias: _table_alias,
    exp.Order: _order,
    exp.Window: _window,
}
