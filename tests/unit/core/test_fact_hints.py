"""A fact that there is not is told with the one that was meant."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from reconciler.core.fact_hints import ELSEWHERE, PLAIN, fact_hint, fact_hint_or_all
from reconciler.model.facts import SECTIONS

ROOT = Path(__file__).parents[3]
SPEC = ROOT / "docs" / "spec" / "facts.md"


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        (("hostname",), "did you mean facts.network.hostname?"),
        (("ansible_hostname",), "did you mean facts.network.hostname?"),
        (("hostnam",), "did you mean facts.network.hostname?"),
        (("fqdn",), "did you mean facts.network.fqdn?"),
        (("os_family",), "did you mean facts.os.family?"),
        (("ansible_distribution_release",), "did you mean facts.os.codename?"),
        (("operatingsystm",), "did you mean facts.os.name?"),
        (("networking", "ip"), "did you mean facts.network?"),
        (("oss", "family"), "did you mean 'os'?"),
        (("ansible_os", "family"), "did you mean facts.os.family?"),
        (("ansible_mounts", "/srv"), "did you mean facts.mounts?"),
        (("os", "hostname"), "did you mean facts.network.hostname?"),
        (("os", "release"), "did you mean facts.kernel.release?"),
        # There on some machines only, of the machine's own making, or of more than one meaning: nothing is guessed.
        (("os", "version"), ""),
        (("virtualization", "type"), ""),
        (("users", "host"), ""),
        (("network", "version"), ""),
        (("os",), ""),
        (("weather",), ""),
    ],
)
def test_the_fact_that_was_meant_is_named(written: tuple[str, ...], meant: str) -> None:
    """By its last name, by a misspelling of that, and by what other tools call it; and never the very same again."""
    assert fact_hint(written) == meant


def test_where_nothing_is_near_all_sections_are_named() -> None:
    """So that a person can choose."""
    assert fact_hint_or_all(("weather",)).startswith("there are boot, cpu, disks")
    assert fact_hint_or_all(("hostname",)) == "did you mean facts.network.hostname?"


def test_what_is_proposed_is_a_fact_that_there_is() -> None:
    """Each is in the table of all facts, or below one that is."""
    table = SPEC.read_text(encoding="utf-8").partition("## 2.")[0]
    for fact in PLAIN:
        assert f"`{fact}`" in table or f"`{fact}.NAME`" in table, fact
    for name, fact in ELSEWHERE.items():
        assert fact.removesuffix(".address") in {*PLAIN, *SECTIONS}, name
        assert name not in SECTIONS


def test_every_section_is_in_the_table_and_in_the_protocol() -> None:
    """Who adds one in the runner, and here, is told where else it is listed."""
    table = SPEC.read_text(encoding="utf-8").partition("## 1.")[2].partition("## 2.")[0]
    assert set(re.findall(r"^\| `([a-z]+)[.\[]", table, re.MULTILINE)) == set(SECTIONS)
    protocol = (ROOT / "micro_runner" / "protocol.md").read_text(encoding="utf-8")
    listed = re.search(r"The sections are `([a-z ]+)`", protocol)
    assert listed is not None
    assert listed[1].split() == [*SECTIONS]
