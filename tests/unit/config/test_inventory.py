"""Many targets at once: from a list with ranges, an Ansible inventory, and ssh's configuration."""

import pytest

from reconciler.config import ParseCache
from reconciler.config.inventory.ranges import expanded
from reconciler.model.target import LocalTransport
from tests.unit.config.world import TARGET, loaded, problems

HEAD = "apiVersion: froyo.dev/v1alpha1\nkind: Inventory\nmetadata: {name: site}\nspec:\n"


def inventory(text, **files):
    named = {name.replace("_", ".", 1): content for name, content in files.items()}
    return {"a.yaml": HEAD + text, **named}


def targets(text, **files):
    return loaded(inventory(text, **files)).targets


def said(text, **files):
    return [(one.location, one.message, one.hint) for one in problems(inventory(text, **files))]


def warned(text, **files):
    return list(loaded(inventory(text, **files)).warnings)


# --- Ranges -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "names"),
    [
        ("web-1", ["web-1"]),
        ("web-[1:3]", ["web-1", "web-2", "web-3"]),
        ("web-[08:11]x", ["web-08x", "web-09x", "web-10x", "web-11x"]),
        ("db-[a:c].example", ["db-a.example", "db-b.example", "db-c.example"]),
        ("n[0:5:2]", ["n0", "n2", "n4"]),
        ("n[:2]", ["n0", "n1", "n2"]),
        ("r[1:2]-[a:b]", ["r1-a", "r1-b", "r2-a", "r2-b"]),
    ],
)
def test_a_range_counts_from_one_end_to_the_other(name, names):
    assert expanded(name) == names


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("web-[1:", "a bracket of 'web-.1:' is open"),
        ("web-1]", "is open"),
        ("web-[1-3]", r"\[1-3\] in 'web-\[1-3\]' is no range"),
        ("web-[]", "is no range"),
        ("web-[3:1]", "counts down: 3 comes after 1"),
        ("web-[1:c]", "does not count from 1 to c by 1"),
        ("web-[1:3:0]", "by 0"),
        ("web-[08:011]", "not the same number of digits"),
        ("web-[1:20000]", "more than 10,000 names"),
        ("web-[1:200]-[1:200]", "stands for 40,000 names; 10,000 are the most"),
    ],
)
def test_what_is_no_range_says_why(name, why):
    with pytest.raises(ValueError, match=why):
        expanded(name)


# --- A list -----------------------------------------------------------------------------------------------------------


def test_a_list_makes_targets_with_what_is_said_once_for_all():
    found = targets("""\
  labels: {env: prod, tier: a}
  ssh: {user: ops, become: sudo, identityFile: keys/id, connectTimeout: 5s}
  hosts:
    - {name: 'web-[01:02]', labels: {role: web, tier: b}, ssh: {host: '10.0.0.[1:2]', port: 2222}}
    - name: db-1
""")
    assert list(found) == ["web-01", "web-02", "db-1"]
    web = found["web-02"]
    assert web.labels == {"env": "prod", "tier": "b", "role": "web"}
    assert (web.transport.host, web.transport.port, web.transport.user) == ("10.0.0.2", 2222, "ops")
    assert (web.transport.identity_file, web.transport.connect_timeout) == ("/src/keys/id", 5.0)
    assert str(web.origin) == "/src/a.yaml:8"
    assert (found["db-1"].transport.host, found["db-1"].transport.become) == ("db-1", "sudo")
    assert len({one.digest for one in found.values()}) == 3


def test_names_that_stand_twice_are_named_with_both_places():
    [(where, message, _)] = said("  hosts: [{name: web-1}, {name: 'web-[0:1]'}]\n")
    assert (where, message) == (
        "a.yaml:5:33",
        "Target/web-1 is declared a second time; first at /src/a.yaml:5",
    )
    files = inventory("  hosts: [{name: web-1}]\n", b_yaml=TARGET)
    [one] = problems(files)
    assert (one.location, one.message) == (
        "b.yaml:3:18",
        "Target/web-1 is declared a second time; first at /src/a.yaml:5",
    )
    [one] = problems({**inventory("  hosts: [{name: a}]\n"), "b.yaml": HEAD + "  hosts: [{name: b}]\n"})
    assert one.message == "Inventory/site is declared a second time; first at /src/a.yaml:1"


def test_one_machine_by_two_names_is_warned_of():
    [warning] = warned("  hosts: [{name: a, ssh: {host: x}}, {name: b, ssh: {host: X}}]\n")
    assert "Target/b is the same machine as Target/a, at /src/a.yaml:5" in warning


