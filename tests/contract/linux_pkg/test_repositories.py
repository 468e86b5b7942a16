"""The kind Repository: its file, its key, and that what it offers was fetched."""

from dataclasses import replace

import pytest

from froyo_provider.testing import resource
from froyo_provider.testing.memory import Node
from tests.contract.linux_pkg.conftest import kind

SOURCE = "/etc/apt/sources.list.d/example.sources"
KEY = "/etc/apt/keyrings/example.asc"
LIST = "deb.example.org_debian_dists_bookworm_InRelease"


def repository(**spec):
    where = {"uris": ["https://deb.example.org/debian"], "suites": ["bookworm"], "components": ["main"]}
    return resource("Repository", "example", repository="example", **(where | spec))


def fields(operation):
    return [one["field"] for one in operation["diffs"]]


@pytest.fixture
def here(bench):
    target = bench()
    target.debian.world["lists"] = {LIST: {}}
    return target


def test_a_source_with_its_key_is_written_and_its_lists_are_fetched_and_no_other(here):
    wanted = repository(
        body=here.debian.files.body(b"-----BEGIN PGP PUBLIC KEY BLOCK-----\n"), architectures=["amd64"]
    )
    [operation] = here.plan(wanted)
    assert (operation["action"], fields(operation)) == ("create", ["key", "source", "lists"])
    assert operation["blobs"] == [wanted["spec"]["body"]["digest"]]
    [result] = here.put_right(wanted)
    assert result["changed"]
    assert here.debian.files.nodes[SOURCE].content.decode() == (
        "Types: deb\nURIs: https://deb.example.org/debian\nSuites: bookworm\nComponents: main\n"
        f"Architectures: amd64\nSigned-By: {KEY}\n"
    )
    assert here.debian.files.nodes[KEY].content.startswith(b"-----BEGIN")
    [ran] = here.debian.ran
    assert f"Dir::Etc::SourceList={SOURCE}" in ran
    assert [one["action"] for one in here.plan(wanted)] == ["none"]


def test_what_is_spoiled_of_it_is_put_right(here):
    wanted = repository(signedBy="/usr/share/keyrings/x.gpg")
    here.put_right(wanted)
    nodes = here.debian.files.nodes
    text = nodes[SOURCE].content
    assert b"Signed-By: /usr/share/keyrings/x.gpg\n" in text
    nodes[SOURCE] = replace(nodes[SOURCE], content=b"Types: deb\n", mode=0o600)
    [operation] = here.plan(wanted)
    assert fields(operation) == ["source", "source.mode"]
    here.put_right(wanted)
    nodes = here.debian.files.nodes
    assert (nodes[SOURCE].content, nodes[SOURCE].mode) == (text, 0o644)
    del nodes[f"/var/lib/apt/lists/{LIST}"]
    assert fields(here.plan(wanted)[0]) == ["lists"]
    here.put_right(wanted)
    assert here.plan(wanted)[0]["action"] == "none"


def test_what_cannot_be_fetched_is_said_and_tried_again(here):
    wanted = repository(trusted=True)
    here.debian.apt["fails"] = "Ign:1 https://x\nE: The repository is not signed.\n"
    [result] = here.put_right(wanted)
    assert result["fault"]["class"] == "transient"
    assert result["fault"]["message"] == "apt-get failed (exit status 100):\nE: The repository is not signed."
    assert fields(here.plan(wanted)[0]) == ["lists"]
    here.debian.apt["fails"], here.debian.apt["holder"] = (
        "",
        {"lock": "/var/lib/apt/lists/lock", "command": "apt-get", "pid": 7},
    )
    [result] = here.put_right(wanted)
    assert result["fault"]["class"] == "throttled"


def test_one_that_is_absent_or_declared_no_longer_leaves_neither_file_nor_key(here):
    wanted = repository(body=here.debian.files.body(b"key"))
    here.put_right(wanted)
    assert here.harness.destroy([wanted]) == [{"address": "host/Repository/example", "changed": True}]
    assert SOURCE not in here.debian.files.nodes
    assert KEY not in here.debian.files.nodes
    assert here.plan(repository(state="absent"))[0]["action"] == "none"


