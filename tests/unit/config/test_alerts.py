"""Who is told of what, as it is declared, and what is said when that makes no sense."""

from dataclasses import replace

import pytest

from reconciler.config import load
from reconciler.errors import ConfigError
from reconciler.model.alert import (
    REPEAT,
    TIMEOUT,
    AlertFilter,
    AlertFormat,
    CommandOut,
    FileOut,
    WebhookOut,
)
from reconciler.model.cluster import ClusterPlace
from reconciler.model.secrets import KeyRef, Secret
from tests.unit.config.world import CATALOG, loaded, snapshot

HEAD = "apiVersion: froyo.dev/v1alpha1\nkind: Alert\nmetadata: {name: ops}\nspec:\n"


def read(spec):
    (found,) = loaded({"a/alert.yaml": HEAD + spec}).alerts.values()
    return found


def refused(spec):
    with pytest.raises(ConfigError) as error:
        read(spec)
    return "\n".join(map(str, error.value.problems))


def test_an_alert_is_declared_in_full():
    found = read(
        "  webhook:\n"
        "    urlFrom: {secret: {file: chat}}\n"
        "    format: slack\n"
        "    tokenFrom: {secret: {file: /etc/froyo/token}}\n"
        "    signWith: {secret: {file: key}}\n"
        "    caFile: ca.pem\n"
        "    timeout: 30s\n"
        "  severity: info\n"
        "  match:\n"
        "  - {kinds: [Service, Target], targets: [web-*]}\n"
        "  - {labels: {tier: web, app: shop}}\n"
        "  except: [{reasons: [Repaired]}]\n"
        "  for: 1m\n"
        "  repeatInterval: 1h\n"
        "  recovery: false\n"
    )
    assert found.way == WebhookOut(
        url=Secret("chat"),
        format=AlertFormat.SLACK,
        token=Secret("/etc/froyo/token"),
        key=Secret("key"),
        ca_file="/src/a/ca.pem",
        timeout=30.0,
    )
    assert found.match == (
        AlertFilter(kinds=frozenset({"Service", "Target"}), targets=("web-*",)),
        AlertFilter(labels=(("app", "shop"), ("tier", "web"))),
    )
    assert found.unless == (AlertFilter(reasons=frozenset({"Repaired"})),)
    assert (found.everything, found.after, found.repeat, found.recovery) == (True, 60.0, 3600.0, False)
    assert str(found.origin) == "/src/a/alert.yaml:1"


def test_what_is_left_out_is_as_most_people_want_it():
    found = read("  command: {name: page, arguments: [-v]}\n")
    assert found.way == CommandOut(name="page", arguments=("-v",))
    assert (found.everything, found.match, found.unless) == (False, (), ())
    assert (found.after, found.repeat, found.recovery) == (0.0, REPEAT, True)
    assert read("  file: {name: alerts.jsonl}\n").way == FileOut(name="alerts.jsonl")
    plain = read("  webhook: {url: 'http://127.0.0.1:9093/api/v2/alerts', format: alertmanager}\n").way
    assert (plain.format, plain.timeout) == (AlertFormat.ALERTMANAGER, TIMEOUT)


def test_what_is_declared_otherwise_has_another_digest():
    one, two = "  file: {name: a}\n", "  file: {name: a}\n  match: [{kinds: [File, Line]}]\n"
    assert read(one).digest == read(one).digest != read(two).digest
    assert read(two).digest == read(two.replace("File, Line", "Line, File")).digest
    assert read("  command: {name: a}\n").digest != read(one).digest


@pytest.mark.parametrize(
    ("spec", "said"),
    [
        ("  webhook: {url: 'ftp://h/'}\n", "no URL that anything can be posted to (write https://HOST"),
        ("  webhook: {url: 'https:///x'}\n", "no URL that anything can be posted to"),
        ("  webhook: {url: 'https://h:port/x'}\n", "no URL that anything can be posted to"),
        ("  webhook: {url: 'https://h/a b'}\n", "no URL that anything can be posted to"),
        ("  webhook: {url: 'https://u:s3cr3t@h/'}\n", "a user or password does not belong in a URL"),
        (
            "  webhook: {url: 'http://h/', tokenFrom: {secret: {file: t}}}\n",
            "a token would be sent in the clear (write https://…)",
        ),
        ("  webhook: {url: 'https://h/', timeout: 5m}\n", "5m is longer than a message may take"),
        ("  command: {name: ../page}\n", "alert.yaml:5"),
        ("  file: {name: /etc/cron.d/x}\n", "alert.yaml:5"),
        ("  webhook: {}\n", "alert.yaml:5"),
        ("  file: {name: a}\n  command: {name: b}\n", "alert.yaml:"),
        ("  file: {name: a}\n  match: [{}]\n", "alert.yaml:6"),
        (
            "  file: {name: a}\n  match: [{reasons: [Unreachabel]}]\n",
            "nothing is ever told for the reason Unreachabel (did you mean 'Unreachable'?)",
        ),
        (
            "  file: {name: a}\n  except: [{reasons: [Xyzzy]}]\n",
            "the reason Xyzzy (docs/spec/conditions.md has all of them)",
        ),
        ("  file: {name: a}\n  for: 9999999d\n", "9999999d is no time that can be kept"),
    ],
)
def test_what_makes_no_sense_is_said_where_it_stands(spec, said):
    told = refused(spec)
    assert said in told
    assert "s3cr3t" not in told


def test_a_token_may_go_to_this_machine_in_the_clear():
    assert read("  webhook: {url: 'http://127.0.0.1:1/', tokenFrom: {secret: {file: t}}}\n")


KEY = "{secretKeyRef: {name: chat, key: url}}"


def in_cluster(spec):
    found = replace(snapshot({"a/alert.yaml": HEAD + spec}), source=ClusterPlace("web").name)
    return load(found, CATALOG).alerts


def test_in_a_cluster_secrets_are_those_of_the_namespace_and_no_file_is_read():
    [found] = in_cluster(f"  webhook: {{urlFrom: {KEY}, signWith: {KEY}}}\n").values()
    assert found.way.url == found.way.key == KeyRef("Secret", "web", "chat", "url")
    assert found.name == "web:ops"
    assert list(in_cluster("  file: {name: a}\n")) == ["web:ops"]
    with pytest.raises(ConfigError, match="an object of a cluster reads no file of the operator's machine"):
        in_cluster("  webhook: {url: 'https://h/', tokenFrom: {secret: {file: /etc/froyo/token}}}\n")
    assert "can be had in a cluster alone" in refused(f"  webhook: {{urlFrom: {KEY}}}\n")


@pytest.mark.parametrize("name", ["../../other/secrets/db", "a/b", "..", "a?b", "a#b", "%2e%2e"])
def test_a_secret_is_named_by_what_can_be_no_path(name):
    with pytest.raises(ConfigError, match="name"):
        in_cluster(
            f"  webhook: {{url: 'https://h/', tokenFrom: {{secretKeyRef: {{name: '{name}', key: k}}}}}}\n"
        )


def test_two_alerts_of_one_name_are_one_too_many():
    with pytest.raises(ConfigError, match="Alert/ops is declared a second time; first at"):
        loaded({"a.yaml": HEAD + "  file: {name: a}\n", "b.yaml": HEAD + "  file: {name: b}\n"})
