"""Every code with which something that arrives is refused has its reason, and the table names no code that is none."""

import ast
import importlib
from pathlib import Path

import pytest

from fedhood.adapters.activitypub import reasons, replay
from fedhood.adapters.http.paths import Reason

ROOT = Path(__file__).parents[3] / "fedhood"
WIRE = ROOT / "adapters" / "activitypub"
# what reads and believes an activity, and what that asks
READERS = [
    *sorted((WIRE / "handlers").glob("*.py")),
    *(WIRE / f"{name}.py" for name in ("believing", "proofs", "remote", "key_documents", "keys", "asking")),
    *(WIRE / f"{name}.py" for name in ("forwarded", "multibase", "canonical", "weighing", "taking_in")),
    ROOT / "adapters" / "http" / "strict_json.py",
    ROOT / "adapters" / "http" / "client.py",
    ROOT / "adapters" / "http" / "guard.py",
]


def codes(path: Path) -> set[str]:
    """Every code that a module gives to an error: as it is written, or by the name of a constant."""
    module = importlib.import_module(".".join(path.relative_to(ROOT.parent).with_suffix("").parts))
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if not isinstance(node, ast.Call):
            continue
        for keyword in node.keywords:
            if keyword.arg == "code":
                value = keyword.value
                named = getattr(module, value.id, None) if isinstance(value, ast.Name) else None
                found |= {value.value} if isinstance(value, ast.Constant) else {named} if named else set()
    return found


def test_there_are_codes_to_be_found():
    found = set().union(*map(codes, READERS))
    assert {"orphan", "removed", "proof-future", "places-differ", "member", "json-syntax", "bad-answer"} <= found


@pytest.mark.parametrize("path", READERS, ids=lambda path: path.stem)
def test_no_code_is_without_a_reason(path: Path):
    assert sorted(codes(path) - set(reasons.REASONS)) == []


def test_no_reason_is_given_for_a_code_that_nothing_says():
    said = {
        node.value
        for path in ROOT.rglob("*.py")
        if path.name != "reasons.py"
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    }
    of_sentences = {word.partition(":")[0] for word in said}  # `taken-back: it was removed …`, `kind: …`
    assert sorted(set(reasons.REASONS) - said - of_sentences - {"kind"}) == []


def test_each_code_has_one_reason_and_each_reason_a_code():
    assert sum(map(len, reasons._CODES.values())) == len(reasons.REASONS)
    assert set(Reason) - set(reasons._CODES) == {Reason.OTHER}
    assert reasons.of("nobody-foresaw-this: …") is Reason.OTHER
    assert reasons.of(None) is None
    assert replay.ASKS not in reasons.REASONS  # a dry run says it by its ending
