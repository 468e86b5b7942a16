"""A git repository as a source, with git itself: what it yields, and what it says when it cannot."""

import asyncio
import base64
import os
import ssl
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from reconciler.errors import UsageError
from reconciler.model.names import SourceName
from reconciler.model.repository import GitAccess, GitPlace, Ref, RefKind
from reconciler.model.source import Snapshot, SnapshotGone, SourceReport
from reconciler.runtime import Runtime, connect_nothing
from tests.integration.outside.conftest import Authority, authority  # noqa: F401 - the same fixture
from tests.integration.targets.test_ssh_here import Server
from tests.integration.watchers.origins import QUIET, Fetched, Origin
from watchers.directory import DirectorySource
from watchers.git import contents, program

DEADLINE = 60


def place(origin: Origin, **more: object) -> GitPlace:
    return GitPlace(str(origin.path), **more)  # type: ignore[arg-type]


def said(snapshot: Snapshot) -> dict[str, str]:
    return {path: file.read().decode() for path, file in snapshot.files.items()}


async def following(source):
    items = source.snapshots()

    async def step():
        async with asyncio.timeout(DEADLINE):
            return await anext(items)

    return step, items


async def test_a_revision_is_what_its_directory_would_be(origin: Origin, fetched: Fetched) -> None:
    origin.write(
        {
            "site/a.yaml": "a: 1",
            "site/bodies/run": "#!/bin/sh",
            "site/bodies/large": "x" * 200_000,
            "site/.froyoignore": "*.bak\n/build/\n",
            "site/a.bak": "ignored",
            "site/build/b.yaml": "ignored: 1",
            "site/sub/.froyoignore": "!*.bak\n",
            "site/sub/kept.bak": "kept",
            "site/sub/.hidden/x": "x",
            "site/sub/.#lock": "x",
            "site/4913": "x",
            "site/with\nnewline": "odd",
            "outside": "secret",
        }
    )
    (origin.path / "site/bodies/run").chmod(0o755)
    (origin.path / "site").joinpath(os.fsdecode(b"caf\xe9")).write_text("latin")
    for name, to in {
        "link": "sub",
        "file": "bodies/run",
        "up": "sub/../bodies/run",
        "self": ".",
        "circle": "circle",
        "nowhere": "gone",
        "out": "../outside",
        "away": "/etc/passwd",
        "through": "a.yaml/x",
    }.items():
        (origin.path / "site" / name).symlink_to(to)
    commit = origin.commit({})
    found = await fetched.source(place(origin, path="site")).take()
    runtime = Runtime(connect=connect_nothing)
    there = DirectorySource(SourceName("x"), origin.path / "site", runtime=runtime).take()
    assert dict(found.files) == dict(there.files)
    assert dict(found.left_out) == dict(there.left_out)
    assert said(found) == said(there)
    assert (found.revision, found.root) == (f"main@sha1:{commit}", "")
    assert found.source == f"git+file://{origin.path}//site"


async def test_what_is_new_comes_once_and_what_cannot_be_had_changes_nothing(
    origin: Origin, fetched: Fetched
) -> None:
    first = origin.commit({"a.yaml": "1"})
    source = fetched.source(place(origin, ref=Ref(RefKind.BRANCH, "main")), interval=lambda: 0.01)
    step, items = await following(source)
    assert (await step()).revision == f"main@sha1:{first}"
    second = origin.commit({"a.yaml": "2"})
    found = await step()
    assert (said(found), found.revision) == ({"a.yaml": "2"}, f"main@sha1:{second}")
    origin.git("branch", "--move", "main", "other")
    gone = await step()
    assert isinstance(gone, SourceReport)
    assert "it has no branch main" in gone.unreadable
    origin.git("branch", "--move", "other", "main")
    assert await step() == SourceReport()
    third = origin.commit({"b.yaml": "3"})
    assert (await step()).revision == f"main@sha1:{third}"
    await items.aclose()


