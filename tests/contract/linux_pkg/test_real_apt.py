"""The package linux.pkg with the real runner, the real apt and the real dpkg, on a host of the lab."""

import asyncio
import hashlib
import os
import shutil
from collections import defaultdict

import pytest

from reconciler.model.blob import Blob
from reconciler.model.calls import Call, Failure, Ok
from reconciler.model.names import Digest, TargetName
from reconciler.model.target import SshTransport, Target
from reconciler.plugins.calls import Phase
from reconciler.plugins.packages import load_packages, needs
from reconciler.runtime import Runtime, ThreadLanes
from reconciler.targets.connect import make_connect
from reconciler.targets.session import Session
from tests.contract.linux_pkg.memory import PACKAGE
from tests.gnupg import gnupg
from tests.sim.native import NativeHost

pytestmark = pytest.mark.lab
HOLDS = """
use Fcntl;
open(F, ">", "/var/lib/dpkg/lock-frontend") or die $!;
my $lock = pack("s s l! l! i", F_WRLCK, 0, 0, 0, 0);
fcntl(F, F_SETLK, $lock) or die $!;
$| = 1;
print "held\\n";
<STDIN>;
"""
JOURNAL = """Package: lab-app
Status: install ok unpacked
Architecture: all
Maintainer: lab <lab@localhost>
Version: 1.0
Description: a package for tests
"""
OURS = "lab-app lab-broken jq libjq1 libonig5 tree hello cowsay sl"
CLEAN = f"""
dpkg-query -W -f '${{Status}}\\n' {OURS} 2>/dev/null | grep -qv not-installed || exit 0
apt-mark unhold {OURS}; apt-get purge -y -q {OURS}; rm -rf /etc/lab-app.conf* /srv/signed
"""


class Site:
    """What is declared of a host's packages, with a session to it."""

    def __init__(self, session, host):
        packages = load_packages([PACKAGE])
        self.plugins = NativeHost(
            packages, grants=needs(packages), audit=lambda *told: pytest.fail(str(told))
        )
        self.session, self.host, self.bodies = session, host, {}

    async def perform(self, calls):
        grouped = defaultdict(list)
        for place, call in enumerate(calls):
            grouped[call.name].append(place)
        for digest, content in self.bodies.items():
            await self.session.send_blob(Blob(digest, len(content), lambda content=content: content))
        replies = [None] * len(calls)
        for name, places in grouped.items():
            done = await self.session.command(name, [dict(calls[place].args) for place in places], timeout=60)
            for place, reply in zip(places, done, strict=True):
                assert isinstance(reply, Ok | Failure)
                replies[place] = reply
        return replies

    async def run(self, phase, **request):
        return await self.plugins.run("linux.pkg", phase, {"target": {"name": "h1"}, **request}, self.perform)

    def package(self, name, **spec):
        return self.resource("Package", name, package=name, **spec)

    def resource(self, kind, name, **spec):
        return {"address": f"h1/{kind}/{name}", "kind": kind, "name": name, "spec": spec}

    async def plan(self, *resources):
        actual = (await self.run(Phase.READ, resources=list(resources)))["actual"]
        assert [one for one in actual if "fault" in one] == []
        planned = await self.run(Phase.PLAN, resources=list(resources), actual=actual)
        return planned["operations"]

    async def put_right(self, *resources):
        planned = [
            one for one in await self.plan(*resources) if one["action"] != "none" and not one.get("obstacles")
        ]
        return (await self.run(Phase.APPLY, operations=planned))["results"] if planned else []

    async def exec(self, command, *, check=True):
        return await asyncio.to_thread(self.host.exec, command, check=check)

    async def version(self, name):
        return await self.exec(f"dpkg-query -W -f '${{Version}}' {name}", check=False)


