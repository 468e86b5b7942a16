import multiprocessing
import os
import subprocess
from dataclasses import replace

import pytest

from reconciler.errors import TransportError
from reconciler.model.target import SshTransport
from reconciler.targets import known_hosts
from reconciler.targets.hostkeys import HostTrust, record
from reconciler.targets.known_hosts import KnownHosts
from reconciler.targets.secure_shell import asyncssh
from reconciler.targets.user_keys import key_options

KEY, OTHER, AUTHORITY = (asyncssh.generate_private_key("ssh-ed25519") for _ in range(3))


def text(key):
    return " ".join(key.export_public_key().decode().split()[:2])


class Files:
    def __init__(self, directory):
        self.known = directory / "known_hosts"
        self.own = directory / "state" / "known_hosts"
        self.warnings = []
        self.parsed = KnownHosts(self.warnings.append)

    def trust(self, *, pinned="", **changes):
        transport = replace(SshTransport(host="web-1", known_hosts=str(self.known)), **changes)
        return HostTrust(transport, self.parsed, recorded=str(self.own), pinned=pinned)

    def judge(self, key=KEY, *, host="web-1", address="10.0.0.5", port=22, **changes):
        """Whether the key is taken, and why not: the same two questions that asyncssh asks."""
        trust = self.trust(**changes)
        trusted, authorities, revoked, *_ = trust.match(host, address, None if port == 22 else port)
        public = key.convert_to_public()
        if public in revoked:
            return False, "revoked"
        if authorities and public in authorities:
            return True, ""
        taken = public in trusted or trust.client().validate_host_public_key(host, address, port, public)
        return taken, trust.refusal


@pytest.fixture
def files(tmp_path):
    return Files(tmp_path)


@pytest.mark.parametrize("name", ["web-1", "10.0.0.5", "web-1,10.0.0.5", "*.example,web-?", "10.0.0.*"])
def test_a_key_that_is_known_is_taken(files, name):
    files.known.write_text(f"# mine\n\n{name} {text(KEY)} a comment\n")
    assert files.judge() == (True, "")


def test_a_host_that_is_known_by_a_hash_is_known(files):
    files.known.write_text(f"|1|F1E1KeoE/eEWhi10WpGv4OdiO6Y=|3988QV0VE8wmZL7suNrYQLITLCg= {text(KEY)}\n")
    assert files.judge(host="192.168.1.61", address="192.168.1.61") == (True, "")


def test_a_host_on_another_port_is_another_host(files):
    files.known.write_text(f"[web-1]:2222 {text(KEY)}\n")
    assert files.judge(port=2222) == (True, "")
    assert not files.judge()[0]


def test_an_unknown_key_is_refused_with_the_ways_to_make_it_known(files):
    files.known.write_text(f"elsewhere {text(KEY)}\n")
    taken, why = files.judge()
    assert not taken
    assert "its host key is not known: it shows ssh-ed25519 SHA256:" in why
    assert f'hostKey: "{text(KEY)}"' in why
    assert f'add the line "web-1 {text(KEY)}" to {files.known}' in why
    assert "trustOnFirstUse: true" in why
    assert not files.own.exists()


def test_a_changed_key_is_refused_and_the_old_one_is_shown(files):
    files.known.write_text(f"# first\nother {text(KEY)}\nweb-1 {text(OTHER)}\n")
    for trust_on_first_use in (False, True):
        taken, why = files.judge(trust_on_first_use=trust_on_first_use)
        assert not taken
        assert "its host key has changed: it shows ssh-ed25519 SHA256:" in why
        assert f"{files.known}:3 knows another" in why
        assert f"ssh-keygen -R 'web-1' -f {files.known}" in why
    assert not files.own.exists()


def test_a_changed_key_on_another_port_is_named_as_known_hosts_names_it(files):
    files.known.write_text(f"[web-1]:2222 {text(OTHER)}\n")
    assert f"ssh-keygen -R '[web-1]:2222' -f {files.known}" in files.judge(port=2222)[1]


