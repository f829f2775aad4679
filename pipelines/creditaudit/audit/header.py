"""The leading comment of a ``rule.sql``: YAML, every key required, nothing else allowed."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Any, NoReturn

import yaml

from creditaudit.errors import UsageError, Where

if TYPE_CHECKING:
    from collections.abc import Mapping

LANES = ("fault", "correction")
KEYS = (
    "id",
    "name",
    "title",
    "lane",
    "clause",
    "effective",
    "reads",
    "key",
    "params",
    "evidence",
    "undecidable_when",
)
_PARAM_KEYS = ("value", "unit", "bounds", "reason")
_COMMENT = re.compile(r"\A\s*/\*(.*?)\*/", re.DOTALL)
_RULE_ID = re.compile(r"R[0-9]{3}\Z")
_NAME = re.compile(r"[a-z][a-z0-9_]*\Z")


@dataclass(frozen=True, slots=True)
class Param:
    """A whole number that a rule's text names.

    Parameters
    ----------
    name : str
    value : int
    unit : str
        ``second`` or ``day``, for example.
    low, high : int
        Inclusive bounds.
    reason : str
        Why this value.
    """

    name: str
    value: int
    unit: str
    low: int
    high: int
    reason: str

    def holds(self, value: int) -> bool:
        """Return whether a value is within the bounds."""
        return self.low <= value <= self.high


@dataclass(frozen=True)
class Header:
    """What the header says; ``lines`` has the line of each key."""

    rule_id: str
    name: str
    title_zh: str
    title_en: str
    lane: str
    clause: str
    effective_from: date | None
    effective_to: date | None
    reads: tuple[str, ...]
    key: tuple[str, ...]
    params: tuple[Param, ...]
    evidence: tuple[str, ...]
    undecidable_when: str
    lines: Mapping[str, int]


class _Fields:
    """The header's values, each asked for once with its type."""

    def __init__(self, values: Mapping[str, Any], lines: Mapping[str, int], where: str) -> None:
        self.values, self.lines, self.where = values, lines, where

    def refuse(self, key: str | None, why: str) -> NoReturn:
        raise refused_header(self.where, self.lines.get(key or "", 1), why)

    def text(self, key: str) -> str:
        value = self.values[key]
        if not isinstance(value, str) or not value.strip():
            self.refuse(key, f"{key} must be text")
        return value.strip()

    def names(self, key: str) -> tuple[str, ...]:
        value = self.values[key]
        if not isinstance(value, list) or not value or not all(isinstance(v, str) for v in value):
            self.refuse(key, f"{key} must be a list of names")
        if len(set(value)) != len(value):
            self.refuse(key, f"{key} names something twice")
        return tuple(value)

    def mapping(self, key: str, keys: tuple[str, ...] | None = None) -> dict[str, Any]:
        value = self.values[key]
        if not isinstance(value, dict):
            self.refuse(key, f"{key} must be a mapping")
        if keys is not None and set(value) != set(keys):
            self.refuse(key, f"{key} must have {', '.join(keys)}")
        return value


def refused_header(where: str, line: int, why: str) -> UsageError:
    """Return the error for a header that cannot be used."""
    return UsageError(
        "a rule's header cannot be used",
        why=why,
        next_step="correct the leading comment; the shipped rules show its form",
        where=Where(where, line),
    )


def read_yaml(text: str) -> tuple[yaml.Node | None, Any]:
    """Read one YAML document as its nodes, which know their lines, and as values.

    Raises
    ------
    yaml.YAMLError
        It is none; in the words of PyYAML's own Python reader, which every machine has.
    """
    try:
        return _read_yaml(text, getattr(yaml, "CSafeLoader", yaml.SafeLoader))  # libyaml's takes a tenth of the time
    except yaml.YAMLError:
        return _read_yaml(text, yaml.SafeLoader)


