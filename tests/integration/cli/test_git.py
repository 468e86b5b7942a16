"""A repository in the place of a directory, on the command line: the same is declared, and revisions are commits."""

import json
import shutil

import pytest

from tests.integration.watchers.origins import Origin


@pytest.fixture
def origin(person):
    found = Origin(person.base / "origin")
    shutil.copytree(person.site, found.path / "site")
    found.commit({})
    return found


def named(origin):
    return ["--git", origin.path, "--path", "site"]


def test_the_same_is_declared_byte_by_byte_wherever_it_is_declared(person, origin):
    revision = f"main@sha1:{origin.git('rev-parse', 'HEAD')}"
    assert f"revision {revision}" in person.froyo("validate", *named(origin)).stdout
    by_directory, by_git = (person.json("plan", *where, status=2) for where in ([person.site], named(origin)))
    assert by_git.pop("revision") == revision
    by_directory.pop("revision")
    for plans in (by_directory, by_git):
        for plan in plans["items"]:
            plan.pop("revision")
            plan.pop("observedAt")
            for unit in plan["units"]:
                unit["declaredAt"] = unit["declaredAt"].removeprefix(f"{person.site}/")
    assert by_git == by_directory

    saved = person.base / "next.plan"
    person.froyo("plan", *named(origin), "--out", saved, status=2)
    told = person.froyo("apply", "--plan", saved, status=1).stderr
    assert "it was made from git+file://" in told
    person.froyo("apply", *named(origin), "--plan", saved)
    assert (person.machine / "etc/motd").read_text() == "hello\n"
    assert "nothing to do" in person.froyo("apply", *named(origin)).stdout
    assert "nothing to do" in person.froyo("diff", *named(origin)).stdout
    assert person.json("history")["items"][0]["revision"] == revision
    assert {one["history"][0]["revision"] for one in person.json("get")["items"]} == {revision}


def test_what_is_wrong_in_a_revision_is_told_with_its_place(person, origin):
    origin.commit({"site/bad.yaml": "apiVersion: froyo.dev/v1alpha1\nkind: Targte\n"})
    assert "bad.yaml:2" in person.froyo("validate", *named(origin), status=1).stdout
    assert "bad.yaml:2" in person.froyo("apply", *named(origin), status=1).stderr


def test_two_revisions_are_compared_by_their_commits(person, origin):
    first = origin.git("rev-parse", "HEAD")
    person.froyo("apply", *named(origin))
    files = (origin.path / "site/files.yaml").read_text()
    second = origin.commit({"site/files.yaml": files.replace("hello", "bye").replace('"0644"', '"0600"')})
    person.froyo("apply", *named(origin))
    third = origin.commit({"site/files.yaml": files.split("---")[0].replace('"0755"', '"0700"')})
    person.froyo("apply", *named(origin))

    status = person.json("diff", f"{first[:8]}..{second[:8]}", status=2)
    assert status["revision"] == f"main@sha1:{first}..main@sha1:{second}"
    (motd,) = (unit for unit in status["items"][0]["units"] if unit["action"] != "none")
    assert [one["field"] for one in motd["diffs"]] == ["mode", "body"]
    assert "bye" not in json.dumps(motd)  # with that mode it is nobody's business any more
    back = person.froyo("diff", f"main@sha1:{second}..main@sha1:{first}", "--target", "here", status=2)
    assert "1 to change" in back.stdout
    assert "1 to create" in person.froyo("diff", f"{third[:8]}..{first[:8]}", status=2).stdout
    assert "+hello" in person.froyo("diff", f"{third[:8]}..{first[:8]}", status=2).stdout
    gone = person.froyo("diff", f"{first[:8]}..{third[:8]}", status=2).stdout
    assert "1 to change" in gone
    assert person.froyo("diff", f"{first[:8]}..{first[:8]}").returncode == 0
    assert "there is no revision 0000" in person.froyo("diff", f"0000..{first[:8]}", status=1).stderr
    assert "--source is about two revisions" in person.froyo("diff", "--source", "x", status=1).stderr


