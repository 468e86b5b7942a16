"""A secret is on its target where it belongs, and in no other place: not in what is said, and not in what is kept.

Each is random, and looked for as it is, in base64, in hex and as a URL spells it, byte by byte in all that there is
below a person's directory, the database with its log included.
"""

import base64
import http.server
import json
import os
import secrets
import shutil
import stat
import subprocess
import threading
from pathlib import Path
from urllib.parse import quote

import pytest

VARS = """\
apiVersion: froyo.dev/v1alpha1
kind: Vars
metadata: {name: site}
spec:
  targets: {}
  values:
    db: {user: app, password: {secret: {file: %(db)s}}}
    url: "pg://${vars.db.user}:${vars.db.password}#db/"
    token: {secret: {file: token}}
"""
FILES = """\
apiVersion: linux.froyo.dev/v1alpha1
kind: File
metadata: {name: conf}
spec: {target: here, path: "@/conf", content: "url = ${vars.url}\\n"}
---
apiVersion: linux.froyo.dev/v1alpha1
kind: File
metadata: {name: rendered}
spec: {target: here, path: "@/rendered", mode: "0640", template: true, content: "{{ vars.db.password }}\\n"}
---
apiVersion: linux.froyo.dev/v1alpha1
kind: Block
metadata: {name: block}
spec: {target: here, path: "@/shared", create: true, marker: db, content: "password ${vars.db.password}\\n"}
---
apiVersion: linux.froyo.dev/v1alpha1
kind: Line
metadata: {name: line}
spec: {target: here, path: "@/shared", line: "token ${vars.token}", match: "^token ", require: [Block/block]}
---
apiVersion: linux.froyo.dev/v1alpha1
kind: Exec
metadata: {name: leak}
spec:
  target: here
  argv: [sh, -c, 'echo "it is $TOKEN"; echo "$TOKEN" | base64; printf %%s "$TOKEN" > @/used; exit ${vars.exit}']
  environment: {TOKEN: "${vars.token}"}
  unless: [sh, -c, 'test "$(cat @/used)" = "$TOKEN"']
---
apiVersion: froyo.dev/v1alpha1
kind: Vars
metadata: {name: exit}
spec: {targets: {}, values: {exit: %(exit)d}}
"""
REFUSED = """\
apiVersion: linux.froyo.dev/v1alpha1
kind: File
metadata: {name: refused}
spec: {target: here, path: "@/refused", content: "${vars.token}", validate: [sh, -c, 'cat "$0"; exit 3', "%s"]}
"""
PROBE = """\
apiVersion: probe.froyo.dev/v1alpha1
kind: HttpProbe
metadata: {name: api}
spec:
  target: here
  url: http://127.0.0.1:%(port)d/
  headers: {Authorization: "Bearer ${vars.token}"}
  contains: ["%(contains)s"]
  within: 1
"""
HELD = ("conf", "rendered", "shared", "used")


class Secrets:
    """The secrets of a person, all that ever were."""

    def __init__(self, person):
        self.person = person
        self.all = []
        (person.state / "secrets").mkdir(parents=True, mode=0o700)
        person.state.chmod(0o700)
        self.files = {"db": person.base / "db", "token": person.state / "secrets" / "token"}
        for name in self.files:
            self.rotate(name)

    def rotate(self, name):
        """Another value, with something in it that is spelled otherwise in most places."""
        value = f'{secrets.token_hex(6)}/"+&{secrets.token_hex(6)}'
        self.all.append(value)
        fresh = self.files[name].with_suffix(".new")
        fresh.write_text(f"{value}\n")
        fresh.chmod(0o600)
        fresh.rename(self.files[name])
        return value

    def forms(self):
        for value in self.all:
            raw = value.encode()
            yield from (raw, raw.hex().encode(), quote(value, "").encode(), json.dumps(value)[1:-1].encode())
            for offset in range(3):
                whole = base64.b64encode(b"\0" * offset + raw)
                yield whole[(0, 2, 3)[offset] : -4]

    def found_in(self, content):
        return [form for form in self.forms() if form in content]

    def look(self, *said):
        """See that they are nowhere but where they belong."""
        for text in said:
            assert not self.found_in(text.encode(errors="surrogateescape")), text
        homes = {*self.files.values(), *(self.person.machine / name for name in HELD)}
        for directory, _, names in os.walk(self.person.base):
            for path in {Path(directory, name) for name in names} - homes:
                if stat.S_ISREG(path.lstat().st_mode):
                    assert not self.found_in(path.read_bytes()), path


@pytest.fixture
def canaries(person):
    (person.site / "files.yaml").unlink()
    found = Secrets(person)
    declare(person)
    return found


def declare(person, *, status=0, more=""):
    person.write("vars.yaml", VARS % {"db": person.base / "db"})
    person.write("files.yaml", FILES % {"exit": status} + more)