@pytest.mark.parametrize(
    ("text", "where", "message"),
    [
        ("  labels: {}\n", "a.yaml:4:1", "spec"),
        ("  hosts: [{name: 'web-[3:1]'}]\n", "a.yaml:5:18", "[3:1] in 'web-[3:1]' counts down"),
        (
            "  hosts: [{name: 'w[1:2]', ssh: {host: x}}]\n",
            "a.yaml:5:40",
            "the name stands for 2 targets, and this for 1 hosts",
        ),
        ("  hosts: [{name: w, ssh: {host: 'x[2:1]'}}]\n", "a.yaml:5:33", "[2:1] in 'x[2:1]' counts down"),
        ("  hosts: [{name: 'w[A:B]'}]\n", "a.yaml:5:18", "no target can be called 'wA'"),
        ("  hosts: [{name: w, ssh: {connectTimeout: 0s}}]\n", "a.yaml:5:43", "0"),
        ("  ssh: {connectTimeout: 0s}\n  hosts: [{name: 'w[1:9]'}]\n", "a.yaml:5:25", "0"),
        ("  ansible: {path: /etc/hosts}\n", "a.yaml:5:19", "'/etc/hosts' is not below the source's root"),
        ("  ansible: {path: hosts.ini}\n", "a.yaml:5:19", "hosts.ini is no part of the source"),
    ],
)
def test_what_is_wrong_with_an_entry_is_said_at_its_place_and_once(text, where, message):
    [(place, told, _)] = said(text)
    assert place == where
    assert message in told


def test_what_is_for_a_target_of_a_broken_inventory_is_no_second_problem():
    text = "  hosts: [{name: 'web-[3:1]'}]\n"
    motd = """\
apiVersion: linux.froyo.dev/v1alpha1
kind: File
metadata: {name: motd}
spec: {target: web-1, path: /etc/motd}
---
apiVersion: linux.froyo.dev/v1alpha1
kind: File
metadata: {name: other}
spec: {targets: {matchLabels: {a: b}}, path: /etc/other}
"""
    assert len(problems({**inventory(text), "motd.yaml": motd})) == 1
    assert len(problems({**inventory("  ansible: {path: x.ini}\n"), "motd.yaml": motd})) == 1


# --- Ansible ----------------------------------------------------------------------------------------------------------

INI = """\
# a remark
mail ansible_host=10.1.1.1 ansible_user='x'   # one more

[web]
www[1:2].example.com:2200 ansible_host=10.2.0.1
; another
[dbs:children]
pg
[pg]
pg-1 ansible_become=False
[all:vars]
ansible_python_interpreter=/usr/bin/python3
ansible_user = ops
[dbs:vars]
ansible_port=5022
ansible_ssh_private_key_file=~/.ssh/db
ansible_ssh_common_args='-o ProxyJump=ops@jump:22 -o StrictHostKeyChecking=accept-new -o ControlPersist=60s'
[pg:vars]
ansible_port=5023
[web:vars]
ansible_timeout=7
ansible_ssh_extra_args=-Jops@other
"""


def test_an_ansible_inventory_in_ini_is_taken_as_ansible_takes_it():
    found = targets(
        "  ssh: {become: sudo}\n  ansible: {path: hosts.ini}\n",
        hosts_ini=INI.replace(" ansible_host=10.2.0.1", ""),
    )
    assert list(found) == ["mail", "www1.example.com", "www2.example.com", "pg-1"]
    mail, web, pg = found["mail"].transport, found["www2.example.com"], found["pg-1"]
    assert (mail.host, mail.user, mail.become) == ("10.1.1.1", "x", "sudo")
    assert found["mail"].labels == {}
    assert web.labels == {"group/web": "true"}
    assert (web.transport.host, web.transport.port, web.transport.user) == ("www2.example.com", 2200, "ops")
    assert (web.transport.connect_timeout, web.transport.proxy_jump) == (7.0, "ops@other")
    assert pg.labels == {"group/dbs": "true", "group/pg": "true"}
    assert (pg.transport.port, pg.transport.become) == (5023, "")  # the inner group counts, as with Ansible
    assert (pg.transport.proxy_jump, pg.transport.trust_on_first_use) == ("ops@jump:22", True)
    assert pg.transport.identity_file == "/home/ann/.ssh/db"
    assert str(pg.origin) == "/src/hosts.ini:10"


TREE = """\
all:
  hosts:
    mail: {ansible_host: 10.1.1.1}
    here: {ansible_connection: local, ansible_become: yes}
  vars: {ansible_user: ops, ansible_pipelining: true}
  children:
    web:
      hosts:
        "www[1:2].example.com": {ansible_port: 2200}
    dbs:
      children:
        pg:
          hosts: {pg-1: }
          vars: {ansible_port: 5023}
      vars: {ansible_port: 5022, ansible_become: true, ansible_become_method: sudo, ansible_become_user: root}
"""


