"""FEDERATION.md says what the code says."""

import re
from pathlib import Path

from fedhood.adapters.activitypub.handlers import HANDLERS, OF_VISITORS
from fedhood.adapters.activitypub.sayings import SAYINGS
from fedhood.adapters.http.paths import Fate, Reason, Way
from fedhood.core.help_requests.model import State, may_follow

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "FEDERATION.md").read_text("utf-8")


def section(title: str) -> str:
    return section_of(TEXT, title)


def section_of(text: str, title: str) -> str:
    return text.partition(f"## {title}\n")[2].partition("\n## ")[0]


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


def test_everything_that_visitors_say_is_in_the_document_and_no_more():
    named = set()
    for row in rows("People on other software"):
        _, kinds, inner, *_ = row.split("|")
        objects = [*re.findall(r"`([A-Z][a-z]+)`", inner.partition("(")[0]), *([""] if "an address" in inner else [])]
        named |= {(kind, one) for kind in re.findall(r"`([A-Za-z]+)`", kinds) for one in objects}
    assert named == set(OF_VISITORS)


def test_the_closed_lists_of_what_became_of_a_letter_are_those_of_the_code():
    listed = {row.split("|")[1].strip(" `"): re.findall(r"`([a-z0-9-]+)`", row.split("|")[2]) for row in rows(PATHS)}
    assert listed == {"way": [*Way], "fate": [*Fate], "reason": [*Reason]}


PATHS = "What became of it"


def rows(title: str) -> list[str]:
    return [line for line in section(title).splitlines() if line.startswith("| `")]


# -- docs/federation.md, for whoever writes another server -------------------------------------------------------------

FOR_OTHERS = (ROOT / "docs" / "federation.md").read_text("utf-8")
CODE = {path: path.read_text("utf-8") for path in (ROOT / "fedhood" / "adapters" / "activitypub").rglob("*.py")}


def test_every_example_that_others_are_told_of_is_there_and_each_is_told_of():
    named = {one for inside in re.findall(r"\(([^()]*)\)", FOR_OTHERS) for one in re.findall(r"\b\d\d[a-z]?\b", inside)}
    there = {path.name.partition("-")[0] for path in (ROOT / "tests" / "golden" / "federation").iterdir()}
    assert named == there


def test_every_refusal_that_others_are_told_of_can_happen():
    codes = re.findall(r"`([a-z-]+)`", "".join(row.split("|")[2] for row in _refusals()))
    assert len(codes) == len(set(codes)) > 10
    assert [code for code in codes if not any(f'"{code}"' in text for text in CODE.values())] == []


def test_others_are_told_of_every_refusal_at_the_door():
    said = {code for text in CODE.values() for code in re.findall(r'Refused\(\s*\d{3}, "([a-z-]+)"', text)}
    assert said - set(re.findall(r"`([a-z-]+)`", "".join(_refusals()))) == set()


def test_others_are_told_which_steps_a_request_may_take():
    allowed = set()
    for row in re.findall(r"^\| (`.*`) \| (.*) \|$", section_of(FOR_OTHERS, "7. Help"), re.MULTILINE):
        before, after = (re.findall(r"`([a-z]+)`", cell) for cell in row)
        allowed |= {(one, other) for one in before for other in after}
    assert allowed == {(one.value, other.value) for one in State for other in State if may_follow(one, other)}


def _refusals() -> list[str]:
    return re.findall(r"^\| \d{3} .*$", FOR_OTHERS, re.MULTILINE)
