"""A directory becomes objects of a cluster, and these a directory again, and nothing is lost on the way."""

import base64
import json
import shutil
from pathlib import Path

import pytest
import yaml

from reconciler.age.blocks import Form, formed
from reconciler.age.identities import generated, identities_in
from reconciler.age.recipients import recipient
from reconciler.age.sealing import opened, sealed
from reconciler.app.migrating import migration, writing
from reconciler.app.migrating.kept import KeptData
from reconciler.app.migrating.matching import canonical, differences
from reconciler.app.migrating.migration import Migration
from reconciler.app.places import places
from reconciler.app.watching import definitions, take
from reconciler.cli.app import run
from reconciler.model.secrets import KeyRef, Secret, SecretError
from reconciler.model.source import DirectoryPlace
from tests.site_of_everything import KEYS, SECRETS, TEMPLATE, written
from watchers.kubernetes.applying import Refused
from watchers.kubernetes.kubeconfig import ClusterAccess
from watchers.kubernetes.listing import Unlisted, Unserved

TARGET = """
apiVersion: froyo.dev/v1alpha1
kind: Target
metadata: {name: w1}
spec: {ssh: {host: h, user: ops, hostKey: "ssh-ed25519 AAAA"}}
"""
HOST_KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOMqqnkVzrm0SdG6UOoqKLsabgH5C9okWi0dh2l9GKJl"


class Memory:
    """What a cluster was given, in the place of one."""

    def __init__(self, kinds):
        self.kinds = {(f"{one.group}/{one.version}", one.kind): one for one in kinds}
        self.objects = []
        self.error = None
        self.forced = None

    async def apply(self, _access, objects, plurals, *, force):
        self.forced = force
        if self.error is not None:
            raise self.error
        for one in objects:
            assert one["apiVersion"] == "v1" or (one["apiVersion"], one["kind"]) in plurals
        self.objects = json.loads(json.dumps(objects))

    async def listed(self, namespace, _definitions, **_words):
        if self.error is not None:
            raise self.error
        return [
            (self.kinds[one["apiVersion"], one["kind"]], one)
            for one in self.objects
            if one["apiVersion"] != "v1" and one["metadata"]["namespace"] == namespace
        ]

    async def fetched(self, _access, namespace, wanted):
        found = {}
        for one in self.objects:
            key = one["kind"], one["metadata"]["name"]
            if key in wanted and one["metadata"]["namespace"] == namespace:
                text = one["kind"] == "ConfigMap"
                found[key] = {
                    name: value.encode() if text else base64.b64decode(value)
                    for name, value in one["data"].items()
                }
        return found


@pytest.fixture
def state(tmp_path, monkeypatch):
    monkeypatch.setenv("FROYO_STATE", str(tmp_path / "state"))
    (tmp_path / "state").mkdir(mode=0o700)
    return tmp_path / "state"


@pytest.fixture
def memory(state, monkeypatch):
    found = Memory(definitions(places({"FROYO_STATE": str(state), "HOME": str(state)})))
    for name in ("apply", "listed", "fetched"):
        monkeypatch.setattr(writing, name, getattr(found, name))

    class Connection:
        server = "https://c"

    async def login(_environ, *, file, context):
        if context == "none":
            raise Unlisted("there is no context 'none'")
        return ClusterAccess(Connection(), "prod", "default")

    monkeypatch.setattr(writing, "login_of", login)
    return found


@pytest.fixture
def froyo(state, capsys):
    def call(*words):
        code = run(["migrate", *map(str, words)])
        said = capsys.readouterr()
        return code, said.out, said.err

    return call


def declared(directory, state):
    """What a directory declares, as a text that can be compared, with marks that are the same each time."""
    environ = {"FROYO_STATE": str(state), "HOME": str(state)}
    where = places(environ)
    migration = Migration(where, environ, dict)
    migration._key = bytes(32)
    load = migration._load(migration._in_files)
    shown = take(DirectoryPlace(str(directory)), where, environ)
    return json.dumps(canonical(migration._evaluated(load, shown)), sort_keys=True, default=str)


@pytest.fixture
def site(tmp_path, state):
    return written(tmp_path / "site", state / "secrets")


