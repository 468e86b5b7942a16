"""The package probe.tcp: what it asks for, and what it makes of the answers."""

import json
from pathlib import Path

import jsonschema_rs
import pytest

from reconciler.config.structural import kind_problems
from reconciler.errors import ErrorClass
from reconciler.model.calls import Failure, Ok
from reconciler.plugins.calls import Phase
from reconciler.plugins.packages import load_packages, needs
from tests.sim.native import NativeHost

PACKAGE = Path(__file__).parents[3] / "providers" / "probe.tcp"
SCHEMA = json.loads((PACKAGE / "schemas" / "tcp.json").read_text())
VALID = jsonschema_rs.validator_for(SCHEMA)
DEFAULTS = {name: field["default"] for name, field in SCHEMA["properties"].items() if "default" in field}


async def look(reply, **spec):
    """The calls, the actual state and the operation."""
    packages = load_packages([PACKAGE], check=kind_problems)
    running = NativeHost(packages, grants=needs(packages), audit=lambda *_: None)
    given = {"address": "DB.example:5432"} | spec
    assert list(VALID.iter_errors(given)) == []
    one = {"address": "here/TcpProbe/one", "kind": "TcpProbe", "name": "one", "spec": DEFAULTS | given}
    calls = []

    async def perform(asked):
        calls.extend(asked)
        return [reply]

    request = {"target": {"name": "here"}, "resources": [one]}
    [actual] = (await running.run("probe.tcp", Phase.READ, request, perform))["actual"]
    found = {name: actual[name] for name in ("address", "exists", "state")}
    planned = await running.run("probe.tcp", Phase.PLAN, {**request, "actual": [found]}, perform)
    return calls, actual, planned["operations"][0]


async def test_it_asks_what_is_declared_from_where_is_declared():
    calls, actual, operation = await look(Ok({"elapsed_ms": 1, "data": ""}))
    assert (calls[0].name, dict(calls[0].args)) == (
        "tcp.connect",
        {"address": "db.example:5432", "timeout_ms": 10_000, "tls": False},
    )
    assert (actual["state"], operation["action"]) == ({"well": True}, "none")
    more = {"from": "target", "tls": True, "ca": "PEM", "serverName": "a", "send": "PING", "expect": "PONG"}
    calls, _, _ = await look(Ok({"elapsed_ms": 1, "data": "PONG"}), **more)
    assert calls[0].name == "tcp.connect.forwarded"
    asked = {"tls": True, "ca": "PEM", "server_name": "a", "send": "PING", "max_read": 4096, "until": "PONG"}
    assert {name: calls[0].args[name] for name in asked} == asked


@pytest.mark.parametrize(
    ("reply", "spec", "message"),
    [
        (Failure(ErrorClass.TRANSIENT, "no_connection", "refused"), {}, "refused"),
        (Ok({"elapsed_ms": 9, "data": ""}), {"latency": 8}, "latency is 9 ms, not at most 8 ms"),
        (Ok({"elapsed_ms": 1, "data": ""}), {"expect": "220"}, "'220' is not said, and nothing else"),
        (Ok({"elapsed_ms": 1, "data": "554 no\r\n"}), {"expect": "220"}, "'220' is not said, but: 554 no"),
    ],
)
async def test_what_is_not_as_declared(reply, spec, message):
    _, _, operation = await look(reply, **spec)
    assert operation["action"] == "update"
    assert operation["obstacles"][0]["message"] == message


async def test_a_certificate_that_ends_soon_is_a_remark():
    tls = {"version": "TLSv1.3", "not_after": 1_830_000_000, "expires_in_s": 5 * 86400, "names": ["a", "b"]}
    _, actual, _ = await look(Ok({"elapsed_ms": 1, "data": "", "tls": tls}), tls=True)
    assert actual["remark"] == "its certificate (a, b) ends on 2027-12-28 13:20 UTC"


@pytest.mark.parametrize(
    "address", ["a", "a:", "a:b", ":5", "a:b:5", "::1:22", "u@a:5", "a b:5", "[::1]", "a:123456"]
)
def test_what_is_no_address_is_refused_by_its_schema(address):
    assert list(VALID.iter_errors({"address": address}))
