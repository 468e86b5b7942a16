"""Secrets that are kept with the manifests, encrypted: from a key to a host, rotated once, and found nowhere else."""

import base64
import contextlib
import ctypes
import hashlib
import io
import json
import os
import re
import secrets
import select
import socket
import stat
import subprocess
import sys
import threading
from functools import partial

import pytest

from reconciler.age.blocks import Form, formed
from reconciler.age.identities import generated, identities_in
from reconciler.age.recipients import recipient
from reconciler.age.sealing import sealed
from tests.integration.cli.test_secrets import FILES, HELD, Secrets, everything_said, machine

VARS = """\
apiVersion: froyo.dev/v1alpha1
kind: Vars
metadata: {name: site}
spec:
  targets: {}
  values:
    db: {user: app, password: {secret: {age: %(db)s}}}
    url: "pg://${vars.db.user}:${vars.db.password}#db/"
    token: {secret: {sops: ../shared/mail.enc.json, key: smtp.token}}
    tls: {secret: {ageFile: tls.key.age}}
"""
TLS = """\
---
apiVersion: linux.froyo.dev/v1alpha1
kind: File
metadata: {name: tls}
spec: {target: here, path: "@/tls", mode: "0640", content: "${vars.tls}"}
"""
GONE = "-----BEGIN AGE ENCRYPTED FILE-----"


def of_sops(tree, public):
    """What SOPS makes of a mapping of mappings of texts, as JSON."""
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    key, digest = secrets.token_bytes(32), hashlib.sha512()

    def made(value, bound):
        nonce = secrets.token_bytes(32)
        both = AESGCM(key).encrypt(nonce, value.encode(), bound.encode())
        data, iv, tag = (base64.b64encode(part).decode() for part in (both[:-16], nonce, both[-16:]))
        return f"ENC[AES256_GCM,data:{data},iv:{iv},tag:{tag},type:str]"

    found = {}
    for name, inner in tree.items():
        for one, value in inner.items():
            digest.update(value.encode())
            found.setdefault(name, {})[one] = made(value, f"{name}:{one}:")
    now = "2026-01-01T00:00:00Z"
    age = [{"recipient": public, "enc": sealed(key, [recipient(public)], naming=False)}]
    metadata = {
        "age": age,
        "lastmodified": now,
        "mac": made(digest.hexdigest().upper(), now),
        "version": "3.13.3",
    }
    return json.dumps({**found, "sops": metadata}, indent=1)


class Sealed(Secrets):
    """The secrets of a person, who keeps them in the directory of manifests."""

    def __init__(self, person):
        self.person, self.all, self.now = person, [], {}
        self.key = person.base / "age.key"
        person.environ["FROYO_AGE_KEY_FILE"] = str(self.key)
        self.public = person.froyo("secrets", "keygen", self.key).stdout.strip()
        self.all.append(identities_in(self.key.read_text(), "")[0].secret)
        self.files = {"key": self.key}
        (person.site / "sub").mkdir()
        (person.site / "shared").mkdir()
        for name in ("db", "token", "tls"):
            self.now[name] = self.fresh()
        self.write()

    def fresh(self):
        value = f'{secrets.token_hex(6)}/"+&{secrets.token_hex(6)}'
        self.all.append(value)
        return value

    def rotate(self, name):
        self.now[name] = self.fresh()
        self.write()
        return self.now[name]

    def write(self):
        """All of it, encrypted anew."""
        to, site = [recipient(self.public)], self.person.site
        db = json.dumps(sealed(self.now["db"].encode(), to))
        (site / "shared/mail.enc.json").write_text(
            of_sops({"smtp": {"token": self.now["token"], "user": "somebody else"}}, self.public)
        )
        (site / "sub/tls.key.age").write_text(
            sealed(f"{self.now['tls']}\nof two lines\n".encode(), to, naming=False)
        )
        self.person.write("sub/vars.yaml", VARS % {"db": db})

    def look(self, *said):
        homes = [path for name in (*HELD, "tls") if (path := self.person.machine / name).exists()]
        self.files = {"key": self.key, **{path.name: path for path in homes}}
        super().look(*said)


