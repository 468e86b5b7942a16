"""Objects are written all or none, as far as the server can say beforehand, and no error repeats a Secret."""

import base64
from contextlib import asynccontextmanager

import kopf
import pytest
from aiohttp import web

from watchers.kubernetes.applying import Refused, apply, fetched
from watchers.kubernetes.listing import Unlisted

FILE = {
    "apiVersion": "linux.froyo.dev/v1alpha1",
    "kind": "File",
    "metadata": {"name": "f", "namespace": "web"},
}
SECRET = {
    "apiVersion": "v1",
    "kind": "Secret",
    "metadata": {"name": "s", "namespace": "web"},
    "data": {"k": "aHVzaA=="},
}
PLURALS = {("linux.froyo.dev/v1alpha1", "File"): "files"}


@asynccontextmanager
async def server(answer):
    """An API server that answers so; the access to it."""
    application = web.Application()
    application.router.add_route("*", "/{path:.*}", answer)
    runner = web.AppRunner(application)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    port = site._server.sockets[0].getsockname()[1]
    try:
        yield kopf.ConnectionInfo(server=f"http://127.0.0.1:{port}")
    finally:
        await runner.cleanup()


async def refused(status, body, *, after=0):
    asked = []

    async def answer(request):
        asked.append((request.path, dict(request.query)))
        if len(asked) <= after:
            return web.json_response({})
        return web.Response(status=status, text=body)

    async with server(answer) as access:
        with pytest.raises(Refused) as caught:
            await apply(access, [SECRET, FILE], PLURALS)
    return str(caught.value), asked


async def test_all_is_tried_before_any_of_it_is_written():
    asked = []

    async def answer(request):
        asked.append((request.method, request.path, request.query.get("dryRun", ""), await request.json()))
        return web.json_response({})

    async with server(answer) as access:
        await apply(access, [SECRET, FILE], PLURALS)
    secret, file = "/api/v1/namespaces/web/secrets/s", "/apis/linux.froyo.dev/v1alpha1/namespaces/web/files/f"
    assert sorted(one[:3] for one in asked[:2]) == [("PATCH", secret, "All"), ("PATCH", file, "All")]
    assert sorted(one[:3] for one in asked[2:]) == [("PATCH", secret, ""), ("PATCH", file, "")]
    assert {one[1]: one[3] for one in asked} == {secret: SECRET, file: FILE}


async def test_what_is_refused_is_named_and_whether_anything_was_written():
    said, asked = await refused(422, '{"message": "the Secret \\"hush\\" is wrong"}')
    assert (said, len(asked)) == ("Secret/s: refused (422); nothing was written", 2)
    said, _ = await refused(409, '{"message": "conflict with \\"helm\\""}', after=1)
    assert (
        said == 'File/f: conflict with "helm"; --force-conflicts takes these fields over; nothing was written'
    )
    said, _ = await refused(503, "busy", after=3)
    assert said == "File/f: busy; 1 of 2 objects were written"
    said, _ = await refused(404, '{"message": "the server could not find the requested resource"}', after=1)
    assert "the cluster does not serve this kind: froyo crd" in said


async def test_what_others_manage_is_taken_over_where_that_is_said_and_tried_before_all_the_same():
    asked = []

    async def answer(request):
        asked.append((request.query.get("dryRun"), request.query.get("force")))
        return web.json_response({}, status=200 if len(asked) < 4 else 409)

    async with server(answer) as access:
        with pytest.raises(Refused, match="1 of 2 objects were written"):
            await apply(access, [SECRET, FILE], PLURALS, force=True)
    assert asked == [("All", "true")] * 2 + [(None, "true")] * 2


async def test_a_server_that_is_not_there_is_named():
    with pytest.raises(Refused, match=r"http://127.0.0.1:1: .*nothing was written"):
        await apply(kopf.ConnectionInfo(server="http://127.0.0.1:1"), [FILE], PLURALS)
    with pytest.raises(Unlisted, match=r"http://127.0.0.1:1: "):
        await fetched(kopf.ConnectionInfo(server="http://127.0.0.1:1"), "web", [("Secret", "s")])


async def test_keys_are_read_as_they_are_and_what_is_not_there_is_left_out():
    async def answer(request):
        match request.path.rpartition("/")[2]:
            case "s":
                return web.json_response({"data": {"k": base64.b64encode(b"\x00hush").decode()}})
            case "c":
                return web.json_response({"data": {"a": "text"}, "binaryData": {"b": "AAE="}})
            case "mine":
                return web.Response(status=403)
            case "odd":
                return web.Response(status=500)
        return web.Response(status=404)

    async with server(answer) as access:
        wanted = [("Secret", "s"), ("ConfigMap", "c"), ("Secret", "gone")]
        # Of such a name it would be another namespace's.
        found = await fetched(access, "web", [*wanted, ("Secret", "../../other/secrets/s"), ("Secret", "..")])
        with pytest.raises(Unlisted, match="you may not read the Secret mine in web: get secrets"):
            await fetched(access, "web", [("Secret", "mine")])
        with pytest.raises(Unlisted, match="the Secret odd cannot be read: 500"):
            await fetched(access, "web", [("Secret", "odd")])
    assert found == {
        ("Secret", "s"): {"k": b"\x00hush"},
        ("ConfigMap", "c"): {"a": b"text", "b": b"\x00\x01"},
    }


async def test_a_server_may_lie_below_a_path_as_behind_what_has_several():
    """Its own paths were asked for instead: of whoever is in front of it."""
    asked = []

    async def answer(request):
        asked.append(request.path)
        return web.json_response({"data": {"k": "aHVzaA=="}})

    async with server(answer) as access:
        for below in ("/k8s/clusters/c-1", "/k8s/clusters/c-1/"):
            there = kopf.ConnectionInfo(server=f"{access.server}{below}")
            await fetched(there, "web", [("Secret", "s")])
            await apply(there, [FILE], PLURALS)
    secret = "/k8s/clusters/c-1/api/v1/namespaces/web/secrets/s"
    file = "/k8s/clusters/c-1/apis/linux.froyo.dev/v1alpha1/namespaces/web/files/f"
    assert asked == [secret, file, file] * 2
