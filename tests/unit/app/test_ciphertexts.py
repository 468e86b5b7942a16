"""Ciphertexts in a directory: whom they are for, encrypted anew, and edited where nobody else sees them."""

import os
import stat
import subprocess
import sys
from pathlib import Path

import pyrage
import pytest

from reconciler.age.blocks import blocks
from reconciler.age.identities import generated
from reconciler.age.recipients import Recipient, recipient
from reconciler.age.sealing import opened, sealed
from reconciler.app.ciphertexts import private_place as memory
from reconciler.app.ciphertexts import recipient_files, rotating
from reconciler.app.ciphertexts.editing import edit
from reconciler.app.ciphertexts.opened import opened_text
from reconciler.app.ciphertexts.private_place import private_place
from reconciler.errors import ConfigError, UsageError

ALICE, BOB = generated(), generated()
A, B = (recipient(one.public) for one in (ALICE, BOB))
SOPS = Path(__file__).parents[1] / "age" / "sops" / "values.enc.yaml"


def manifest(*values, recipients=(A,)):
    made = [sealed(value, recipients).replace("\n", "\n      ").rstrip() for value in values]
    return "".join(f"v{n}:\n  secret:\n    age: |\n      {one}\n" for n, one in enumerate(made)) + "# end\n"


@pytest.fixture
def site(tmp_path):
    (tmp_path / ".git").mkdir()
    made = tmp_path / "site"
    (made / "deep" / "er").mkdir(parents=True)
    (made / ".age-recipients").write_text(f"# alice\n{A.text}\n")
    (made / "vars.yaml").write_text(manifest(b"hunter2", b"hunter3"))
    (made / "vars.yaml").chmod(0o640)
    (made / "deep/er/tls.age").write_text(sealed(b"\x00\xff", [A], naming=False))
    (made / "plain.yaml").write_text("a: 1\n")
    (made / "bin").write_bytes(b"\xff\xfe\n")
    (made / "of.yaml").write_bytes(SOPS.read_bytes())
    (made / ".hidden.yaml").write_text(manifest(b"hidden"))
    (made / "link.yaml").symlink_to("vars.yaml")
    return made


def read_all(site):
    return {path: path.read_bytes() for path in site.rglob("*") if path.is_file()}


# --- Whom they are for ------------------------------------------------------------------------------------------------


def test_the_nearest_file_counts_up_to_the_top_of_a_repository(site):
    assert recipient_files.file_above(site / "deep/er/tls.age") == site / ".age-recipients"
    assert recipient_files.file_above(site / "deep") == site / ".age-recipients"
    (site / "deep/.age-recipients").write_text(f"{B.text}\n")
    assert recipient_files.wanted([], [], site / "deep/er/x") == [B]
    (site.parent.parent / ".age-recipients").touch()
    assert recipient_files.file_above(site.parent) is None
    assert recipient_files.file_above(site.parent / "nowhere/at/all") is None
    with pytest.raises(UsageError, match=r"it is for nobody: there is no \.age-recipients"):
        recipient_files.wanted([], [], site.parent)


def test_what_is_named_counts_instead(site, tmp_path):
    (tmp_path / "r").write_text(f"{A.text}\n")
    assert recipient_files.wanted([B.text, A.text], [str(tmp_path / "r")], site) == [A, B]
    (tmp_path / "b.pub").write_text(f"{B.text}\n")
    assert recipient_files.wanted([str(tmp_path / "b.pub")], [], site) == [B]
    for wrong, why in (("x.pub", "cannot be read"), ("hunter2", "is no recipient")):
        with pytest.raises(UsageError, match=why):
            recipient_files.parsed(wrong)
    for content, why in ((b"\xff", "this is no text"), (b"x\n", ":1: 'x' is no recipient")):
        (tmp_path / "r").write_bytes(content)
        with pytest.raises(UsageError, match=why):
            recipient_files.wanted([], [str(tmp_path / "r")], site)
    with pytest.raises(UsageError, match="the recipients cannot be read"):
        recipient_files.read(tmp_path / "nothing")


