"""The JSON Schemas of what crosses a border: read when first asked for, never from a network.

They lie in the repository's `schemas/`, which an installed fedhood carries as `fedhood/schemas`. A name is the file's
without its end: `check("metrics-report", document)`. This module imports jsonschema, which takes a tenth of a second:
whoever needs it only sometimes imports it then, and no server imports it at its start.
"""

import functools
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from jsonschema import Draft202012Validator  # type: ignore[import-untyped]
from jsonschema.exceptions import ValidationError, best_match  # type: ignore[import-untyped]
from referencing import Registry, Resource
from referencing.jsonschema import DRAFT202012

from fedhood.kernel.errors import Invalid

_INSTALLED = Path(__file__).parents[1] / "schemas"
_REPOSITORY = Path(__file__).parents[2] / "schemas"
LONGEST_REASON = 300


def folder() -> Path:
    """Where the schemas are: in the package, or beside it in a repository that is worked on."""
    return _INSTALLED if _INSTALLED.is_dir() else _REPOSITORY


def names() -> list[str]:
    """Every schema there is."""
    return sorted(path.relative_to(folder()).with_suffix("").as_posix() for path in folder().rglob("*.json"))


def read(name: str) -> dict[str, Any]:
    """A schema as it is written. Raises KeyError for a name that no file has."""
    if name not in names():
        raise KeyError(name)
    schema: dict[str, Any] = json.loads((folder() / f"{name}.json").read_text("utf-8"))
    return schema


@functools.cache
def _registry() -> Registry[Any]:
    """All schemas by their `$id`, so that one may name another; what is not among them is not looked for elsewhere."""
    resources = [Resource.from_contents(read(name), default_specification=DRAFT202012) for name in names()]
    registry: Registry[Any] = Registry()
    return registry.with_resources((str(resource.id()), resource) for resource in resources)


@functools.cache
def validator(name: str) -> Draft202012Validator:
    """The checker of one schema, made once."""
    return Draft202012Validator(read(name), registry=_registry())


def check(name: str, document: Any) -> None:
    """Accept a document that its schema describes.

    Raises Invalid with code `schema`: the detail begins with the JSON pointer (RFC 6901) of what is wrong, which is
    also `field`. Explaining takes long for a large document; the caller has bounded its size.
    """
    errors: Iterator[ValidationError] = validator(name).iter_errors(document)
    worst = best_match(errors)
    if worst is not None:
        where = pointer(worst)
        raise Invalid(f"{where or '/'}: {worst.message[:LONGEST_REASON]}", code="schema", field=where)


def pointer(error: ValidationError) -> str:
    """Where in the document an error is, as a JSON pointer; empty for the document itself."""
    return "".join(f"/{str(step).replace('~', '~0').replace('/', '~1')}" for step in error.absolute_path)
