"""What gives nothing to group and others stays between its source and its target: no text of it is shown or kept.

The text of a file of mode 0600 stood in plans, histories, events and descriptions, and in the database with them.
"""

import secrets
import sqlite3
import stat

import pytest

FILE = """\
apiVersion: linux.froyo.dev/v1alpha1
kind: File
metadata: {{name: key}}
spec: {{target: here, path: "@/etc/key", {how}, content: "token={text}\\n"}}
"""


@pytest.fixture
def canaries():
    return [secrets.token_hex(12) for _ in range(4)]


def everything_said(person):
    """By every command that tells something."""
    saved = person.base / f"plan-{len(list(person.base.glob('plan-*')))}"
    commands = [
        ("plan", person.site, "--out", saved),
        ("diff", person.site, "-o", "json"),
        ("history", "-v"),
        ("history", "-o", "json"),
        ("events", "-v"),
        ("events", "-o", "json"),
        ("get", "-o", "json"),
        ("describe", "File/key"),
        ("describe", "File/key", "-o", "json"),
        ("status", "-o", "json"),
        ("audit", "-o", "json"),
        ("get", "revisions", "-o", "json"),
        ("get", "sources", "-o", "json"),
    ]
    found = [person.froyo(*arguments, status=None) for arguments in commands]
    return "\n".join(one.stdout + one.stderr for one in found)


def kept(person):
    """All that is kept below the state directory and in saved plans, but for the contents that can be had back."""
    texts = [path.read_text(errors="replace") for path in person.base.glob("plan-*")]
    copy = sqlite3.connect(person.state / "froyo.db")
    texts += [line for line in copy.iterdump() if not line.startswith('INSERT INTO "blobs"')]
    copy.close()
    return "\n".join(texts)


@pytest.mark.parametrize("how", ['mode: "0600"', "sensitive: true"])
def test_no_text_of_a_sensitive_content_is_shown_or_kept(person, canaries, how):
    first, second, spoiled, refused = canaries
    (person.machine / "etc").mkdir()
    key = person.machine / "etc" / "key"
    key.write_text(f"mine={spoiled}\n")
    said = []
    refusing = ', validate: [sh, -c, "cat $0; exit 3", "%s"]'
    for text, status, more in ((first, 0, ""), (second, 0, ""), (refused, 1, refusing)):
        person.write("key.yaml", FILE.format(text=text, how=how + more))
        said.append(everything_said(person))
        done = person.froyo("apply", person.site, "-v", status=status)
        said.append(done.stdout + done.stderr)
        if not status:
            assert key.read_text() == f"token={text}\n"
            key.write_text(f"spoiled={spoiled}\n")
            said.append(everything_said(person))
            done = person.froyo("apply", person.site)
            said.append(done.stdout + done.stderr)
    said.append(everything_said(person))
    for canary in canaries:
        assert canary not in "\n".join(said)
        assert canary not in kept(person)
    assert "content  differs, and is sensitive: not shown" in "\n".join(said)
    assert "what it says is left out" in "\n".join(said)


def test_a_content_that_is_said_to_be_none_of_a_secret_is_shown(person, canaries):
    text = canaries[0]
    person.write("key.yaml", FILE.format(text=text, how='mode: "0600", sensitive: false'))
    person.froyo("apply", person.site)
    (person.machine / "etc" / "key").write_text("other\n")
    assert f"+token={text}" in person.froyo("diff", person.site, status=2).stdout


def test_no_text_of_a_revision_that_is_rolled_back_to_is_shown_and_what_is_kept_of_it_is_its_owners_alone(
    person, canaries
):
    first, second, *_ = canaries
    large = "x" * 40_000  # a file of its own beside the database
    said = []
    for text in (first, second):
        person.write("key.yaml", FILE.format(text=text + large, how='mode: "0600"'))
        person.froyo("apply", person.site)
    [before, _] = [view["revision"] for view in person.json("get", "revisions")["items"]]
    done = person.froyo("rollback", before, "--dry-run", status=2)
    said += [done.stdout, done.stderr]
    done = person.froyo("rollback", before, "--reason", "the new one was refused")
    said += [done.stdout, done.stderr, everything_said(person)]
    done = person.froyo("apply", person.site, "-v")
    said += [done.stdout, done.stderr, everything_said(person)]
    assert f"token={first}" in (person.machine / "etc" / "key").read_text()
    for canary in (first, second):
        assert canary not in "\n".join(said)
        assert canary not in kept(person)
    files = [path for path in person.state.rglob("*") if path.is_file()]
    assert any(path.parent.parent.name == "blobs" for path in files)
    assert {stat.S_IMODE(path.stat().st_mode) for path in files} == {0o600}


def test_no_text_of_what_was_there_before_us_is_shown_when_it_is_put_back(person, canaries):
    theirs, ours, *_ = canaries
    (person.machine / "etc").mkdir()
    key = person.machine / "etc" / "key"
    key.write_text(f"mine={theirs}\n")
    key.chmod(0o600)
    person.write("key.yaml", FILE.format(text=ours, how='mode: "0600"'))
    said = [person.froyo("apply", person.site, "-v")]
    said.append(person.froyo("restore", "here/File/key", "--dry-run", status=2))
    said.append(person.froyo("restore", "here/File/key", "--reason", "theirs was right"))
    said.append(person.froyo("apply", person.site, "-v"))
    assert key.read_text() == f"mine={theirs}\n"
    assert key.stat().st_mode & 0o777 == 0o600
    told = "\n".join(one.stdout + one.stderr for one in said) + everything_said(person)
    for canary in (theirs, ours):
        assert canary not in told
        assert canary not in kept(person)
