"""Ciphertexts are found in whatever language, and changed where they stand."""

import json

import pytest

from reconciler.age.blocks import Form, blocks, formed, is_of_sops, replaced
from reconciler.age.editing import editable, edited
from reconciler.age.header import binary
from reconciler.age.sealing import opened, sealed
from reconciler.model.secrets import SecretError

YAML = "values:\n  a:\n    secret:\n      age: |\n        {lines}\n  b: {{secret: {{age: {one} }}}}\n  c: 1\n"
STAR = 'def main(ctx):\n    return {{"a": "{escaped}", "b": """\n{plain}"""}}\n'
CUE = 'a: secret: age: """\n\t{tabs}\n\t"""\nb: "{one}"\n'


@pytest.fixture
def made(everybody):
    armored = [sealed(value, everybody[:1]) for value in (b"hunter2", b"of several\nlines\n")]
    return {
        "lines": formed(armored[0], Form.LINES, "        "),
        "tabs": formed(armored[0], Form.LINES, "\t"),
        "one": formed(armored[1], Form.ONE_LINE),
        "escaped": formed(armored[0], Form.ESCAPED, ended=True),
        "plain": armored[1],
    }


@pytest.mark.parametrize("text", [YAML, STAR, CUE], ids=["yaml", "starlark", "cue"])
def test_they_are_found_and_put_back_to_the_character(alice, everybody, made, text):
    text = text.format(**made)
    found = list(blocks(text))
    assert sorted(opened(one.content, [alice]) for one in found) == [b"hunter2", b"of several\nlines\n"]
    assert replaced(text, lambda one: one.written) == text
    anew = replaced(text, lambda one: one.formed(sealed(opened(one.content, [alice]), everybody[:2])))
    assert anew != text
    assert [one.form for one in blocks(anew)] == [one.form for one in found]
    assert sorted(opened(one.content, [alice]) for one in blocks(anew)) == [
        b"hunter2",
        b"of several\nlines\n",
    ]
    bare = replaced(text, lambda _: "X")
    assert replaced(anew, lambda _: "X") == bare


def test_within_json_it_stays_json(alice, everybody):
    text = json.dumps({"secret": {"age": sealed(b"hunter2", everybody[:1])}})
    anew = replaced(text, lambda one: one.formed(sealed(b"other", everybody)))
    assert opened(json.loads(anew)["secret"]["age"].encode(), [alice]) == b"other"


def test_what_sops_has_written_is_told_from_it():
    assert is_of_sops("a: ENC[AES256_GCM,data:xx\nsops: {}")
    assert not is_of_sops("a: ENC[AES256_GCM,data:xx")
    assert not is_of_sops("sops: x")


def test_what_is_not_edited_keeps_its_ciphertext_and_what_is_new_is_encrypted(alice, everybody, made):
    text = YAML.format(**made)
    begun = editable(text, lambda one: opened(one.content, [alice]))
    assert "AGE(1)[hunter2]AGE" in begun.text
    assert "AGE(2)[of several\nlines\n]AGE" in begun.text

    def seal(value):
        return sealed(value.encode(), everybody[:1])

    assert edited(begun.text, begun, seal) == text
    changed = begun.text.replace("several", "many").replace(
        "c: 1", "c: AGE[brand new]AGE\n  d: |\n    AGE[alone]AGE"
    )
    after = edited(changed, begun, seal)
    assert made["lines"] in after
    assert made["one"] not in after
    found = list(blocks(after))
    assert [opened(one.content, [alice]) for one in found] == [
        b"hunter2",
        b"of many\nlines\n",
        b"brand new",
        b"alone",
    ]
    assert [one.form for one in found] == [Form.LINES, Form.ONE_LINE, Form.ONE_LINE, Form.LINES]
    assert found[3].indent == "    "


@pytest.mark.parametrize(
    ("written", "why"),
    [
        ("AGE(1)[hunter2", "line 1: a secret there has no"),
        ("x\nAGE[a\nAGE[b]AGE", "line 2: a secret there has no"),
        ("\n\nAGE(7)[x]AGE", "line 3: there was no ciphertext 7"),
    ],
)
def test_marks_that_were_spoiled_are_told_with_their_line(made, alice, written, why):
    begun = editable(made["one"], lambda one: opened(one.content, [alice]))
    with pytest.raises(SecretError, match=why):
        edited(written, begun, str)


@pytest.mark.parametrize(
    ("held", "why"), [(b"\xff", "is no text"), (b"a]AGE", "has marks in it"), (b"AGE(1)[", "has marks in it")]
)
def test_what_could_not_be_told_from_its_marks_is_not_edited(made, held, why):
    with pytest.raises(SecretError, match=why):
        editable(made["one"], lambda _: held)
    with pytest.raises(SecretError, match="marks of editing in it already"):
        editable("AGE[x", lambda _: held)


@pytest.mark.parametrize(
    "text",
    [
        "# to a\n" * 20_000,
        "-----BEGIN AGE ENCRYPTED FILE-----\n" * 60_000,
        "-----BEGIN AGE ENCRYPTED FILE-----\nAAAA\n" * 60_000,
        "YWdlLWVuY3J5cHRpb24ub3JnL3Yx" * 60_000,
    ],
    ids=["names", "beginnings", "lines", "base64"],
)
def test_a_text_that_only_looks_like_many_is_looked_through_once(text):
    """What looked from each beginning up to the end would take longer than a test may."""
    list(blocks(text))
    with pytest.raises(SecretError):
        binary(text.encode())


def test_line_ends_of_windows_stay_what_they_are(alice, everybody, made):
    text = YAML.format(**made).replace("\n", "\r\n")
    before = editable(text, lambda one: opened(one.content, [alice]))
    fresh = edited(
        before.text.replace("hunter2", "hunter3"), before, lambda one: sealed(one.encode(), everybody[:1])
    )
    assert fresh.count("\n") == fresh.count("\r\n")
    assert opened(next(blocks(fresh)).content, [alice]) == b"hunter3"