def test_a_revoked_key_is_not_taken(files):
    files.known.write_text(f"web-1 {text(KEY)}\n@revoked * {text(KEY)}\n")
    assert files.judge() == (False, "revoked")


@pytest.mark.parametrize("name", ["[web-1]:2222", "[10.0.0.5]:2222", "*"])
@pytest.mark.parametrize(
    "known",
    ["", f"web-1 {text(KEY)}\n", f"[web-1]:2222 {text(OTHER)}\n"],
    ids=["nothing else", "the host", "another key"],
)
def test_a_key_that_is_revoked_of_a_port_is_not_taken_there(files, known, name):
    files.known.write_text(f"{known}@revoked {name} {text(KEY)}\n")
    assert files.judge(port=2222, trust_on_first_use=True) == (False, "revoked")
    assert not files.own.exists()


def test_an_authority_is_known_and_a_plain_key_beside_it_is_a_change(files):
    files.known.write_text(f"@cert-authority *,10.0.0.5 {text(AUTHORITY)}\n")
    assert files.judge(AUTHORITY) == (True, "")
    assert "has changed" in files.judge(trust_on_first_use=True)[1]


def test_the_pinned_key_is_the_only_one_that_counts(files):
    files.known.write_text(f"web-1 {text(OTHER)}\n")
    assert files.judge(pinned=f"{text(KEY)} root@web-1") == (True, "")
    taken, why = files.judge(OTHER, pinned=text(KEY), trust_on_first_use=True)
    assert not taken
    assert "its host key is not the pinned one" in why
    assert f'hostKey: "{text(OTHER)}"' in why
    assert KEY.get_fingerprint() in why


def test_a_pinned_key_that_is_none_says_so(files):
    with pytest.raises(TransportError, match="`hostKey` is not a public key such as"):
        files.trust(pinned="AAAAC3")


def test_a_first_contact_is_recorded_when_the_target_says_so(files):
    assert files.judge(trust_on_first_use=True) == (True, "")
    assert files.own.read_text() == f"web-1 {text(KEY)}\n"
    assert files.own.stat().st_mode & 0o777 == 0o600
    # From then on it is known, and another one is a change.
    assert files.judge(trust_on_first_use=True) == (True, "")
    taken, why = files.judge(OTHER, trust_on_first_use=True)
    assert not taken
    assert f"{files.own}:1 knows another" in why
    assert files.own.read_text() == f"web-1 {text(KEY)}\n"
    # Who never said that it may be trusted at first use does not trust what was recorded so.
    files.known.write_text("")
    assert "not known" in files.judge()[1]


def test_a_key_that_cannot_be_recorded_is_not_trusted(files):
    files.own.parent.symlink_to("nowhere")
    taken, why = files.judge(trust_on_first_use=True)
    assert not taken
    assert "the host key cannot be recorded, so it is not trusted" in why


def test_a_named_file_that_is_not_there_is_a_mistake_unless_keys_may_be_recorded(files):
    with pytest.raises(TransportError, match="there is no such file, and it is what host keys are"):
        files.trust()
    assert files.judge(trust_on_first_use=True)[0]


def test_a_line_that_makes_no_sense_costs_that_line_alone_and_is_named(files):
    files.known.write_text(f"hello\n@unheard-of web-1 {text(OTHER)}\n|2|x web-1\nweb-1 {text(KEY)}\n")
    assert files.judge() == (True, "")
    assert [warning.partition(": ")[0] for warning in files.warnings] == [
        f"{files.known}:{n}" for n in (1, 2, 3)
    ]
    assert f"(skipped: {files.known}:1: invalid known hosts entry; {files.known}:2: " in files.judge(OTHER)[1]
    assert f"{files.known}:4 knows another" in files.judge(OTHER)[1]
    assert f"(skipped: {files.known}:1: " in files.judge(host="elsewhere", address="10.0.0.9")[1]


