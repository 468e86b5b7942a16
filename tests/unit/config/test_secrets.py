"""Secrets among the values of targets: where they may stand, and that nothing else is made of them."""

import hashlib
import json
from dataclasses import replace

import pytest

from reconciler.config import load
from reconciler.core.vault import Vault
from reconciler.errors import ConfigError
from reconciler.model.catalog import Catalog
from reconciler.model.desired import Desired
from reconciler.model.names import Address, TargetName
from reconciler.model.resource import Instance
from reconciler.model.secrets import SecretError, SecretMissing, marks_in
from tests.unit.config.test_values import TARGETS, tune, variables
from tests.unit.config.world import FILE, PART, TUNE, snapshot

DB = "hunter2 hunter2"
OTHER = "some other value"
SENSITIVE = {**FILE.schema, "properties": {**FILE.schema["properties"], "sensitive": {"type": "boolean"}}}
CATALOG = Catalog(
    {
        (one.api_version, one.kind): one
        for one in (
            replace(FILE, schema=SENSITIVE, secrets=("content", "source")),
            replace(TUNE, secrets=("environment", "label", "owners")),
            PART,
        )
    },
    "1",
)


class Files:
    """The secrets of a controller, by where they are."""

    def __init__(self, **values: str) -> None:
        self.values = values
        self.vault = Vault(self.read, lambda: b"k" * 32)

    def read(self, secret) -> str:
        if secret.file not in self.values:
            raise SecretMissing(f"there is no file {secret.file}", "make it")
        return self.values[secret.file]

    def load(self, values: dict[str, object], *manifests: str, **more: str) -> Desired:
        files = {"targets.yaml": TARGETS, "vars.yaml": variables("v", values)}
        files |= {f"m{index}.yaml": text for index, text in enumerate(manifests)} | more
        return load(snapshot(files), CATALOG, vault=self.vault)

    def problems(self, values: dict[str, object], *manifests: str, **more: str) -> list[str]:
        with pytest.raises(ConfigError) as caught:
            self.load(values, *manifests, **more)
        text = str(caught.value)
        assert not any(value in text for value in self.values.values())
        return [str(one) for one in caught.value.problems]


def secret(file: str = "db") -> dict[str, object]:
    return {"secret": {"file": file}}


def file(name: str = "conf", **spec: object) -> str:
    spec = {"targets": {}, "path": f"/etc/{name}", **spec}
    written = {"apiVersion": FILE.api_version, "kind": "File", "metadata": {"name": name}, "spec": spec}
    return json.dumps(written)


def of(desired: Desired, name: str = "web-1/File/conf") -> Instance:
    return desired.instances[Address(name)]


def sha256(text: str) -> str:
    return "sha256:" + hashlib.sha256(text.encode()).hexdigest()


def test_the_body_of_a_file_may_hold_one_and_has_its_mark_for_everybody_but_the_target():
    files = Files(db=DB)
    desired = files.load({"pw": secret()}, file(content="p = ${vars.pw}\n"))
    body = of(desired).spec["body"]
    text = desired.blobs[body["digest"]].read().decode()
    assert text.startswith("p = [secret:")
    assert (body["size"], body["secret"]) == (len(f"p = {DB}\n"), True)
    assert sha256(f"p = {DB}\n") not in repr(desired)
    assert DB not in repr(desired)
    granted = files.vault.of(TargetName("web-1"))
    assert granted is not None
    assert granted.revealed({"path": "/etc/conf", "blob": body["digest"]})["blob"] == sha256(f"p = {DB}\n")


def test_what_holds_one_is_sensitive_and_for_nobody_else_to_read_unless_that_is_said():
    desired = Files(db=DB).load(
        {"pw": secret()},
        file(content="${vars.pw}", sensitive=False),
        file("open", content="${vars.pw}", mode="0640"),
        file("plain", content="x${target.name}"),
    )
    assert (of(desired).spec["sensitive"], of(desired).spec["mode"]) == (True, "0600")
    assert of(desired, "web-1/File/open").spec["mode"] == "0640"
    assert {"sensitive", "mode"}.isdisjoint(of(desired, "web-1/File/plain").spec)
    assert of(desired).holds_secret
    assert not of(desired, "web-1/File/plain").holds_secret


def test_any_other_field_that_takes_one_has_the_mark():
    desired = Files(db=DB).load({"pw": secret()}, tune(environment={"PW": "x${vars.pw}"}))
    assert marks_in(of(desired, "web-1/Tune/t").spec["environment"]["PW"])
    assert not of(desired, "web-1/Tune/t").holds_secret


def test_a_value_may_have_one_at_any_depth_and_be_made_of_one():
    values = {
        "db": {"user": "app", "all": [secret()]},
        "url": "pg://${vars.db.user}:${vars.db.all[0]}@${target.name}",
    }
    files = Files(db=DB)
    desired = files.load(values, file(content="${vars.url}"))
    text = desired.blobs[of(desired).spec["body"]["digest"]].read().decode()
    assert files.vault.revealed(text) == f"pg://app:{DB}@web-1"
    assert files.vault.of(TargetName("web-2")) is not None


