"""Schemas are sound, stand on their own, and say where a document is wrong."""

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator
from referencing.exceptions import Unresolvable

from fedhood.kernel import schemas
from fedhood.kernel.errors import Invalid

DIALECT = "https://json-schema.org/draft/2020-12/schema"
PERSON = {
    "$schema": DIALECT,
    "$id": "https://w3id.org/fedhood/schema/person",
    "type": "object",
    "properties": {
        "name": {"$ref": "https://w3id.org/fedhood/schema/word"},
        "a/b~c": {"type": "array", "items": {"type": "integer"}},
    },
    "required": ["name"],
    "additionalProperties": False,
}
WORD = {"$schema": DIALECT, "$id": "https://w3id.org/fedhood/schema/word", "type": "string", "maxLength": 5}


@pytest.fixture
def own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with two schemas, one of which names the other."""
    monkeypatch.setattr(schemas, "_INSTALLED", tmp_path)
    for cache in (schemas._registry, schemas.validator):
        monkeypatch.setattr(schemas, cache.__name__, schemas.functools.cache(cache.__wrapped__))
    (tmp_path / "person.json").write_text(json.dumps(PERSON))
    (tmp_path / "word.json").write_text(json.dumps(WORD))
    return tmp_path


def nested(schema: Any):
    """Every part of a schema that is an object."""
    if isinstance(schema, dict):
        yield schema
        for value in schema.values():
            yield from nested(value)
    elif isinstance(schema, list):
        for value in schema:
            yield from nested(value)


@pytest.mark.parametrize("name", schemas.names())
def test_every_schema_is_one(name: str):
    schema = schemas.read(name)
    assert schema["$schema"] == DIALECT
    assert re.match(r"https://w3id\.org/fedhood/(schema|ns)", schema["$id"])
    Draft202012Validator.check_schema(schema)


def test_every_schema_has_an_id_of_its_own():
    ids = [schemas.read(name)["$id"] for name in schemas.names()]
    assert len(set(ids)) == len(ids)


@pytest.mark.parametrize("name", schemas.names())
def test_a_schema_names_only_what_is_here(name: str):
    resolver = schemas._registry().resolver(schemas.read(name)["$id"])
    for part in nested(schemas.read(name)):
        if isinstance(part.get("$ref"), str):
            resolver.lookup(part["$ref"])


@pytest.mark.parametrize("name", schemas.names())
def test_patterns_mean_the_same_in_every_regex_dialect(name: str):
    for part in nested(schemas.read(name)):
        if isinstance(part.get("pattern"), str):
            assert not re.search(r"\\[dDwWbB]", part["pattern"]), part["pattern"]


@pytest.mark.usefixtures("own")
def test_a_document_that_fits_is_accepted():
    schemas.check("person", {"name": "Ana", "a/b~c": [1]})


@pytest.mark.usefixtures("own")
@pytest.mark.parametrize(
    ("document", "pointer"),
    [
        ({"name": "much too long"}, "/name"),
        ({"name": "Ana", "a/b~c": [1, "two"]}, "/a~1b~0c/1"),
        ({"name": "Ana", "age": 3}, ""),
        ({}, ""),
        ([], ""),
    ],
)
def test_what_is_wrong_is_pointed_at(document: Any, pointer: str):
    with pytest.raises(Invalid) as refused:
        schemas.check("person", document)
    assert (refused.value.code, refused.value.field) == ("schema", pointer)
    assert refused.value.detail.startswith(f"{pointer or '/'}: ")


@pytest.mark.usefixtures("own")
def test_a_reason_does_not_grow_with_the_document():
    with pytest.raises(Invalid) as refused:
        schemas.check("word", ["x" * 100_000])
    assert len(refused.value.detail) <= schemas.LONGEST_REASON + 10


def test_what_is_not_here_is_not_fetched(own: Path):
    word = {"$schema": DIALECT, "$id": WORD["$id"], "$ref": "https://elsewhere.example/schema"}
    (own / "word.json").write_text(json.dumps(word))
    with pytest.raises(Unresolvable):
        schemas.check("word", "x")


def test_there_is_no_schema_outside_the_folder():
    for name in ("nothing", "../pyproject", "/etc/passwd"):
        with pytest.raises(KeyError):
            schemas.read(name)


def test_a_server_starts_without_it():
    code = "import sys, fedhood.app; print([name for name in sys.modules if name.startswith('jsonschema')])"
    answer = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert answer.stdout.strip() == "[]"
