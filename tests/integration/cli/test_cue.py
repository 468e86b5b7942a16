"""CUE as a person has it: declared, set, and a bomb in one source while the others carry on."""

import shutil

import pytest

from reconciler.config.compiler import compiler

SITE = """\
package site

import linux "linux.froyo.dev/v1alpha1"

text: *"hello" | string @tag(text)
note: linux.#File & {
	metadata: name: "note"
	spec: {target: "here", path: "MACHINE/note", content: "\\(text)\\n", mode: "0644"}
}
"""
BOMB = """\
import "strings"

a: strings.Repeat("0123456789", 1000000)
b: "\\(a)\\(a)\\(a)\\(a)\\(a)\\(a)\\(a)\\(a)\\(a)\\(a)"
c: "\\(b)\\(b)\\(b)\\(b)\\(b)\\(b)\\(b)\\(b)\\(b)\\(b)"
d: "\\(c)\\(c)\\(c)\\(c)\\(c)\\(c)\\(c)\\(c)\\(c)\\(c)"
"""
SOURCE = """\
apiVersion: froyo.dev/v1alpha1
kind: Source
metadata: {name: other}
spec: {directory: {path: ../other}, settings: {text: "from a source"}}
"""


@pytest.fixture(autouse=True, scope="module")
def there():
    """Where the compiler could not be built, each test says so."""
    if compiler().missing:
        pytest.skip(compiler().missing)


def declare(person, directory, mode="0644"):
    text = SITE.replace("MACHINE", str(person.machine)).replace("0644", mode)
    (directory / "site.cue").write_text(text)


def test_what_is_declared_in_cue_is_planned_and_put_in_place(person):
    declare(person, person.site)
    planned = person.json("plan", person.site, "--set", "text=hi", status=2)
    assert "here/File/note" in str(planned)
    person.froyo("apply", person.site, "--set", "text=hi")
    assert (person.machine / "note").read_text() == "hi\n"
    assert "site.cue" in person.froyo("describe", "File/note").stdout
    person.froyo("diff", person.site, "--set", "text=hi")
    person.froyo("apply", person.site)
    assert (person.machine / "note").read_text() == "hello\n"
    # What hangs on a tag that is not set is no less declared in silence.
    text = (person.site / "site.cue").read_text().replace('*"hello" | string', "string")
    head, _, note = text.partition("note: ")
    (person.site / "site.cue").write_text(f'{head}if text != "" {{\nnote: {note}}}\n')
    refused = person.froyo("apply", person.site, status=1)
    assert "site.cue:6:4: non-concrete value string in operand to !=" in refused.stdout + refused.stderr
    assert "nothing to do" in person.froyo("apply", person.site, "--set", "text=hello").stdout


def test_a_secret_that_is_named_in_cue_is_nowhere_but_where_it_belongs(person):
    kept = person.state / "secrets" / "db"
    kept.parent.mkdir(parents=True, mode=0o700)
    person.state.chmod(0o700)
    kept.write_text("canary-of-cue\n")
    kept.chmod(0o600)
    declare(person, person.site)
    values = 'v: froyo.#Vars & {metadata: name: "v", spec: {target: "here", values: db: secret: file: "db"}}'
    text = (
        (person.site / "site.cue").read_text().replace("\\(text)", "${vars.db}").replace(', mode: "0644"', "")
    )
    text = text.replace("import linux", 'import froyo "froyo.dev/v1alpha1"\nimport linux') + values + "\n"
    (person.site / "site.cue").write_text(text)
    told = [person.froyo(*words, person.site, status=None) for words in (["validate"], ["plan"], ["apply"])]
    note = person.machine / "note"
    assert note.read_text() == "canary-of-cue\n"
    assert note.stat().st_mode & 0o777 == 0o600
    told.append(person.froyo("events"))
    assert all("canary-of-cue" not in one.stdout + one.stderr for one in told)


def test_a_bomb_in_one_source_is_said_and_the_others_carry_on(person):
    other = person.base / "other"
    other.mkdir()
    person.write("sources.yaml", SOURCE)
    declare(person, other)
    shutil.copy(person.site / "target.yaml", other)
    note, motd = person.machine / "note", person.machine / "etc" / "motd"
    with person.up():
        person.until(lambda: note.exists() and note.read_text() == "from a source\n" and motd.exists())
        person.write("../other/bomb.cue", BOMB)
        person.write(
            "files.yaml", (person.site / "files.yaml").read_text().replace("hello", "while it is looked at")
        )
        person.until(lambda: motd.read_text() == "while it is looked at\n")
        person.until(lambda: "not evaluated: it takes more than 1024 MB" in person.froyo("events").stdout)
        # What was good stays in force, also there.
        note.write_text("spoiled")
        person.until(lambda: note.read_text() == "from a source\n")
        (other / "bomb.cue").unlink()
        declare(person, other, "0600")
        person.until(lambda: note.stat().st_mode & 0o777 == 0o600)