@pytest.mark.parametrize("name", ["hosts_yml", "hosts_yaml"])
def test_one_in_yaml_is_the_same_and_no_manifest(name):
    found = targets(f"  ansible: {{path: {name.replace('_', '.')}}}\n", **{name: TREE})
    assert list(found) == ["mail", "here", "www1.example.com", "www2.example.com", "pg-1"]
    assert found["here"].transport == LocalTransport("sudo")
    pg = found["pg-1"]
    assert pg.labels == {"group/dbs": "true", "group/pg": "true"}
    assert (pg.transport.port, pg.transport.user, pg.transport.become) == (5023, "ops", "sudo")
    assert str(pg.origin) == f"/src/{name.replace('_', '.')}:13"


def test_variables_that_say_nothing_about_reaching_a_host_are_named_once():
    [warning] = warned("  ansible: {path: h.ini}\n", h_ini="a http_port=80\nb http_port=81\n")
    assert warning.startswith("/src/h.ini:1:3: the variable http_port is not taken over")
    assert "Vars" in warning


@pytest.mark.parametrize(
    ("ini", "where", "message"),
    [
        ("a ansible_host", "1:1", "a word behind the host gives no variable a value"),
        ("a ansible_user='x", "1:1", "the line cannot be understood"),
        ("a[3:1]", "1:1", "counts down"),
        ("[web\na", "1:1", "'[web' is no section"),
        ("[web:childrn]\n", "1:1", "there are no sections of 'childrn'"),
        ("[web:children]\ndb x\n", "2:1", "'db x' is no name of a group"),
        ("[web:children]\ndb\n", "2:1", "the group db is in web, and there is none"),
        ("[a:children]\nb\n[b:children]\na\n", "2:1", "the group b is in a, which is in it"),
        ("[web]\na\n[web:vars]\nx\n", "4:1", "this gives no variable a value"),
        ("a ansible_hosts=x", "1:3", "ansible_hosts is not understood"),
        ("a ansible_port=many", "1:3", "ansible_port is 'many', and no whole number"),
        ("a ansible_host=[1]", "1:3", "ansible_host is neither text nor a number"),
        ("a ansible_host={{x}}", "1:3", "ansible_host: templates of Ansible are not rendered here"),
        ("a ansible_connection=winrm", "1:3", "ansible_connection is 'winrm'"),
        ("a ansible_become=maybe", "1:3", "ansible_become is 'maybe'"),
        ("a ansible_become_method=doas", "1:3", "ansible_become_method is 'doas'"),
        ("a ansible_become_user=app", "1:3", "ansible_become_user is 'app'"),
        (
            "a ansible_ssh_common_args='-o Foo=bar'",
            "1:3",
            "ansible_ssh_common_args: -o Foo=bar is not understood",
        ),
        ("a ansible_ssh_common_args=-4", "1:3", "ansible_ssh_common_args: -4 is not understood"),
        ("""a ansible_ssh_common_args="-o 'x" """, "1:3", "ansible_ssh_common_args cannot be understood"),
        ("A_b", "1:1", "no target can be called 'A_b'"),
        ("[we!b]\na", "2:1", "no label can be made of the group 'we!b'"),
        ("a ansible_ssh_private_key_file=~bob/x", "1:1", "identityFile: nothing is known here"),
    ],
)
def test_what_is_not_understood_in_an_ini_is_an_error_at_its_place(ini, where, message):
    [(place, told, _)] = said("  ansible: {path: h.ini}\n", h_ini=ini)
    assert place == f"h.ini:{where}"
    assert message in told


@pytest.mark.parametrize(
    ("tree", "where", "message"),
    [
        ("- a", "1:1", "this is no inventory"),
        ("all: {hosts: [a]}", "1:14", "the hosts of all: this is no mapping"),
        ("all: {host: {a: }}", "1:7", "there is no 'host' in a group"),
        ("all: {hosts: {'a[3:1]': }}", "1:15", "counts down"),
        ("all: {hosts: {a: {ansible_host: [x]}}}", "1:19", "ansible_host is neither text nor a number"),
        ("all: text", "1:6", "the group all: this is no mapping"),
        ("all: {hosts: {a: 1, a: 2}}", "1:18", "a"),
    ],
)
def test_what_is_not_understood_in_a_tree_is_an_error_at_its_place(tree, where, message):
    (place, told, _), *_ = said("  ansible: {path: h.yml}\n", h_yml=tree)
    assert place == f"h.yml:{where}"
    assert message in told


