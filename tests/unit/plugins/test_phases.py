"""What crosses between the engine and a provider: values on one side, the interface's JSON on the other."""

from dataclasses import replace
from typing import Any

from reconciler.errors import ErrorClass, ProviderError
from reconciler.model.calls import Call
from reconciler.model.names import Address, Digest, TargetName
from reconciler.model.plan import Action, FieldDiff, Operation, Preimage
from reconciler.model.provider import Actual, Resource, Result
from reconciler.model.resource import CommonSpec, Removal
from reconciler.plugins.calls import Perform, Phase
from reconciler.plugins.phases import Phases
from tests.unit.store.values import instance as declared

MOTD = Address("web-1/File/motd")
WEB = TargetName("web-1")
SHA = Digest("sha256:" + 64 * "a")
CHANGE = Operation(
    MOTD,
    Action.UPDATE,
    (
        FieldDiff("content", {"digest": SHA, "size": 3, "text": "abc"}, None, sensitive=True),
        FieldDiff("mode", "0600", "0644", ignored=True),
    ),
    {"calls": []},
    Preimage("/etc/motd", SHA, 3),
    slow=True,
)


class Scripted(Phases):
    """Answers what it is told to, and keeps what it was asked."""

    def __init__(self, reply: dict[str, Any]) -> None:
        self.reply = reply
        self.asked: list[tuple[Phase, Any]] = []

    async def run(self, package: str, phase: Phase, request: Any, perform: Perform) -> dict[str, Any]:
        self.asked.append((phase, request))
        return self.reply


async def nothing(_calls: list[Any]) -> list[Any]:
    raise AssertionError("a script makes no calls")


async def test_read_tells_what_is_declared_and_gives_what_is() -> None:
    found = {"address": MOTD, "exists": True, "state": {"mode": "0644"}, "watch": ["path:/etc/motd"]}
    host = Scripted({"actual": [found, found, found]})
    spec = {"path": "/etc/motd", "mode": "0644", "labels": {"a": ["b"]}}
    plain = replace(declared(), common=CommonSpec())
    gone = replace(
        plain,
        common=CommonSpec(ignore_fields=("mode",)),
        removal=Removal(restores={"digest": SHA, "size": 3}),
    )
    wanted = [
        Resource(plain),
        Resource(gone, owned=True, managed=("/etc/motd/x",)),
        Resource(replace(plain, removal=Removal())),
    ]

    actual = await host.read("linux.file", WEB, wanted, nothing)

    assert actual == 3 * [
        Actual(address=MOTD, exists=True, state={"mode": "0644"}, watch=("path:/etc/motd",))
    ]
    told = {"address": MOTD, "kind": "File", "name": "motd", "spec": spec}
    assert host.asked == [
        (
            Phase.READ,
            {
                "target": {"name": "web-1"},
                "resources": [
                    told,
                    told
                    | {
                        "ignore": ["mode"],
                        "owned": True,
                        "removed": True,
                        "restores": {"digest": SHA, "size": 3},
                    }
                    | {"managed": ["/etc/motd/x"]},
                    told | {"removed": True},
                ],
            },
        )
    ]


async def test_apply_gives_a_provider_back_what_it_has_planned_to_do() -> None:
    planned = {
        "address": MOTD,
        "action": "update",
        "diffs": [
            {
                "field": "content",
                "before": {"digest": SHA, "size": 3, "text": "abc"},
                "after": None,
                "ignored": False,
                "sensitive": True,
            },
            {"field": "mode", "before": "0600", "after": "0644", "ignored": True},
        ],
        "payload": {"calls": []},
        "blobs": [SHA],
        "preimage": {"path": "/etc/motd", "digest": SHA, "size": 3},
        "slow": True,
    }
    host = Scripted({"operations": [planned]})
    actual = Actual(address=MOTD, exists=True, state={}, watch=("path:/etc/motd",))
    assert await host.plan("linux.file", WEB, [Resource(declared())], [actual]) == [CHANGE]
    [(_, request)] = host.asked
    assert request["actual"] == [{"address": MOTD, "exists": True, "state": {}}]

    for do, phase in ((host.apply, Phase.APPLY), (host.destroy, Phase.DESTROY)):
        host.reply = {"results": [{"address": MOTD, "changed": True, "output": "done"}]}
        assert await do("linux.file", WEB, [CHANGE], nothing) == [Result(changed=True, output="done")]
        todo = {"address": MOTD, "action": "update", "payload": {"calls": []}}
        assert host.asked[-1] == (phase, {"target": {"name": "web-1"}, "operations": [todo]})