def test_there_and_back_again_the_same_is_declared_to_the_byte(site, state, memory, froyo, tmp_path):
    before = declared(site, state)
    code, out, err = froyo("to-cluster", site, "--apply", "--context", "prod")
    assert (code, out, memory.forced) == (0, "", False)
    assert err.endswith("16 objects of the namespace default applied\n")
    sorts = [one["kind"] for one in memory.objects]
    assert sorts[:4] == ["Secret", "Secret", "ConfigMap", "Target"]
    # Another machine, with nothing but what the cluster has.
    shutil.rmtree(state)
    back = tmp_path / "back"
    code, out, err = froyo("from-cluster", back)
    assert (code, out) == (0, ""), err
    assert err.endswith(f"14 files in {back}, 5 secrets in {state}/secrets\n")
    assert declared(back, state) == before
    target = yaml.safe_load((back / "Target.froyo.dev" / "web-1.yaml").read_text())
    identity = target["spec"]["ssh"]["identityFile"]
    assert identity.startswith(f"{state}/secrets/froyo-identities/")
    with open(identity) as file:
        assert file.read() == KEYS[0]
    assert {path.stat().st_mode & 0o777 for path in (state / "secrets").rglob("*") if path.is_file()} == {
        0o600
    }
    assert {path.stat().st_mode & 0o777 for path in (state, *state.rglob("*")) if path.is_dir()} == {0o700}
    rendered = yaml.safe_load((back / "File.linux.froyo.dev" / "rendered.yaml").read_text())
    assert rendered["spec"]["content"] == TEMPLATE
    assert "namespace" not in rendered["metadata"]
    assert list(rendered["spec"]) == ["targets", "path", "template", "adopt", "interval", "content"]
    # And there once more.
    assert froyo("to-cluster", back, "--apply", "--force-conflicts")[0] == 0
    assert memory.forced
    code, _, err = froyo("from-cluster", tmp_path / "again")
    assert (code, declared(tmp_path / "again", state)) == (0, before), err


def test_what_is_printed_has_no_secret_and_what_is_written_is_for_nobody_else(site, froyo, tmp_path):
    code, out, err = froyo("to-cluster", site)
    assert code == 0
    for secret in (*SECRETS.values(), *KEYS):
        for text in (secret.strip(), base64.b64encode(secret.strip().encode()).decode()[:16]):
            assert text not in out + err
    assert "left out: the Secret froyo-secrets with 3 keys; it is written with --into FILE or --apply" in err
    assert [one["kind"] for one in yaml.safe_load_all(out)].count("File") == 5
    _, out, _ = froyo("to-cluster", site, "-o", "json")
    assert json.loads(out)["kind"] == "List"
    into = tmp_path / "site-objects.yaml"
    assert froyo("to-cluster", site, "--into", into)[0] == 0
    assert into.stat().st_mode & 0o777 == 0o600
    secrets = [one for one in yaml.safe_load_all(into.read_text()) if one["kind"] == "Secret"]
    assert base64.b64decode(secrets[1]["data"]["db"]).decode() == SECRETS["db"]
    code, _, err = froyo("to-cluster", site, "--into", into)
    assert (code, "is there already" in err) == (1, True)


@pytest.mark.parametrize("output", ["json", "yaml"])
def test_what_is_printed_has_no_secret_either_where_it_is_applied(site, memory, froyo, output):
    code, out, _ = froyo("to-cluster", site, "--apply", "-o", output)
    assert code == 0
    assert [one["kind"] for one in memory.objects].count("Secret") == 2
    assert {one["kind"] for one in yaml.safe_load(out)["items"]}.isdisjoint({"Secret"})
    for secret in (*SECRETS.values(), *KEYS):
        assert base64.b64encode(secret.strip().encode()).decode()[:16] not in out


def put(directory, **files):
    directory.mkdir(exist_ok=True)
    for name, content in files.items():
        path = directory / name.replace("__", ".")
        path.write_bytes(content) if isinstance(content, bytes) else path.write_text(content)
    return directory


def resource(kind, name, spec, *, metadata="", api="linux.froyo.dev/v1alpha1"):
    return f"---\napiVersion: {api}\nkind: {kind}\nmetadata: {{name: {name}{metadata}}}\nspec: {spec}\n"


OWN = {"api": "froyo.dev/v1alpha1"}


def file(body, *, name="f", more=""):
    return resource("File", name, f"{{target: w1, path: /f, {body}}}", metadata=f", {more}" if more else "")


def own_text(kind, spec):
    return resource(kind, "x", spec, **OWN)


