"""What people want left alone is left alone, and said once."""

import asyncio

from tests.unit.engine.stage import VIM, address, file, staged


@staged
async def test_observe_touches_nothing_and_says_once_that_it_differs(stage):
    stage.spoil("motd", b"mine\n")
    await stage.declare(file("motd", "hello\n", policy="observe"))
    await stage.until(lambda: stage.reason("motd") == "Differs")
    await asyncio.sleep(300)
    assert stage.content("motd") == b"mine\n"
    assert stage.sent("file.write") == 0
    assert len(await stage.events("Differs")) == 1


@staged
async def test_each_change_to_what_is_only_observed_is_told_with_who_did_it(stage):
    await stage.declare(file("motd", "hello\n", policy="observe"))
    await stage.until(lambda: stage.reason("motd") == "Differs")
    await asyncio.sleep(60)
    for number, content in enumerate((b"one\n", b"two\n", None), start=2):
        if content is None:
            stage.machines["m0"].files.remove("/srv/motd", VIM)
        else:
            stage.spoil("motd", content)
        await asyncio.sleep(60)
        told = await stage.events("Differs")
        assert len(told) == number
        assert "last changed by `vim`" in told[-1].message
    assert "absent" in told[-1].message


@staged
async def test_changes_to_what_is_only_observed_are_counted_when_there_are_too_many(stage):
    await stage.declare(file("motd", "hello\n", policy="observe"))
    await stage.until(lambda: stage.reason("motd") == "Differs")
    for number in range(250):
        stage.spoil("motd", f"{number}\n".encode())
        await asyncio.sleep(0.2)
    told = await stage.events("Differs")
    assert 8 < len(told) < 15
    await asyncio.sleep(60)
    stage.spoil("motd", b"hello\n")
    await asyncio.sleep(60)
    told = await stage.events("Differs")
    assert sum(event.data.get("times", 1) for event in told) >= 240
    assert "more times, none of them told by itself" in told[-1].message


@staged
async def test_what_was_there_before_waits_for_approval_with_adopt_hold(stage):
    stage.spoil("motd", b"mine\n")
    await stage.declare(file("motd", "hello\n", adopt="hold"))
    await stage.until(lambda: stage.reason("motd") == "Held")
    await asyncio.sleep(300)
    assert stage.content("motd") == b"mine\n"
    assert len(await stage.events("Held")) == 1


@staged
async def test_what_was_not_there_is_made_with_adopt_hold(stage):
    await stage.declare(file("motd", "hello\n", adopt="hold"))
    await stage.settled()
    assert stage.content("motd") == b"hello\n"


@staged
async def test_what_is_paused_is_not_even_looked_at(stage):
    stage.spoil("motd", b"mine\n")
    await stage.declare(file("motd", "hello\n", policy="paused"))
    await stage.until(lambda: stage.reason("motd") == "Paused")
    await asyncio.sleep(100)
    assert stage.host.calls == []
    assert stage.content("motd") == b"mine\n"


@staged
async def test_what_is_no_longer_declared_stays_and_is_called_orphaned_once(stage):
    await stage.declare(file("motd", "hello\n"), file("other", "other\n"))
    await stage.settled()
    await stage.declare(file("other", "other\n"))
    await stage.settled()
    await stage.again()
    await stage.declare(file("other", "other\n"))
    await stage.settled()
    assert stage.content("motd") == b"hello\n"
    (said,) = await stage.events("Orphaned")
    assert said.object == address("motd")
