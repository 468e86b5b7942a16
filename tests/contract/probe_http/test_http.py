"""The package probe.http: what it asks for, and what it makes of the answers."""

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

PACKAGE = Path(__file__).parents[3] / "providers" / "probe.http"
ADDRESS = "here/HttpProbe/one"
SCHEMA = json.loads((PACKAGE / "schemas" / "http.json").read_text())
VALID = jsonschema_rs.validator_for(SCHEMA)
DEFAULTS = {name: field["default"] for name, field in SCHEMA["properties"].items() if "default" in field}
SITE = "http://site.example/"


def answer(status=200, body="", *, reason="", headers=(), truncated=False, took=5, tls=None):
    value = {"status": status, "reason": reason, "headers": [list(one) for one in headers], "body": body}
    value |= {"truncated": truncated, "elapsed_ms": took}
    return Ok(value | ({"tls": tls} if tls else {}))


class Web:
    """Answers calls by URL, and remembers them."""

    def __init__(self, **pages):
        self.calls = []
        self.pages = pages

    async def __call__(self, calls):
        self.calls += calls
        found = []
        for one in calls:
            page = self.pages.get(one.args["url"], self.pages.get("any"))
            found.append(page or Failure(ErrorClass.TRANSIENT, "no_connection", "connection refused"))
        return found


def host():
    packages = load_packages([PACKAGE], check=kind_problems)
    return NativeHost(packages, grants=needs(packages), audit=lambda *_: None)


async def look(web, *, ignore=(), removed=False, **spec):
    """What one look shows: the actual state, and the operation; or the fault."""
    given = {"url": SITE} | spec
    assert list(VALID.iter_errors(given)) == []
    one = {
        "address": ADDRESS,
        "kind": "HttpProbe",
        "name": "one",
        "spec": DEFAULTS | given,
        "ignore": list(ignore),
    }
    one |= {"removed": True} if removed else {}
    running, target = host(), {"name": "here"}
    reply = await running.run("probe.http", Phase.READ, {"target": target, "resources": [one]}, web)
    [actual] = reply["actual"]
    if "fault" in actual:
        return actual["fault"], None
    found = {name: actual[name] for name in ("address", "exists", "state")}
    request = {"target": target, "resources": [one], "actual": [found]}
    planned = await running.run("probe.http", Phase.PLAN, request, web)
    return actual, planned["operations"][0]


async def well(web, **spec):
    actual, operation = await look(web, **spec)
    return actual["state"] == {"well": True} and operation["action"] == "none"


async def wrong(web, **spec):
    """What is said to be wrong."""
    actual, operation = await look(web, **spec)
    assert operation["action"] == "update"
    assert len(operation["diffs"]) == len(actual["state"]["differs"])
    assert [one["class"] for one in operation["obstacles"]] == ["transient"]
    return operation["obstacles"][0]["message"]


async def test_it_asks_what_is_declared_from_where_is_declared():
    web = Web(any=answer())
    assert await well(web)
    assert await well(web, **{"from": "target", "method": "HEAD", "headers": {"Host": "a"}, "timeout": 3})
    assert await well(web, url="https://SITE.example:443", ca="PEM", serverName="b")
    plain, there, secure = web.calls
    assert plain.name == "http.get"
    assert plain.args == {
        "url": SITE,
        "method": "GET",
        "headers": {},
        "timeout_ms": 10_000,
        "max_body": 262_144,
    }
    assert there.name == "http.get.forwarded"
    assert (there.args["method"], there.args["headers"], there.args["timeout_ms"]) == (
        "HEAD",
        {"Host": "a"},
        3000,
    )
    assert secure.args["url"] == "https://site.example/"
    assert (secure.args["ca"], secure.args["server_name"]) == ("PEM", "b")


@pytest.mark.parametrize(
    ("written", "asked"),
    [
        ("http://A.example", "http://a.example/"),
        ("http://a.example:80/b#c", "http://a.example/b"),
        ("https://a.example:8443?x=y z", None),
        ("http://[::1]:8080/ä", "http://[::1]:8080/%C3%A4"),
        ("http://a/%20?q=%C3%A4", "http://a/%20?q=%C3%A4"),
        ("http://münchen.example/", None),
        ("http://a:99999/", None),
    ],
)
async def test_a_url_is_asked_for_in_its_one_spelling(written, asked):
    web = Web(any=answer())
    if not list(VALID.iter_errors({"url": written})) and asked:
        assert await well(web, url=written)
        assert web.calls[0].args["url"] == asked
    elif not list(VALID.iter_errors({"url": written})):
        fault, _ = await look(web, url=written)
        assert fault["class"] == "permanent"
        assert "is no URL" in fault["message"]