def _read_yaml(text: str, kind: type[yaml.SafeLoader]) -> tuple[yaml.Node | None, Any]:
    loader = kind(text)
    try:
        node = loader.get_single_node()
        return node, None if node is None else loader.construct_document(node)
    finally:
        loader.dispose()


def parse_header(text: str, where: str) -> Header:
    """Read the leading comment of a rule.

    Raises
    ------
    UsageError
        No such comment, no YAML in it, a key that is missing or unknown, or a value that it cannot have.
    """
    found = _COMMENT.match(text)
    if found is None:
        raise refused_header(where, 1, "the text does not begin with a /* comment */ that holds YAML")
    first_line = text.count("\n", 0, found.start(1)) + 1
    try:
        node, values = read_yaml(found.group(1))
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line = first_line + (mark.line if mark is not None else 0)
        raise refused_header(where, line, f"not YAML: {getattr(error, 'problem', 'unreadable')}") from error
    if not isinstance(values, dict) or not isinstance(node, yaml.MappingNode):
        raise refused_header(where, first_line, "the header must be a mapping")
    lines: dict[str, int] = {}
    for key, _ in node.value:
        if key.value in lines:
            raise refused_header(where, first_line + key.start_mark.line, f"key {key.value} stands twice")
        lines[key.value] = first_line + key.start_mark.line
    return _header(_Fields(values, lines, where))


def _header(fields: _Fields) -> Header:
    for key in fields.values:
        if key not in KEYS:
            fields.refuse(str(key), f"unknown key {key}; known are {', '.join(KEYS)}")
    missing = [key for key in KEYS if key not in fields.values]
    if missing:
        fields.refuse(None, f"missing {', '.join(missing)}")
    rule_id, name = fields.text("id"), fields.text("name")
    if not _RULE_ID.match(rule_id):
        fields.refuse("id", "id must be R and three digits")
    if not _NAME.match(name):
        fields.refuse("name", "name must be lower case letters, digits and _")
    lane = fields.text("lane")
    if lane not in LANES:
        fields.refuse("lane", f"lane must be one of {', '.join(LANES)}")
    title = fields.mapping("title", ("zh", "en"))
    if not all(isinstance(part, str) and part for part in title.values()):
        fields.refuse("title", "title needs text in zh and en")
    effective = fields.mapping("effective", ("from", "to"))
    if not all(day is None or type(day) is date for day in effective.values()):
        fields.refuse("effective", "effective from and to must be dates or null")
    return Header(
        rule_id=rule_id,
        name=name,
        title_zh=title["zh"],
        title_en=title["en"],
        lane=lane,
        clause=fields.text("clause"),
        effective_from=effective["from"],
        effective_to=effective["to"],
        reads=fields.names("reads"),
        key=fields.names("key"),
        params=tuple(_param(fields, name, value) for name, value in fields.mapping("params").items()),
        evidence=fields.names("evidence"),
        undecidable_when=fields.text("undecidable_when"),
        lines=fields.lines,
    )


def _param(fields: _Fields, name: str, value: object) -> Param:
    if not isinstance(value, dict) or set(value) != set(_PARAM_KEYS):
        fields.refuse("params", f"{name} must have {', '.join(_PARAM_KEYS)}")
    bounds = value["bounds"]
    if not isinstance(bounds, list) or len(bounds) != 2:  # noqa: PLR2004 - a lower and an upper one
        fields.refuse("params", f"{name}: bounds must be [lowest, highest]")
    numbers = (value["value"], *bounds)
    if any(type(number) is not int for number in numbers):
        fields.refuse("params", f"{name}: value and bounds must be whole numbers")
    if not isinstance(value["unit"], str) or not isinstance(value["reason"], str):
        fields.refuse("params", f"{name}: unit and reason must be text")
    param = Param(name, value["value"], value["unit"], bounds[0], bounds[1], value["reason"])
    if not param.holds(param.value):
        fields.refuse("params", f"{name} = {param.value} is out of its bounds {param.low} to {param.high}")
    return param
