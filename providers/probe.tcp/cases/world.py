"""The servers of a modelled world: by address, what each says. Where there is none, nobody answers."""

from typing import Any

from froyo_provider import CallError


def answer(world: dict[str, Any], call: str, args: dict[str, Any]) -> dict[str, Any]:
    """What `tcp.connect` answers."""
    server = world.get("servers", {}).get(args["address"])
    if server is None:
        message = f"{args['address']}: connection refused"
        raise CallError(call, {"class": "transient", "code": "no_connection", "message": message})
    return {"elapsed_ms": 5, "data": "", **server}
