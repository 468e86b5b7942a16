"""About what has changed the target is asked at once, and not again when the provider asks."""

from reconciler.errors import ErrorClass, ProviderError
from reconciler.plugins.calls import Phase
from tests.unit.engine.stage import address, file, staged


@staged
async def test_the_question_is_on_its_way_before_the_provider_is_asked_and_is_asked_once(stage):
    await stage.declare(file("motd", "hello\n"), file("issue", "hello\n"))
    await stage.settled()
    before = stage.sent("file.stat")
    sent = []

    def note(phase, _request):
        if phase is Phase.READ:
            sent.append(stage.sent("file.stat") - before)

    stage.host.instead = note
    stage.spoil("motd")
    await stage.until(lambda: stage.content("motd") == b"hello\n")
    assert sent[0] == 1
    await stage.settled()
    # The second is the look after the apply, the third what our own write has reported.
    assert stage.sent("file.stat") - before == 3


@staged
async def test_what_nobody_asks_for_after_all_does_no_harm(stage):
    await stage.declare(file("motd", "hello\n"))
    await stage.settled()

    def fail(phase, _request):
        if phase is Phase.READ:
            stage.host.instead = lambda *_: None
            raise ProviderError("not today", error_class=ErrorClass.TRANSIENT)

    stage.host.instead = fail
    stage.spoil("motd")
    await stage.until(lambda: stage.content("motd") == b"hello\n")
    assert stage.controller.states()[address("motd")].owned


@staged
async def test_of_many_changes_nothing_is_asked_ahead(stage):
    names = [f"f{number}" for number in range(40)]
    await stage.declare(*(file(name, "hello\n") for name in names))
    await stage.settled()
    before = stage.sent("file.stat")
    sent = []

    def note(phase, request):
        if phase is Phase.READ and len(request["resources"]) == len(names):
            sent.append(stage.sent("file.stat") - before)

    stage.host.instead = note
    stage.machines["m0"].lose_sessions()
    for name in names:
        stage.spoil(name)
    await stage.until(lambda: all(stage.content(name) == b"hello\n" for name in names))
    assert sent[:1] == [0]


@staged
async def test_a_session_that_is_lost_meanwhile_is_no_defect(stage):
    await stage.declare(file("motd", "hello\n"))
    await stage.settled()

    def lose(phase, _request):
        if phase is Phase.READ:
            stage.host.instead = lambda *_: None
            stage.machines["m0"].lose_sessions()

    stage.host.instead = lose
    stage.spoil("motd")
    await stage.until(lambda: stage.content("motd") == b"hello\n")
    assert not [one for one in await stage.events("Failed") if "defect" in one.message]