@pytest.mark.parametrize("name", ["ansible_ssh_pass", "ansible_password", "ansible_become_password"])
def test_a_password_is_refused_and_never_shown(name):
    for file, text in (
        ("h_ini", f"a {name}=canary ansible_port=x"),
        ("h_ini", f"[all:vars]\n{name} = canary\n[web]\na"),
        ("h_yml", f"all: {{hosts: {{a: {{{name}: canary, ansible_port: x}}}}}}"),
    ):
        found = problems(inventory(f"  ansible: {{path: {file.replace('_', '.')}}}\n", **{file: text}))
        assert f"{name}: no password can be given" in [one.message for one in found]
        assert "canary" not in repr(found)


# --- ssh --------------------------------------------------------------------------------------------------------------

SSH = """\
# what counts for all
Port 2200
Host gw bastion !old
  HostName %h.example.com
  User root
  StrictHostKeyChecking accept-new
Host web-?
  HostName = "10.0.0.1"
Host web-1 web-2
  User ops
  IdentityFile ~/.ssh/web
  ProxyJump none
  ForwardAgent yes
Host *
  User nobody
  ProxyJump gw
  ServerAliveInterval 5
  ConnectTimeout 0
"""


def test_hosts_of_sshs_configuration_are_reached_as_ssh_reaches_them():
    found = targets("  labels: {a: b}\n  sshConfig: {path: config}\n", config=SSH)
    assert list(found) == ["gw", "bastion", "web-1", "web-2"]
    gw, web = found["gw"].transport, found["web-1"].transport
    assert (gw.host, gw.user, gw.port, gw.proxy_jump) == ("gw.example.com", "root", 2200, "gw")
    assert (gw.trust_on_first_use, gw.keepalive_interval, gw.connect_timeout) == (True, 5.0, 15.0)
    assert (web.host, web.user, web.proxy_jump) == ("10.0.0.1", "ops", "")
    assert web.identity_file == "/home/ann/.ssh/web"
    assert str(found["web-2"].origin) == "/src/config:9"
    assert found["gw"].labels == {"a": "b"}


def test_some_of_its_hosts_may_be_meant():
    assert list(targets("  sshConfig: {path: config, hosts: ['web-*']}\n", config=SSH)) == ["web-1", "web-2"]
    [(place, message, _)] = said("  sshConfig: {path: config, hosts: [webb]}\n", config=SSH)
    assert (place, message) == ("config:1:1", "no host here is called webb")


@pytest.mark.parametrize(
    ("config", "where", "message"),
    [
        ("Host a\nProxyCommand nc %h\n", "2:1", "ProxyCommand is not understood here"),
        ("Host a\nMatch user x\n", "2:1", "Match is not understood here"),
        ("Host a\n  Port x\n", "2:3", "port is 'x'"),
        ("Host a\nStrictHostKeyChecking no\n", "2:1", "never let pass"),
        ("Host a\nHostName %n.x\n", "2:1", "has a token"),
        ("Host a\nUser 'x\n", "2:1", "User cannot be understood"),
        ("Host a\n!\n", "2:1", "'!' is no option"),
        ("Host A\n", "1:1", "no target can be called 'A'"),
    ],
)
def test_what_is_not_understood_in_it_is_an_error_at_its_place(config, where, message):
    [(place, told, _)] = said("  sshConfig: {path: config}\n", config=config)
    assert place == f"config:{where}"
    assert message in told


def test_an_option_that_nobody_knows_is_warned_of_once():
    [warning] = warned("  sshConfig: {path: config}\n", config="Host a\nHost b\nHost *\n  Foo bar\n")
    assert warning == "/src/config:4:3: the option foo is not known, and not taken over"


def test_a_file_that_is_no_text_is_an_error():
    [one] = problems({"a.yaml": HEAD + "  ansible: {path: h.ini}\n", "h.ini": b"\xff\xfe"})
    assert one.file == "h.ini"


def test_what_a_file_says_is_kept_as_long_as_it_is_the_same():
    cache = ParseCache()
    text = "  ansible: {path: h.ini}\n"
    first = loaded(inventory(text, h_ini="a x=1\n"), cache=cache)
    again = loaded(inventory(text, h_ini="a x=1\n"), cache=cache)
    assert again.targets["a"] is first.targets["a"]
    assert again.warnings == first.warnings != ()
    other = loaded(inventory(text, h_ini="b\n"), cache=cache)
    assert list(other.targets) == ["b"]
    for _ in range(2):
        [one] = problems(inventory(text, h_ini="[b\n"), cache=cache)
        assert "is no section" in one.message