@pytest.mark.parametrize(
    ("manifest", "said"),
    [
        (resource("Directory", "d", "{target: w1, path: /d, source: bodies}"), "a directory that is a body has no"),
        (resource("Archive", "a", "{target: w1, path: /srv, source: data, digest: x}"), None),
        (file("source: include.j2, template: true"), "a template that reads other files"),
        (file('source: "${target.name}.txt"'), "which file it is depends on the target"),
        (file("source: large"), "an object of a cluster has 1,000,000 at most"),
        (file("content: x", name="a..b"), "no object of a cluster can be called 'a..b'"),
        (file("content: x", more="annotations: {a b: x}"), "no annotation of an object of a cluster can be"),
        (file("content: x", more="annotations: {kubectl.kubernetes.io/x: y}"), "kubernetes.io/x declares nothing"),
        (file("content: x", more="namespace: web"), "objects of several namespaces: default, web"),
        (own_text("Target", "{ssh: {host: t, identityFile: none}}"), "none cannot be read: no such file"),
        (own_text("Target", "{ssh: {host: t, knownHosts: data}}"), "data is no text in UTF-8"),
        (own_text("Target", "{ssh: {host: t, knownHosts: key}}"), "key:4: this is no host key"),
        (
            own_text("Vars", "{target: w1, values: {a: {secret: {file: a/b}}, b: {secret: {file: a.b}}}}"),
            "a.b and a/b would both be the key a.b of the Secret froyo-secrets",
        ),
        (own_text("Vars", "{target: w1, values: {a: {secret: {file: none}}}}"), "there is no file"),
        (own_text("Vars", "{target: w1, values: {a: [{b: 2.0}]}}"), "2.0 is the whole number 2 in a cluster"),
        (own_text("Alert", "{webhook: {url: 'https://h/', tokenFrom: {secret: {file: none}}}}"), "there is no file"),
        (own_text("Source", "{directory: {path: /elsewhere}}"), "a directory of this machine is none"),
    ],
)  # fmt: skip
def test_what_cannot_be_carried_over_is_named_with_its_place(froyo, memory, state, tmp_path, manifest, said):
    (state / "secrets" / "a").mkdir(parents=True)
    for path in (state / "secrets" / "a" / "b", state / "secrets" / "a.b"):
        path.write_text(f"a secret of {path.parent.name}")
        path.chmod(0o600)
    site = put(tmp_path / "site", site__yaml=TARGET + manifest, data=b"\x00\xff", large="x" * 1_100_000)
    put(site, key=f"# of w1\n\n@revoked h,10.0.0.1 {HOST_KEY} of h\n{KEYS[0]}")
    put(site, **{"include.j2": "{% include 'other' %}", "other": "x", "w1.txt": "x"})
    put(site / "bodies", a="x")
    code, out, err = froyo("to-cluster", site, "--apply")
    assert (code, out, memory.objects) == (1, "", [])
    assert "site.yaml:" in err
    assert "PRIVATE KEY" not in err
    if said is not None:
        assert said in err


def test_what_stays_on_a_machine_is_told(froyo, memory, tmp_path):
    git = "{url: 'https://h/x.git', caFile: ca, passwordFile: token, verify: {allowedSigners: signers}}"
    local = "{url: repository, identityFile: /etc/id, knownHosts: ~/hosts}"
    kept = "{url: 'git@h:x.git', path: y, identityFrom: {secret: {file: k}}}"
    manifests = [
        resource("Source", "own", "{directory: {path: .}, interval: 2m}", **OWN),
        resource("Source", "git", f"{{git: {git}}}", **OWN),
        resource("Source", "local", f"{{git: {local}}}", **OWN),
        resource("Source", "kept", f"{{git: {kept}}}", **OWN),
        resource("Alert", "mail", "{command: {name: mail}}", **OWN),
        resource("Alert", "chat", "{webhook: {url: 'https://h/', caFile: ca}}", **OWN),
        resource("Target", "w2", "{ssh: {host: b}}", **OWN),
    ]
    site = put(tmp_path / "site", site__yaml=TARGET + "".join(manifests))
    code, _, err = froyo("to-cluster", site, "--apply")
    assert code == 0, err
    told = " ".join(err.split())
    for said in (
        "Source/own: left out, since it is about this directory",
        f"Source/git, Alert/chat: {site}/ca has to lie on the operator's machine, too",
        f"Source/git: {site}/signers has",
        f"Source/local: {site}/repository has",
        "Source/kept: k has to lie where the operator keeps secrets, too",
        "Alert/mail: mail has to lie in the state directory of the operator, too",
        "Target/w1, Target/w2: no private key is named",
        "Target/w2: no user is named",
        "Target/w2: no host keys are named",
    ):
        assert said in told
    found = {(one["kind"], one["metadata"]["name"]): one["spec"] for one in memory.objects}
    assert ("Source", "own") not in found
    assert found["Source", "git"]["git"]["passwordFile"] == "token"
    assert found["Source", "git"]["git"]["url"] == "https://h/x.git"


