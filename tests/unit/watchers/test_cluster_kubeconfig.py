"""A context of a kubeconfig, as kubectl takes it; and what is wrong with one, in a sentence without a credential."""

import asyncio
import json
import os
from datetime import UTC, datetime, timedelta

import pytest
import yaml

from watchers.kubernetes import kubeconfig
from watchers.kubernetes.kubeconfig import KubeconfigError, access
from watchers.kubernetes.listing import Unlisted, login_of


def config(directory, name="config", *, user=None, cluster=None, **more):
    path = directory / name
    document = {
        "current-context": "prod",
        "contexts": [
            {"name": "prod", "context": {"cluster": "c", "user": "u", "namespace": "web"}},
            {"name": "test", "context": {"cluster": "c", "user": "u"}},
        ],
        "clusters": [{"name": "c", "cluster": {"server": "https://c:6443"} if cluster is None else cluster}],
        "users": [{"name": "u", "user": user or {"token": "t0k3n-of-anna"}}],
        **more,
    }
    path.write_text(yaml.safe_dump(document))
    return str(path)


def refused(environ, **words):
    with pytest.raises(KubeconfigError) as caught:
        access(environ, **words)
    assert "t0k3n" not in str(caught.value)
    return str(caught.value)


def test_the_current_context_counts_unless_another_is_named(tmp_path):
    environ = {"KUBECONFIG": config(tmp_path)}
    current = access(environ)
    assert (current.context, current.namespace) == ("prod", "web")
    assert (current.connection.server, current.connection.token) == ("https://c:6443", "t0k3n-of-anna")
    assert "t0k3n" not in repr(current)
    other = access(environ, context="test")
    assert (other.context, other.namespace) == ("test", "default")
    assert access({}, file=environ["KUBECONFIG"]).context == "prod"


def test_the_one_at_home_counts_where_none_is_named(tmp_path):
    assert access({"HOME": str(tmp_path)}) is None
    (tmp_path / ".kube").mkdir()
    config(tmp_path / ".kube")
    assert access({"HOME": str(tmp_path)}).context == "prod"


def test_of_several_files_the_first_that_says_something_counts(tmp_path):
    first = config(tmp_path, "first", contexts=[], **{"current-context": "test"}, users=[])
    second = config(tmp_path, "second", cluster={"server": "https://other"})
    found = access({"KUBECONFIG": f"{first}:{second}"})
    assert (found.context, found.connection.server) == ("test", "https://c:6443")


def test_paths_in_it_are_relative_to_it(tmp_path):
    (tmp_path / "token").write_text("from-a-file\n")
    cluster = {"server": "https://c", "certificate-authority": "ca.crt"}
    path = config(tmp_path, user={"tokenFile": "token"}, cluster=cluster)
    found = access({}, file=path).connection
    assert (found.token, found.ca_path) == ("from-a-file", str(tmp_path / "ca.crt"))


@pytest.mark.parametrize(
    ("change", "words", "said"),
    [
        ({}, {"context": "prdo"}, "there is no context 'prdo' in {}; did you mean 'prod'?"),
        ({}, {"context": "zzz"}, "there is: prod, test"),
        ({"current-context": ""}, {}, "{} has no current context; name one: prod, test"),
        ({"contexts": [], "current-context": ""}, {}, "name one: there is none"),
        ({"users": []}, {}, "names the user 'u', which is not there"),
        ({"clusters": []}, {}, "names the cluster 'c', which is not there"),
        ({"cluster": {}}, {}, "the cluster of the context 'prod' in {} has no server"),
        ({"contexts": [{"no": "name"}]}, {}, "{} is no kubeconfig"),
        ({"user": {"tokenFile": "gone"}}, {}, "gone: no such file or directory"),
        (
            {"user": {"client-key": "a", "client-key-data": "t0k3n"}},
            {},
            "the context 'prod': Both private key",
        ),
    ],
)
def test_what_is_wrong_with_one_is_said_without_a_credential(tmp_path, change, words, said):
    path = config(tmp_path, **change)
    assert said.format(path) in refused({"KUBECONFIG": path}, **words)


def test_what_cannot_be_read_is_named(tmp_path):
    assert refused({}, file=str(tmp_path / "none")) == f"{tmp_path}/none: no such file or directory"
    (tmp_path / "odd").write_text("{{ t0k3n")
    assert refused({}, file=str(tmp_path / "odd")) == f"{tmp_path}/odd is no kubeconfig"


def program(directory, text):
    path = directory / "login"
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)
    return {"exec": {"apiVersion": "client.authentication.k8s.io/v1", "command": "./login", "args": ["x"]}}