def everything_said(person):
    """By every command that tells something."""
    plan = person.base / f"plan-{len(list(person.base.glob('plan-*')))}"
    commands = [
        ("validate", person.site),
        ("plan", person.site, "-v", "--out", plan),
        ("diff", person.site),
        ("diff", person.site, "-o", "json"),
        ("history", "-v"),
        ("history", "-o", "json"),
        ("events", "-v"),
        ("events", "-o", "json"),
        ("get", "-o", "json"),
        ("describe", "Exec/leak"),
        ("describe", "File/conf", "-o", "json"),
        ("describe", "Line/line", "-o", "yaml"),
        ("explain", "Exec.environment"),
        ("graph", person.site),
        ("status", "-o", "json"),
        ("audit", "-o", "json"),
        ("get", "revisions", "-o", "json"),
        ("backup", person.base / f"{plan.name}.backup"),
        ("doctor", "-o", "json"),
    ]
    found = [person.froyo(*arguments, status=None) for arguments in commands]
    return "\n".join(one.stdout + one.stderr for one in found)


def machine(person):
    return {name: (person.machine / name).read_text() for name in HELD if (person.machine / name).exists()}


def test_a_secret_is_nowhere_but_where_it_belongs(person, canaries):
    db, token = canaries.all
    said = [
        person.froyo("plan", person.site, "-v", status=2).stdout,
        person.froyo("apply", person.site, "-v").stdout,
    ]
    there = machine(person)
    assert (there["conf"], there["rendered"], there["used"]) == (
        f"url = pg://app:{db}#db/\n",
        f"{db}\n",
        token,
    )
    assert f"password {db}\n" in there["shared"]
    assert f"token {token}\n" in there["shared"]
    assert stat.S_IMODE((person.machine / "conf").stat().st_mode) == 0o600
    assert stat.S_IMODE((person.machine / "rendered").stat().st_mode) == 0o640
    again = person.froyo("apply", person.site)
    assert again.stdout == "nothing to do: 5 instances on 1 target are as declared\n"
    canaries.look(*said, again.stdout)

    # Another value: what reads it is changed and nothing else, and what it was before is nowhere any more.
    fresh = canaries.rotate("db")
    plan = person.json("plan", person.site, status=2)
    changed = {one["address"] for one in plan["items"][0]["units"] if one["action"] != "none"}
    assert changed == {"here/File/conf", "here/File/rendered", "here/Block/block"}
    canaries.look(json.dumps(plan), person.froyo("apply", person.site, "-v").stdout)
    assert machine(person)["conf"] == f"url = pg://app:{fresh}#db/\n"
    assert not any(db in text for text in machine(person).values())

    # Spoiled by hand, with the secret in what somebody wrote there.
    (person.machine / "conf").write_text(f"spoiled {fresh}\n")
    (person.machine / "shared").write_text(f"# {fresh}\nmine {db}\n")
    spoiled = person.froyo("plan", person.site, "-v", status=2).stdout
    assert "differs, and is sensitive: not shown" in spoiled
    canaries.look(spoiled, person.froyo("apply", person.site, "-v").stdout, everything_said(person))
    assert machine(person)["conf"] == f"url = pg://app:{fresh}#db/\n"


def test_what_was_there_before_is_adopted_or_replaced_and_not_kept(person, canaries):
    db, _ = canaries.all
    (person.machine / "conf").write_text(f"url = pg://app:{db}#db/\n")
    (person.machine / "conf").chmod(0o600)
    (person.machine / "rendered").write_text(f"old {db}\n")
    person.write(
        "plain.yaml", FILES.split("---", maxsplit=1)[0].replace("conf", "plain").replace("${vars.url}", "x")
    )
    (person.machine / "plain").write_text(f"password={db}\n")
    said = person.froyo("plan", person.site, "-v", status=2).stdout
    units = {one["address"]: one for one in person.json("plan", person.site, status=2)["items"][0]["units"]}
    assert units["here/File/conf"]["action"] == "none"
    said += person.froyo("apply", person.site, "-v").stdout
    assert (person.machine / "plain").read_text() == "url = x\n"
    canaries.look(said, everything_said(person))


@pytest.mark.parametrize("more", ["", "---\n" + REFUSED])
def test_what_fails_does_not_tell_of_it(person, canaries, more):
    declare(person, status=3, more=more)
    failed = person.froyo("apply", person.site, "-v", status=1)
    said = failed.stdout + failed.stderr
    assert "exit status 3" in said
    assert "it is [secret:" in said
    if more:
        assert "what it says is left out" in said
        assert not (person.machine / "refused").exists()
    canaries.look(said, everything_said(person))