@pytest.fixture
async def site(lab, tmp_path):
    host = lab.host("h1")
    host.exec(CLEAN, check=False)
    lanes = ThreadLanes()
    runtime = Runtime(connect=make_connect(state=tmp_path, offload=lanes, environ=os.environ), offload=lanes)
    transport = SshTransport(
        host=host.address, user="root", identity_file=str(lab.identity_file), known_hosts=str(lab.known_hosts)
    )
    target = Target(TargetName("h1"), {}, transport, Digest("sha256:0"))
    session = await Session.open(target, runtime=runtime, on_event=lambda _: None)
    yield Site(session, host)
    await session.close()
    lanes.close()
    host.exec(CLEAN, check=False)


def diffs(operation):
    return {one["field"]: (one["before"], one["after"]) for one in operation["diffs"]}


async def test_packages_come_in_the_versions_that_the_plan_shows_and_go_again(site):
    before = await site.exec("ls -l --time-style=full-iso /var/lib/dpkg /var/cache/apt /var/lib/apt")
    jq, app = site.package("jq"), site.package("lab-app", version="<2", hold=True)
    first, second = await site.plan(jq, app)
    shown = diffs(first)["version"][1]
    assert [text.split()[:2] for text in diffs(first)["brings"][1]] == [
        ["install", "libonig5"],
        ["install", "libjq1"],
    ]
    assert diffs(second) == {"version": (None, "1.0"), "hold": (False, True)}
    assert await site.exec("ls -l --time-style=full-iso /var/lib/dpkg /var/cache/apt /var/lib/apt") == before
    assert [one["changed"] for one in await site.put_right(jq, app)] == [True, True]
    assert (await site.version("jq"), await site.version("lab-app")) == (shown, "1.0")
    assert [one["action"] for one in await site.plan(jq, app)] == ["none", "none"]
    assert await site.exec("apt-mark showhold") == "lab-app"
    # Somebody changed its configuration: that stays.
    await site.exec("echo '# mine' >>/etc/lab-app.conf")
    newer = site.package("lab-app", state="latest", hold=True)
    assert diffs((await site.plan(newer))[0]) == {"version": ("1.0", "2.0")}
    [result] = await site.put_right(newer)
    assert "Keeping old config file" in result["output"]
    [actual] = (await site.run(Phase.READ, resources=[newer]))["actual"]
    assert actual["remark"].endswith("/etc/lab-app.conf (/etc/lab-app.conf.dpkg-dist)")
    assert await site.exec("tail -n 1 /etc/lab-app.conf") == "# mine"
    # A library that another needs.
    [held] = await site.plan(site.package("libonig5", state="absent"))
    assert held["obstacles"][0]["message"].startswith("it would remove ")
    gone = [
        site.package(name, state="purged", hold=False) for name in ("jq", "libonig5", "libjq1", "lab-app")
    ]
    assert [one["changed"] for one in await site.put_right(*gone)] == [True] * 4
    assert [one["action"] for one in await site.plan(*gone)] == ["none"] * 4


async def test_a_script_that_fails_and_a_lock_that_is_held_are_told_of(site):
    tree, broken = site.package("tree"), site.package("lab-broken")
    config = os.path.join(os.environ.get("LAB_DIR", "/var/tmp/froyo-lab"), "ssh_config")
    holder = await asyncio.create_subprocess_exec(
        *("ssh", "-F", config, "-l", "root", "h1", f"perl -e '{HOLDS}'"),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
    )
    assert await holder.stdout.readline() == b"held\n"
    [waits] = await site.put_right(tree)
    assert waits["fault"]["class"] == "throttled"
    assert waits["fault"]["message"].startswith("perl (process ")
    holder.stdin.close()
    await holder.wait()
    good, bad = await site.put_right(tree, broken)
    assert good["changed"]
    assert bad["fault"]["message"].startswith(
        "apt-get failed (exit status 100), and lab-broken is half-configured:\n"
    )
    assert "lab-broken: this package always fails" in bad["fault"]["message"]
    await site.put_right(site.package("lab-broken", state="purged"))
    assert await site.version("lab-broken") == ""


