"""The pages of a modelled world: by URL, what each answers. Where there is none, nobody answers."""

from typing import Any

from froyo_provider import CallError


def answer(world: dict[str, Any], call: str, args: dict[str, Any]) -> dict[str, Any]:
    """What `http.get` answers."""
    page = world.get("pages", {}).get(args["url"])
    if page is None:
        message = f"{args['url']}: connection refused"
        raise CallError(call, {"class": "transient", "code": "no_connection", "message": message})
    known: dict[str, Any] = {"status": 200, "reason": "OK", "headers": [], "body": "", "truncated": False}
    return {**known, "elapsed_ms": 5, **page}