def test_what_files_of_others_stand_for_comes_as_the_targets_themselves(froyo, memory, tmp_path):
    inventory = (
        "{labels: {site: a}, ssh: {identityFile: key, connectTimeout: 1500ms}, ansible: {path: hosts.ini}, "
    )
    inventory += "hosts: [{name: x}]}"
    site = put(
        tmp_path / "site",
        site__yaml=TARGET + resource("Inventory", "fleet", inventory, **OWN),
        hosts__ini=(
            "[db]\ndb-1 ansible_user=root ansible_port=2222\nhere ansible_connection=local ansible_become=true\n"
        ),
        key="k\n",
    )
    code, _, err = froyo("to-cluster", site, "--apply")
    assert code == 0, err
    assert "Inventory/fleet: in a cluster it is the Targets that it stands for" in " ".join(err.split())
    found = {one["metadata"]["name"]: one for one in memory.objects if one["kind"] == "Target"}
    assert sorted(found) == ["db-1", "here", "w1", "x"]
    assert found["db-1"]["metadata"]["labels"] == {"site": "a", "group/db": "true"}
    ssh = found["db-1"]["spec"]["ssh"]
    assert (ssh["port"], ssh["user"], ssh["connectTimeout"]) == (2222, "root", "1500ms")
    assert found["here"]["spec"] == {"local": {"become": "sudo"}}
    put(site, hosts__ini="[db]\ndb-1 ansible_ssh_private_key_file=none\n")
    code, _, err = froyo("to-cluster", site, "--apply")
    assert (code, "hosts.ini:2" in err, "cannot be read" in err) == (1, True, True)


def objects(*those, namespace="default"):
    for one in those:
        one["metadata"].setdefault("namespace", namespace)
    return list(those)


def own(kind, name, spec, **more):
    return {
        "apiVersion": "froyo.dev/v1alpha1",
        "kind": kind,
        "metadata": {"name": name, **more},
        "spec": spec,
    }


W1 = own("Target", "w1", {"local": {}})


@pytest.mark.parametrize(
    ("spec", "said"),
    [
        (
            {"a": {"secretKeyRef": {"name": "s-${target.name}", "key": "k"}}},
            "which Secret it is depends on the target",
        ),
        (
            {"a": [{"configMapKeyRef": {"name": "c", "key": "k-${target.name}"}}]},
            "which ConfigMap it is depends on",
        ),
        (
            {"a": {"secretKeyRef": {"name": "gone", "key": "k"}}},
            "spec.values.a: there is no key k of a Secret gone",
        ),
        ({"a": {"secretKeyRef": {"name": "s", "key": "binary"}}}, "is no text in UTF-8"),
    ],
)
def test_what_cannot_come_back_is_named_and_nothing_is_written(froyo, memory, tmp_path, spec, said):
    data = {"k-w1": base64.b64encode(b"long-enough").decode(), "k": base64.b64encode(b"long-enough").decode()}
    memory.objects = objects(
        W1,
        own("Vars", "v", {"target": "w1", "values": spec}),
        {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "s-w1"}, "data": data},
        {
            "apiVersion": "v1",
            "kind": "Secret",
            "metadata": {"name": "s"},
            "data": {"binary": "AP8A/wD/AP8A/w=="},
        },
        {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "c"}, "data": {"k-w1": "x"}},
    )
    code, out, err = froyo("from-cluster", tmp_path / "back")
    assert (code, out, (tmp_path / "back").exists()) == (1, "", False)
    assert said in err