@pytest.fixture
def canaries(person):
    (person.site / "files.yaml").unlink()
    found = Sealed(person)
    person.write("files.yaml", FILES % {"exit": 0} + TLS)
    return found


def test_it_is_on_its_target_alone_and_rotated_once(person, canaries):
    said = [person.froyo("plan", person.site, "-v", status=2).stdout]
    said.append(person.froyo("apply", person.site, "-v").stdout)
    there = machine(person)
    assert there["conf"] == f"url = pg://app:{canaries.now['db']}#db/\n"
    assert there["used"] == canaries.now["token"]
    assert (person.machine / "tls").read_text() == f"{canaries.now['tls']}\nof two lines\n"
    assert stat.S_IMODE((person.machine / "conf").stat().st_mode) == 0o600
    assert stat.S_IMODE((person.machine / "tls").stat().st_mode) == 0o640
    times = {name: (person.machine / name).stat().st_mtime_ns for name in (*HELD, "tls")}

    # Encrypted anew it is what it was: nothing is changed, and no drift either.
    canaries.write()
    assert "nothing to do: 6 instances" in person.froyo("apply", person.site).stdout
    assert {name: (person.machine / name).stat().st_mtime_ns for name in times} == times

    # Another value: what reads it is changed, once.
    fresh = canaries.rotate("db")
    plan = person.json("plan", person.site, status=2)
    changed = {one["address"] for one in plan["items"][0]["units"] if one["action"] != "none"}
    assert changed == {"here/File/conf", "here/File/rendered", "here/Block/block"}
    said += [json.dumps(plan), person.froyo("apply", person.site, "-v").stdout]
    assert machine(person)["conf"] == f"url = pg://app:{fresh}#db/\n"
    assert "nothing to do" in person.froyo("apply", person.site).stdout
    (person.machine / "conf").write_text(f"spoiled {fresh}\n")
    said += [
        person.froyo("plan", person.site, "-v", status=2).stdout,
        person.froyo("apply", person.site).stdout,
    ]
    canaries.look(*said, everything_said(person))
    # What is kept of the source is what it was: with a ciphertext in it.
    kept = b"".join(path.read_bytes() for path in person.state.rglob("*") if path.is_file())
    assert b"age-encryption" in kept or b"BEGIN AGE" in kept


def test_what_cannot_be_opened_is_told_and_what_is_declared_stays(person, canaries):
    person.froyo("apply", person.site)
    there = machine(person)
    before = canaries.key.read_text()
    other = person.froyo("secrets", "keygen", person.base / "other.key").stdout.strip()
    canaries.all.append(identities_in((person.base / "other.key").read_text(), "")[0].secret)
    canaries.key.write_text((person.base / "other.key").read_text())
    (person.base / "other.key").unlink()
    failed = person.froyo("apply", person.site, status=1)
    assert re.search(
        rf"sub/vars.yaml:7:\d+: no identity here opens it: it is for {canaries.public}; tried: {other}",
        failed.stderr,
    )
    assert re.search(r"sub/vars.yaml:9:\d+: shared/mail.enc.json: no identity here opens it", failed.stderr)
    assert re.search(r"sub/vars.yaml:10:\d+: sub/tls.key.age: no identity here opens it", failed.stderr)
    assert machine(person) == there
    assert "what it holds is not looked at" in person.froyo("validate", person.site).stdout
    canaries.key.unlink()
    missing = person.froyo("plan", person.site, status=1).stderr
    assert "which FROYO_AGE_KEY_FILE names" in missing
    canaries.key.write_text(before)
    canaries.key.chmod(0o644)
    assert f"run: chmod 600 {canaries.key}" in person.froyo("plan", person.site, status=1).stderr
    canaries.key.chmod(0o600)
    mail = person.site / "shared/mail.enc.json"
    mail.write_text(mail.read_text().replace('"user": "ENC', '"users": "ENC'))
    assert "the value of smtp.users was changed" in person.froyo("plan", person.site, status=1).stderr
    canaries.look(failed.stdout, failed.stderr, missing)


