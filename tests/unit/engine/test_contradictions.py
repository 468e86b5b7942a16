"""Two declarations that undo each other: neither is drift, and to put them right by turns would never end."""

import asyncio
from dataclasses import replace

from reconciler.model.subjects import Subject
from tests.sim.manifests import instance
from tests.unit.engine.stage import Declared, file, staged

PARTS = (Subject("path", "/srv/conf"),)


def part(name, content, path="conf"):
    """Something that says of a file what is in it, and that others may say so, too."""
    one = instance("m0", "File", name, {"path": f"/srv/{path}", "content": content})
    return Declared(replace(one, provides=(), shares=PARTS), content)


BOTH = (part("one", "first\n"), part("two", "second\n"))


async def contradicted(stage, *declared):
    await stage.declare(*declared)
    await stage.until(lambda: {stage.reason("one"), stage.reason("two")} == {"Contested"})
    await asyncio.sleep(10)
    return next(name for name in ("one", "two") if not stage.summary(name).ready)


@staged
async def test_they_are_named_and_left_alone(stage):
    loser = await contradicted(stage, *BOTH, file("motd", "hello\n"))
    winner = "one" if loser == "two" else "two"
    written = stage.sent("file.write")
    await asyncio.sleep(600)
    assert stage.sent("file.write") == written < 12
    assert stage.reason("motd") in ("Applied", "InSync")
    assert f"m0/File/{winner} says otherwise" in stage.summary(loser).message
    assert stage.summary(winner).ready
    assert f"as declared now, but m0/File/{loser} says otherwise" in stage.summary(winner).message
    assert any("says otherwise" in event.message for event in await stage.events("Contested"))


@staged
async def test_once_they_say_the_same_all_is_well(stage):
    await contradicted(stage, *BOTH)
    await stage.declare(BOTH[0], part("two", "first\n"))
    await stage.settled()
    assert stage.content("conf") == b"first\n"
    await stage.until(lambda: {stage.reason("one"), stage.reason("two")} <= {"Applied", "InSync"})


@staged
async def test_a_single_run_ends_and_says_so(stage):
    shown = stage.desired(*BOTH)
    [result] = await stage.once(shown).apply()
    [(address, known)] = result.failed.items()
    assert address in ("m0/File/one", "m0/File/two")
    assert "says otherwise" in known.message


@staged
async def test_what_a_third_spoils_is_put_right_for_ever(stage):
    await stage.declare(part("one", "first\n"), part("two", "second\n", "other"))
    await stage.settled()
    for _ in range(20):
        stage.spoil("conf")
        stage.spoil("other")
        await stage.until(
            lambda: (stage.content("conf"), stage.content("other")) == (b"first\n", b"second\n")
        )
    assert not any("otherwise" in event.message for event in await stage.events("Contested"))