@pytest.mark.parametrize("key", ["k-/../../../planted", "k-\N{BULLET}", "k-w 1"])
def test_a_key_that_leads_elsewhere_is_written_nowhere(froyo, memory, state, tmp_path, key):
    secret = base64.b64encode(b"long-enough").decode()
    memory.objects = objects(
        W1,
        own("Vars", "v", {"target": "w1", "values": {"a": {"secretKeyRef": {"name": "s", "key": "k-${target.name}"}}}}),
        {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "s"}, "data": {"k-w1": secret, key: secret}},
    )  # fmt: skip
    before = sorted(tmp_path.rglob("*"))
    code, _, err = froyo("from-cluster", tmp_path / "back")
    assert (code, "no key of the Secret s can be called" in " ".join(err.split())) == (1, True), err
    assert sorted(tmp_path.rglob("*")) == before


def test_of_what_an_expression_may_come_to_only_that_comes_back_which_it_does(froyo, memory, state, tmp_path):
    """All keys were written that it might have meant, of targets that are not there, too."""
    secret = base64.b64encode(b"long-enough").decode()
    memory.objects = objects(
        W1,
        own("Vars", "v", {"target": "w1", "values": {"a": {"secretKeyRef": {"name": "s", "key": "k-${target.name}"}}}}),
        own("Vars", "u", {"target": "w1", "values": {"b": {"secretKeyRef": {"name": "s", "key": "k-w4"}}}}),
        {
            "apiVersion": "v1",
            "kind": "Secret",
            "metadata": {"name": "s"},
            "data": {"k-w1": secret, "k-w2": secret, "k-w3": secret, "k-w4": secret},
        },
    )  # fmt: skip
    code, _, err = froyo("from-cluster", tmp_path / "back")
    assert code == 0, err
    assert sorted(path.name for path in (state / "secrets" / "s").iterdir()) == ["k-w1", "k-w4"]


def test_of_a_config_map_the_value_comes_back_and_what_is_being_deleted_does_not(froyo, memory, tmp_path):
    memory.objects = objects(
        W1,
        own(
            "Vars",
            "v",
            {"target": "w1", "values": {"region": {"configMapKeyRef": {"name": "c", "key": "k"}}}},
        ),
        own("Vars", "gone", {"target": "w1", "values": {"x": 1}}, deletionTimestamp="2026-01-01T00:00:00Z"),
        {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "c"}, "data": {"k": "eu ${x}\n"}},
        {
            "apiVersion": "linux.froyo.dev/v1alpha1",
            "kind": "File",
            "metadata": {"name": "f"},
            "spec": {
                "target": "w1",
                "path": "/f",
                "content": "${vars.region}",
                "force": False,
                "state": "present",
            },
        },
    )
    back = tmp_path / "back"
    code, _, err = froyo("from-cluster", back, "-n", "default")
    assert code == 0, err
    assert "Vars/gone is being deleted, and left out" in err
    assert yaml.safe_load((back / "Vars.froyo.dev/v.yaml").read_text())["spec"]["values"] == {
        "region": "eu $${x}"
    }
    spec = yaml.safe_load((back / "File.linux.froyo.dev/f.yaml").read_text())["spec"]
    assert spec == {"target": "w1", "path": "/f", "content": "${vars.region}"}
    code, _, err = froyo("from-cluster", back)
    assert (code, f"{back} is there already, and not empty" in err) == (1, True)


def test_another_namespace_stays_that_and_its_names_mean_what_they_did(state, memory, froyo, tmp_path):
    spec = {"target": "w1", "path": "/f", "content": "x", "require": ["File/g"]}
    linux = {"apiVersion": "linux.froyo.dev/v1alpha1", "kind": "File"}
    memory.objects = objects(
        own("Target", "w1", {"local": {}}),
        {**linux, "metadata": {"name": "f"}, "spec": spec},
        {**linux, "metadata": {"name": "g"}, "spec": {"target": "w1", "path": "/g", "content": "x"}},
        namespace="web",
    )
    back = tmp_path / "back"
    assert froyo("from-cluster", back, "-n", "web")[0] == 0
    found = yaml.safe_load((back / "File.linux.froyo.dev" / "f.yaml").read_text())
    assert (found["metadata"]["namespace"], found["spec"]["require"]) == ("web", ["File/web:g"])
    assert '"web:w1/File/web:f"' in declared(back, state)
    code, _, err = froyo("to-cluster", back, "--apply")
    assert (code, "3 objects of the namespace web applied" in err) == (0, True)
    assert froyo("from-cluster", tmp_path / "again", "-n", "web")[0] == 0
    assert declared(tmp_path / "again", state) == declared(back, state)