@pytest.mark.parametrize(
    "url",
    ["ftp://a/", "http://", "http://u@a/", "http://a b/", "a/b", "http:///x", "http://a/ b", "https:/a"],
)
def test_what_cannot_be_asked_for_is_refused_by_its_schema(url):
    assert list(VALID.iter_errors({"url": url}))


@pytest.mark.parametrize("status", ["2xx", "200-", "600", 20, 1000])
def test_what_is_no_status_is_refused_by_its_schema(status):
    assert list(VALID.iter_errors({"url": "http://a/", "status": [status]}))
    assert not list(VALID.iter_errors({"url": "http://a/", "status": [200, "200", "200-299"]}))


@pytest.mark.parametrize(
    ("status", "wanted", "right"),
    [
        (200, None, True),
        (204, None, True),
        (301, None, False),
        (503, None, False),
        (503, [503], True),
        (404, ["200-299", 404], True),
        (404, ["400-403", "405"], False),
    ],
)
async def test_the_status(status, wanted, right):
    spec = {"status": wanted} if wanted else {}
    assert await well(Web(any=answer(status)), **spec) is right


async def test_what_is_said_of_a_wrong_status():
    said = await wrong(
        Web(any=answer(503, "down\n  for\x00 good " + "x" * 300, reason="Service Unavailable"))
    )
    assert said.startswith(
        "http://site.example/ answers 503 Service Unavailable, not 200-299: down for good xxx"
    )
    assert len(said) < 300
    said = await wrong(Web(any=answer(301, headers=[("location", "/b")])))
    assert said == (
        "http://site.example/ answers 301, not 200-299; it leads to /b, and `redirects` says how often that is followed"
    )


async def test_texts_and_expressions_in_the_answer():
    web = Web(any=answer(body="hello\nworld"))
    assert await well(web, contains=["hello", "wor"], matches="^w.r")
    assert await wrong(web, contains=["hello", "bye"]) == "'bye' is not in the answer, which is: hello world"
    assert "nothing in the answer matches 'x+'" in await wrong(web, matches="x+")
    cut = Web(any=answer(body="hello", truncated=True))
    assert "(of its beginning)" in await wrong(cut, contains=["world"])
    fault, _ = await look(web, matches="(")
    assert "is no regular expression" in fault["message"]


async def test_headers_of_the_answer():
    web = Web(any=answer(headers=[("content-type", "text/html; charset=utf-8"), ("via", "a"), ("via", "b")]))
    assert await well(web, responseHeaders={"Content-Type": "text/html*", "Via": "b"})
    said = await wrong(web, responseHeaders={"Via": "c", "Server": "*"})
    assert said == "responseHeaders.Via is a, b, not c; responseHeaders.Server is not there, not *"


@pytest.mark.parametrize(
    ("asked", "right"),
    [
        ({"path": "status", "equals": "ok"}, True),
        ({"path": "$.status", "equals": "bad"}, False),
        ({"path": "checks[0].state"}, True),
        ({"path": "checks[1].state"}, False),
        ({"path": "checks[0].none"}, False),
        ({"path": "checks.state"}, False),
        ({"path": "nothing"}, False),
        ({"path": "nothing", "equals": None}, True),
        ({"path": 'deep["a \\"name\\""]', "equals": [1, {"b": True}]}, True),
        ({"path": 'deep["a \\"name\\""][0]', "equals": True}, False),
        ({"path": "absent", "equals": None}, False),
        ({"path": "status", "matches": "^o"}, True),
        ({"path": "count", "matches": "1"}, False),
        ({"path": "count", "equals": 1}, True),
    ],
)
async def test_what_is_in_an_answer_in_json(asked, right):
    document = {"status": "ok", "checks": [{"state": "up"}], "nothing": None, "count": 1}
    document["deep"] = {'a "name"': [1, {"b": True}]}
    assert await well(Web(any=answer(body=json.dumps(document))), json=[asked]) is right


async def test_an_answer_that_is_no_json_and_a_path_that_is_none():
    assert (
        await wrong(Web(any=answer(body="<html>")), json=[{"path": "a"}]) == "the answer is no JSON: <html>"
    )
    assert "no JSON" in await wrong(Web(any=answer(body="[" * 100_000)), json=[{"path": "a"}])
    fault, _ = await look(Web(any=answer(body="{}")), json=[{"path": "a b"}])
    assert "it is not one at ' b'" in fault["message"]