def asked(path, what):
    """What the daemon's socket answers."""
    with socket.socket(socket.AF_UNIX) as daemon:
        daemon.connect(str(path))
        daemon.sendall(f"GET {what} HTTP/1.0\r\n\r\n".encode())
        return b"".join(iter(lambda: daemon.recv(65536), b"")).decode()


def test_what_cannot_be_opened_in_one_source_holds_up_no_other(person, canaries):
    other, conf = person.base / "theirs", person.machine / "conf"
    other.mkdir()
    theirs = sealed(b"hunter2 hunter2", [recipient(generated().public)], naming=False)
    (other / "all.yaml").write_text(
        "apiVersion: froyo.dev/v1alpha1\nkind: Target\nmetadata: {name: there}\nspec: {local: {}}\n---\n"
        "apiVersion: froyo.dev/v1alpha1\nkind: Vars\nmetadata: {name: theirs}\n"
        f"spec: {{targets: {{}}, values: {{x: {{secret: {{age: {json.dumps(theirs)}}}}}}}}}\n"
    )
    with person.up(other):
        person.until(
            lambda: "no identity here opens it" in person.froyo("get", "sources", "-o", "json").stdout
        )
        value = canaries.rotate("db")
        person.until(lambda: conf.exists() and conf.read_text() == f"url = pg://app:{value}#db/\n")
        sources = {one["name"]: one["problems"] for one in person.json("get", "sources")["items"]}
        assert sources[str(person.site)] == []
        assert len(sources[str(other)]) == 1
    canaries.look(person.log)


def test_a_daemon_notices_another_identity_and_another_secret(person, canaries):
    conf = person.machine / "conf"
    real = canaries.key.read_text()
    canaries.key.unlink()
    with person.up():
        person.until(
            lambda: "FROYO_AGE_KEY_FILE names" in person.froyo("get", "sources", "-o", "json").stdout
        )
        assert not conf.exists()
        fresh = canaries.key.with_name("fresh")
        fresh.write_text(real)
        fresh.chmod(0o600)
        fresh.rename(canaries.key)
        person.until(conf.exists)
        person.froyo("wait", "--timeout", "60s")
        value = canaries.rotate("db")
        person.until(lambda: conf.read_text() == f"url = pg://app:{value}#db/\n")
        person.froyo("reconcile", "--wait")
        said = everything_said(person) + asked(person.state / "froyo.sock", "/metrics")
    done = [one for one in person.json("history")["items"] for one in one.get("operations", [one])]
    canaries.look(said, person.log, json.dumps(done))


def test_no_program_gets_what_the_environment_has(person, canaries):
    """The variable is out of the environment before anything is begun; a command sees what a command sees."""
    key = canaries.all[0]
    (person.site / "files.yaml").write_text(
        "apiVersion: linux.froyo.dev/v1alpha1\nkind: Exec\nmetadata: {name: look}\n"
        'spec: {target: here, argv: [sh, -c, "env; cat /proc/self/environ /proc/$PPID/environ; exit 3"],'
        ' unless: ["false"],'
        ' environment: {TOKEN: "${vars.token}"}}\n'
    )
    del person.environ["FROYO_AGE_KEY_FILE"]
    failed = subprocess.run(
        person.command("apply", person.site, "-v"),
        env={**person.environ, "FROYO_AGE_KEY": key, "HOME": str(person.base)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert failed.returncode == 1
    assert "exit status 3" in failed.stdout + failed.stderr
    assert "FROYO_AGE_KEY" not in failed.stdout + failed.stderr
    canaries.look(failed.stdout, failed.stderr)


# --- The command ------------------------------------------------------------------------------------------------------


def in_the_directory(person, *words, stdin="", status=0):
    """What `froyo secrets` says in the directory of manifests."""
    home, person.base = person.base, person.site
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(stdin.encode())))
        done = person.froyo("secrets", *words, status=status)
    person.base = home
    return done.stdout + done.stderr