@pytest.mark.parametrize("make", [lambda one: one.symlink_to("nowhere"), Path.mkdir, os.mkfifo])
def test_those_above_do_not_count_where_the_nearest_cannot_be_read(site, make):
    """They may be more people, who had been given what was for the nearest alone."""
    make(site / "deep" / ".age-recipients")
    for call in (
        lambda: recipient_files.wanted([], [], site / "deep/er/x"),
        lambda: rotating.found_below([site / "deep"]),
    ):
        with pytest.raises(UsageError, match=r"deep/\.age-recipients: this is no file"):
            call()


def test_what_never_ends_is_not_read_for_ever(site, tmp_path):
    endless = Path("/dev/zero")
    for call in (
        lambda: recipient_files.read(endless),
        lambda: rotating.found_below([endless], [A]),
        lambda: edit(endless, [ALICE], [A], {"EDITOR": "true"}, never),
    ):
        with pytest.raises(UsageError, match=r"/dev/zero has more than \d MiB"):
            call()


def test_those_that_do_not_go_together_are_refused(site, monkeypatch):
    def refused(*_given, **_more):
        raise pyrage.EncryptError("Cannot encrypt to a recipient with labels 'postquantum'")

    monkeypatch.setattr(pyrage, "encrypt", refused)
    for call in (
        lambda: recipient_files.wanted([A.text, B.text], [], site),
        lambda: rotating.found_below([site]),
    ):
        with pytest.raises(UsageError, match=r"such recipients alone.*; keep them in a file of their own"):
            call()


def test_some_are_added_and_removed_and_the_rest_stays_as_it_is(tmp_path):
    path = tmp_path / ".age-recipients"
    assert recipient_files.add(path, [A], "alice") == [A]
    assert recipient_files.add(path, [A], "alice") == []
    path.write_text(path.read_text().rstrip("\n"))
    assert recipient_files.add(path, [A, B], "") == [B]
    assert path.read_text() == f"# alice\n{A.text}\n{B.text}\n"
    with pytest.raises(UsageError, match="nobody there is called 'alicia'; did you mean 'alice'"):
        recipient_files.remove(path, "alicia")
    assert recipient_files.remove(path, "alice") == [Recipient(A.text, "alice")]
    assert path.read_text() == f"{B.text}\n"
    with pytest.raises(UsageError, match="nobody would be left"):
        recipient_files.remove(path, B.text)
    path.write_text(f"# of the site\n\n{B.text}\n# x\n\n{A.text}\n")
    recipient_files.remove(path, A.text)
    assert path.read_text() == f"# of the site\n\n{B.text}\n# x\n\n"


# --- Anew -------------------------------------------------------------------------------------------------------------


def test_everything_is_encrypted_anew_for_those_who_are_recipients_now(site):
    before = read_all(site)
    recipient_files.add(site / ".age-recipients", [B], "bob")
    found = rotating.found_below([site])
    assert found.of_sops == [site / "of.yaml"]
    assert {file.path.name: file.others for file in found.files} == {
        "vars.yaml": 2,
        "tls.age": 1,
        ".hidden.yaml": 1,
    }
    assert rotating.rotate(found, [ALICE]) == 4
    after = read_all(site)
    changed = {path.name for path, content in after.items() if before[path] != content}
    assert changed == {".age-recipients", "vars.yaml", "tls.age", "link.yaml", ".hidden.yaml"}
    assert (site / "vars.yaml").stat().st_mode & 0o777 == 0o640
    for one in (ALICE, BOB):
        values = [opened(block.content, [one]) for block in blocks((site / "vars.yaml").read_text())]
        assert values == [b"hunter2", b"hunter3"]
        assert opened((site / "deep/er/tls.age").read_bytes(), [one]) == b"\x00\xff"
    assert (site / "deep/er/tls.age").read_text().startswith("-----BEGIN AGE")
    assert not any(file.others for file in rotating.found_below([site]).files)
    recipient_files.remove(site / ".age-recipients", "alice")
    assert [file.others for file in rotating.found_below([site / "vars.yaml"]).files] == [2]
    assert [file.others for file in rotating.found_below([site / "vars.yaml"], [A, B]).files] == [0]