@pytest.mark.parametrize("known", ["web-1.example.com", "Web-1.EXAMPLE.com,10.9.9.9", "*.Example.com"])
def test_a_name_is_the_same_in_any_case(files, known):
    files.known.write_text(f"{known} {text(OTHER)}\n")
    assert files.judge(OTHER, host="WEB-1.example.COM") == (True, "")
    taken, why = files.judge(host="Web-1.Example.COM", trust_on_first_use=True)
    assert not taken
    assert "its host key has changed" in why
    files.known.write_text(f"@revoked {known} {text(KEY)}\n")
    assert files.judge(host="Web-1.Example.COM", trust_on_first_use=True) == (False, "revoked")
    assert not files.own.exists()


def test_a_first_contact_is_recorded_in_small_letters(files):
    assert files.judge(host="Web-1", trust_on_first_use=True)[0]
    assert files.own.read_text() == f"web-1 {text(KEY)}\n"


def test_the_kinds_that_are_known_are_asked_for_first_and_all_others_after_them(files):
    rsa = asyncssh.generate_private_key("ssh-rsa", key_size=2048)
    files.known.write_text(f"web-1 {text(rsa)}\n@cert-authority *.ca {text(AUTHORITY)}\n")
    kinds = files.trust().algorithms("Web-1", "", 22)
    assert kinds[0] == "rsa-sha2-256"
    assert "ssh-ed25519" in kinds
    assert not any("-cert-" in kind for kind in kinds)
    assert files.trust().algorithms("elsewhere", "", 22)[0] == "ssh-ed25519"
    assert "-cert-" in files.trust().algorithms("a.ca", "", 22)[0]
    taken, why = files.judge()
    assert not taken
    assert "known_hosts:1 knows only ssh-rsa, a kind that it does not offer any more" in why


def test_a_file_that_is_none_is_named(files):
    files.known.mkdir()
    with pytest.raises(TransportError, match="is a directory: without it no host key can be verified"):
        files.trust()


def test_without_a_named_file_those_of_the_user_and_the_system_count(files, tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / ".ssh").mkdir()
    (tmp_path / ".ssh" / "known_hosts").write_text(f"web-1 {text(KEY)}\n")
    assert files.judge(known_hosts="") == (True, "")
    assert files.trust(known_hosts="").files[-2:] == (
        "/etc/ssh/ssh_known_hosts",
        "/etc/ssh/ssh_known_hosts2",
    )


def test_a_file_is_parsed_again_only_when_it_has_changed(files, monkeypatch):
    reads = []
    real = known_hosts.read
    monkeypatch.setattr(known_hosts, "read", lambda path: reads.append(path) or real(path))
    files.known.write_text(f"web-1 {text(KEY)}\n")
    for _ in range(3):
        assert files.judge()[0]
    assert len(reads) == 1
    files.known.write_text(f"web-1 {text(OTHER)}\n")
    assert not files.judge()[0]
    assert len(reads) == 2


def _record(path, start):
    for number in range(start, start + 20):
        record(path, f"host-{number}", text(KEY))


