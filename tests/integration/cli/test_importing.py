"""`froyo import` with the real command: what a provider finds becomes manifests, with which there is nothing to do."""

import json

import pytest

PLUGIN = """
from froyo_provider import Actual, CallError, FieldDiff, Found, Operation, Provider, Result, batch, call

ROOT = "@"
NOTE = "yes\\n  indented for ${HOME}\\n"

class Marker(Provider):
    async def read(self, wanted):
        stats = await batch("file.stat", [{"path": one.spec["path"]} for one in wanted])
        return [
            stat if isinstance(stat, CallError) else Actual(stat["exists"], {}, [f"path:{one.spec['path']}"])
            for one, stat in zip(wanted, stats)
        ]

    async def find(self):
        listed = await call("dir.list", path=ROOT)
        return [
            Found(entry["name"], {"path": f"{ROOT}/{entry['name']}", "note": NOTE, "octal": "0755"},
                  "not said:\\nits mode")
            for entry in listed["entries"] if entry["type"] == "directory"
        ]

    def plan(self, wanted, actual):
        return [
            Operation("none")
            if now.exists
            else Operation("create", [FieldDiff("path", None, "x")], {"path": one.spec["path"]})
            for one, now in zip(wanted, actual)
        ]

    async def apply(self, operation):
        return Result((await call("dir.ensure", path=operation.payload["path"]))["changed"])


class Mute(Provider):
    async def read(self, wanted):
        return [Actual(True) for _ in wanted]

    def plan(self, wanted, actual):
        return [Operation("none") for _ in wanted]
"""
MANIFEST = """
name: my.marker
version: 0.1.0
interface: froyo:provider@1
entry: plugin.py
kinds:
  - {apiVersion: my.dev/v1, kind: Marker, plural: markers, schema: marker.json, provides: ["path:{path}"]}
  - {apiVersion: my.dev/v1, kind: Mute, plural: mutes, schema: mute.json}
capabilities:
  - {call: file.stat, subjects: ["path:/**"]}
  - {call: dir.list, subjects: ["path:/**"]}
  - {call: dir.ensure, subjects: ["path:/**"]}
"""
TEXT = {"type": "string", "description": "x"}
SCHEMA = {
    "type": "object",
    "required": ["path"],
    "properties": {"path": {**TEXT, "pattern": "^/.*$"}, "note": TEXT, "octal": TEXT},
}


@pytest.fixture
def owner(person):
    """Somebody who has a package that can find things, and a machine that others have set up."""
    package = person.state / "packages" / "my.marker"
    package.mkdir(parents=True)
    person.state.chmod(0o700)
    (package / "manifest.yaml").write_text(MANIFEST)
    (package / "plugin.py").write_text(PLUGIN.replace("@", str(person.machine)))
    (package / "marker.json").write_text(json.dumps(SCHEMA))
    (package / "mute.json").write_text(json.dumps({"type": "object", "properties": {}}))
    calls = ("file.stat", "dir.list", "dir.ensure")
    grants = {"my.marker": [{"call": call, "subjects": ["path:/**"]} for call in calls]}
    (person.state / "grants.json").write_text(json.dumps(grants))
    for name in ("one", "Two_Words", "two-words", "etc"):
        (person.machine / name).mkdir()
    return person


def test_what_is_there_is_adopted_without_a_change(owner):
    out = owner.site / "found.yaml"
    said = owner.froyo("import", "here", owner.site, "--kind", "Marker", "--into", out).stderr
    assert said.endswith(f"3 manifests in {out}; 1 resource left out: declared already\n")
    text = out.read_text()
    assert "# not said:\n# its mode\n" in text
    assert "note: |\n    yes\n      indented for $${HOME}\n" in text
    assert 'octal: "0755"' in text
    owner.froyo("apply", owner.site)
    plan = owner.json("plan", owner.site)
    assert (plan["create"], plan["update"], plan["inSync"]) == (0, 0, 5)
    again = owner.froyo("import", "here", owner.site, "--kind", "Marker")
    assert (again.stdout, again.stderr) == ("", "0 manifests; 4 resources left out: declared already\n")


def test_what_cannot_be_said_is_told(owner):
    found = owner.froyo("import", "here", owner.site, "-o", "json")
    items = json.loads(found.stdout)["items"]
    assert [one["metadata"]["name"] for one in items if one["kind"] == "Marker"] == [
        "two-words",
        "one",
        "two-words-2",
    ]
    assert "Mute" in found.stderr
    assert "whose providers cannot say what there is" in found.stderr
    (owner.machine / "one").chmod(0o755)
    plugin = owner.state / "packages" / "my.marker" / "plugin.py"
    plugin.write_text(plugin.read_text().replace(f'ROOT = "{owner.machine}"', 'ROOT = "/nowhere"'))
    failed = owner.froyo("import", "here", owner.site, "--kind", "Marker", status=1)
    assert failed.stderr.startswith("Marker: ")
    assert "/nowhere" in failed.stderr


def test_what_is_of_no_form_that_can_be_declared_is_left_out_and_spoils_nothing_else(owner):
    """A name with an escape sequence in it, on one account, made all manifests of a machine invalid."""
    plugin = owner.state / "packages" / "my.marker" / "plugin.py"
    odd = 'Found("odd\\x1b[2J", {"path": "no place", "note": "x"}),'
    odd += 'Found("braces", {"path": "/b", "note": "{{.ID}}"}), *['
    text = plugin.read_text()
    begin = text.index("        return [\n            Found(")
    end = text.index("        ]\n", begin)
    listed = text[begin:end].replace("return [", f"return [{odd}", 1)
    plugin.write_text(text[:begin] + listed + "        ]" + text[end:])
    out = owner.site / "found.yaml"
    found = owner.froyo("import", "here", owner.site, "--kind", "Marker", "--into", out, status=1)
    assert "Marker odd␛[2J: is left out: what spec.path is cannot be declared" in found.stderr
    assert "4 manifests" in found.stderr
    owner.froyo("validate", owner.site)


@pytest.mark.parametrize(("part", "left"), [("/part", ["part"]), ("no place", ["whole"])])
def test_what_others_say_everything_of_together_is_left_out(owner, part, left):
    """Unless one of them cannot be declared: then they do not say everything."""
    plugin = owner.state / "packages" / "my.marker" / "plugin.py"
    text = plugin.read_text()
    begin = text.index("        return [\n            Found(")
    end = text.index("        ]\n", begin) + len("        ]\n")
    found = f'[Found("whole", {{"path": "/w"}}), Found("part", {{"path": "{part}"}}, "", ["path:/w"])]'
    plugin.write_text(f"{text[:begin]}        return {found}\n{text[end:]}")
    status = 0 if left == ["part"] else 1
    said = owner.froyo("import", "here", owner.site, "--kind", "Marker", "-o", "json", status=status)
    assert [one["metadata"]["name"] for one in json.loads(said.stdout)["items"]] == left


def test_what_cannot_be_meant_is_refused(owner):
    assert (
        "did you mean 'Marker'"
        in owner.froyo("import", "here", owner.site, "--kind", "Marke", status=1).stderr
    )
    assert "did you mean 'here'" in owner.froyo("import", "her", owner.site, status=1).stderr
    taken = owner.site / "files.yaml"
    assert "is there already" in owner.froyo("import", "here", owner.site, "--into", taken, status=1).stderr