async def test_a_look_is_both_at_once_and_one_after_the_other_where_a_provider_cannot() -> None:
    class Both(Scripted):
        async def run(self, package: str, phase: Phase, request: Any, perform: Perform) -> dict[str, Any]:
            self.asked.append((phase, request))
            fits = phase is Phase.PLAN or (self.at_once and request["plan"])
            operations = {"operations": [planned]} if fits else {}
            return operations if phase is Phase.PLAN else {"actual": [found, unreadable], **operations}

        at_once = True

    found = {"address": MOTD, "exists": True, "state": {"mode": "0644"}, "watch": []}
    unreadable = {"address": MOTD, "fault": {"class": "permanent", "message": "no"}}
    planned = {"address": MOTD, "action": "none", "diffs": [], "payload": {}, "preimage": None}
    host = Both({})
    wanted = [Resource(declared()), Resource(declared())]
    for at_once, phases in ((True, [Phase.READ]), (False, [Phase.READ, Phase.PLAN])):
        host.at_once, host.asked = at_once, []
        (actual, operation), (fault, again) = await host.look("linux.file", WEB, wanted, nothing)
        assert [phase for phase, _ in host.asked] == phases
        assert (actual, operation) == (
            Actual(address=MOTD, exists=True, state={"mode": "0644"}, watch=()),
            Operation(MOTD, Action.NONE),
        )
        assert isinstance(fault, ProviderError)
        assert fault is again
    assert [one["address"] for one in host.asked[-1][1]["actual"]] == [MOTD]
    found = unreadable
    assert all(
        isinstance(one, ProviderError) for one, _ in await host.look("linux.file", WEB, wanted, nothing)
    )
    assert host.asked[-1][0] is Phase.READ


async def test_calls_that_are_planned_are_to_be_made() -> None:
    calls = [{"call": "file.stat", "args": {"path": "/etc/motd"}}]
    planned = {"address": MOTD, "action": "none", "diffs": [], "payload": {}, "blobs": [], "preimage": None}
    host = Scripted({"operations": [{**planned, "calls": calls}]})
    [operation] = await host.plan("linux.file", WEB, [], [])
    assert operation == Operation(MOTD, Action.NONE, calls=(Call("file.stat", {"path": "/etc/motd"}),))
    host.reply = {"results": [{"address": MOTD, "changed": False}]}
    await host.apply("linux.file", WEB, [operation], nothing)
    [sent] = host.asked[-1][1]["operations"]
    assert sent == {"address": MOTD, "action": "none", "payload": {}, "calls": calls}


async def test_what_is_not_said_is_nothing() -> None:
    host = Scripted(
        {
            "operations": [
                {"address": MOTD, "action": "none", "diffs": [], "payload": {}, "blobs": [], "preimage": None}
            ]
        }
    )
    nothing_to_do = Operation(MOTD, Action.NONE)
    assert await host.plan("linux.file", WEB, [], []) == [nothing_to_do]
    host.reply = {"results": [{"address": MOTD, "changed": False}]}
    assert await host.apply("linux.file", WEB, [nothing_to_do], nothing) == [Result(changed=False)]
    [sent] = host.asked[-1][1]["operations"]
    assert sent == {"address": MOTD, "action": "none", "payload": {}}


async def test_a_fault_is_its_resources_error_and_the_call_that_failed_is_no_word_for_users() -> None:
    async def error(**fault: Any) -> ProviderError:
        [found] = await Scripted({"actual": [{"address": MOTD, "fault": fault}]}).read("p", WEB, [], nothing)
        assert isinstance(found, ProviderError)
        return found

    found = await error(
        **{"class": "throttled"},
        message="file.write: /x: gone",
        call="file.write",
        code="busy",
        retry_after_ms=1500,
    )
    assert (str(found), found.call, found.code) == ("/x: gone", "file.write", "busy")
    assert (found.error_class, found.retry_after) == (ErrorClass.THROTTLED, 1.5)
    found = await error(**{"class": "permanent"}, message="file.write: odd")
    assert (str(found), found.retry_after) == ("file.write: odd", None)
    assert str(await error(**{"class": "permanent"}, message="")) == "p failed and did not say why"