async def test_to_be_told_of_something_new_has_it_looked_at_sooner(
    origin: Origin, fetched: Fetched, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("watchers.git.source.SOONEST", 0.0)
    origin.commit({"a.yaml": "1"})
    source = fetched.source(place(origin), interval=lambda: 3600.0)
    step, items = await following(source)
    await step()
    origin.commit({"a.yaml": "2"})
    waiting = asyncio.ensure_future(step())
    while not waiting.done():
        source.sooner()
        await asyncio.wait([waiting], timeout=0.05)
    assert said(waiting.result()) == {"a.yaml": "2"}
    await items.aclose()


async def test_each_kind_of_name_is_found(origin: Origin, fetched: Fetched) -> None:
    first = origin.commit({"a": "1"})
    origin.git("tag", "v1.0.0")
    second = origin.commit({"a": "2"})
    origin.git("tag", "--annotate", "--message=m", "v1.2.0")
    third = origin.commit({"a": "3"})
    origin.git("tag", "v2.0.0-rc.1")
    origin.git("tag", "unversioned")
    for ref, revision in {
        Ref(): f"main@sha1:{third}",
        Ref(RefKind.BRANCH, "main"): f"main@sha1:{third}",
        Ref(RefKind.TAG, "v1.0.0"): f"v1.0.0@sha1:{first}",
        Ref(RefKind.TAG, "v1.2.0"): f"v1.2.0@sha1:{second}",
        Ref(RefKind.SEMVER, "^1"): f"v1.2.0@sha1:{second}",
        Ref(RefKind.SEMVER, ">=2.0.0-rc.0"): f"v2.0.0-rc.1@sha1:{third}",
        Ref(RefKind.COMMIT, first): f"sha1:{first}",
    }.items():
        assert (await fetched.source(place(origin, ref=ref)).take()).revision == revision


@pytest.mark.parametrize(
    ("ref", "why"),
    [
        (Ref(RefKind.BRANCH, "v1"), "it has no branch v1; there is a tag of that name"),
        (Ref(RefKind.TAG, "main"), "it has no tag main; there is a branch of that name"),
        (Ref(RefKind.TAG, "nope"), "it has no tag nope"),
        (Ref(RefKind.SEMVER, "^3"), "no tag is a version in ^3; there is: v1"),
        (Ref(RefKind.COMMIT, "0" * 40), "not our ref " + "0" * 40),
    ],
)
async def test_a_name_of_nothing_is_told_with_what_there_is(
    origin: Origin, fetched: Fetched, ref: Ref, why: str
) -> None:
    origin.commit({"a": "1"})
    origin.git("tag", "v1")
    with pytest.raises(UsageError, match=why.replace("^", r"\^")):
        await fetched.source(place(origin, ref=ref)).take()


async def test_a_path_that_is_no_directory_is_told(origin: Origin, fetched: Fetched) -> None:
    origin.commit({"a": "1"})
    for path in ("a", "b"):
        with pytest.raises(UsageError, match=f"there is no directory {path} in "):
            await fetched.source(place(origin, path=path)).take()


@pytest.mark.parametrize("path", ["-t", "--name-only", ":(top)x", "a*"])
async def test_a_path_is_a_name_whatever_git_could_take_it_for(
    origin: Origin, fetched: Fetched, path: str
) -> None:
    origin.commit({"ab/f": "1", f"{path}/f": "2", "zz/f": "3"})
    found = await fetched.source(place(origin, path=path)).take()
    assert {name: file.read() for name, file in found.files.items()} == {"f": b"2"}


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a repository to somebody else")
async def test_a_repository_of_somebody_else_is_not_read_from_its_path(
    origin: Origin, fetched: Fetched
) -> None:
    origin.commit({"a": "1"})
    os.chown(origin.path / ".git", 65534, 65534)
    with pytest.raises(UsageError, match=r"the repository belongs to another user.*: use SSH"):
        await fetched.source(place(origin)).take()


async def test_only_what_lies_below_the_path_is_fetched(origin: Origin, fetched: Fetched) -> None:
    origin.commit({"site/a.yaml": "1", "films/large": "x" * 1000})
    large = origin.git("rev-parse", "HEAD:films/large")
    source = fetched.source(place(origin, path="site"))
    assert said(await source.take()) == {"a.yaml": "1"}
    (repository,) = fetched.directory.glob("git/*/repository.git")
    listed = origin.git("--git-dir", str(repository), "cat-file", "--batch-check", "--batch-all-objects")
    assert large not in listed
    origin.commit({"site/b.yaml": "2"})
    assert said(await source.take()) == {"a.yaml": "1", "b.yaml": "2"}


async def test_history_that_was_rewritten_is_told_from_history_that_went_on(
    origin: Origin, fetched: Fetched, tmp_path: Path
) -> None:
    origin.commit({"a": "1"})
    source = fetched.source(place(origin))
    first = (await source.take()).revision
    origin.commit({"a": "2"})
    origin.commit({"a": "3"})
    second = (await source.take()).revision
    assert await source.doubt(first, second) == ""
    origin.git("reset", "--quiet", "--hard", "HEAD~2")
    origin.commit({"b": "other"})
    third = (await source.take()).revision
    assert "the history of main was rewritten" in await source.doubt(second, third)
    assert await source.doubt(first, third) == ""
    # What is not known to be so is not taken to be so.
    elsewhere = Fetched(tmp_path / "elsewhere")
    fresh = elsewhere.source(place(origin))
    await fresh.take()
    assert "was rewritten" in await fresh.doubt(first, third)
    elsewhere.lanes.close()
    # Another ref is another wish, and no rewriting.
    assert await source.doubt(second, f"next@{third.partition('@')[2]}") == ""


async def test_large_contents_are_read_when_they_are_wanted_and_checked(
    origin: Origin, fetched: Fetched, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(contents, "KEEP_EACH", 10)
    origin.commit({"large": "x" * 100, "pointer": "version https://git-lfs.github.com/spec/v1\n", "s": "s"})
    source = fetched.source(place(origin))
    found = await source.take()
    assert found.left_out == {"pointer": "a pointer of Git LFS, whose content is not fetched"}
    assert found.files["large"].read() == b"x" * 100
    (repository,) = fetched.directory.glob("git/*/repository.git")
    for pack in (repository / "objects/pack").iterdir():
        pack.unlink()
    with pytest.raises(SnapshotGone, match="large: its content is not in the repository any more"):
        found.files["large"].read()


async def test_many_fetches_are_packed_and_a_broken_repository_is_fetched_anew(
    origin: Origin, fetched: Fetched, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("watchers.git.repository.MANY_PACKS", 1)
    source = fetched.source(place(origin))
    for number in range(3):
        origin.commit({"a": str(number)})
        assert said(await source.take()) == {"a": str(number)}
    (repository,) = fetched.directory.glob("git/*/repository.git")
    assert len(list((repository / "objects/pack").glob("*.pack"))) == 1


# --- Over SSH ------------------------------------------------------------


@pytest.fixture
async def server(tmp_path: Path):
    (tmp_path / "server").mkdir()
    found = Server(tmp_path / "server")
    found.environ |= QUIET
    async with found.listening():
        yield found


def over_ssh(server: Server, origin: Origin, **more: object) -> GitPlace:
    access = GitAccess(identity_file=server.identity, known_hosts=str(server.known_hosts))
    url = f"ssh://git@{server.host}:{server.port}{origin.path}"
    return GitPlace(url, **{"access": access, **more})  # type: ignore[arg-type]


async def test_a_revision_comes_over_ssh(server: Server, origin: Origin, fetched: Fetched) -> None:
    origin.commit({"a.yaml": "1"})
    source = fetched.source(over_ssh(server, origin))
    assert said(await source.take()) == {"a.yaml": "1"}
    assert all(command.startswith("git-upload-pack") for command in server.commands)


def keep(place: Path, **files: str | Path) -> None:
    """Put files among the secrets."""
    place.mkdir(exist_ok=True)
    for name, path in files.items():
        (place / name).write_text(Path(path).read_text())
        (place / name).chmod(0o600)


async def test_a_key_may_be_among_the_secrets_if_nobody_else_can_read_it(
    server: Server, origin: Origin, fetched: Fetched
) -> None:
    origin.commit({"a.yaml": "1"})
    place = fetched.secrets
    keep(place, key=server.identity, known=server.known_hosts)
    access = GitAccess(identity_secret="key", known_hosts_secret="known")
    source = fetched.source(over_ssh(server, origin, access=access))
    assert said(await source.take()) == {"a.yaml": "1"}
    (place / "key").chmod(0o644)
    with pytest.raises(UsageError, match=r"key is no secret: others can get at it"):
        await source.take()


async def test_a_host_that_is_not_known_and_a_key_that_is_not_accepted_are_told(
    server: Server, origin: Origin, fetched: Fetched, tmp_path: Path
) -> None:
    origin.commit({"a.yaml": "1"})
    (tmp_path / "nobody").write_text("")
    stranger = GitAccess(identity_file=server.identity, known_hosts=str(tmp_path / "nobody"))
    with pytest.raises(UsageError, match=r"the host's key is not known: name a known_hosts file with it"):
        await fetched.source(over_ssh(server, origin, access=stranger)).take()
    other = Server(tmp_path / "other") if (tmp_path / "other").mkdir() is None else None
    assert other is not None
    wrong = GitAccess(identity_file=other.identity, known_hosts=str(server.known_hosts))
    with pytest.raises(UsageError, match=r"the key is not accepted there"):
        await fetched.source(over_ssh(server, origin, access=wrong)).take()
    assert server.commands == []


@pytest.mark.parametrize(
    ("before", "why"),
    [
        ("head -c 4096 /dev/zero; exit 0; ", "protocol error|not a git repository|bad line|died"),
        ("echo '001e# service=git-upload-pack'; exit 0; ", "protocol|hung up|bad|unexpected|invalid"),
        ("exit 128; ", "ended with status 128|hung up|Could not read"),
        ("exec cat >/dev/null; ", "no answer within 1 s"),
    ],
    ids=["zeros", "another protocol", "nothing", "silence"],
)
async def test_a_server_that_says_something_else_yields_nothing(
    server: Server, origin: Origin, fetched: Fetched, before: str, why: str
) -> None:
    origin.commit({"a.yaml": "1"})
    source = fetched.source(over_ssh(server, origin, timeout=30.0))
    first = await source.take()
    server.before = before
    silent = fetched.source(over_ssh(server, origin, timeout=1.0 if "cat" in before else 30.0))
    with pytest.raises(UsageError, match=why):
        await silent.take()
    server.before = ""
    assert await source.take() == first


async def test_more_than_may_be_fetched_is_not_fetched(
    server: Server, origin: Origin, fetched: Fetched, monkeypatch: pytest.MonkeyPatch
) -> None:
    origin.commit({"b": os.urandom(200_000).hex()})
    monkeypatch.setattr(program, "LARGEST_PACK", 100 << 10)
    with pytest.raises(UsageError, match=r"it breaks off, or is more than a GiB at once"):
        await fetched.source(over_ssh(server, origin)).take()


# --- Over HTTPS ------------------------------------------------------------


@dataclass
class Web:
    """A server: where it listens, what it was asked, and of how many bytes its answers are at most."""

    port: int = 0
    asked: list[str] = field(default_factory=list)
    most: int | None = None


@asynccontextmanager
async def https(root: Path, context: ssl.SSLContext, *, password: str = ""):
    """Git's own server for HTTP, behind TLS, for whoever knows the password, if there is one."""
    wanted = "Basic " + base64.b64encode(f"reader:{password}".encode()).decode() if password else None
    web = Web()

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while asking := await reader.readuntil(b"\r\n\r\n"):
                first, *lines = asking.decode().split("\r\n")
                method, target, _ = first.split(" ")
                headers = {k.lower(): v for k, _, v in (line.partition(": ") for line in lines)}
                body = await reader.readexactly(int(headers.get("content-length", 0)))
                web.asked.append(f"{method} {target} {headers.get('authorization', '')}")
                if wanted is not None and headers.get("authorization") != wanted:
                    refused = (
                        b"HTTP/1.1 401 No\r\nWWW-Authenticate: Basic realm=x\r\nContent-Length: 0\r\n\r\n"
                    )
                    writer.write(refused)
                    continue
                path, _, query = target.partition("?")
                backend = await asyncio.create_subprocess_exec(
                    *("git", "http-backend"),
                    stdin=-1,
                    stdout=-1,
                    env={
                        **QUIET,
                        "GIT_PROJECT_ROOT": str(root),
                        "GIT_HTTP_EXPORT_ALL": "1",
                        "REQUEST_METHOD": method,
                        "PATH_INFO": path,
                        "QUERY_STRING": query,
                        "CONTENT_TYPE": headers.get("content-type", ""),
                        "CONTENT_LENGTH": str(len(body)),
                        "HTTP_CONTENT_ENCODING": headers.get("content-encoding", ""),
                        "GIT_PROTOCOL": headers.get("git-protocol", ""),
                    },
                )
                printed, _ = await backend.communicate(body)
                shown, _, content = printed.partition(b"\r\n\r\n")
                head = b"HTTP/1.1 200 OK\r\n" + shown + b"\r\nContent-Length: %d\r\n\r\n" % len(content)
                writer.write(head + content[: web.most])
                if web.most is not None and len(content) > web.most:
                    break
        except (asyncio.IncompleteReadError, ConnectionError, ssl.SSLError):
            pass
        finally:
            writer.close()

    listening = await asyncio.start_server(answer, "127.0.0.1", 0, ssl=context)
    async with listening:
        web.port = listening.sockets[0].getsockname()[1]
        yield web


async def test_a_revision_comes_over_https_with_a_password_from_a_file(
    origin: Origin,
    fetched: Fetched,
    tmp_path: Path,
    authority: Authority,  # noqa: F811 - the fixture
) -> None:
    origin.commit({"a.yaml": "1"})
    (tmp_path / "ca.pem").write_text(authority.pem)
    token = fetched.secrets / "token"
    token.write_text("s3cr€t%$'\"\n")
    token.chmod(0o600)
    async with https(tmp_path, authority.context(tmp_path, "127.0.0.1"), password="s3cr€t%$'\"") as web:
        access = GitAccess(username="reader", password_file="token", ca_file=str(tmp_path / "ca.pem"))
        wanted = GitPlace(f"https://127.0.0.1:{web.port}/origin/.git", access=access)
        assert said(await fetched.source(wanted).take()) == {"a.yaml": "1"}
        token.write_text("hunter2")
        with pytest.raises(UsageError, match="it asks who we are") as told:
            await fetched.source(wanted).take()
        assert "hunter2" not in str(told.value)
        web.asked.clear()
        token.chmod(0o644)
        with pytest.raises(UsageError, match="token is no secret: others can get at it"):
            await fetched.source(wanted).take()
        assert web.asked == []
        stranger = GitPlace(wanted.url, access=GitAccess(username="reader"))
        with pytest.raises(UsageError, match="caFile"):
            await fetched.source(stranger).take()


async def test_a_pack_that_is_cut_off_leaves_what_was_there(
    origin: Origin,
    fetched: Fetched,
    tmp_path: Path,
    authority: Authority,  # noqa: F811 - the fixture
) -> None:
    origin.commit({"a.yaml": "1"})
    (tmp_path / "ca.pem").write_text(authority.pem)
    async with https(tmp_path, authority.context(tmp_path, "127.0.0.1")) as web:
        access = GitAccess(ca_file=str(tmp_path / "ca.pem"))
        source = fetched.source(GitPlace(f"https://127.0.0.1:{web.port}/origin/.git", access=access))
        await source.take()
        origin.commit({"b": os.urandom(200_000).hex()})
        web.most = 20_000
        with pytest.raises(
            UsageError, match=r"early EOF|hung up|unexpected disconnect|invalid index-pack|RPC failed"
        ):
            await source.take()
        web.most = None
        assert set((await source.take()).files) == {"a.yaml", "b"}