def test_nothing_is_changed_where_not_all_can_be_opened(site):
    (site / "z.yaml").write_text("# first\n" + manifest(b"of bob", recipients=(B,)))
    before = read_all(site)
    with pytest.raises(ConfigError, match=r"z\.yaml:5: no identity here opens it: it is for age1"):
        rotating.rotate(rotating.found_below([site]), [ALICE])
    assert read_all(site) == before


def test_what_is_called_a_ciphertext_and_is_none_is_found(site):
    (site / "forgotten.age").write_text("plain text")
    (site / "empty.age").touch()
    found = rotating.found_below([site])
    assert found.plain == [site / "forgotten.age"]
    assert all(file.path.name != "forgotten.age" for file in found.files)


def test_killed_at_any_write_each_file_is_what_it_was_or_is_to_be(site, monkeypatch):
    for index in range(5):
        (site / f"v{index}.yaml").write_text(manifest(b"value %d" % index))
    recipient_files.add(site / ".age-recipients", [B], "bob")
    real, left = rotating.rewrite, [3]

    def killed(*given, **more):
        left[0] -= 1
        if not left[0]:
            raise KeyboardInterrupt
        real(*given, **more)

    monkeypatch.setattr(rotating, "rewrite", killed)
    with pytest.raises(KeyboardInterrupt):
        rotating.rotate(rotating.found_below([site]), [ALICE])
    monkeypatch.undo()
    for index in range(5):
        [one] = blocks((site / f"v{index}.yaml").read_text())
        assert opened(one.content, [ALICE]) == b"value %d" % index
    assert sum(file.others == 0 for file in rotating.found_below([site]).files) == 2
    rotating.rotate(rotating.found_below([site]), [ALICE])
    assert not any(file.others for file in rotating.found_below([site]).files)


def test_what_somebody_writes_while_all_is_encrypted_anew_stays(site):
    recipient_files.add(site / ".age-recipients", [B], "bob")
    found = rotating.found_below([site])
    (site / "vars.yaml").write_text("theirs: 1\n")
    with pytest.raises(UsageError, match=r"vars\.yaml was changed by somebody else meanwhile"):
        rotating.rotate(found, [ALICE])
    assert (site / "vars.yaml").read_text() == "theirs: 1\n"


def test_a_link_to_a_file_stays_one_and_a_file_keeps_its_owner(site, tmp_path):
    if os.geteuid() == 0:
        os.chown(site / "vars.yaml", 1234, 2345)
    before = (site / "vars.yaml").stat()
    recipient_files.add(site / ".age-recipients", [B], "bob")
    assert rotating.rotate(rotating.found_below([site / "link.yaml"], [A, B]), [ALICE]) == 2
    script = f"text = text.replace('hunter2', 'hunter5'); {WRITE}"
    assert edit(site / "link.yaml", [ALICE], [A], editor(tmp_path, script), never)
    assert (site / "link.yaml").is_symlink()
    after = (site / "vars.yaml").stat()
    assert (after.st_uid, after.st_gid, after.st_mode) == (before.st_uid, before.st_gid, before.st_mode)
    assert [file.others for file in rotating.found_below([site / "vars.yaml"], [A, B]).files] == [1]


def test_what_is_left_of_a_process_that_was_killed_is_in_no_way(site, monkeypatch):
    """In a container every process has the same number, and what the one before had left was in the way for good."""
    monkeypatch.setattr(os, "getpid", lambda: 7)
    left = site / ".vars.yaml.7.new"
    left.write_text("half")
    recipient_files.add(site / ".age-recipients", [B], "bob")
    assert rotating.rotate(rotating.found_below([site / "vars.yaml"]), [ALICE]) == 2
    assert left.read_text() == "half"


def test_what_cannot_be_read_or_is_for_nobody_is_told(site, monkeypatch):
    with pytest.raises(UsageError, match="nowhere: it cannot be read"):
        rotating.found_below([site / "nowhere"])
    (site / ".age-recipients").unlink()
    with pytest.raises(UsageError, match="nothing says whom it is for"):
        rotating.found_below([site])
    monkeypatch.setattr(rotating, "LARGEST", 10)
    assert rotating.found_below([site / "vars.yaml"]).files == []


# --- In an editor -----------------------------------------------------------------------------------------------------


