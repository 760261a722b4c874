"""Everything that a test of a neighbour can find has words, and an advice where something is not well."""

import re

import pytest

from fedhood.adapters.http.findings import OUTCOMES, Finding, Found, Outcome, Step
from fedhood.adapters.web import host_findings
from fedhood.adapters.web.languages import LANGUAGES
from tests.support.clocks import NOON

# what `probing` says with each
FACTS = {
    Found.NAME_KNOWN: {"addresses": "198.51.100.7"},
    Found.CERTIFICATE_GOOD: {"until": NOON},
    Found.CERTIFICATE_SOON: {"until": NOON},
    Found.ECHO_GOOD: {"scheme": "RFC 9421"},
    **{one: {"minutes": 30} for one in Found if one.startswith("clock-") and one is not Found.CLOCK_SAME},
}


@pytest.mark.parametrize("found", Found)
def test_nothing_is_found_without_words_and_nothing_that_is_not_well_without_an_advice(found: Found):
    said, advice = host_findings.SAID[found]
    finding = Finding(step=Step.NAME, found=found, facts=FACTS.get(found, {}))
    facts = host_findings.facts_of(finding, lambda day: f"{day:%d %B}")
    for language in LANGUAGES.values():
        assert "%" not in re.sub(r"%\(\w+\)s", "", said)
        sentence = language.gettext(said) % facts
        assert sentence.endswith(".")
        assert all(value in sentence for value in facts.values())
    assert bool(advice) == (OUTCOMES[found] in {Outcome.LOOK, Outcome.ILL} or found is Found.OUT_OF_TIME)


def test_every_step_has_a_name_and_every_outcome_a_look():
    assert set(host_findings.STEPS) == set(Step)
    assert set(host_findings.LOOKS) == set(Outcome)