def test_a_revision_that_never_was_in_force_is_fetched_for_a_rollback_and_pinned(person, origin):
    files = (origin.path / "site/files.yaml").read_text()
    early = origin.commit({"site/files.yaml": files.replace("hello", "early")})
    origin.git("tag", "v1")
    broken = origin.commit({"site/files.yaml": "a: [\n"})
    late = origin.commit({"site/files.yaml": files.replace("hello", "late")})
    motd = person.machine / "etc/motd"
    shutil.rmtree(person.site)
    person.site.mkdir()
    source = (
        "apiVersion: froyo.dev/v1alpha1\nkind: Source\nmetadata: {name: fleet}\n"
        f"spec: {{git: {{url: {origin.path}, path: site}}, interval: 1h}}\n"
    )
    (person.site / "source.yaml").write_text(source)
    name = f"git+file://{origin.path}//site"
    back = ("--source", name, "--reason", "trying")
    with person.up():
        person.until(lambda: motd.exists() and motd.read_text() == "late\n")
        assert "rolled back" in person.froyo("rollback", early, *back, "--for", "1h").stdout
        person.until(lambda: motd.read_text() == "early\n")
        [view] = [one for one in person.json("get", "sources")["items"] if one["name"] == name]
        assert (view["rollback"]["revision"], view["rollback"]["reason"]) == (f"sha1:{early}", "trying")
        # The newest stays the newest, and what is fetched is older than all that is kept.
        kept = {one["revision"]: one["newest"] for one in person.json("get", "revisions")["items"]}
        assert kept[f"main@sha1:{late}"]
        assert not kept[f"sha1:{early}"]
        person.froyo("rollback", "--end", "--source", name)
        person.until(lambda: motd.read_text() == "late\n")
        person.froyo("rollback", "v1", *back)
        person.until(lambda: motd.read_text() == "early\n")
        for written, why in (
            (broken, "cannot be in force: files.yaml:1"),
            ("0" * 40, "cannot be had: "),
            ("v9", "it is neither a tag of the repository, nor the digits of a commit"),
        ):
            assert why in person.froyo("rollback", written, *back, status=1).stderr
        assert motd.read_text() == "early\n"
    # Without a daemon, nobody knows how the repository is reached.
    assert "there is no revision" in person.froyo("rollback", "0" * 40, *back, status=1).stderr


def test_two_branches_are_compared_before_either_is_in_force(person, origin):
    files = (origin.path / "site/files.yaml").read_text()
    origin.git("checkout", "--quiet", "-b", "feature/bye")
    origin.commit({"site/files.yaml": files.replace("hello", "bye")})
    told = person.froyo("diff", *named(origin), "main..feature/bye", status=2).stdout
    assert "-hello" in told
    assert "+bye" in told
    assert "nothing" in person.froyo("diff", *named(origin), "main..main").stdout
    origin.commit({"site/files.yaml": "a: [\n"})
    broken = person.froyo("diff", *named(origin), "main..feature/bye", status=1).stderr
    assert "does not evaluate: files.yaml:1" in broken
    assert "it has no branch none" in person.froyo("diff", *named(origin), "main..none", status=1).stderr


@pytest.mark.parametrize(
    ("words", "why"),
    [
        (["--ref", "main"], "--ref is about a repository; name it with --git URL"),
        (["site", "--git", "/r"], "site and --git both name a source"),
        (["--git", "https://u:p4ss@h/r"], "--git: url: a password does not belong in a URL"),
        (["--git", "/r", "--git-with", "foo=1"], "--git-with takes KEY=VALUE"),
        (["--git", "/r", "--git-with", "timeout"], "--git-with takes KEY=VALUE"),
        (["--git", "/r", "--git-with", "identityFrom=none"], "there is no file "),
        (
            ["--git", "/r", "--git-with", "identityFrom=a", "--git-with", "identityFile=b"],
            "identityFrom: identityFrom and identityFile do not go together; keep one",
        ),
        (["--git", "/r", "--git-with", "of=tree"], "--git-with of takes commit or tag"),
        (["--git", "/r", "--git-with", "of=commit"], "--git-with of says what is signed; name the keys"),
        (["--git", "/r", "--git-with", "interval=soon"], "--git-with interval: soon is no time"),
        (["--git", "/nowhere", "--git-with", "timeout=10s"], "the source cannot be read: /nowhere"),
    ],
)
def test_a_repository_that_is_named_wrongly_is_told(person, words, why):
    said = person.froyo("validate", *words, status=1).stderr
    assert why in said
    assert "p4ss" not in said