def test_a_secret_that_is_there_and_another_one_stays(site, state, memory, froyo, tmp_path):
    assert froyo("to-cluster", site, "--apply")[0] == 0
    place = state / "secrets" / "froyo-secrets"
    place.mkdir()
    (place / "db").write_text("somebody else's")
    code, _, err = froyo("from-cluster", tmp_path / "back")
    assert (code, "holds something else; nothing was written" in err) == (1, True)
    assert not (tmp_path / "back").exists()


def test_a_cluster_that_has_nothing_or_says_no(site, memory, froyo, tmp_path):
    back = tmp_path / "back"
    code, _, err = froyo("from-cluster", back)
    assert (code, "there are no objects of ours in the namespace default" in err) == (1, True)
    memory.error = Unserved(["a"], [])
    assert "does not serve a" in froyo("from-cluster", back)[2]
    memory.error = Refused("File/x: no; nothing was written")
    code, _, err = froyo("to-cluster", site, "--apply")
    assert (code, err) == (1, "froyo: File/x: no; nothing was written\n")
    memory.error = None
    assert "no context" in froyo("from-cluster", back, "--context", "none")[2]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("to-cluster", "SITE", "-n", "web"), "--namespace is for from-cluster"),
        (("to-cluster", "SITE", "--context", "prod"), "are for --apply"),
        (("from-cluster", "SITE", "--apply"), "are for to-cluster"),
        (("from-cluster", "SITE", "-n", "A/b"), "takes the name of a namespace"),
        (("to-cluste", "SITE"), "did you mean 'to-cluster'?"),
    ],
)
def test_options_that_make_no_sense(site, froyo, words, said):
    code, out, err = froyo(*(site if word == "SITE" else word for word in words))
    assert (code, out, said in err) == (1, "", True), err


def test_what_would_be_declared_otherwise_is_a_defect_and_nothing_is_written(
    site, memory, froyo, monkeypatch
):
    plain = migration.carried

    def other(*arguments, **words):
        found = plain(*arguments, **words)
        next(one for one in found.objects if one["kind"] == "File")["spec"]["mode"] = "0600"
        return found

    monkeypatch.setattr(migration, "carried", other)
    code, _, err = froyo("to-cluster", site, "--apply")
    assert (code, memory.objects) == (1, [])
    assert "this is a defect of froyo, and nothing was written" in err
    assert "web-1/File/script: " in err

    def wrong(*arguments, **words):
        found = plain(*arguments, **words)
        found.objects[-1]["spec"]["target"] = "nobody"
        return found

    monkeypatch.setattr(migration, "carried", wrong)
    assert (
        "cannot be carried over, and nothing was written: default/" in froyo("to-cluster", site, "--apply")[2]
    )


def test_what_differs_is_named():
    assert differences({"a": {"x": [1]}}, {"a": {"x": [1]}}) == []
    assert differences({"a": {"x": {"y": 1}}, "b": 1}, {"a": {"x": {"y": True}}, "c": 1}) == [
        "a: x.y",
        "b is missing",
        "c is new",
    ]
    assert differences({"a": {"x": 1}}, {"a": {}}) == ["a: x"]


def test_what_is_kept_is_read_as_an_operator_reads_it():
    kept = KeptData("default")
    assert kept.put("Secret", "s", "/a/b c", b"x\n") == "a.b_c"
    assert kept.read(KeyRef("Secret", "default", "s", "a.b_c")) == "x"
    with pytest.raises(SecretError):
        kept.read(KeyRef("Secret", "default", "s", "other"))
    with pytest.raises(SecretError):
        migration._in_cluster(kept.read, Secret("a"))


def test_of_a_program_it_is_what_that_makes_now(state, froyo, tmp_path):
    site = tmp_path / "site"
    site.mkdir()
    (site / "targets.yaml").write_text(TARGET.replace("hostKey", "identityFile: key, hostKey"))
    (site / "key").write_text(KEYS[0])
    (site / "key").chmod(0o600)
    (site / "motd.txt").write_text("hello")
    (site / "main.star").write_text(
        "def main(ctx):\n    suffix = ctx.settings['suffix']\n    return [\n"
        "        file(name = t.name + suffix, target = t.name, path = '/etc/motd', source = 'motd.txt')\n"
        "        for t in ctx.targets\n    ]\n"
    )
    code, out, err = froyo("to-cluster", site, "--set", "suffix=-motd")
    assert code == 0, err
    [file] = [one for one in yaml.safe_load_all(out) if one["kind"] == "File"]
    assert (file["metadata"]["name"], file["spec"]["content"]) == ("w1-motd", "hello")
    assert "main.star: a cluster has no programs; what it makes now is carried over" in err
    code, _, err = froyo("from-cluster", tmp_path / "back", "--set", "a=b")
    assert (code, "--set and -o are for to-cluster" in err) == (1, True)