def test_a_mistake_about_one_is_told_with_its_place_and_without_it(person, canaries):
    person.files = person.site / "bad.yaml"
    bad = FILES.split("---", maxsplit=1)[0].replace("conf", "bad")
    for wrong, message in (
        (bad.replace("@/bad", "@/${vars.token}"), "spec.path of a File takes no secret"),
        (bad.replace("${vars.url}", "${size(vars.token)}"), "can only be put in as it is"),
        (bad.replace("${vars.url}", "${vars.db.password.upperAscii()}"), "can only be put in as it is"),
    ):
        person.write("bad.yaml", wrong)
        failed = person.froyo("plan", person.site, status=1)
        assert message in failed.stderr
        assert "site/bad.yaml:4:" in failed.stderr
        canaries.look(failed.stdout + failed.stderr)
    person.files.unlink()
    for name, path in canaries.files.items():
        path.chmod(0o644)
        failed = person.froyo("plan", person.site, status=1)
        assert "site/vars.yaml:" in failed.stderr
        assert f"run: chmod 600 {path}" in failed.stderr, name
        canaries.look(failed.stdout + failed.stderr)
        path.chmod(0o600)
    canaries.files["db"].unlink()
    assert "there is no file" in person.froyo("plan", person.site, status=1).stderr


def test_a_daemon_notices_another_one_and_tells_nobody(person, canaries):
    conf, token = person.machine / "conf", canaries.files["token"]
    with person.up():
        person.froyo("wait", "--timeout", "60s")
        fresh = canaries.rotate("db")
        person.until(lambda: conf.read_text() == f"url = pg://app:{fresh}#db/\n")
        # What is ready is watched a moment later; by the end of another look it certainly is.
        person.froyo("reconcile", "--wait")
        token.chmod(0o644)
        person.until(lambda: "others can get at it" in person.froyo("get", "sources", "-o", "json").stdout)
        conf.write_text(f"spoiled {fresh}\n")
        person.until(lambda: conf.read_text() == f"url = pg://app:{fresh}#db/\n")
        token.chmod(0o600)
        person.until(
            lambda: "others can get at it" not in person.froyo("get", "sources", "-o", "json").stdout
        )
        canaries.look(everything_said(person), person.log)


@pytest.mark.skipif(
    os.geteuid() != 0 or not shutil.which("setpriv"), reason="only root has a right to give up"
)
def test_who_has_no_right_to_look_into_processes_begins_a_runner_all_the_same(person, canaries):
    """What kept memory out of core files had kept the runner from being begun by anybody but root."""
    less = ["setpriv", "--bounding-set=-sys_ptrace", "--inh-caps=-sys_ptrace"]
    done = subprocess.run(
        [*less, *person.command("apply", person.site)],
        capture_output=True,
        text=True,
        env=person.environ,
        check=True,
    )
    assert "4 created, 1 changed" in done.stdout
    canaries.look(done.stdout, done.stderr)


class Guarded(http.server.BaseHTTPRequestHandler):
    """Lets in who knows a secret, and tells everybody what they have said."""

    def do_GET(self):
        said = self.headers.get("Authorization", "")
        self.send_response(200 if said == self.server.wanted else 401)
        self.end_headers()
        self.wfile.write(f"you are {said}\n".encode())

    def log_message(self, *_args):
        pass


def test_a_probe_may_say_one_and_does_not_tell_of_it(person, canaries):
    value = canaries.rotate("token")
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Guarded) as server:
        server.wanted = f"Bearer {value}"
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            said = []
            for contains, status in (("you are", 0), ("nothing", 1)):
                probe = PROBE % {"port": server.server_port, "contains": contains}
                (person.site / "files.yaml").write_text(probe)
                done = person.froyo("apply", person.site, "-v", status=status)
                said += [
                    done.stdout,
                    done.stderr,
                    person.froyo("describe", "HttpProbe/api", "-o", "json").stdout,
                ]
        finally:
            server.shutdown()
            thread.join()
    assert "you are Bearer [secret:" in "".join(said)
    canaries.look(*said)


def test_the_example_is_valid_with_secrets_and_says_where_they_have_to_be_without(person):
    example = Path(__file__).parents[3] / "examples" / "secrets"
    place = person.state / "secrets"
    without = person.froyo("validate", example).stdout
    assert f"there is no file {place}/db: what it holds is not looked at" in without
    assert without.count("warning: ") == 4
    assert "there is no file" in person.froyo("plan", example, "--target", "shop-1", status=1).stderr
    place.mkdir(parents=True, mode=0o700)
    for name in ("db", "token-shop-1", "token-shop-2", "admin.hash"):
        (place / name).write_text(secrets.token_hex(12))
        (place / name).chmod(0o600)
    assert person.froyo("validate", example).stdout.startswith("valid: 12 instances on 2 targets")
    # Nothing is made where nothing is to be kept.
    assert not (person.state / "secrets.key").exists()


def test_a_saved_plan_holds_for_the_secrets_that_it_was_made_with(person, canaries):
    plan, other = person.base / "plan", person.base / "other"
    person.froyo("apply", person.site)
    assert canaries.all[0] in (person.machine / "conf").read_text()
    fresh = canaries.rotate("db")
    person.froyo("plan", person.site, "--out", plan, status=2)
    newer = canaries.rotate("db")
    person.froyo("plan", person.site, "--out", other, status=2)
    failed = person.froyo("apply", "--plan", plan, status=None)
    assert fresh not in (person.machine / "conf").read_text()
    canaries.look(failed.stdout + failed.stderr)
    person.froyo("apply", "--plan", other)
    assert newer in (person.machine / "conf").read_text()
    canaries.look()
