"""Manifests that are written for people are read as what they were."""

import pytest
import yaml

from reconciler.cli.show.manifests import manifest_text
from reconciler.core.visible import visible

TEXTS = [
    "a\tb\n\tc\n",
    "\tfirst\nx\n",
    "a\n\n\tb",
    "\n a\n",
    "# a\n---\n...\n",
    "ends in blanks \t\nx\n",
    "\t",
    "a\n ",
    "many\n\n\n",
    "\u2028x\n",
    "0644",
    "no",
    "docker ps --format '{{.Names}}'",
    "{{ a }} \u202e {{{",
]


@pytest.mark.parametrize("text", TEXTS)
def test_a_text_is_what_it_was(text):
    written = manifest_text([({"spec": {"content": text}}, "")], "web-1")
    assert yaml.safe_load(written)["spec"]["content"] == text


@pytest.mark.parametrize("text", TEXTS[:5])
def test_what_people_edit_stands_in_lines_as_it_is(text):
    assert "content: |" in manifest_text([({"content": text}, "")], "web-1")


@pytest.mark.parametrize("text", ["a\u202eb", "\x1b[2J", "x\u200by: \u2066z", "\x85a", "a\u2028- b"])
def test_what_would_turn_a_text_round_or_hide_it_is_written_as_what_it_is(text):
    written = manifest_text([({"comment": text, "name": "Zoë"}, "")], "web-1")
    assert visible(written) == written
    assert yaml.safe_load(written) == {"comment": text, "name": "Zoë"}


def test_braces_of_others_are_no_template():
    assert "{{" not in manifest_text([({"command": "docker ps --format {{.ID}}"}, "")], "web-1")


def test_a_remark_stands_above_what_it_is_about():
    written = manifest_text([({"kind": "A"}, "one\ntwo"), ({"kind": "B"}, "")], "web-1")
    assert written == (
        "# What was found on web-1, by froyo import.\n---\n# one\n# two\nkind: A\n---\nkind: B\n"
    )