ENCRYPTED = """\
apiVersion: froyo.dev/v1alpha1
kind: Target
metadata: {name: web-1}
spec: {ssh: {host: web-1.example.org, user: ops, hostKey: "ssh-ed25519 AAAA"}}
---
apiVersion: froyo.dev/v1alpha1
kind: Vars
metadata: {name: site}
spec:
  targets: {}
  values: {all: [{secret: {age: %s}}, {deep: {secret: {ageFile: tls.age}}}]}
---
apiVersion: froyo.dev/v1alpha1
kind: Alert
metadata: {name: ops}
spec: {webhook: {url: "https://a.example.org", tokenFrom: {secret: {age: %s}}}}
---
apiVersion: linux.froyo.dev/v1alpha1
kind: File
metadata: {name: conf}
spec: {targets: {}, path: /etc/conf, content: "${vars.all[0]} ${vars.all[1].deep}"}
"""


def test_what_is_encrypted_stays_so_wherever_it_is_carried(state, memory, froyo, tmp_path, monkeypatch):
    identity = generated()
    (state / "age.key").write_text(identity.secret)
    (state / "age.key").chmod(0o600)
    monkeypatch.setenv("FROYO_AGE_KEY_FILE", str(state / "age.key"))
    to = [recipient(identity.public)]
    line = formed(sealed(b"hunter2 hunter2", to), Form.ONE_LINE)
    site = tmp_path / "site"
    site.mkdir()
    (site / "all.yaml").write_text(ENCRYPTED % (line, line))
    (site / "tls.age").write_text(sealed(b"hunter3 hunter3", to, naming=False))
    code, out, err = froyo("to-cluster", site, "--apply", "--context", "prod")
    assert (code, out) == (0, "")
    assert "is opened there with age.key of the namespace's Secret froyo-age" in err
    objects = {one["kind"]: one for one in memory.objects}
    assert "Secret" not in objects
    first, second = objects["Vars"]["spec"]["values"]["all"]
    assert first == objects["Alert"]["spec"]["webhook"]["tokenFrom"] == {"secret": {"age": line}}
    assert opened(second["deep"]["secret"]["age"].encode(), [identity]) == b"hunter3 hunter3"
    code, out, err = froyo("from-cluster", tmp_path / "back", "--context", "prod")
    assert code == 0, err
    assert line in next((tmp_path / "back").glob("Vars.*")).joinpath("site.yaml").read_text()
    assert not (state / "secrets").exists()
    assert "hunter" not in "".join(path.read_text() for path in (tmp_path / "back").rglob("*.yaml"))


def test_what_depends_on_files_beside_it_cannot_be_carried(state, memory, froyo, tmp_path):
    sops = (Path(__file__).parents[1] / "age" / "sops" / "values.enc.yaml").read_text()
    site = tmp_path / "site"
    site.mkdir()
    (site / "values.enc.yaml").write_text(sops)
    values = "{a: {secret: {sops: values.enc.yaml, key: db.password}}, b: {secret: {ageFile: '${target.name}.age'}}}"
    head = "---\napiVersion: froyo.dev/v1alpha1\nkind: Vars\nmetadata: {name: v}\n"
    text = f"{ENCRYPTED.partition('---')[0]}{head}spec: {{target: web-1, values: {values}}}\n"
    (site / "all.yaml").write_text(text)
    identity = identities_in((Path(__file__).parents[1] / "age/sops/age.key").read_text(), "")
    (site / "web-1.age").write_text(sealed(b"hunter3 hunter3", [recipient(identity[0].public)]))
    keep = state / "age.key"
    keep.write_text(identity[0].secret)
    keep.chmod(0o600)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("FROYO_AGE_KEY_FILE", str(keep))
        code, _, err = froyo("to-cluster", site)
    assert code == 1
    assert "a file of SOPS is none in a cluster" in err
    assert "which file it is depends on the target" in err