def test_from_nothing_to_a_secret_that_is_rotated(person, monkeypatch):
    site, key = person.site, person.base / "home/.config/froyo/age.key"
    monkeypatch.setitem(person.environ, "HOME", str(person.base / "home"))
    made = person.froyo("secrets", "keygen")
    public = made.stdout.strip()
    assert public.startswith("age1")
    assert f"{key}: keep a copy" in made.stderr
    assert "is there already, and is not replaced" in person.froyo("secrets", "keygen", status=1).stderr

    froyo = partial(in_the_directory, person)
    assert "there is no .age-recipients here or above" in froyo("recipients", status=1)
    assert "it is for nobody" in froyo("encrypt", stdin="hunter2hunter2\n", status=1)
    assert "1 recipient added; then: froyo secrets rotate" in froyo(
        "recipients", "add", public, "--name", "me"
    )
    assert froyo("recipients") == f"{public}  me\n"
    block = froyo("encrypt", "--name", "password", stdin="hunter2hunter2\n")
    assert block.startswith("password:\n  secret:\n    age: |\n      # to age1")
    assert "it is short: what has fewer than 8 characters" in froyo("encrypt", stdin="hunter2\n")
    line = froyo("encrypt", "--line", stdin="hunter3hunter3")
    assert re.fullmatch(r"\{secret: \{age: YWdl\S+\}\}\n", line)
    assert json.loads(froyo("encrypt", "--name", "a", "-o", "json", stdin="hunter4hunter4"))["a"]["secret"][
        "age"
    ].startswith("# to")
    lines = block.replace("\n", "\n    ").rstrip()
    values = f"    {lines}\n    token: {line}"
    (site / "vars.yaml").write_text(
        "apiVersion: froyo.dev/v1alpha1\nkind: Vars\nmetadata: {name: v}\n"
        f"spec:\n  targets: {{}}\n  values:\n{values}"
    )
    person.write(
        "files.yaml",
        FILES.split("---", maxsplit=1)[0].replace("${vars.url}", "${vars.password} ${vars.token}"),
    )
    person.froyo("apply", site)
    assert (person.machine / "conf").read_text() == "url = hunter2hunter2 hunter3hunter3\n"

    shown = froyo("decrypt", "vars.yaml")
    assert "      hunter2hunter2\n" in shown
    assert "token: {secret: {age: hunter3hunter3}}" in shown
    (site / "tls.key").write_bytes(b"\x00\xff")
    assert "tls.key.age: for 1 recipient; tls.key is as it was" in froyo("encrypt", "tls.key")
    assert "is encrypted already" in froyo("encrypt", "tls.key.age", status=1)
    assert "is not replaced" in froyo("encrypt", "tls.key", status=1)
    raw = subprocess.run(
        person.command("secrets", "decrypt", site / "tls.key.age"),
        capture_output=True,
        env=person.environ,
        check=True,
    )
    assert raw.stdout == b"\x00\xff"
    assert "hunter2hunter2" in froyo("decrypt", stdin=block)

    other = person.base / "other.key"
    theirs = froyo("keygen", other, "-o", "json")
    theirs = json.loads(theirs[theirs.index("{") : theirs.rindex("}") + 1])["recipient"]
    assert "all for the recipients" in froyo("rotate", "--check", ".")
    froyo("recipients", "add", theirs, "--name", "ann")
    assert "2 ciphertexts for others than the recipients" in froyo("rotate", "--check", ".", status=1)
    assert "3 ciphertexts in 2 files encrypted anew" in froyo("rotate")
    assert "3 ciphertexts in 2 files: all" in froyo("rotate", "--check", ".")
    assert "hunter2hunter2" in froyo("decrypt", "-i", other, "vars.yaml")
    assert "nothing to do" in person.froyo("apply", site).stdout
    assert "1 recipient removed" in froyo("recipients", "remove", "me")
    froyo("rotate", "-i", key)
    assert "no identity here opens it" in froyo("decrypt", "vars.yaml", status=1)
    assert "sub" not in os.listdir(site)


def test_what_is_called_encrypted_and_is_not_is_told(person):
    person.write("forgotten.age", "a key in plain text")
    told = person.froyo("secrets", "rotate", "--check", person.site, status=1).stdout
    assert "forgotten.age: it is not encrypted, and is called as if it were" in told


