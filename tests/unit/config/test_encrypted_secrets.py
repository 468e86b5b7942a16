"""Secrets that stand in their source encrypted: values, files, and what SOPS has written."""

from dataclasses import replace
from pathlib import Path

import pytest

from reconciler.age.blocks import Form, formed
from reconciler.age.identities import generated, identities_in
from reconciler.age.opening import Opening
from reconciler.age.recipients import recipient
from reconciler.age.sealing import sealed
from reconciler.config import load
from reconciler.core.vault import Vault
from reconciler.errors import ConfigError
from reconciler.model.cluster import ClusterPlace
from reconciler.model.names import TargetName
from reconciler.model.secrets import IDENTITIES, Encrypted, KeyRef
from tests.unit.config.test_secrets import CATALOG, file, of
from tests.unit.config.test_values import TARGETS, variables
from tests.unit.config.world import FILE, snapshot

SOPS = Path(__file__).parents[1] / "age" / "sops"
OWN = [*identities_in((SOPS / "age.key").read_text(), "age.key"), generated()]
PUBLIC = [recipient(one.public) for one in OWN]
WEB = ClusterPlace("web").name


class Source:
    """A source, and a controller with identities."""

    def __init__(self, identities=OWN, **more):
        self.opening = Opening(self.of)
        self.identities = identities
        self.asked = []
        self.vault = Vault(self.opening.read, lambda: b"k" * 32, **more)

    def of(self, namespace):
        self.asked.append(namespace)
        return self.identities

    def load(self, values, content="${vars.v}", source=None, files=None):
        text = values if isinstance(values, str) else variables("v", values)
        found = {
            "targets.yaml": TARGETS,
            "a/vars.yaml": text,
            "m.yaml": file(content=content),
            **(files or {}),
        }
        shown = snapshot(found)
        return load(shown if source is None else replace(shown, source=source), CATALOG, vault=self.vault)

    def text(self, *given, **more):
        desired = self.load(*given, **more)
        body = desired.blobs[of(desired).spec["body"]["digest"]].read().decode()
        return self.vault.revealed(body)

    def problems(self, *given, **more):
        with pytest.raises(ConfigError) as caught:
            self.load(*given, **more)
        return [str(one) for one in caught.value.problems]


def age(value="hunter2 hunter2", **more):
    return {"secret": {"age": sealed(value.encode(), PUBLIC, **more)}}


def sops(name, key=None):
    return {"secret": {"sops": name, **({} if key is None else {"key": key})}}


FILES = {f"a/{path.name}": path.read_bytes() for path in SOPS.iterdir() if path.name != "vars.yaml"}


