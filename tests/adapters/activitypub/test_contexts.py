"""The contexts are those that were recorded, word for word."""

import json
from typing import Any

import pytest

from fedhood.adapters.activitypub import contexts
from tests.adapters.activitypub import golden


@pytest.mark.parametrize(
    ("name", "number"),
    [
        ("INSTANCE", "01"),
        ("ACTOR", "02"),
        ("PERSON", "05"),
        ("SERVICE", "60"),
        ("PUBLIC_POST", "10"),
        ("PUBLIC_ANNOUNCE", "11"),
        ("PUBLIC_COMMENT", "40"),
        ("PLAIN", "41"),
        ("SCOPED", "13"),
        ("SCOPED", "29b"),
        ("PEERING", "50"),
        ("PEERING", "54"),
        ("REPORT", "61"),
    ],
)
def test_a_context_is_the_recorded_one_in_its_order(name: str, number: str) -> None:
    assert json.dumps(getattr(contexts, name)) == json.dumps(golden.document(number)["@context"])


def test_a_report_and_a_tombstone_have_the_recorded_contexts_too() -> None:
    report: dict[str, Any] = golden.document("61")["object"]
    assert report["@context"] == contexts.METRICS_REPORT
    assert golden.document("74")["body"]["@context"] == contexts.TOMBSTONE
