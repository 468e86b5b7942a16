"""What is wrong with an object of a cluster, as who wrote it reads it."""

import json

import pytest

from reconciler.errors import Problem
from watchers.kubernetes.explaining import explained, field_at, mentions, shared

SPEC = {
    "kind": "File",
    "spec": {"require": ["File/a", "File/b"], "windows": [{"days": ["mon"]}, {"from": "x"}], "z": 1},
}
TEXT = json.dumps(SPEC, indent=2, sort_keys=True)
PATH = "web/File.linux.froyo.dev/one.json"


@pytest.mark.parametrize(
    ("line", "field"),
    [
        ('"kind"', "kind"),
        ('"spec"', "spec"),
        ('"File/b"', "spec.require[1]"),
        ('"mon"', "spec.windows[0].days[0]"),
        ('"from"', "spec.windows[1].from"),
        ('"z"', "spec.z"),
    ],
)
def test_a_line_is_a_field(line, field):
    [number] = [i for i, text in enumerate(TEXT.splitlines(), 1) if text.strip().startswith(line)]
    assert field_at(TEXT.encode(), number) == field


def test_what_is_on_no_line_is_no_field():
    assert field_at(TEXT.encode(), 0) == field_at(TEXT.encode(), 1) == field_at(b"", 7) == ""


def said(message, hint="", *, file=PATH, line=0):
    return explained(PATH, Problem(file, line, 0, message, hint), TEXT.encode())


def test_the_field_is_said_first_and_once():
    line = next(i for i, text in enumerate(TEXT.splitlines(), 1) if "File/b" in text)
    assert said("there is no File/b", "declare it", line=line) == (
        "spec.require[1]: there is no File/b (declare it)"
    )
    assert said("spec.require[1]: no", line=line) == "spec.require[1]: no"


def test_other_objects_have_their_names_and_no_paths():
    other = "web/File.linux.froyo.dev/two.json"
    assert said(f"taken by File/two; File/two is declared at {other}:1") == "taken by File/two"
    assert said("no value", file=other, line=3) == "File/two: no value"
    assert said("it is otherwise", f"see {other}:4") == "it is otherwise (see File/two)"


def test_a_text_is_about_what_it_names_as_a_whole():
    assert mentions(PATH, "there is no File/one.")
    assert mentions(PATH, "there is no File/web:one, where")
    assert mentions(PATH, f"declared at {PATH}:7")
    assert mentions("web/Target.froyo.dev/db.json", "there is no target db")
    for text in ("there is no File/one-more", "File/one.two", "a File/onerous", "Profile/one", "one"):
        assert not mentions(PATH, text)


def test_what_is_of_froyos_own_kinds_is_there_for_others():
    assert shared("web/Vars.froyo.dev/all.json")
    assert not shared(PATH)