async def test_how_long_it_took():
    assert await well(Web(any=answer(took=5)), latency=5)
    assert await wrong(Web(any=answer(took=6)), latency=5) == "latency is 6 ms, not at most 5 ms"
    assert await well(Web(any=answer(took=6)), latency=5, ignore=["latency"])


async def test_no_answer_is_not_well_and_what_may_not_be_asked_is_a_fault():
    assert await wrong(Web()) == "connection refused"
    refused = Failure(ErrorClass.PERMANENT, "no_forwarding", "sshd forwards nothing")
    fault, _ = await look(Web(any=refused))
    assert (fault["class"], fault["code"], fault["call"]) == ("permanent", "no_forwarding", "http.get")


def to(where, status=302):
    return answer(status, headers=[("location", where)], took=10)


async def test_redirects_are_followed_as_far_as_is_declared():
    pages = {SITE: to("/b"), f"{SITE}b": to("c"), f"{SITE}c": answer(body="here")}
    web = Web(**pages)
    assert await well(web, redirects=2, contains=["here"], latency=25)
    assert [one.args["url"] for one in web.calls] == [SITE, f"{SITE}b", f"{SITE}c"]
    said = await wrong(Web(**pages), redirects=1)
    assert said == "is redirected more than 1 times, to http://site.example/c last"
    assert "more than 20 times" in await wrong(Web(any=to("/")), redirects=20)
    assert await well(Web(any=answer(304, headers=[("location", "/x")])), redirects=1, status=[304])


async def test_what_is_sent_along_is_for_whom_it_was_written():
    """An Authorization followed a redirect to wherever a server said."""
    pages = {
        SITE: to("https://site.example/"),
        "https://site.example/": to("/b"),
        "https://site.example/b": answer(),
    }
    web = Web(**pages)
    assert await well(web, redirects=5, headers={"Authorization": "secret"})
    assert [one.args["headers"] for one in web.calls] == [{"Authorization": "secret"}, {}, {}]
    same = Web(**{SITE: to("/b"), f"{SITE}b": answer()})
    assert await well(same, redirects=5, headers={"Authorization": "secret"})
    assert [one.args["headers"] for one in same.calls] == [{"Authorization": "secret"}] * 2


async def test_what_was_encrypted_is_not_followed_to_what_is_not():
    web = Web(**{"https://site.example/": to("http://site.example/")})
    assert "which is not encrypted" in await wrong(web, url="https://site.example/", redirects=5)
    assert len(web.calls) == 1


async def test_a_redirect_to_nowhere_is_said():
    said = await wrong(Web(any=to("ftp://a/")), redirects=1)
    assert said == "http://site.example/ leads to ftp://a/, which cannot be asked for"


async def test_a_redirect_is_asked_for_like_anything_else():
    """Who may ask a.example may not be led to the credentials of a cloud."""
    [package] = load_packages([PACKAGE])
    capability = package.capabilities[0]
    narrowed = type(capability)("http.get", ("url:http://site.example/*",))
    from reconciler.plugins.capabilities import Grants

    running = NativeHost([package], grants=Grants({package.name: (narrowed,)}), audit=lambda *_: None)
    one = {
        "address": ADDRESS,
        "kind": "HttpProbe",
        "name": "one",
        "spec": DEFAULTS | {"url": SITE, "redirects": 3},
    }
    web = Web(any=to("http://169.254.169.254/latest/meta-data/"))
    reply = await running.run("probe.http", Phase.READ, {"target": {"name": "here"}, "resources": [one]}, web)
    assert reply["actual"][0]["fault"]["code"] == "refused"
    assert [call.args["url"] for call in web.calls] == [SITE]


async def test_a_certificate_that_ends_soon_is_a_remark():
    tls = {
        "version": "TLSv1.3",
        "not_after": 1_830_000_000,
        "expires_in_s": 5 * 86400,
        "names": ["a.example"],
    }
    web = Web(any=answer(tls=tls))
    actual, operation = await look(web)
    assert actual["remark"] == "its certificate (a.example) ends on 2027-12-28 13:20 UTC"
    assert operation["action"] == "none"
    for spec in ({"expiresWithin": 5}, {"expiresWithin": 0}):
        actual, _ = await look(web, **spec)
        assert actual.get("remark", "") == ""


async def test_what_is_declared_no_longer_is_not_asked():
    web = Web()
    actual, operation = await look(web, removed=True)
    assert (actual["exists"], operation["action"], web.calls) == (False, "none", [])


async def test_a_defect_names_its_line():
    fault, _ = await look(Web(any=Ok({})))
    assert "KeyError" in fault["message"]