def test_the_file_of_one_may_be_named_for_each_target():
    files = Files(**{"db-web-1": DB, "db-web-2": OTHER})
    desired = files.load({"pw": secret("db-${target.name}")}, file(content="${vars.pw}"))
    one, two = (of(desired, f"web-{n}/File/conf") for n in (1, 2))
    assert one.digest != two.digest
    assert desired.secrets == {"db-web-1", "db-web-2"}
    mine = files.vault.of(TargetName("web-1"))
    assert mine is not None
    with pytest.raises(SecretError):
        mine.revealed({"text": desired.blobs[two.spec["body"]["digest"]].read().decode()})


def test_a_template_may_put_one_in_and_ask_whether_it_is_there():
    files = Files(db=DB)
    text = "{% if vars.pw is defined %}p = {{ vars.pw }}{% endif %}"
    desired = files.load(
        {"pw": secret()},
        file(content=text, template=True),
        file("b", source="t.j2", template=True),
        **{"t.j2": text},
    )
    for name in ("conf", "b"):
        digest = of(desired, f"web-1/File/{name}").spec["body"]["digest"]
        assert files.vault.revealed(desired.blobs[digest].read().decode()) == f"p = {DB}"


def test_another_secret_is_another_declaration_of_what_reads_it_and_of_nothing_else():
    files = Files(db=DB, other=OTHER)
    values = {"pw": secret(), "other": secret("other")}
    manifests = file(content="${vars.pw}"), file("b", content="${vars.other}"), file("c", content="c")
    before = files.load(values, *manifests)
    files.values["db"] = "changed by now, and new"
    after = files.load(values, *manifests)
    changed = {str(a) for a, one in after.instances.items() if one.digest != before.instances[a].digest}
    assert changed == {"web-1/File/conf", "web-2/File/conf"}


def test_it_is_told_where_it_came_from_and_not_what_it_is():
    desired = Files(db=DB).load({"pw": secret()}, tune(environment={"PW": "${vars.pw}"}))
    (rendered,) = of(desired, "web-1/Tune/t").rendered
    assert rendered.written == "${vars.pw}"
    assert rendered.reads[0].name == "vars.pw"
    assert marks_in(str(rendered.value))
    assert DB not in repr(rendered)


@pytest.mark.parametrize(
    "expression",
    [
        "${size(vars.pw)}",
        "${vars.pw.upperAscii()}",
        "${vars.pw.substring(0, 5)}",
        '${vars.pw == "hunter2 hunter2"}',
        "${int(vars.pw)}",
        '${vars[vars.pw.startsWith("[") ? "pw" : "a"]}',
    ],
)
def test_nothing_else_is_made_of_one(expression):
    values = {"pw": secret(), "a": "a"}
    (problem,) = Files(db=DB).problems(values, tune(environment={"N": f"x{expression}"}))
    assert "m0.yaml:1:" in problem
    assert "can only be put in as it is" in problem or "int" in problem


def test_neither_is_in_a_value_that_is_made_of_others():
    values = {"pw": secret(), "n": "${size(vars.pw)}"}
    (problem,) = Files(db=DB).problems(values, tune(environment={"N": "${string(vars.n)}"}))
    assert "spec.values.n: a secret can only be put in as it is" in problem


@pytest.mark.parametrize("spec", [{}, {"mode": "0600"}])
@pytest.mark.parametrize(
    "text", ["a\n{{ vars.pw | upper }}", "a\n{% if vars.pw == 'hunter2 hunter2' %}y{% endif %}"]
)
def test_nor_in_a_template(text, spec):
    (problem,) = Files(db=DB).problems({"pw": secret()}, file(content=text, template=True, **spec))
    assert "can only be put in as it is" in problem
    (problem,) = Files(db=DB).problems(
        {"pw": secret()}, file(source="t.j2", template=True, **spec), **{"t.j2": text}
    )
    assert problem.startswith("t.j2:2:")


def test_a_template_that_fails_with_a_secret_and_not_with_its_mark_is_told_of_as_such():
    files = Files(db="12345678")
    text = "{{ vars.pw }}{% if vars.pw[0] == '1' %}{{ vars.gone }}{% endif %}"
    (problem,) = files.problems({"pw": secret()}, file(content=text, template=True))
    assert "can only be put in as it is" in problem


@pytest.mark.parametrize(
    ("manifest", "message"),
    [
        (file(path="/etc/${vars.pw}"), "spec.path of a File takes no secret"),
        (file(contentBase64="${vars.pw}"), "spec.contentBase64 of a File takes no secret"),
        (tune(argv=["echo", "${vars.pw}"]), "spec.argv[1] of a Tune takes no secret"),
    ],
)
def test_where_others_would_see_it_none_may_stand(manifest, message):
    (problem,) = Files(db=DB).problems({"pw": secret()}, manifest)
    assert message in problem
    assert "it takes one in" in problem


