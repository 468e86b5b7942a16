"""The description of the API is what the server does, and what is kept in the documentation."""

import json
import re
from pathlib import Path

import jsonschema_rs
import pytest

from reconciler.api import openapi, requests
from reconciler.api.answers import ANSWERS, RESOURCES
from reconciler.api.server import application
from reconciler.api.shapes import Shape
from tests.unit.api.known import Known, instance, state, suspension
from tests.unit.api.test_server import raw, serving

REPOSITORY = Path(__file__).parents[3]
MOTD = "web-1/File/motd"


def test_it_is_what_the_documentation_has():
    kept = (REPOSITORY / "docs/openapi.json").read_text(encoding="utf-8")
    assert kept == openapi.text(), "run: python -m reconciler.api.openapi >docs/openapi.json"


def test_it_describes_all_that_is_routed_and_nothing_else():
    described = {(route.method.upper(), route.path) for route in openapi.ROUTES}
    routed = {
        (route.method, route.resource.canonical)
        for route in application(Known()).router.routes()
        if route.method != "HEAD"
    }
    assert ("GET", "/{path}") in routed  # which asks the table of answers
    routed = (
        routed - {("GET", "/{path}")}
        | {("GET", path) for path in ANSWERS}
        | {("GET", f"{RESOURCES}/{{address}}")}
    )
    assert described == routed


def test_it_describes_every_body_that_is_taken():
    shapes = {one for one in vars(requests).values() if isinstance(one, type) and issubclass(one, Shape)}
    assert {route.body for route in openapi.ROUTES} - {None} == shapes - {Shape}


def test_the_table_for_people_has_every_path():
    documented = (REPOSITORY / "docs/cli.md").read_text(encoding="utf-8").partition("## The API")[2]
    for route in openapi.ROUTES:
        assert route.path.removesuffix("/{check}") in documented, route.path


def test_its_references_and_names_are_whole():
    described = openapi.describe()
    for name in re.findall(r'"#/components/schemas/(\w+)"', openapi.text()):
        assert name in described["components"]["schemas"]
    operations = [one["operationId"] for methods in described["paths"].values() for one in methods.values()]
    assert len(set(operations)) == len(operations)


def validator(route, status="200"):
    described = openapi.describe()
    response = described["paths"][route.path][route.method]["responses"][status]
    if "$ref" in response:
        response = described["components"]["responses"][response["$ref"].rpartition("/")[2]]
    [content] = response["content"].values()
    return jsonschema_rs.validator_for({**content["schema"], "components": described["components"]})


ASKED = [
    route
    for route in openapi.ROUTES
    if route.method == "get"
    and route.answers
    and route.path not in {"/v1/changes", "/v1/resources/{address}"}
]


@pytest.mark.parametrize("route", ASKED, ids=lambda route: route.path)
async def test_what_is_answered_is_as_described(route, tmp_path):
    known = Known.of(
        state(MOTD), known_suspensions=[suspension(MOTD)], known_instances={MOTD: instance(MOTD)}
    )
    async with serving(known, tmp_path / "froyo.sock"):
        status, document = await raw(tmp_path / "froyo.sock", "GET", route.path)
        assert status == 200
        validator(route).validate(document)


async def test_a_mistake_is_answered_as_described_and_the_description_is_served(tmp_path):
    path = tmp_path / "froyo.sock"
    [resource] = [route for route in openapi.ROUTES if route.path == "/v1/resources/{address}"]
    async with serving(Known.of(state(MOTD)), path):
        status, document = await raw(path, "GET", "/v1/resources/web-1/File/none")
        assert status == 404
        validator(resource, "404").validate(document)
        status, document = await raw(path, "GET", f"/v1/resources/{MOTD}")
        validator(resource).validate(document)
        assert await raw(path, "GET", "/v1/openapi.json") == (200, json.loads(openapi.text()))
