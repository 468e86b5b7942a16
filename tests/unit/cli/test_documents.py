"""Documents for machines that a person may look at in a terminal all the same."""

from __future__ import annotations

import io
import json
from types import SimpleNamespace

import pytest
import yaml

from reconciler.cli.output import Format, emit


@pytest.mark.parametrize(
    "text", ["vi\u202emotd", "vi\u009b2J", "a\u200bb", "a\ufeffb", "a\U000e0041b", "naïve\u202e"]
)
@pytest.mark.parametrize("chosen", [Format.YAML, Format.JSON])
def test_nothing_that_a_terminal_would_obey_is_raw_in_a_document(text, chosen):
    screen = SimpleNamespace(out=io.StringIO())
    emit(screen, {"command": text}, chosen)
    assert screen.out.getvalue().isascii()
    load = json.loads if chosen is Format.JSON else yaml.safe_load
    assert load(screen.out.getvalue()) == {"command": text}


def test_letters_of_any_language_are_readable_in_yaml():
    screen = SimpleNamespace(out=io.StringIO())
    emit(screen, {"command": "naïve"}, Format.YAML)
    assert screen.out.getvalue() == "command: naïve\n"