def editor(tmp_path, script):
    """A program that edits the file that it is given, as `script` says."""
    path = tmp_path / "editor"
    head = "import os, sys\npath = sys.argv[-1]\ntext = open(path).read()\n"
    note = f"open({str(tmp_path / 'places')!r}, 'a').write(os.path.dirname(path) + chr(10))\n"
    path.write_text(f"#!{sys.executable}\n{head}{note}{script}\n")
    path.chmod(0o755)
    return {**os.environ, "EDITOR": f"{path} --wait", "VISUAL": ""}


def left(tmp_path):
    """The places in memory that are there still."""
    found = (tmp_path / "places").read_text().splitlines() if (tmp_path / "places").exists() else []
    return [place for place in found if os.path.exists(place)]


WRITE = "open(path, 'w').write(text)"


def never(_):
    return False


def test_what_is_not_changed_keeps_its_ciphertext(site, tmp_path):
    path = site / "vars.yaml"
    before = path.read_text()
    seen = tmp_path / "seen"
    modes = "oct(os.stat(path).st_mode) + oct(os.stat(os.path.dirname(path)).st_mode)"
    look = f"open({str(seen)!r}, 'a').write(text + path + {modes})"
    assert edit(path, [ALICE], [A], editor(tmp_path, look), never) is False
    told = seen.read_text()
    assert "AGE(1)[hunter2]AGE" in told
    assert "vars.yaml0o1006000o40700" in told
    assert path.read_text() == before
    change = f"text = text.replace('hunter3', 'hunter4').replace('# end', 'new: AGE[brand new]AGE'); {WRITE}"
    assert edit(path, [ALICE], [A, B], editor(tmp_path, change), never) is True
    old, new = list(blocks(before)), list(blocks(path.read_text()))
    assert [opened(one.content, [ALICE]) for one in new] == [b"hunter2", b"hunter4", b"brand new"]
    assert new[0].written == old[0].written
    assert opened(new[1].content, [BOB]) == b"hunter4"
    assert path.stat().st_mode & 0o777 == 0o640
    assert left(tmp_path) == []


def test_whole_files_and_new_ones(site, tmp_path):
    path = site / "new.age"
    assert edit(path, [ALICE], [A], editor(tmp_path, f"text = 'one\\n'; {WRITE}"), never) is True
    before = path.read_bytes()
    assert opened(before, [ALICE]) == b"one\n"
    assert (
        edit(path, [ALICE], [A], editor(tmp_path, f"assert path.endswith('/new'); {WRITE}"), never) is False
    )
    assert path.read_bytes() == before
    assert edit(path, [ALICE], [A], editor(tmp_path, f"text += 'two\\n'; {WRITE}"), never) is True
    assert opened(path.read_bytes(), [ALICE]) == b"one\ntwo\n"


@pytest.mark.parametrize(
    ("name", "script", "why"),
    [
        ("vars.yaml", "sys.exit(3)", "ended with 3, and nothing was changed"),
        ("vars.yaml", "os.unlink(path)", "the editor has left no file"),
        (
            "vars.yaml",
            f"text = text.replace(']AGE', '', 1); {WRITE}",
            "has no ]AGE at its end; nothing was changed",
        ),
        ("of.yaml", "", "is a file of SOPS, .* sops edit"),
        ("deep/er/tls.age", "", "what it holds is no text"),
        (".", "", "cannot be read"),
    ],
)
def test_what_makes_no_sense_changes_nothing(site, tmp_path, name, script, why):
    before = read_all(site)
    with pytest.raises(UsageError, match=why):
        edit(site / name, [ALICE], [A], editor(tmp_path, script), never)
    assert read_all(site) == before
    assert left(tmp_path) == []


def test_it_can_be_edited_again(site, tmp_path):
    first, then = "text.replace('hunter2]AGE', 'hunter2')", "text.replace('hunter2', 'hunter9]AGE')"
    script = f"text = {first} if 'hunter2]AGE' in text else {then}; {WRITE}"
    asked = []
    assert edit(
        site / "vars.yaml", [ALICE], [A], editor(tmp_path, script), lambda why: asked.append(why) or True
    )
    assert asked == ["line 4: a secret there has no ]AGE at its end"]
    assert opened(next(blocks((site / "vars.yaml").read_text())).content, [ALICE]) == b"hunter9"