@pytest.mark.parametrize(
    ("words", "why"),
    [
        (["encrypt", "a", "b"], "takes one file at a time, not 2 files"),
        (["encrypt", "nowhere", "-r", "@"], "nowhere: it cannot be read"),
        (["edit"], "which file"),
        (["seal"], "ACTION is keygen, encrypt"),
        (["recipients", "nonsense"], "it is: froyo secrets recipients"),
        (["recipients", "add"], "it is: froyo secrets recipients"),
        (["recipients", "remove", "ann"], "there is no .age-recipients here or above"),
        (["decrypt", "vars.yaml"], "no identity at"),
        (["rotate", "--check", "vars.yaml"], "nothing says whom it is for"),
    ],
)
def test_what_makes_no_sense_is_told(person, words, why):
    public = "age104vurdumnv3986dm9z55dj4mw7hqputqh67xg8lmzs6qn4g87a9qf7vzyp"
    armored = sealed(b"x", [recipient(public)])
    (person.base / "vars.yaml").write_text(f"a: |\n  {armored}")
    failed = person.froyo(
        "secrets", *(public if word == "@" else word for word in words), status=1, HOME=str(person.base)
    )
    assert why in failed.stderr


def on_a_terminal(person, script, words):
    """A command on a terminal of its own, and what a person there has seen."""
    import pty

    leader, follower = pty.openpty()
    # Who leads a session has the first terminal that it opens for its own, which is asked then.
    take = "import os, sys; os.setsid(); os.open(sys.argv[1], os.O_RDWR); os.execv(sys.argv[2], sys.argv[2:])"
    done = subprocess.Popen(
        [sys.executable, "-c", take, os.ttyname(follower), *person.command(*words)],
        stdin=follower,
        stdout=follower,
        stderr=follower,
        env=person.environ,
        cwd=person.site,
    )
    os.close(follower)
    seen = ""
    for wanted, answer in script:
        while wanted not in seen:
            seen += os.read(leader, 4096).decode()
        os.write(leader, answer.encode())
        seen += "|"
    while True:
        try:
            more = os.read(leader, 4096).decode()
        except OSError:
            break
        if not more:
            break
        seen += more
    os.close(leader)
    return done.wait(), seen


def test_a_value_is_asked_for_without_being_shown_and_shown_only_when_asked(person):
    key = person.base / "k"
    public = person.froyo("secrets", "keygen", key).stdout.strip()
    typed = [("Secret: ", "hunter2hunter2\n"), ("Again: ", "hunter2hunter2\n")]
    status, seen = on_a_terminal(person, typed, ["secrets", "encrypt", "-r", public])
    assert status == 0
    assert "hunter2" not in seen
    assert GONE in seen
    status, seen = on_a_terminal(
        person, [typed[0], ("Again: ", "other\n")], ["secrets", "encrypt", "-r", public]
    )
    assert status == 1
    assert "two different values" in seen
    (person.site / "a.age").write_text(sealed(b"hunter2hunter2\n", [recipient(public)], naming=False))
    words = ["secrets", "decrypt", "-i", str(key), "a.age"]
    asked = "It is shown on this terminal. Go on? [y/N] "
    assert on_a_terminal(person, [(asked, "n\n")], words)[0] == 1
    assert "hunter2hunter2" not in on_a_terminal(person, [(asked, "\n")], words)[1]
    assert "hunter2hunter2" in on_a_terminal(person, [(asked, "y\n")], words)[1]
    assert "hunter2hunter2" in on_a_terminal(person, [], [*words, "--show"])[1]


def test_an_editor_sees_what_is_in_it(person):
    key = person.base / "k"
    public = person.froyo("secrets", "keygen", key).stdout.strip()
    editor = person.base / "editor"
    editor.write_text(
        f"#!{sys.executable}\nimport sys\ntext = open(sys.argv[1]).read()\n"
        "open(sys.argv[1], 'w').write(text.replace('hunter2', 'hunter9'))\n"
    )
    editor.chmod(0o755)
    (person.site / "a.yaml").write_text(f"a: |\n  {sealed(b'hunter2', [recipient(public)])}")
    words = ("secrets", "edit", person.site / "a.yaml", "-i", key, "-r", public)
    assert person.froyo(*words, EDITOR=str(editor), VISUAL="").stdout.endswith("a.yaml: written\n")
    assert person.froyo(*words, EDITOR=str(editor), VISUAL="").stdout.endswith("a.yaml: as it was\n")
    assert "hunter9" in person.froyo("secrets", "decrypt", person.site / "a.yaml", "-i", key).stdout


