"""FEDERATION.md says what the code says."""

import re
from pathlib import Path

from fedhood.adapters.activitypub.handlers import HANDLERS
from fedhood.adapters.activitypub.sayings import SAYINGS
from fedhood.adapters.http.paths import Fate, Reason, Way

TEXT = (Path(__file__).parents[2] / "FEDERATION.md").read_text("utf-8")


def section(title: str) -> str:
    return TEXT.partition(f"## {title}\n")[2].partition("\n## ")[0]


def test_every_verb_is_in_the_document_and_no_other():
    verbs = re.findall(r"`([a-z]+(?:\.[a-z]+)?)`", "".join(row.split("|")[1] for row in rows("What is said")))
    assert sorted(verbs) == sorted(SAYINGS)


def test_everything_that_is_understood_is_in_the_document_and_no_more():
    named = set()
    for row in rows("What is understood"):
        _, kinds, inner, _ = row.split("|")
        objects = re.findall(r"`([A-Za-z]+)`", inner) or [""]
        named |= {(kind, one) for kind in re.findall(r"`([A-Za-z]+)`", kinds) for one in objects}
    assert named == set(HANDLERS)


def test_the_closed_lists_of_what_became_of_a_letter_are_those_of_the_code():
    listed = {row.split("|")[1].strip(" `"): re.findall(r"`([a-z0-9-]+)`", row.split("|")[2]) for row in rows(PATHS)}
    assert listed == {"way": [*Way], "fate": [*Fate], "reason": [*Reason]}


PATHS = "What became of it"


def rows(title: str) -> list[str]:
    return [line for line in section(title).splitlines() if line.startswith("| `")]