def test_who_cannot_open_it_or_has_no_editor_is_told(site, tmp_path):
    with pytest.raises(UsageError, match=r"vars\.yaml: no identity here opens it"):
        edit(site / "vars.yaml", [BOB], [A], editor(tmp_path, ""), never)
    with pytest.raises(UsageError, match=r"no-such-editor: it cannot be run: .*; set EDITOR"):
        edit(site / "vars.yaml", [ALICE], [A], {"EDITOR": "no-such-editor"}, never)


def test_what_somebody_else_has_written_meanwhile_stays(site, tmp_path):
    path = site / "vars.yaml"
    script = f"open({str(path)!r}, 'a').write('theirs'); text = text.replace('hunter2', 'hunter5'); {WRITE}"
    with pytest.raises(UsageError, match="was changed by somebody else meanwhile"):
        edit(path, [ALICE], [A], editor(tmp_path, script), never)
    assert path.read_text().endswith("theirs")


@pytest.mark.parametrize("signal", ["SIGKILL", "SIGTERM", "SIGINT", "SIGHUP", "SIGSEGV"])
def test_the_place_in_memory_is_gone_however_its_process_ends(signal):
    script = (
        "import os, signal\nfrom reconciler.app.ciphertexts.private_place import private_place\n"
        "signal.signal(signal.SIGHUP, signal.SIG_DFL)\n"  # whoever runs the tests may have it ignored
        "with private_place({}) as place:\n"
        "    (place / 'f').write_text('hunter2')\n    print(place, flush=True)\n"
        f"    os.kill(os.getpid(), signal.{signal})\n    signal.pause()\n"
    )
    quiet = {"stdout": subprocess.PIPE, "stderr": subprocess.DEVNULL, "text": True}
    done = subprocess.Popen([sys.executable, "-c", script], **quiet)
    place = Path(done.stdout.readline().strip())
    assert place.parent == Path("/dev/shm")
    # Whoever waits for the end has the same pipe: it is closed when that has ended, too.
    done.stdout.close()
    done.wait()
    gone = subprocess.run(
        ["timeout", "30", "sh", "-c", 'while [ -e "$1" ]; do :; done', "sh", str(place)], check=False
    )
    assert gone.returncode == 0


def test_it_is_in_memory_and_nobody_elses(tmp_path, monkeypatch):
    with private_place({"XDG_RUNTIME_DIR": str(tmp_path)}) as place:  # which is on a disk
        assert place.parent == Path("/dev/shm")
        assert stat.S_IMODE(place.stat().st_mode) == 0o700
    assert not place.exists()
    real = memory._kind
    monkeypatch.setattr(memory, "_kind", lambda place, _: "tmpfs" if place == str(tmp_path) else "ext4")
    with private_place({"XDG_RUNTIME_DIR": str(tmp_path)}) as place:
        assert place.parent == tmp_path
    with pytest.raises(UsageError, match="there is no place in memory"), private_place({}):
        pass
    mounts = [("/", "ext4"), ("/run", "tmpfs"), ("/run/user", "ext4"), ("/run", "ramfs")]
    assert real("/run/x", mounts) == "ramfs"
    assert real("/runner", mounts) == "ext4"


# --- To be read -------------------------------------------------------------------------------------------------------


def test_a_text_is_shown_with_what_is_in_it(site):
    text = (site / "vars.yaml").read_bytes()
    found = opened_text("v", text, [ALICE]).decode()
    assert (
        found
        == "v0:\n  secret:\n    age: |\n      hunter2\nv1:\n  secret:\n    age: |\n      hunter3\n# end\n"
    )
    for whole in (sealed(b"\xff", [A]).encode(), sealed(b"\xff", [A], naming=False).encode()):
        assert opened_text("v", whole, [ALICE]) == b"\xff"
    assert opened_text("v", manifest(b"a\nb").encode(), [ALICE]).decode().count("\n      ") == 2
    for content, why in (
        (b"a: 1", "v has no ciphertext"),
        (SOPS.read_bytes(), "sops decrypt v"),
        (manifest(b"x", recipients=[B]).encode(), "v: no identity here opens it"),
    ):
        with pytest.raises(UsageError, match=why):
            opened_text("v", content, [ALICE])
