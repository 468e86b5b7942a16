"""The short way of `apply` says "nothing to do" only where the long way would: every reason not to is looked at."""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
import sqlite3
import time
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest

from reconciler.app import evaluating, once, quick
from reconciler.app.assembly import assemble
from reconciler.app.places import places
from reconciler.app.quick import InSync
from reconciler.app.stamps import stamp
from reconciler.engine.round.progress import Progress
from reconciler.model.source import DirectoryPlace
from reconciler.model.state import Suspension
from reconciler.store.batch import Batch
from watchers.fingerprint import fingerprint

ROOT = Path(__file__).resolve().parents[3]
BUILT = ROOT / "reconciler" / "_artifacts"
PATIENCE = 60.0
MANIFESTS = """\
apiVersion: froyo.dev/v1alpha1
kind: Target
metadata: {name: here}
spec: {local: {}}
---
apiVersion: linux.froyo.dev/v1alpha1
kind: File
metadata: {name: motd}
spec: {target: here, path: "@/motd", content: "hello\\n"}
"""


class Site:
    """A directory that is applied for real: a real store, the real runner, the built-in package."""

    def __init__(self, base):
        self.base = base
        self.source, self.machine = base / "site", base / "machine"
        self.source.mkdir()
        self.machine.mkdir()
        self.environ = {
            **os.environ,
            "HOME": str(base),
            "FROYO_STATE": str(base / "state"),
            "FROYO_CACHE": str(ROOT / "build" / "provider-cache"),
        }
        self.places = places(self.environ)
        self.write(MANIFESTS)
        self.own = self.places.packages[-1] / "acme.thing"
        shutil.copytree(BUILT / "providers" / "linux.file", self.own)
        for path in self.own.rglob("*.yaml"):
            path.write_text(path.read_text().replace("linux.f", "acme.f"))
        self.places.state.chmod(0o700)
        self.places.grants.write_text("{}")

    def write(self, text):
        (self.source / "site.yaml").write_text(text.replace("@", str(self.machine)))

    def settle(self):
        """Until another change is sure to show in a ctime."""
        until = time.monotonic() + PATIENCE
        while not all(
            seen.startswith("sha256:")
            for seen in (fingerprint(str(self.source)), stamp(self.places, self.environ))
        ):
            assert time.monotonic() < until

    def apply(self):
        self.settle()
        asyncio.run(self._apply())

    async def _apply(self):
        async with assemble(self.places, self.environ, lease=True, notice=str) as parts:
            evaluated = await evaluating.evaluate(parts, DirectoryPlace(str(self.source)))
            await once.apply(parts, evaluated, progress=Progress(), notice=str)

    async def record(self, batch):
        async with assemble(self.places, self.environ, lease=True, notice=str) as parts:
            await parts.store.write(batch)

    def look(self, **environ):
        return quick.look(str(self.source), self.places, {**self.environ, **environ})


@pytest.fixture
def site(tmp_path):
    if not (BUILT / "python-runtime.wasm").exists():
        pytest.skip("the artefacts are not built: make build")
    found = Site(tmp_path)
    found.apply()
    assert found.look() == InSync(1, 1, revision(found))
    return found


def revision(site):
    """The revision that is in force, from the store."""
    with contextlib.closing(sqlite3.connect(site.places.database)) as database:
        return database.execute("SELECT revision FROM snapshots ORDER BY id DESC").fetchone()[0]


def change_own_plugin(site):
    with (site.own / "plugin.py").open("a") as file:
        file.write("\n# another one\n")


def change_own_plugin_in_place(site):
    """The size and the time of the last change are what they were."""
    plugin = site.own / "plugin.py"
    before = plugin.stat()
    plugin.write_bytes(plugin.read_bytes()[::-1])
    os.utime(plugin, ns=(before.st_atime_ns, before.st_mtime_ns))


def add_a_package(site):
    (site.own.parent / "acme.other").mkdir()


def remove_a_package(site):
    shutil.rmtree(site.own)


def revoke_a_grant(site):
    site.places.grants.write_text('{"linux.file": []}')


def remove_the_grants(site):
    site.places.grants.unlink()


def keep_less(site):
    site.places.retention.write_text("not even JSON")


def change_a_manifest(site):
    site.write(MANIFESTS.replace("hello", "HELLO"))


def change_the_machine(site):
    (site.machine / "motd").write_text("spoiled\n")


def suspend(site):
    wish = Suspension(object="here/File/motd", by="me", reason="because", since=1.0)
    asyncio.run(site.record(Batch().suspend(wish)))


def resume(site):
    asyncio.run(site.record(Batch().resume("here/File/motd")))


def be_another_version(site):
    rewrite(site, b'"version":"', b'"version":"0')


def be_another_format(site):
    rewrite(site, f'"format":{quick.FORMAT}'.encode(), b'"format":1')


def rewrite(site, old, new):
    with contextlib.closing(sqlite3.connect(site.places.database)) as database:
        (document,) = database.execute("SELECT document FROM warm").fetchone()
        assert old in document
        database.execute("UPDATE warm SET document = ?", [document.replace(old, new)])
        database.commit()


def lose_the_store(site):
    site.places.database.unlink()


def let_others_write_to_the_state(site):
    site.places.state.chmod(0o777)


def let_others_write_to_the_store(site):
    site.places.database.chmod(0o666)