def test_a_kind_that_takes_none_says_so():
    part = {"targets": {}, "path": "/etc/p", "text": "${vars.pw}"}
    written = {"apiVersion": PART.api_version, "kind": "Part", "metadata": {"name": "p"}, "spec": part}
    (problem,) = Files(db=DB).problems({"pw": secret()}, json.dumps(written))
    assert "spec.text of a Part takes no secret" in problem
    assert "put it into a File" in problem


def test_neither_does_a_template_of_such_a_field():
    catalog = {key: replace(one, secrets=("content",)) for key, one in CATALOG.kinds.items()}
    manifest = file(source="t.j2", template=True)
    found = {
        "targets.yaml": TARGETS,
        "v.yaml": variables("v", {"pw": secret()}),
        "m.yaml": manifest,
        "t.j2": "{{ vars.pw }}",
    }
    with pytest.raises(ConfigError, match=r"spec\.source of a File takes no secret"):
        load(snapshot(found), Catalog(catalog, "1"), vault=Files(db=DB).vault)


def test_a_secret_is_held_to_the_schema_by_its_value_and_that_is_not_told():
    assert Files(db="hunter2hunter2").load({"pw": secret()}, tune(owners={"a": "${vars.pw}"}))
    (problem,) = Files(db="hunter2:hunter2").problems({"pw": secret()}, tune(owners={"a": "${vars.pw}"}))
    assert "refused with what it comes to" in problem
    assert "vars.pw, given at" in problem


def test_what_a_schema_has_against_all_of_it_does_not_tell_of_a_secret_either():
    label = {**TUNE.schema["properties"], "label": {"type": "string"}}
    refused = {
        "required": ["key"],
        "anyOf": [{"required": ["label"], "properties": {"label": {"enum": [DB]}}}],
    }
    kind = replace(TUNE, schema={**TUNE.schema, "properties": label, "not": refused}, secrets=("label",))
    found = {
        "targets.yaml": TARGETS,
        "v.yaml": variables("v", {"pw": secret()}),
        "m.yaml": tune(label="${vars.pw}"),
    }
    with pytest.raises(ConfigError) as caught:
        load(snapshot(found), Catalog({(kind.api_version, kind.kind): kind}, "1"), vault=Files(db=DB).vault)
    assert "refused" in str(caught.value)
    assert DB not in str(caught.value)


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ({"secret": "hunter2"}, "a secret is declared by where it is"),
        ({"secret": {"file": "a", "b": "c"}}, "a secret is declared by where it is"),
        ({"secret": {"file": ""}}, "no path of a file"),
        ([{"secret": {"file": 3}}], "no path of a file"),
    ],
)
def test_what_is_no_secret_and_looks_like_one_is_an_error(value, message):
    (problem,) = Files(db=DB).problems({"pw": value})
    assert message in problem


def test_what_has_a_key_of_that_name_beside_others_is_none():
    assert Files().load({"a": {"secret": "x", "other": 1}}, tune(label=None)).secrets == frozenset()


@pytest.mark.parametrize("values", [{"pw": secret("gone")}, {"pw": secret("${target.name}")}])
def test_one_that_cannot_be_had_is_told_once_at_its_place(values):
    manifests = (
        tune(environment={"A": "${vars.pw}", "B": "${vars.pw}"}),
        file(content="{{ vars.pw }}", template=True),
    )
    problems = Files(db=DB).problems(values, *manifests)
    assert all(one.startswith("vars.yaml:1:") and "there is no file" in one for one in problems)
    assert len(problems) == 1


def test_who_reaches_no_target_is_warned_of_one_that_is_not_there():
    vault = Vault(Files(db=DB).read, lambda: b"k" * 32, missing=True)
    values = {"pw": secret("${target.name}"), "db": secret()}
    files = {
        "t.yaml": TARGETS,
        "v.yaml": variables("v", values),
        "m.yaml": file(content="${vars.pw}${vars.db}"),
    }
    desired = load(snapshot(files), CATALOG, vault=vault)
    assert len(desired.instances) == 2
    assert [one.split(":")[0] for one in desired.warnings] == ["/src/v.yaml", "/src/v.yaml"]
    assert "there is no file web-1: what it holds is not looked at" in desired.warnings[0]


def test_one_within_the_source_is_none():
    (problem,) = Files(db=DB).problems({"pw": secret("/src/db")})
    assert "/src/db is part of the source" in problem


def test_one_that_is_for_no_target_is_not_read():
    text = variables("v", {"pw": secret("gone")}, targets={"matchLabels": {"role": "nobody"}})
    assert load(snapshot({"t.yaml": TARGETS, "v.yaml": text}), CATALOG).secrets == frozenset()