def test_several_controllers_may_record_at_once_and_nothing_is_lost(files):
    context = multiprocessing.get_context("fork")
    workers = [context.Process(target=_record, args=(str(files.own), 20 * n)) for n in range(4)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
        assert worker.exitcode == 0
    lines = files.own.read_text().splitlines()
    assert sorted(lines) == sorted(f"host-{n} {text(KEY)}" for n in range(80))
    assert sorted(os.listdir(files.own.parent)) == ["known_hosts", "known_hosts.lock"]


def test_recording_the_same_again_changes_nothing(files):
    for _ in range(2):
        record(str(files.own), "web-1", "ssh-ed25519 AAAA")
    assert files.own.read_text() == "web-1 ssh-ed25519 AAAA\n"


def test_of_two_first_contacts_at_once_that_differ_only_one_is_recorded_and_the_other_refused(files):
    trusts = [files.trust(trust_on_first_use=True, known_hosts="") for _ in range(2)]
    for trust in trusts:
        trust.match("web-1", "10.0.0.5", None)
    assert trusts[0].judge("web-1", "10.0.0.5", 22, KEY.convert_to_public())
    assert not trusts[1].judge("web-1", "10.0.0.5", 22, OTHER.convert_to_public())
    assert "at the same time web-1 has shown two different host keys" in trusts[1].refusal
    assert files.own.read_text() == f"web-1 {text(KEY)}\n"


def test_a_record_that_cannot_be_completed_leaves_the_old_one(files, monkeypatch):
    record(str(files.own), "a", "b")

    def full(_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(TransportError, match="no space left on device"):
        record(str(files.own), "c", "d")
    assert files.own.read_text() == "a b\n"
    assert sorted(os.listdir(files.own.parent)) == ["known_hosts", "known_hosts.lock"]


def test_a_pipe_is_not_waited_for_in_the_place_of_keys(tmp_path):
    """Everything else that the controller does waited with it."""
    files = Files(tmp_path)
    os.mkfifo(files.known)
    with pytest.raises(TransportError, match="known_hosts: it is a pipe"):
        files.trust()
    with pytest.raises(TransportError, match="known_hosts: it is a pipe"):
        key_options(str(files.known), {})
    with pytest.raises(TransportError, match="/dev/zero: it is a device"):  # it has no end
        key_options("/dev/zero", {})
    files.known = "/dev/zero"
    with pytest.raises(TransportError, match="/dev/zero: it is a device"):
        files.trust()
    files.known = "/dev/null"
    assert "its host key is not known" in files.judge()[1]


def test_a_key_that_others_can_read_is_none(tmp_path):
    path = tmp_path / "id"
    KEY.write_private_key(str(path))
    path.chmod(0o644)
    with pytest.raises(TransportError, match=f"id: others can read it .mode 0644.* chmod go= {path}"):
        key_options(str(path), {})
    path.chmod(0o400)
    assert key_options(str(path), {})["client_keys"]


@pytest.mark.parametrize("name", ["web-1", "WEB-?", "10.0.0.5", "other,web-1"])
@pytest.mark.parametrize("marker", ["", "@revoked ", "@unheard-of "])
def test_a_line_that_speaks_of_a_host_and_makes_no_sense_makes_it_no_first_contact(files, marker, name):
    """A revocation with a letter too few was skipped without a word, and the key recorded."""
    files.known.write_text(f"{marker}{name} {text(KEY)[:-9]}\n")
    taken, why = files.judge(trust_on_first_use=True)
    assert not taken
    assert f"a line that speaks of it makes no sense: {files.known}:1: " in why
    assert not files.own.exists()
    assert files.judge(host="db-1", address="10.0.0.6", trust_on_first_use=True)[0]


@pytest.mark.parametrize(
    ("line", "name"),
    [
        ("web-1", "web-1"),
        ("*.x,web-?", "web-1"),
        ("[web-1]:2222", "[web-1]:2222"),
        ("[*]:2222", "[web-1]:2222"),
        ("10.0.0.5", "10.0.0.5"),
        ("[10.0.0.5]:2222", "[10.0.0.5]:2222"),
    ],
)
def test_the_way_to_forget_a_key_forgets_it(files, line, name):
    """Of a host on another port that is known without one, it left the line where it was."""
    files.known.write_text(f"{line} {text(OTHER)}\n")
    why = files.judge(port=2222)[1]
    assert f"forget the old one: ssh-keygen -R '{name}' -f {files.known}" in why
    subprocess.run(["ssh-keygen", "-R", name, "-f", files.known], check=True, capture_output=True)
    assert files.known.read_text() == ""


@pytest.mark.parametrize("line", ["@cert-authority web-1", "10.0.0.0/8"])
def test_what_ssh_keygen_does_not_forget_is_to_be_deleted(files, line):
    files.known.write_text(f"{line} {text(AUTHORITY)}\n")
    assert f"and {files.known}:1 knows" in files.judge()[1]
    assert "if you are sure of the former, delete that line" in files.judge()[1]


@pytest.mark.parametrize("name", ["web-1", "[web-1]:2222", "*", "10.0.0.5"])
def test_who_revokes_a_key_is_named(files, name):
    files.known.write_text(f"web-1 {text(KEY)}\n@revoked {name} {text(KEY)}\n")
    trust = files.trust()
    trust.match("Web-1", "10.0.0.5", 2222)
    assert trust.revoked.startswith(f"its host key is revoked by {files.known}:2: ")
