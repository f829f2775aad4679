"""The mutants of ``property.mutants`` are still changes to the program as it is."""

from __future__ import annotations

import ast

import pytest

from property.mutants import MUTANTS, PACKAGE, Mutant


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.name)
def test_every_mutant_is_another_program(mutant: Mutant) -> None:
    source = (PACKAGE / mutant.path).read_text(encoding="utf-8")
    mutated = mutant.made(source)
    assert ast.dump(ast.parse(mutated)) != ast.dump(ast.parse(source))
