"""Every fact leads somewhere, or it is said that it does not; and its kind and fields only grow."""

import dataclasses
import importlib
import json
import pkgutil
from pathlib import Path

import fedhood.core
from fedhood import consequences
from fedhood.kernel.facts import Fact

GOLDEN = Path(__file__).parents[1] / "golden" / "facts.json"


def every_fact() -> list[type[Fact]]:
    for module in pkgutil.walk_packages(fedhood.core.__path__, "fedhood.core."):
        importlib.import_module(module.name)
    found, waiting = [], [Fact]
    while waiting:
        for one in waiting.pop().__subclasses__():
            # dataclasses with slots leave the class they were made from behind: it has no fields of its own
            if one.__module__.startswith("fedhood.") and dataclasses.is_dataclass(one) and "__slots__" in vars(one):
                found.append(one)
            waiting.append(one)
    return sorted(found, key=lambda one: one.kind)


def test_every_fact_has_a_consequence_or_is_named_as_having_none():
    named = set(consequences.TABLE) | consequences.WITHOUT
    assert [one.__name__ for one in every_fact() if one not in named] == []
    assert set(consequences.TABLE) & consequences.WITHOUT == set()


def test_no_two_facts_have_the_same_kind():
    kinds = [one.kind for one in every_fact()]
    assert len(kinds) == len(set(kinds))


def test_what_a_fact_remembers_only_grows():
    now = {one.kind: sorted(field.name for field in dataclasses.fields(one)) for one in every_fact()}
    golden = json.loads(GOLDEN.read_text())
    lost = {kind: sorted(set(fields) - set(now.get(kind, []))) for kind, fields in golden.items()}
    assert {kind: fields for kind, fields in lost.items() if fields} == {}
    assert sorted(set(now) - set(golden)) == [], "a new kind of fact is written into tests/golden/facts.json"