async def test_dpkg_that_was_cut_off_is_carried_through_before_anything_else(site):
    # As a kill leaves it: the journal says how far that was.
    await site.exec(
        f"dpkg --unpack /srv/apt/lab-app_1.0_all.deb; printf '%s' '{JOURNAL}' >/var/lib/dpkg/updates/0001"
    )
    assert "dpkg was interrupted" in await site.exec("apt-get install -y tree 2>&1", check=False)
    results = await site.put_right(site.package("lab-app"), site.package("tree"))
    assert [one.get("changed") for one in results] == [True, True]
    assert await site.exec("dpkg --audit; ls /var/lib/dpkg/updates") == ""


RELEASE = """
cd /srv/signed && cp /srv/apt/Packages . && cp /srv/apt/lab-daemon_1.0_all.deb . &&
printf 'Origin: lab\\nDate: %s\\nSHA256:\\n %s %s Packages\\n' "$(date -Ru | sed 's/+0000/UTC/')" \\
    "$(sha256sum <Packages | cut -d' ' -f1)" "$(stat -c %s Packages)"
"""


@pytest.fixture
def gpg():
    with gnupg() as one:
        yield one


@pytest.mark.skipif(shutil.which("gpg") is None, reason="there is no gpg here, which would sign a repository")
async def test_a_signed_repository_offers_its_packages_once_its_key_is_there(site, gpg):
    gpg.run("--quick-generate-key", "lab", "ed25519", "sign", "never")
    await site.exec(
        "mkdir -p /srv/signed; rm -f /etc/apt/sources.list.d/signed.sources /etc/apt/keyrings/signed.asc"
    )
    release = (await site.exec(RELEASE)).encode() + b"\n"
    (site.host.path / "srv/signed/InRelease").write_bytes(gpg.run("--clearsign", stdin=release))
    key = gpg.run("--armor", "--export")
    digest = "sha256:" + hashlib.sha256(key).hexdigest()
    site.bodies[digest] = key
    where = {"repository": "signed", "uris": ["file:/srv/signed"], "suites": ["./"]}
    unsigned = site.resource("Repository", "signed", **where)
    [refused] = await site.put_right(unsigned)
    assert "not signed" in refused["fault"]["message"] or "NO_PUBKEY" in refused["fault"]["message"]
    signed = site.resource("Repository", "signed", **where, body={"digest": digest, "size": len(key)})
    assert [one["changed"] for one in await site.put_right(signed)] == [True]
    assert "file:/srv/signed" in await site.exec("apt-cache policy lab-daemon")
    assert [one["action"] for one in await site.plan(signed)] == ["none"]
    gone = site.resource("Repository", "signed", repository="signed", state="absent")
    [operation] = await site.plan(gone)
    assert [one["call"] for one in operation["calls"]] == ["file.remove", "file.remove"]
    for call in operation["calls"]:
        assert isinstance((await site.perform([Call(call["call"], call["args"])]))[0], Ok)
    assert "file:/srv/signed" not in await site.exec("apt-cache policy lab-daemon")


async def test_a_package_comes_from_a_file_that_is_what_it_is_said_to_be(site):
    content = (site.host.path / "srv/apt/lab-app_1.0_all.deb").read_bytes()
    body = {"digest": "sha256:" + hashlib.sha256(content).hexdigest(), "size": len(content)}
    site.bodies[body["digest"]] = content
    wrong, right = (site.package("lab-app", version=version, body=body) for version in ("1.1", "1.0"))
    [refused] = await site.put_right(wrong)
    assert refused["fault"]["message"] == "what is to be installed is not lab-app 1.1"
    assert diffs((await site.plan(right))[0]) == {"version": (None, "1.0")}
    assert [one["changed"] for one in await site.put_right(right)] == [True]
    assert await site.version("lab-app") == "1.0"
    assert [one["action"] for one in await site.plan(right)] == ["none"]
    assert await site.exec("ls /var/cache/froyo") == ""