@pytest.mark.parametrize(
    "change",
    [
        let_others_write_to_the_state,
        let_others_write_to_the_store,
        change_own_plugin,
        change_own_plugin_in_place,
        add_a_package,
        remove_a_package,
        revoke_a_grant,
        remove_the_grants,
        keep_less,
        change_a_manifest,
        change_the_machine,
        suspend,
        resume,
        be_another_version,
        be_another_format,
        lose_the_store,
    ],
)
def test_nothing_is_said_after(site, change):
    change(site)
    with contextlib.suppress(AssertionError):
        site.settle()
    assert site.look() is None


def test_nothing_is_said_of_another_directory_or_for_another_home(site):
    assert quick.look(str(site.machine), site.places, site.environ) is None
    assert site.look(HOME="/elsewhere") is None


def test_nothing_is_said_with_other_artefacts(site, tmp_path):
    shutil.copytree(BUILT, tmp_path / "artifacts", ignore=shutil.ignore_patterns("*.wasm"))
    other = places({**site.environ, "FROYO_ARTIFACTS": str(tmp_path / "artifacts")})
    assert quick.look(str(site.source), other, site.environ) is None


def test_nothing_is_said_when_the_target_cannot_be_asked(site, monkeypatch):
    def refuse(*_, **__):
        raise OSError("no")

    monkeypatch.setattr("subprocess.Popen", refuse)
    assert site.look() is None


@pytest.mark.parametrize(("unchanged", "found"), [(True, InSync(1, 1, "")), (False, None)])
def test_targets_over_ssh_are_asked_too(site, monkeypatch, unchanged, found):
    """By sessions: what carries them needs an event loop anyway."""
    asked = []

    class Session:
        async def observe(self, _key, batch, digest):
            asked.append((batch, digest))
            return SimpleNamespace(unchanged=unchanged)

        async def close(self):
            asked.append("closed")

    async def open_(target, **_):
        asked.append(target.transport.host)
        return Session()

    monkeypatch.setattr("reconciler.targets.session.Session.open", open_)
    rewrite(site, b'"transport":"local","settings":{', b'"transport":"ssh","settings":{"host":"web-1",')
    looked = site.look()
    assert asked[0] == "web-1"
    assert asked[-1] == "closed"
    assert looked == (found and replace(found, revision=revision(site)))


def test_no_target_over_ssh_is_asked_when_the_source_has_changed(site, monkeypatch):
    monkeypatch.setattr("reconciler.targets.session.Session.open", None)
    rewrite(site, b'"transport":"local","settings":{', b'"transport":"ssh","settings":{"host":"web-1",')
    change_a_manifest(site)
    assert site.look() is None


def test_what_changes_while_it_is_applied_is_not_taken_for_what_was_applied(site, monkeypatch):
    site.write(MANIFESTS.replace("hello", "HELLO"))
    real = once.apply

    async def meanwhile(*arguments, **words):
        change_own_plugin(site)
        return await real(*arguments, **words)

    monkeypatch.setattr(once, "apply", meanwhile)
    site.apply()
    site.settle()
    assert (site.machine / "motd").read_text() == "HELLO\n"
    assert site.look() is None


def test_what_is_left_alone_is_no_reason_to_say_that_nothing_is_to_be_done(site):
    suspend(site)
    site.apply()
    assert site.look() is None


def test_a_stamp_of_what_has_only_just_changed_is_never_given_again(tmp_path):
    where = places({"FROYO_STATE": str(tmp_path)})
    (tmp_path / "packages").mkdir()
    changed = (tmp_path / "packages").stat().st_ctime_ns
    hurried = [stamp(where, {}, now=lambda at=changed + more: at) for more in (1, 2)]
    assert len(set(hurried)) == 2
    later = [stamp(where, {}, now=lambda at=changed + more: at) for more in (10**12, 10**13)]
    assert len(set(later)) == 1


def test_a_package_is_followed_to_where_it_is_worked_on_and_no_further_than_once_around(tmp_path):
    where = places({"FROYO_STATE": str(tmp_path / "state")})
    work = tmp_path / "work"
    work.mkdir()
    (work / "plugin.py").write_text("1")
    (work / "around").symlink_to(work)
    (work / "nowhere").symlink_to(tmp_path / "none")
    (tmp_path / "state" / "packages").mkdir(parents=True)
    (tmp_path / "state" / "packages" / "acme.thing").symlink_to(work)
    late = time.time_ns() + 10**12
    before = stamp(where, {}, now=lambda: late)
    assert before == stamp(where, {}, now=lambda: late)
    (work / "plugin.py").write_text("22")
    assert stamp(where, {}, now=lambda: late) != before


def test_a_link_to_itself_is_no_stamp(tmp_path):
    where = places({"FROYO_STATE": str(tmp_path)})
    (tmp_path / "packages").symlink_to(tmp_path / "packages")
    assert stamp(where, {}, now=lambda: 7).startswith("unreadable:7:")


def test_other_policies_are_another_stamp(tmp_path):
    where = places({"HOME": str(tmp_path)}, state=str(tmp_path / "state"))
    rules = tmp_path / "rules"
    rules.mkdir()
    environ = {"FROYO_POLICIES": str(rules)}
    later = time.time_ns() + 10**9
    before = stamp(where, environ, now=lambda: later)
    assert before == stamp(where, environ, now=lambda: later)
    (rules / "p.rego").write_text("package froyo.plan")
    later = time.time_ns() + 10**9
    assert stamp(where, environ, now=lambda: later) != before
    remote = {"FROYO_POLICIES": "https://git.example.com/rules.git"}
    assert stamp(where, remote, now=lambda: 1) != stamp(where, remote, now=lambda: 2)
