"""What another froyo wrote into a column is read as far as it is understood, and never makes a store unreadable."""

import json
from dataclasses import replace

from reconciler.model.conditions import ConditionType, Reason
from reconciler.model.resource import Policy, Window
from reconciler.model.state import HistoryEntry
from reconciler.model.values import Read, Rendered
from reconciler.store import codec, instances
from tests.unit.store.values import digest, entry

CONDITIONS = json.dumps(
    [
        ["Ready", False, "Quarantined", "until tomorrow", 1.0, 2, "more"],
        ["Haunted", True, "InSync", "", 1.0, 2],
        ["Stalled", True, "PermanentError", "no", 3.0, 2],
    ]
)
STATE = ("web-1/File/motd", 2, "sha256:1", 2, None, 0.0, 1, CONDITIONS)


def read(history):
    return codec.state([*STATE, json.dumps(history), 0, "", None, "[]"])


def test_a_reason_that_is_not_known_is_pending_with_the_word_in_its_message():
    """It was a KeyError, and nothing of the store could be read."""
    ready, stalled = read([]).conditions
    assert (ready.type, ready.reason) == (ConditionType.READY, Reason.PENDING)
    assert ready.message == "Quarantined: until tomorrow"
    assert (stalled.type, stalled.reason) == (ConditionType.STALLED, Reason.PERMANENT_ERROR)


def test_a_history_with_more_or_less_in_it_is_read():
    longer, shorter = read(
        [[1.5, 1, "drift", "Applied", "mode", 0.25, "r1", "more"], [2.5, 1, "spec"]]
    ).history
    assert longer == HistoryEntry(
        at=1.5, generation=1, cause="drift", outcome="Applied", message="mode", duration=0.25, revision="r1"
    )
    assert shorter == HistoryEntry(at=2.5, generation=1, cause="spec", outcome="", message="", duration=0.0)


def test_what_an_inventory_entry_has_beyond_what_is_known_is_dropped():
    """It was a TypeError."""
    row = instances.inventory_row(entry("motd"))
    whole = json.loads(row["instance"])
    for part in (whole, whole["metadata"], whole["common"], whole["origin"]):
        part["unheard_of"] = 1
    del whole["common"]["policy"]
    again = instances.inventory_entry(["created", digest("motd"), json.dumps(whole), 1.0, None])
    assert again.instance.address == entry("motd").instance.address
    assert again.instance.metadata == entry("motd").instance.metadata
    assert again.instance.common.policy is Policy.ENFORCE


def test_where_the_values_of_an_instance_came_from_is_not_kept():
    kept = entry("motd")
    made = replace(
        kept.instance, rendered=(Rendered("mode", "${vars.mode}", "0600", (Read("vars.mode", "canary"),)),)
    )
    row = instances.inventory_row(replace(kept, instance=made))
    assert "canary" not in row["instance"]
    again = instances.inventory_entry(["created", digest("motd"), row["instance"], 1.0, None])
    assert again.instance.rendered == ()


def test_the_windows_of_an_instance_are_kept():
    kept = entry("motd")
    windows = (Window(("sat",), "02:00", "04:00", "Europe/Berlin"), Window())
    one = replace(kept.instance, common=replace(kept.instance.common, windows=windows))
    row = instances.inventory_row(replace(kept, instance=one))
    again = instances.inventory_entry(["created", digest("motd"), row["instance"], 1.0, None])
    assert again.instance.common.windows == windows
