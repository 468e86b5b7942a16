"""What is written about a git repository, and what is said when it is wrong."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from reconciler.config.repositories import ref_of, repository
from reconciler.errors import ConfigError
from reconciler.model.repository import GitAccess, GitPlace, Ref, RefKind, Verification
from reconciler.model.source import DirectoryPlace
from tests.unit.config.world import loaded

HEAD = "apiVersion: froyo.dev/v1alpha1\nkind: Source\nmetadata: {name: fleet}\nspec:\n"


def read(git: Mapping[str, Any]) -> tuple[GitPlace, list[str]]:
    said: list[str] = []
    place = repository(
        git,
        lambda written, _: f"/here/{written}" if not written.startswith("/") else written,
        lambda field, message, hint: said.append(f"{'.'.join(map(str, field))}: {message}; {hint}"),
    )
    return place, said


def test_a_source_in_git_is_declared_in_full() -> None:
    text = HEAD + (
        "  git:\n"
        "    url: ssh://git@git.example.com:2222/fleet.git\n"
        "    ref: {semver: ^1.2}\n"
        "    path: ./site/\n"
        "    timeout: 30s\n"
        "    identityFile: id\n"
        "    knownHosts: ~/known\n"
        "    username: reader\n"
        "    passwordFile: token\n"
        "    caFile: /ca.pem\n"
        "    verify: {of: tag, allowedSigners: signers, openPGPKeys: /keys.asc}\n"
        "  interval: 10s\n"
    )
    (found,) = loaded({"a/s.yaml": text}).sources.values()
    assert found.place == GitPlace(
        "ssh://git@git.example.com:2222/fleet.git",
        Ref(RefKind.SEMVER, "^1.2"),
        "site",
        30.0,
        GitAccess("/src/a/id", "/home/ann/known", "reader", "token", "/ca.pem"),
        Verification(tag=True, allowed_signers="/src/a/signers", openpgp_keys="/keys.asc"),
    )
    assert (found.interval, found.name) == (10.0, "fleet")


def test_what_is_secret_may_be_named_as_all_secrets_are() -> None:
    secret = "{secret: {file: %s}}"
    text = HEAD + (
        "  git:\n    url: git@h:r.git\n"
        f"    identityFrom: {secret % 'key'}\n"
        f"    knownHostsFrom: {secret % '/etc/froyo/known'}\n"
        f"    passwordFrom: {secret % 'token'}\n"
    )
    (found,) = loaded({"s.yaml": text}).sources.values()
    assert isinstance(found.place, GitPlace)
    assert found.place.access == GitAccess(
        identity_secret="key", known_hosts_secret="/etc/froyo/known", password_file="token"
    )
    _, said = read({"url": "/r", "passwordFrom": {"secret": {"file": "a"}}, "passwordFile": "b"})
    assert said == ["passwordFrom: passwordFrom and passwordFile do not go together; keep one"]


def test_one_source_is_about_one_repository_and_path() -> None:
    again = HEAD.replace("fleet", "again") + "  git: {url: https://h/r.git, ref: {tag: v1}}\n"
    text = f"{HEAD}  git: {{url: https://h/r.git}}\n---\n{again}"
    (warning,) = loaded({"s.yaml": text}).warnings
    assert (
        "Source/again does nothing: Source/fleet, at /src/s.yaml:1, is about this repository and path"
        in warning
    )
    other = text.replace("ref: {tag: v1}", "path: other")
    assert loaded({"s.yaml": other}).warnings == ()


@pytest.mark.parametrize(
    "spec",
    [
        "  git: {url: https://h/r}\n  directory: {path: .}\n",
        "  interval: 1m\n",
        "  git: {url: https://h/r, ref: {branch: a, tag: b}}\n",
        "  git: {url: https://h/r, verify: {of: tag}}\n",
    ],
)
def test_what_says_two_things_or_nothing_is_refused(spec: str) -> None:
    with pytest.raises(ConfigError):
        loaded({"s.yaml": HEAD + spec})


@pytest.mark.parametrize(
    ("url", "place", "name"),
    [
        ("https://h.example/r.git", "https://h.example/r.git", "git+https://h.example/r.git"),
        ("ssh://git@h:22/~/r", "ssh://git@h:22/~/r", "git+ssh://git@h:22/~/r"),
        ("git@h.example:team/r.git", "git@h.example:team/r.git", "git+ssh://git@h.example:team/r.git"),
        ("file:///srv/r.git", "/srv/r.git", "git+file:///srv/r.git"),
        ("../r.git", "/here/../r.git", "git+file:///here/../r.git"),
    ],
)
def test_a_repository_is_named_by_its_url(url: str, place: str, name: str) -> None:
    found, said = read({"url": url})
    assert (found.url, found.name, found.root, said) == (place, name, "", [])
    assert read({"url": url, "path": "a//b"})[0].name == f"{name}//a/b"


@pytest.mark.parametrize(
    ("git", "why"),
    [
        ({"url": "https://u:p4ss@h/r"}, "url: a password does not belong in a URL"),
        ({"url": "https://u:p4ss/w@h/r"}, "url: a password does not belong in a URL"),
        ({"url": "u:p4ss@h:r"}, "url: a password does not belong in a URL"),
        ({"url": "https://ghp_p4ss@h/r"}, "url: a token does not belong in a URL"),
        (
            {"url": "https://p4ss0123456789abcdef0123456789abcdef@h/r"},
            "url: a token does not belong in a URL",
        ),
        ({"url": "http://h/r"}, "url: http:// is none of https://, ssh://, file://"),
        ({"url": "ext::sh -c id"}, "url: a URL has no spaces"),
        ({"url": "ext::id"}, "url: 'ext::id' is no URL"),
        ({"url": "--upload-pack=id"}, "url: '--upload-pack=id' is no URL"),
        ({"url": "ssh://-oProxyCommand=id/x"}, "url: ssh:// is followed by a host and a path"),
        ({"url": "-oProxyCommand=id:x"}, "is no URL"),
        ({"url": "https://h"}, "url: https:// is followed by a host and a path"),
        ({"url": "h:-x"}, "is no URL"),
        ({"url": "/r", "path": "../x"}, "path: '../x' leads out of the repository"),
        ({"url": "/r", "path": "/x"}, "path: '/x' leads out of the repository"),
        ({"url": "/r", "ref": {"branch": "-x"}}, "ref.branch: '-x' can be no branch"),
        ({"url": "/r", "ref": {"branch": "a..b"}}, "ref.branch: 'a..b' can be no branch"),
        ({"url": "/r", "ref": {"tag": "a*"}}, "ref.tag: 'a*' can be no tag"),
        ({"url": "/r", "ref": {"commit": "abc"}}, "ref.commit: 'abc' is no whole commit"),
        ({"url": "/r", "ref": {"semver": "nope"}}, "ref.semver: 'nope' is no range of versions"),
        ({"url": "/r", "timeout": "999999999d"}, "timeout: 999999999d is no time that can be kept"),
        (
            {"url": "/r", "verify": {"of": "tag", "allowedSigners": "s"}},
            "verify.of: only a tag has a signature of a tag",
        ),
    ],
)
def test_what_is_wrong_is_said_without_a_password(git: Mapping[str, Any], why: str) -> None:
    _, said = read(git)
    assert len(said) == 1
    assert why in said[0]
    assert "p4ss" not in said[0]


@pytest.mark.parametrize(
    ("written", "ref"),
    [
        ("main", {"branch": "main"}),
        ("feature/x", {"branch": "feature/x"}),
        ("tag:v1", {"tag": "v1"}),
        ("semver:^1", {"semver": "^1"}),
        ("branch:tag", {"branch": "tag"}),
        ("a" * 40, {"commit": "a" * 40}),
        ("other:x", {"branch": "other:x"}),
    ],
)
def test_a_ref_is_one_word(written: str, ref: dict[str, str]) -> None:
    assert ref_of(written) == ref


def test_a_ref_is_told_as_a_person_says_it() -> None:
    assert (str(Ref()), str(Ref(RefKind.TAG, "v1"))) == ("the default branch", "tag v1")
    assert DirectoryPlace("/a\udcff").name == "/a\\xff"


def test_the_example_means_what_it_says() -> None:
    example = Path(__file__).parents[3] / "examples" / "git" / "sources.yaml"
    found = loaded({"sources.yaml": example.read_text()}).sources
    baseline, site = (one.place for one in found.values())
    assert isinstance(baseline, GitPlace)
    assert isinstance(site, GitPlace)
    assert baseline.verification == Verification(tag=True, openpgp_keys="/src/keys/release-managers.asc")
    assert (site.name, str(site.ref)) == ("git+ssh://git@git.example.com/ops/fleet.git//site", "branch main")


@pytest.mark.parametrize(
    "url",
    [
        "https://org@dev.example.com/org/_git/site",
        "https://git.example.com:8443/site@main",
        "ssh://git@[::1]:22/site@main",
        "https://[::1]/site@main",
        "git.example.com:team@site/r",
    ],
)
def test_what_looks_a_little_like_a_password_is_none(url: str) -> None:
    place, said = read({"url": url})
    assert (place.url, said) == (url, [])