def test_what_is_in_the_way_is_told_and_watched(here):
    del here.debian.files.nodes["/etc/apt/sources.list.d"]
    [found] = here.harness.read([repository()])
    assert "path:/etc/apt/sources.list.d" in found["watch"]
    [operation] = here.plan(repository())
    assert [one["code"] for one in operation["obstacles"]] == ["enoent"]


def test_a_target_that_cannot_be_read_says_so(here):
    here.debian.apt["missing"] = "no"
    here.debian.files.nodes["/var/lib/apt/lists"] = Node(content=b"no directory")
    [found] = here.harness.read([repository()])
    assert found["fault"]["code"] == "not_directory"


def test_a_target_without_lists_has_fetched_nothing(here):
    del here.debian.files.nodes["/var/lib/apt/lists"]
    assert "lists" in fields(here.plan(repository())[0])


@pytest.mark.parametrize(
    ("uri", "suite", "name"),
    [
        ("https://deb.example.org/debian", "bookworm", "deb.example.org_debian_dists_bookworm_"),
        (
            "https://deb.example.org/debian/",
            "bookworm-updates",
            "deb.example.org_debian_dists_bookworm-updates_",
        ),
        ("file:/srv/apt", "./", "_srv_apt_._"),
        ("https://ann@x.org/my_place", "a/b", "x.org_my%5fplace_dists_a_b_"),
    ],
)
def test_lists_are_known_by_the_names_that_apt_gives_them(uri, suite, name):
    assert kind("quoted", "repositories")(uri, suite) == name


BY_HAND = """# ours
Suites: bookworm
Types: deb
URIs: https://deb.example.org/debian
Components:
  main
Enabled: yes
Signed-By: /etc/apt/keyrings/example.asc
"""


def put(here, name, text, mode=0o644):
    here.debian.files.nodes[f"/etc/apt/sources.list.d/{name}"] = Node(content=text.encode(), mode=mode)


def test_a_source_that_somebody_wrote_in_another_order_is_as_declared_and_stays_as_it_is(here):
    key = b"-----BEGIN PGP PUBLIC KEY BLOCK-----\n"
    here.debian.files.nodes |= {KEY: Node(content=key), f"/var/lib/apt/lists/{LIST}": Node()}
    put(here, "example.sources", BY_HAND)
    [operation] = here.plan(repository(body=here.debian.files.body(key)))
    assert operation["action"] == "none"
    put(here, "example.sources", BY_HAND, mode=0o666)
    [operation] = here.plan(repository(body=here.debian.files.body(key)))
    assert fields(operation) == ["source.mode"]
    here.put_right(repository(body=here.debian.files.body(key)))
    assert here.debian.files.nodes[SOURCE].content.decode() == BY_HAND


def test_what_somebody_has_put_there_is_found_where_there_is_nothing_to_do_about_it(here):
    key = Node(content=b"-----BEGIN PGP PUBLIC KEY BLOCK-----\n")
    here.debian.files.nodes |= {KEY: key, f"/var/lib/apt/lists/{LIST}": Node()}
    plain = "Types: deb\nURIs: https://deb.example.org/debian\nSuites: bookworm\n"
    put(here, "example.sources", BY_HAND)
    put(here, "fetched.sources", plain + "Signed-By: /usr/share/keyrings/x.gpg\nTrusted: yes\n")
    put(here, "later.sources", plain.replace("bookworm", "trixie"))
    put(here, "off.sources", plain + "Enabled: no\n")
    put(here, "two.sources", plain + "\n" + plain)
    put(here, "more.sources", plain + "Languages: none\n")
    put(here, "less.sources", "Types: deb\n")
    put(here, "twice.sources", plain + "Suites: a\n")
    put(here, "open.sources", plain, mode=0o666)
    put(here, "line.list", "deb https://deb.example.org/debian bookworm main\n")
    found = here.harness.find("Repository")
    where = {"uris": ["https://deb.example.org/debian"], "suites": ["bookworm"]}
    assert [one["spec"] for one in found] == [
        {
            "repository": "example",
            **where,
            "components": ["main"],
            "key": "-----BEGIN PGP PUBLIC KEY BLOCK-----\n",
        },
        {"repository": "fetched", **where, "signedBy": "/usr/share/keyrings/x.gpg", "trusted": True},
    ]


def test_without_dpkg_no_sources_are_found(here):
    here.debian.world["manager"] = {"apt": {"missing": "there is no dpkg"}}
    assert here.harness.find("Repository") == []
