"""The pages of a modelled world: by URL, what each answers. Where there is none, nobody answers."""

from froyo_provider import CallError


def answer(world, call, args):
    """What `http.get` answers."""
    page = world.get("pages", {}).get(args["url"])
    if page is None:
        message = f"{args['url']}: connection refused"
        raise CallError(call, {"class": "transient", "code": "no_connection", "message": message})
    known = {"status": 200, "reason": "OK", "headers": [], "body": "", "truncated": False, "elapsed_ms": 5}
    return known | page
