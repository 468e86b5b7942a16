"""What is asked for by an annotation is done once, and acknowledged when it was."""

from reconciler.app.operator.requested import Requested
from reconciler.model.names import Address, TargetName
from reconciler.model.scope import Scope
from reconciler.store.records import QueuedKey
from watchers.kubernetes.objects import SeenObject

ONE = Address("web-1/File/one")


class Asked:
    def __init__(self):
        self.asked, self.waiting = [], True

    async def reconcile(self, scope):
        self.asked.append(list(scope.named))
        return 1

    async def queue(self):
        scope = Scope.of([ONE])
        return (
            [QueuedKey(target=TargetName("web-1"), priority=0, scope=scope, added_at=0.0)]
            if self.waiting
            else []
        )


def seen(value, handled=""):
    return {"p": SeenObject("uid", 1, value, {"lastHandledReconcileAt": handled} if handled else {})}


async def test_it_is_acknowledged_when_it_has_been_looked_at():
    asked = Asked()
    requested = Requested(asked)
    for _ in range(2):
        assert await requested.handled(seen("now"), {"p": [ONE]}) == {}
    assert asked.asked == [[ONE]]
    asked.waiting = False
    assert await requested.handled(seen("now"), {"p": [ONE]}) == {"p": "now"}
    asked.waiting = True
    assert await requested.handled(seen("later"), {"p": [ONE]}) == {"p": "now"}
    assert asked.asked == [[ONE], [ONE]]
    assert await requested.handled({}, {}) == {}


async def test_what_was_acknowledged_in_another_life_is_not_asked_for_again():
    asked = Asked()
    assert await Requested(asked).handled(seen("now", "now"), {"p": [ONE]}) == {"p": "now"}
    assert not asked.asked


async def test_where_there_is_nothing_to_look_at_it_is_acknowledged_at_once():
    asked = Asked()
    assert await Requested(asked).handled(seen("now"), {}) == {"p": "now"}
    assert not asked.asked
    assert await Requested(asked).handled(seen(""), {}) == {}