def modes_seen_while(directory, work):
    """The modes of all files that are made in a directory while something is done, looked at when that is told."""
    libc, seen, over = ctypes.CDLL(None, use_errno=True), {}, threading.Event()
    told = libc.inotify_init1(os.O_CLOEXEC | os.O_NONBLOCK)
    assert libc.inotify_add_watch(told, os.fsencode(directory), 0x00000FFF) > 0

    def look():
        while not over.is_set():
            if select.select([told], [], [], 0.05)[0]:
                os.read(told, 65536)
            for entry in os.scandir(directory):
                with contextlib.suppress(FileNotFoundError):
                    seen.setdefault(entry.name, set()).add(
                        stat.S_IMODE(entry.stat(follow_symlinks=False).st_mode)
                    )

    thread = threading.Thread(target=look)
    thread.start()
    try:
        work()
    finally:
        over.set()
        thread.join()
        os.close(told)
    return seen


def test_content_has_its_mode_from_the_first_byte(person, canaries):
    """Whatever the umask is, and whatever it is called until it is what it is to be."""
    place = person.machine / "place"
    place.mkdir()
    spec = 'spec: {target: here, path: "%s/%s", mode: "%s", content: "${vars.tls}"}\n'
    manifests = [
        f"apiVersion: linux.froyo.dev/v1alpha1\nkind: File\nmetadata: {{name: {name}}}\n"
        + spec % (place, name, mode)
        for name, mode in (("private", "0600"), ("group", "0640"))
    ]
    (person.site / "files.yaml").write_text("---\n".join(manifests))
    command = ["sh", "-c", 'umask 0; exec "$@"', "sh", *person.command("apply", person.site)]

    def apply():
        for _ in range(2):
            subprocess.run(command, env=person.environ, check=True, capture_output=True)
            canaries.rotate("tls")

    seen = modes_seen_while(place, apply)
    assert (seen["private"], seen["group"]) == ({0o600}, {0o640})
    assert all(mode in (0o600, 0o640) for modes in seen.values() for mode in modes), seen
    for name in ("private", "group"):
        (place / name).unlink()
    canaries.look()


PROGRAM = """\
def main(ctx):
    secret = {"secret": {"age": "%s"}}
    vars = {"apiVersion": "froyo.dev/v1alpha1", "kind": "Vars", "metadata": {"name": "made"}}
    return [vars | {"spec": {"targets": {}, "values": {"made": secret}}}]
"""


def test_a_program_may_make_some(person, canaries):
    """Its text is rotated as any is, and what is wrong with one is told with its place there."""
    armored = sealed(canaries.now["db"].encode(), [recipient(canaries.public)])
    (person.site / "made.star").write_text(PROGRAM % formed(armored, Form.ONE_LINE))
    text = FILES.split("---", maxsplit=1)[0].replace("${vars.url}", "${vars.made}")
    person.write("files.yaml", text)
    person.froyo("apply", person.site)
    assert (person.machine / "conf").read_text() == f"url = {canaries.now['db']}\n"
    person.froyo("secrets", "rotate", person.site / "made.star", "-r", canaries.public)
    assert "nothing to do" in person.froyo("apply", person.site).stdout
    (person.site / "made.star").write_text(PROGRAM % "hunter2")
    failed = person.froyo("plan", person.site, status=1).stderr
    assert re.search(r"made\.star:\d+:\d+: this is nothing that age has encrypted", failed)
    canaries.look(failed)