def test_a_value_is_a_mark_and_what_it_holds_on_its_target():
    source = Source()
    desired = source.load({"v": age(), "b": age(naming=False)}, "${vars.v}${vars.b}")
    body = of(desired).spec["body"]
    text = desired.blobs[body["digest"]].read().decode()
    mark = text[: len(text) // 2]
    assert text == mark * 2  # one value, however it is encrypted
    assert (body["size"], body["secret"]) == (30, True)
    assert "hunter2" not in repr(desired)
    assert desired.secrets == {IDENTITIES}
    granted = source.vault.of(TargetName("web-1"))
    assert granted is not None
    assert granted.revealed({"text": text})["text"] == "hunter2 hunter2" * 2


def test_encrypted_anew_it_is_the_same_and_another_value_is_another():
    source = Source()
    first, anew, other = (
        of(source.load({"v": one})).digest for one in (age(), age(), age("some other value"))
    )
    assert first == anew != other


@pytest.mark.parametrize(
    ("declared", "text"),
    [
        ({"secret": {"ageFile": "tls.age"}}, "of a file\nof two lines"),
        ({"secret": {"ageFile": "../b/${target.name}.age"}}, "of web-1 alone"),
        (sops("values.enc.yaml", "db.password"), "hunter2hunter2"),
        (sops("values.enc.yaml", "smtp.server"), "mail.example.org"),
        (sops("values.enc.json", "db.list.1.deep"), "second of many"),
        (sops("values.enc.env", "DB_PASSWORD"), "hunter2hunter2"),
        (sops("whole.txt"), "whole file, of some lines\nthe second one\n"),
    ],
)
def test_a_file_of_the_source_may_be_one_or_have_some(declared, text):
    files = {
        **FILES,
        "a/tls.age": sealed(b"of a file\nof two lines", PUBLIC, naming=False),
        "b/web-1.age": sealed(b"of web-1 alone", PUBLIC),
        "b/web-2.age": sealed(b"of web-2 alone", PUBLIC),
    }
    assert Source().text({"v": declared}, files=files) == text


def test_a_part_of_a_file_of_sops_may_be_a_value():
    text = Source().text(
        {"v": sops("values.enc.yaml", "hosts")}, "${vars.v[0].token}/${vars.v[1]}", files=FILES
    )
    assert text == "0123456789abcdef/fedcba9876543210"
    text = Source().text(
        {"v": sops("values.enc.env")}, "${vars.v.MULTI}/${vars.v.REGION_unencrypted}", files=FILES
    )
    assert text == "one line\nand another/eu-1"


def test_a_vars_that_sops_has_encrypted_in_place_gives_secrets():
    text = (SOPS / "vars.yaml").read_text()
    source = Source()
    found = source.text(text, "${vars.db.user}:${vars.db.password} ${vars.tokens[0]}")
    assert found == "a-long-user:hunter2hunter2 0123456789abcdef"
    [problem] = Source([]).problems(text, "${vars.db.user}")[:1]
    assert problem.startswith("a/vars.yaml:9:")
    assert "no identity here to open it, which is for age104" in problem
    elsewhere = text.replace("  values:", "  labels:")
    problem = next(one for one in Source().problems(elsewhere) if "is encrypted" in one)
    assert "this is encrypted, and has to be read before anything can be opened" in problem
    assert "sops encrypt --encrypted-regex '^values$'" in problem


def test_files_of_sops_are_no_manifests_whoever_names_them():
    assert Source().load({"v": age()}, files=FILES).secrets == {IDENTITIES}


@pytest.mark.parametrize(
    ("declared", "why"),
    [
        ({"secret": {"age": "hunter2"}}, "3:.*this is nothing that age has encrypted"),
        ({"secret": {"age": "a", "file": "b"}}, "a secret is declared by where it is"),
        ({"secret": {"age": ""}}, "this is no text"),
        ({"secret": {"age": 7}}, "this is no text"),
        ({"secret": {"ageFile": "/"}}, "this is no path of a file"),
        ({"secret": {"ageFile": "tls.age"}}, "a/tls.age is no part of the source"),
        ({"secret": {"ageFile": "../../x"}}, "leads out of the source's root"),
        ({"secret": {"ageFile": "/etc/passwd"}}, "is not below the source's root"),
        ({"secret": {"sops": "values.enc.yaml", "age": "x"}}, "a secret is declared by where it is"),
        (sops("values.enc.yaml", "db.nothing"), "there is no db.nothing in a/values.enc.yaml"),
        (
            sops("values.enc.yaml", "region_unencrypted"),
            "region_unencrypted in a/values.enc.yaml is not encrypted",
        ),
        (sops("values.enc.yaml", "db.port"), "db.port of a/values.enc.yaml holds 4 characters"),
        (sops("age.key"), "a/age.key"),
        (sops("groups.enc.yaml", "db.password"), "is shared among groups"),
    ],
)
def test_what_cannot_be_had_is_told_at_its_place(declared, why):
    problems = Source().problems({"v": declared}, files=FILES)
    assert any(why.removeprefix("3:.*") in one for one in problems), problems
    assert all(one.startswith("a/vars.yaml:") for one in problems)


def test_who_cannot_open_it_is_told_whom_it_is_for():
    other = generated()
    [problem] = Source([other]).problems({"v": age()})
    assert f"it is for {PUBLIC[0].text}, {PUBLIC[1].text}; tried: {other.public}" in problem
    assert "hunter2" not in problem


def test_who_reaches_no_target_needs_no_identity():
    desired = Source([], missing=True).load({"v": age(), "w": sops("whole.txt")}, files=FILES)
    first, _ = [one for one in desired.warnings if "which is for age104" in one]
    assert "what it holds is not looked at" in first


def test_in_a_cluster_a_namespace_opens_its_own():
    source = Source()
    desired = source.load({"v": age()}, source=WEB)
    assert desired.secrets == {"Secret:web/froyo-age"}
    assert source.asked == [KeyRef("Secret", "web", "froyo-age", "age.key")]
    columns = []
    # An API server has fields in the order of the alphabet.
    for one in ({"ageFile": "tls.age"}, {"sops": "a.yaml", "key": "a"}, {"key": "a", "sops": "a.yaml"}):
        [problem] = source.problems({"v": {"secret": one}}, source=WEB, files=FILES)
        assert "an object of a cluster reads no file" in problem
        columns.append(int(problem.split(":")[2]))
    assert columns[2] - columns[1] == len('"key": "a", ')


ALERT = """\
apiVersion: froyo.dev/v1alpha1
kind: Alert
metadata: {name: ops}
spec: {webhook: {url: "https://a.example.org", tokenFrom: {secret: {age: "%s"}}}}
"""


def test_an_alert_may_have_one_too():
    def declared(source=None):
        made = sealed(b"hunter2 hunter2", PUBLIC, naming=False)
        desired = Source().load(
            {"v": "1"}, files={"alert.yaml": ALERT % made.replace("\n", "\\n")}, source=source
        )
        [found] = desired.alerts.values()
        return found, made

    first, made = declared()
    assert first.way.token == Encrypted(made.encode())
    assert first.digest == declared()[0].digest  # encrypted anew it is the same alert
    assert declared(WEB)[0].way.token.identity == KeyRef("Secret", "web", "froyo-age", "age.key")


TAGGED = """\
apiVersion: froyo.dev/v1alpha1
kind: Vars
metadata: {name: v}
spec:
  targets: {}
  values:
    v: !secret |
      %s
    w: [&one !secret "%s", *one]
"""


def test_a_tag_is_short_for_a_value():
    armored = sealed(b"hunter2 hunter2", PUBLIC).rstrip().replace("\n", "\n      ")
    line = formed(sealed(b"hunter3 hunter3", PUBLIC), Form.ONE_LINE)
    text = Source().text(TAGGED % (armored, line), "${vars.v} ${vars.w[0]} ${vars.w[1]}")
    assert text == "hunter2 hunter2 hunter3 hunter3 hunter3 hunter3"
    [problem] = Source().problems(TAGGED % ("hunter2", line), "${vars.v}")
    assert problem.startswith("a/vars.yaml:7:8: this is nothing that age has encrypted")
    assert Source().problems("!secret x: 1\n")


def test_what_should_have_been_encrypted_is_not_shown_where_that_is_said():
    with pytest.raises(ConfigError) as caught:
        Source().load({"v": {"secret": {"age": "hunter2 in plain text"}}})
    assert "hunter2" not in repr(caught.value.problems)


def test_a_secret_where_a_value_stands_is_told_where_it_goes():
    text = "apiVersion: %s\nkind: File\nmetadata: {name: x}\nspec: {targets: {}, path: /x, content: !secret %s}\n"
    problems = Source().problems({"v": age()}, files={"x.yaml": text % (FILE.api_version, "YWdl")})
    told = "spec.content has to be text, and a secret is declared among the values of a Vars"
    assert problems == [f"x.yaml:4:40: {told} (declare it there, and write ${{vars.NAME}} here)"]


@pytest.mark.parametrize("name", ["tls.key.age", "mail.enc.yaml", "shop.sops.env"])
def test_a_file_that_comes_encrypted_to_its_target_is_warned_of(name):
    written = FILES["a/values.enc.yaml"] if "age" not in name else sealed(b"x" * 20, PUBLIC).encode()
    source = Source()
    files = {"m.yaml": file(source=name).replace('"content": "${vars.v}", ', ""), name: written}
    [warned] = source.load({"v": age()}, files=files).warnings
    assert f"{name} is encrypted, and is put there as it is" in warned
    assert "{secret: {ageFile: …}}" in warned
    # What is only called so is not.
    assert source.load({"v": age()}, files={**files, name: b"plain"}).warnings == ()