def test_a_source_in_a_directory_serves_a_repository_and_a_webhook_needs_its_secret(person, origin):
    (person.site / "files.yaml").unlink()
    (person.site / "target.yaml").unlink()
    source = (
        "apiVersion: froyo.dev/v1alpha1\nkind: Source\nmetadata: {name: fleet}\n"
        f"spec: {{git: {{url: {origin.path}, path: site, ref: {{branch: main}}}}, interval: 1s}}\n"
    )
    (person.site / "source.yaml").write_text(source)
    said = person.froyo("up", person.site, "--webhook-listen", "0", status=1).stderr
    assert "a webhook needs both" in said
    said = person.froyo(
        "up", person.site, "--webhook-listen", "0", "--webhook-secret", "none", status=1
    ).stderr
    assert "--webhook-secret: there is no file" in said
    motd = person.machine / "etc/motd"
    with person.up():
        person.until(lambda: motd.exists() and motd.read_text() == "hello\n")
        names = {one["name"]: one["revision"] for one in person.json("get", "sources")["items"]}
        git = f"git+file://{origin.path}//site"
        assert names[git] == f"main@sha1:{origin.git('rev-parse', 'HEAD')}"
        # Another ref is another revision of the same source.
        files = (origin.path / "site/files.yaml").read_text()
        origin.git("checkout", "--quiet", "-b", "next")
        origin.commit({"site/files.yaml": files.replace("hello", "next")})
        (person.site / "source.yaml").write_text(source.replace("branch: main", "branch: next"))
        person.until(lambda: motd.read_text() == "next\n")
        shutil.rmtree(origin.path)
        person.until(lambda: "cannot be read" in json.dumps(person.json("get", "sources")))
        assert motd.read_text() == "next\n"
    with person.up():
        # Nothing can be fetched, and what was in force is so all the same.
        person.until(lambda: git in json.dumps(person.json("get", "sources")))
        motd.write_text("spoiled\n")
        person.until(lambda: motd.read_text() == "next\n")


def test_a_person_has_it_fetched_at_once(person, origin):
    """Who had pushed waited for the next look, or set up a webhook."""
    files = (origin.path / "site/files.yaml").read_text()
    motd = person.machine / "etc/motd"
    shutil.rmtree(person.site)
    person.site.mkdir()
    (person.site / "source.yaml").write_text(
        "apiVersion: froyo.dev/v1alpha1\nkind: Source\nmetadata: {name: fleet}\n"
        f"spec: {{git: {{url: {origin.path}, path: site}}, interval: 1h}}\n"
    )
    with person.up():
        person.until(motd.exists)
        for words in ((), (f"git+file://{origin.path}//site",)):
            origin.commit({"site/files.yaml": files.replace("hello", f"pushed {len(words)}")})
            assert "and the sources" in person.froyo("reconcile", *words).stdout
            person.until(lambda words=words: motd.read_text() == f"pushed {len(words)}\n")


def test_a_repository_in_the_place_of_a_directory_is_told(person, origin):
    for command in ("plan", "apply", "validate", "up"):
        said = person.froyo(command, f"git+file://{origin.path}", status=1).stderr
        assert f"is a repository, and no directory; name it with: --git file://{origin.path}" in said
    assert "name it with: --git git@h:x.git" in person.froyo("apply", "git@h:x.git", status=1).stderr