NOSY = """\
package froyo.plan

warn contains json.marshal(input)

require_approval contains {"msg": json.marshal(change), "address": change.address} if some change in input.changes
"""
NOSY_ADMISSION = """\
package froyo.admission

warn contains json.marshal(object) if some object in input.objects
"""
NOSY_PROGRAM = """\
def main(ctx):
    for target in ctx.targets:
        print(target.vars)
    return [file(name = "nosy", target = t.name, path = "%s/nosy", content = str(t.vars)) for t in ctx.targets]
"""
NOSY_CONSTRAINT = """\
package sub

#Manifest: {kind: "Vars", spec: values: {url: int, token: int, ...}, ...}
"""
NOSY_ROLLOUT = """\
apiVersion: froyo.dev/v1alpha1
kind: Rollout
metadata: {name: all}
spec:
  targets: {matchLabels: {role: test}}
  waves: [{targets: {matchLabels: {role: test}}, untilPromoted: true}]
  onFailure: rollback
"""


def failing_editor(person, script):
    """One that ends badly with all that it was shown before its eyes."""
    path = person.base / "editor"
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)
    return {"EDITOR": str(path), "VISUAL": ""}


def test_nor_is_it_in_what_policies_programs_rollouts_editors_and_formatters_say(person, canaries):
    """Each of them says all that it is told, and what is wrong with it."""
    site, said = person.site, []

    def froyo(*words, **more):
        done = person.froyo(*words, status=None, **more)
        said.append(done.stdout + done.stderr)
        return done

    froyo("apply", site)
    (site / "policies").mkdir()
    (site / "policies/nosy.rego").write_text(NOSY)
    (site / "policies/nosy_admission.rego").write_text(NOSY_ADMISSION)
    (site / "nosy.star").write_text(NOSY_PROGRAM % person.machine)
    (site / "rollout.yaml").write_text(NOSY_ROLLOUT)
    (site / "sub/check.cue").write_text(NOSY_CONSTRAINT)
    wrong = froyo("plan", site, "-v")
    assert wrong.returncode == 1, wrong.stdout
    assert "check.cue" in wrong.stderr
    (site / "sub/check.cue").unlink()
    canaries.rotate("db")
    plan = person.base / "nosy.plan"
    asked = froyo("plan", site, "-v", "-o", "json", "--out", plan)
    assert "File/nosy" in asked.stdout
    assert "a policy wants it approved" in asked.stdout or "require_approval" in asked.stdout, asked.stdout
    for words in (
        ("plan", site, "-v"),
        ("apply", site, "-v"),
        ("apply", "--plan", plan, "-v"),
        ("approve", site),
        ("approve", "File/conf"),
        ("rollout", "status", "-o", "json"),
        ("rollout", "status", "all"),
        ("rollout", "promote", "all"),
        ("rollout", "abort", "all"),
        ("policy", "test", site),
        ("policy", "check", site, "-o", "json"),
        ("policy", "fmt", site),
        ("fmt", "--check", site),
        ("fmt", site),
        ("schema", "export", site),
        ("cue", "export", site),
        ("secrets", "recipients", site),
        ("secrets", "rotate", "--check", site),
        ("secrets", "rotate", "--check", site, "-r", canaries.public, "-o", "json"),
        ("secrets", "rotate", site, "-r", canaries.public),
        ("migrate", "to-cluster", site, "--into", person.base / "objects"),
        ("facts", "-o", "json"),
        ("audit", "-o", "json"),
        ("validate", site, "-o", "json"),
    ):
        froyo(*words)
    vars_ = site / "sub/vars.yaml"
    for script in (
        'cat "$1" >/dev/null; exit 3',
        'echo "AGE[" >>"$1"',
        'rm "$1"',
        "kill -9 $$",
        f"echo '# x' >>\"$1\"; echo >>{vars_}",
    ):
        edited = froyo("secrets", "edit", vars_, "-r", canaries.public, **failing_editor(person, script))
        assert edited.returncode == 1, (script, edited.stdout)
    for words in (
        ("decrypt", vars_, "-i", site / "sub/vars.yaml"),
        ("edit", site),
        ("rotate", vars_, "-i", plan),
    ):
        assert froyo("secrets", *words).returncode == 1
    (person.base / "editor").unlink()
    canaries.look("\n".join(said), everything_said(person))