def test_a_program_says_how_to_log_in_until_the_end_that_it_names(tmp_path, monkeypatch):
    monkeypatch.setattr(kubeconfig, "_logins", {})
    calls = tmp_path / "calls"
    told = {
        "status": {"token": "told", "expirationTimestamp": f"{datetime.now(UTC) + timedelta(hours=1):%FT%TZ}"}
    }
    script = f"echo $1 $KUBERNETES_EXEC_INFO >>{calls}\ncat <<'END'\n{json.dumps(told)}\nEND"
    path = config(tmp_path, user=program(tmp_path, script))
    assert access({}, file=path).connection.token == "told"
    assert access({}, file=path).connection.token == "told"
    (line,) = calls.read_text().splitlines()
    assert line.startswith("x {")
    assert '"kind": "ExecCredential"' in line
    monkeypatch.setattr(kubeconfig, "_LEFT", timedelta(hours=2))
    access({}, file=path)
    assert len(calls.read_text().splitlines()) == 2


@pytest.mark.parametrize(
    ("script", "said"),
    [
        ("echo no session >&2; exit 3", "which ended with 3: no session"),
        ("echo hello", "said nothing of how to log in"),
        ("exec sleep 60", "did not end within"),
        (None, "cannot be run: "),
    ],
)
def test_a_program_that_says_nothing_of_it_is_named(tmp_path, monkeypatch, script, said):
    monkeypatch.setattr(kubeconfig, "PATIENCE", 0.3 if script and "sleep" in script else 60)
    user = program(tmp_path, script or "")
    if script is None:
        (tmp_path / "login").unlink()
    found = refused({}, file=config(tmp_path, user=user))
    assert said in found
    assert f"logs in by {tmp_path}/login" in found


def test_an_end_without_a_time_zone_is_one_in_utc(tmp_path, monkeypatch):
    monkeypatch.setattr(kubeconfig, "_logins", {})
    told = {"status": {"token": "told", "expirationTimestamp": "2999-01-01T00:00:00"}}
    path = config(tmp_path, user=program(tmp_path, f"cat <<'END'\n{json.dumps(told)}\nEND"))
    assert [access({}, file=path).connection.token for _ in range(2)] == ["told", "told"]


@pytest.mark.parametrize(
    "change",
    [
        {"args": 5},
        {"args": ["t0k3n\0"]},
        {"env": [{"name": "A"}]},
        {"env": [{"name": "A", "value": 5}]},
        {"env": "t0k3n"},
        {"args": [datetime(2026, 1, 1, tzinfo=UTC)], "env": [{"value": "t0k3n"}]},
    ],
)
def test_a_program_that_cannot_be_run_as_it_says_is_named(tmp_path, change):
    user = program(tmp_path, "true")
    user["exec"] |= change
    found = refused({}, file=config(tmp_path, user=user))
    assert found.endswith(f"logs in by {tmp_path}/login, which cannot be run: its args or env are not texts")


async def test_a_context_without_a_kubeconfig_is_told_apart_from_a_cluster_that_this_runs_in(tmp_path):
    with pytest.raises(Unlisted, match="no kubeconfig that could have the context 'prod'"):
        await login_of({"HOME": str(tmp_path)}, context="prod")


async def test_a_program_that_takes_its_time_holds_up_nobody_and_is_asked_once_for_all_who_wait(
    tmp_path, monkeypatch
):
    """It ran on the event loop: with one that hangs everything stood still for a minute."""
    monkeypatch.setattr(kubeconfig, "_logins", {})
    calls, answer = tmp_path / "calls", tmp_path / "answer"
    os.mkfifo(answer)
    path = config(tmp_path, user=program(tmp_path, f"echo >>{calls}; cat {answer}"))
    asking = [asyncio.create_task(login_of({}, file=path)) for _ in range(3)]
    # Whoever opens it waits for who reads it: this loop goes on meanwhile.
    writing = await asyncio.to_thread(answer.open, "w")
    assert not any(task.done() for task in asking)
    with writing:
        writing.write('{"status": {"token": "told"}}')
    assert [one.connection.token for one in await asyncio.gather(*asking)] == ["told"] * 3
    assert calls.read_text() == "\n"


async def test_what_went_wrong_with_a_program_is_told_all_who_wait_for_it(tmp_path, monkeypatch):
    monkeypatch.setattr(kubeconfig, "_failed", {})
    calls = tmp_path / "calls"
    path = config(tmp_path, user=program(tmp_path, f"echo >>{calls}; exit 3"))
    said = await asyncio.gather(*(login_of({}, file=path) for _ in range(3)), return_exceptions=True)
    assert ["ended with 3" in str(one) for one in said] == [True] * 3
    assert calls.read_text() == "\n"
    monkeypatch.setattr(kubeconfig, "_AGAIN", -1.0)
    monkeypatch.setattr(kubeconfig, "_failed", {})
    await asyncio.gather(*(login_of({}, file=path) for _ in range(2)), return_exceptions=True)
    assert calls.read_text() == "\n" * 3
