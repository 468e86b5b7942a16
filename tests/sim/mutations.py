"""Defects made on purpose, to see that the simulation finds them: each is one wrong turn in the engine or the core."""

import contextlib
import dataclasses
import sys
from collections.abc import Callable, Iterator
from typing import Any
from unittest import mock

from froyo_provider.lifecycle import Lifecycle
from reconciler.app import guarding, isolating
from reconciler.app.operator import finalizing, statuses
from reconciler.app.sharing import shards
from reconciler.core import inventory, prune, rollout
from reconciler.core.inventory import Decision
from reconciler.core.refreshes import Refreshes
from reconciler.core.sharing import SHARDS
from reconciler.core.vault import Vault
from reconciler.core.workqueue import WorkQueue
from reconciler.engine.disruptions import Disruptions
from reconciler.engine.intake.doubt import Doubt
from reconciler.engine.intake.in_force import InForce
from reconciler.engine.lane.backlog import Backlog
from reconciler.engine.lane.lane import Lane
from reconciler.engine.loop.controller import Controller
from reconciler.engine.loop.gathering import Gathering
from reconciler.engine.loop.requests import Requests
from reconciler.engine.report import Report
from reconciler.engine.rollouts.composing import SourceComposing
from reconciler.engine.rollouts.seeing import Seeing
from reconciler.engine.round.journal import Journal
from reconciler.engine.round.judging import Judging
from reconciler.engine.round.outcome import RoundOutcome
from reconciler.engine.round.permitting import Permitting
from reconciler.engine.round.probes import Probes
from reconciler.engine.round.reconcile import Round
from reconciler.engine.round.under_way import UnderWay
from reconciler.engine.round.verdicts import Verdicts
from reconciler.errors import StoreError, TransportError
from reconciler.model.conditions import Reason, Verdict
from reconciler.model.decisions import NO_RULING
from reconciler.model.desired import Desired
from reconciler.model.plan import Cause, PlanUnit
from reconciler.model.rollout import Sight, TargetSeen
from reconciler.model.state import Rollback
from reconciler.store import lease
from reconciler.store.batch import Batch
from reconciler.store.sharing import members
from reconciler.store.store import Store
from reconciler.targets.link import Link
from tests.sim.boots import watchman
from tests.sim.clockwork import clockmaker
from tests.sim.cluster import is_clustered
from tests.sim.git import is_pushed
from tests.sim.households import Household, keeper
from tests.sim.packers import packer
from tests.sim.programs import Programs
from tests.sim.scribes import scribe
from tests.sim.world import authors_of
from watchers.git.source import GitSource
from watchers.kubernetes.cache import KnownObject, ObjectCache
from watchers.kubernetes.finalizers import Finalizers

Mutation = Callable[[], "contextlib.AbstractContextManager[Any]"]


def _patched(owner: Any, name: str, wrong: Callable[..., Any]) -> Any:
    """`wrong` gets the right one as its first argument."""
    right = getattr(owner, name)

    def mutated(*args: Any, **kwargs: Any) -> Any:
        return wrong(right, *args, **kwargs)

    return mock.patch.object(owner, name, mutated)


def skips_the_intent() -> Any:
    """Nothing is on record before something is done."""

    async def intend(_right: Any, self: Journal, units: list[PlanUnit]) -> None:
        self._run = self._id
        self._open = {unit.address: unit for unit in units}

    return _patched(Journal, "intend", intend)


def drops_a_dirty_mark() -> Any:
    """What is added to a key in somebody's hands is forgotten when it is given back."""

    def done(right: Any, self: WorkQueue[Any, Any], key: Any) -> None:
        self._entries[key].wanted.clear()
        right(self, key)

    return _patched(WorkQueue, "done", done)


def takes_a_lost_session_for_success() -> Any:
    """What was under way when the session was lost is called in sync."""

    async def run(right: Any, self: Round, dirty: Any) -> RoundOutcome:
        try:
            return await right(self, dirty)  # type: ignore[no-any-return] # what was there before
        except TransportError:
            for address in self._lane.instances:
                self.report.conclude(
                    address, Verdict(reason=Reason.IN_SYNC, message="as declared", ready=True)
                )
            self._lane.unsettled.keep_only(())
            return self.outcome

    return _patched(Round, "run", run)


def forgets_what_a_round_had_begun() -> Any:
    """What a round was looking at when it was cut off is not looked at again."""

    async def run(right: Any, self: Round, dirty: Any) -> RoundOutcome:
        try:
            return await right(self, dirty)  # type: ignore[no-any-return] # what was there before
        except Exception:
            self._lane.unsettled.keep_only(())
            raise

    return _patched(Round, "run", run)


def forgets_the_settle_look() -> Any:
    """What was repaired is not looked at once more."""

    def converged(right: Any, self: Verdicts, unit: PlanUnit, *args: Any) -> None:
        right(self, unit, *args)
        self._outcome.again.pop(unit.address, None)

    return _patched(Verdicts, "converged", converged)


def forgets_a_request() -> Any:
    """A person's request counts as granted whatever became of it."""

    def get(right: Any, self: Requests, name: Any) -> Any:
        return None

    return _patched(Requests, "get", get)


def forgets_a_person() -> Any:
    """What is suspended is reconciled all the same."""

    def init(right: Any, self: Round, lane: Any, session: Any, services: Any, **more: Any) -> None:
        right(self, lane, session, dataclasses.replace(services, suspended=lambda _address: None), **more)

    return _patched(Round, "__init__", init)


def forgets_the_policy() -> Any:
    """`policy: observe` forbids nothing."""
    return mock.patch.dict(inventory._FORBIDDEN, clear=True)


def calls_everything_drift() -> Any:
    """Whatever differs is somebody's doing."""

    def decide(right: Any, *args: Any, **kwargs: Any) -> Decision:
        return dataclasses.replace(right(*args, **kwargs), cause=Cause.DRIFT)

    return _patched(inventory, "decide", decide)


def ignores_events() -> Any:
    """Only rescans find what has changed."""
    return _patched(Controller, "changed", lambda _right, _self, _name, _event: None)


def loses_what_the_store_refuses() -> Any:
    """What could not be written is never written."""

    async def keep(right: Any, self: Backlog, *args: Any) -> None:
        try:
            await right(self, *args)
        except StoreError:
            for waiting in (self._states, self._forgotten, self._owned, self._events, self._endings):
                waiting.clear()
            raise

    return _patched(Backlog, "keep", keep)


def writes_what_is_no_news() -> Any:
    """Every state that is looked at is written."""

    def put(right: Any, self: Report, state: Any) -> None:
        right(self, state)
        self.changed[state.address] = state

    return _patched(Report, "put", put)


def hands_out_twice() -> Any:
    """A key that is worked on is handed out again."""

    def want(right: Any, self: WorkQueue[Any, Any], key: Any, item: Any, priority: Any, now: float) -> None:
        entry = self._entry(key)
        held, entry.in_hand = entry.in_hand, None
        right(self, key, item, priority, now)
        entry.in_hand = held

    return _patched(WorkQueue, "_want", want)


# --- Handlers, removals, several sources, and what takes long --------------------------------------------------------


def forgets_what_is_owed() -> Any:
    """An intent owes no refresh."""
    return _patched(Refreshes, "intend", lambda _right, _self, _owed: [])


def forgets_that_it_refreshed() -> Any:
    """What was refreshed for is owed all the same."""
    return _patched(Refreshes, "done", lambda _right, _self, _owed: [])


def asks_nobody() -> Any:
    """Whatever is declared no longer goes at once."""
    return _patched(prune, "holds", lambda _right, _gone, **_more: {})


def lets_two_have_it() -> Any:
    """What another source has can be claimed."""
    return _patched(InForce, "conflicts", lambda _right, _self, _desired, *_, **__: [])


def purges_what_others_have() -> Any:
    """What sources have that are not in force is taken for nobody's."""
    return _patched(InForce, "_of_others", lambda _right, _self, _record: {})


def forgets_a_rename() -> Any:
    """What has another name is removed and made anew."""
    return _patched(InForce, "_renamed", lambda _right, _self, _taking, _record: {})


def forgets_what_is_under_way() -> Any:
    """A round looks at what an operation is still at."""
    return _patched(UnderWay, "writer", lambda _right, _self, _one, **_more: None)


def runs_beside_itself() -> Any:
    """A command does not wait for an earlier run of it."""

    def run(right: Any, self: Programs, item: Any, tell: Any) -> None:
        right(self, {key: value for key, value in item.items() if key != "alone"}, tell)

    return _patched(Programs, "run", run)


# --- Trees ------------------------------------------------------------------------------------------------------------


def misses_nothing_in_a_tree() -> Any:
    """What a source has and is not there is not missed."""

    def load(right: Any, self: Lifecycle, modules: Any, *, name: str) -> None:
        right(self, modules, name=name)
        if f"{name}.below" in sys.modules:
            vars(sys.modules[f"{name}.below"])["_Look"].missing = lambda _look: None

    return _patched(Lifecycle, "load", load)


def purges_what_is_excepted_in_a_tree() -> Any:
    """What `except` names is purged all the same where there is a source."""

    def load(right: Any, self: Lifecycle, modules: Any, *, name: str) -> None:
        right(self, modules, name=name)
        if f"{name}.directories" in sys.modules:
            inside = vars(sys.modules[f"{name}.directories"])
            rules = inside["tree_rules"]

            def without(spec: Any, ignore: Any, *, owned: bool) -> Any:
                spec = {key: value for key, value in spec.items() if key != "except" or "tree" not in spec}
                return rules(spec, ignore, owned=owned)

            inside["tree_rules"] = without

    return _patched(Lifecycle, "load", load)


def believes_an_old_answer() -> Any:
    """What was probed before a change is taken for how it is after that."""
    return _patched(Probes, "expire", lambda _right, _self, _addresses: None)


def takes_unknown_for_empty() -> Any:
    """On a machine that has not said what it is, nothing counts as declared."""

    def take(right: Any, self: InForce, desired: Desired, record: Any, *, doubt: str = "") -> Any:
        return right(self, dataclasses.replace(desired, waiting=frozenset()), record, doubt=doubt)

    return _patched(InForce, "take", take)


def never_looks_at_facts_again() -> Any:
    """What waited until a machine said what it is waits for ever."""

    async def changed(_right: Any, _self: Any, _name: Any) -> None:
        pass

    return _patched(Gathering, "_tell", changed)


# --- Packages, services and accounts ----------------------------------------------------------------------------------


def _spoiled(module: str, spoil: Callable[[dict[str, Any]], None]) -> Any:
    """A module of a provider is another one as soon as it is loaded."""

    def load(right: Any, self: Lifecycle, modules: Any, *, name: str) -> None:
        right(self, modules, name=name)
        if f"{name}.{module}" in sys.modules:
            spoil(vars(sys.modules[f"{name}.{module}"]))

    return _patched(Lifecycle, "load", load)


def removes_what_others_need() -> Any:
    """What would go with what is to go is not looked at, neither before nor while it is done."""

    def spoil(inside: dict[str, Any]) -> None:
        apt = inside["MANAGERS"]["apt"]
        step = apt.step
        removing = dataclasses.replace(apt, step=lambda wanted, **_: step(wanted, removing=True))
        inside["MANAGERS"] = {**inside["MANAGERS"], "apt": removing}
        inside["forecast"].__globals__["unwanted"] = lambda *_: []

    return _spoiled("transaction", spoil)


def leaves_a_dpkg_that_was_cut_off() -> Any:
    """What dpkg was cut off in is not carried on."""

    def spoil(inside: dict[str, Any]) -> None:
        managers = inside["MANAGERS"]
        inside["MANAGERS"] = {**managers, "apt": dataclasses.replace(managers["apt"], repair=())}

    return _spoiled("transaction", spoil)


def fetches_the_lists_each_time() -> Any:
    """Before anything is installed the lists are fetched, however new they are."""

    def spoil(inside: dict[str, Any]) -> None:
        ask = inside["call"]

        async def stale(name: str, **arguments: Any) -> Any:
            found = await ask(name, **arguments)
            return {**found, "stale": True} if name == "pkg.manager" else found

        inside["call"] = stale

    return _spoiled("transaction", spoil)


def changes_what_is_on_hold() -> Any:
    """That somebody has a package on hold counts for nothing."""

    def spoil(inside: dict[str, Any]) -> None:
        in_the_way = inside["in_the_way"]

        def all_but_that(manager: Any, wish: Any, change: Any, found: Any, **more: Any) -> Any:
            return in_the_way(manager, wish, change, {**found, "hold": False}, **more)

        inside["in_the_way"] = all_but_that
        unwanted = inside["unwanted"]
        inside["unwanted"] = lambda whole, some, outcome: unwanted(
            whole, some, [{**one, "held": []} for one in outcome]
        )

    return _spoiled("simulation", spoil)


def leaves_a_service_that_was_stopped() -> Any:
    """What is to run and does not is in sync."""

    def spoil(inside: dict[str, Any]) -> None:
        inside["RUNS"] = frozenset({"active", "reloading", "inactive"})

    return _spoiled("services", spoil)


def has_no_unit_files_read() -> Any:
    """The file of a unit is written, and systemd is not told."""

    def spoil(inside: dict[str, Any]) -> None:
        reading = inside["reading"]
        inside["reading"] = lambda spec: {
            **reading(spec), "args": {**reading(spec)["args"], "actions": ["reset-failed"]},
        }  # fmt: skip

    return _spoiled("unit_files", spoil)


def says_that_it_has_reloaded() -> Any:
    """A service that is notified is not reloaded."""

    def spoil(inside: dict[str, Any]) -> None:
        async def refresh(_self: Any, _operation: Any) -> Any:
            return inside["Result"](changed=True)

        inside["Service"].refresh = refresh

    return _spoiled("services", spoil)


def stops_what_begins_with_the_host() -> Any:
    """What is not to begin with the host is stopped as well."""

    def spoil(inside: dict[str, Any]) -> None:
        right = inside["actions_for"]

        def actions(wanted: str, file: str) -> list[str]:
            return [*right(wanted, file), *(["stop"] if wanted == "disabled" else [])]

        inside["actions_for"] = actions

    return _spoiled("services", spoil)


def takes_all_other_groups_away() -> Any:
    """A user who is to be in a group is to be in no other."""

    def spoil(inside: dict[str, Any]) -> None:
        right = inside["User"].wish

        def wish(self: Any, one: Any) -> Any:
            return right(self, one) | ({"exact": True} if "groups" in one.spec else {})

        inside["User"].wish = wish

    return _spoiled("users", spoil)


# --- Timers, and what is dropped in for units -------------------------------------------------------------------------


def has_no_drop_in_read() -> Any:
    """What is dropped in for a unit is written, and systemd is not told."""

    def spoil(inside: dict[str, Any]) -> None:
        reading = inside["reading"]
        inside["reading"] = lambda spec, state: [] if "extends" in spec else reading(spec, state)
        to_be_read = inside["to_be_read"]
        inside["to_be_read"] = lambda one, state, diffs: to_be_read(
            one, {**state, "unread": state["unread"] and "extends" not in one.spec}, diffs
        )

    return _spoiled("unit_files", spoil)


def takes_any_timer_for_the_declared() -> Any:
    """Where there are files of a timer they are as declared, whatever is in them."""

    def spoil(inside: dict[str, Any]) -> None:
        inside["differs"] = lambda stat, _text: not stat["exists"]

    return _spoiled("timers", spoil)


def leaves_a_timer_that_was_stopped() -> Any:
    """Whether a timer runs is nobody's business."""

    def spoil(inside: dict[str, Any]) -> None:
        steps = inside["unit_steps"]
        inside["unit_steps"] = lambda spec, state: [
            one for one in steps(spec, state) if one[0].field != "active"
        ]

    return _spoiled("timers", spoil)


# --- Git --------------------------------------------------------------------------------------------------------------


def takes_any_history_for_its_own() -> Any:
    """Whatever a branch is set to comes of what was in force."""

    async def doubt(_right: Any, _self: GitSource, _earlier: str, _later: str) -> str:
        return ""

    return _patched(GitSource, "doubt", doubt)


def forgets_that_it_was_rolled_back() -> Any:
    """What is pushed while a source is rolled back is in force at once."""
    return _patched(Rollback, "holds", lambda _right, _self, _now: False)


# --- A cluster --------------------------------------------------------------------------------------------------------


def writes_each_status_again() -> Any:
    """A status is written whenever anything has happened, or a while has passed."""
    return _patched(statuses, "same", lambda _right, _before, _now: False)


def leaves_what_others_have_written() -> Any:
    """A status is taken to be as it was written, whoever has written there since."""
    return _patched(KnownObject, "is_as_written", lambda _right, _self, _version, _status: True)


def lets_go_before_it_is_removed() -> Any:
    """Objects stay for what is declared with a removal, and not for what is being removed."""

    def wanted(right: Any, instances: Any, targets: Any) -> Any:
        return right([one for one in instances if one.removal is None], targets)

    return _patched(finalizing, "wanted", wanted)


def lets_nothing_go() -> Any:
    """A finalizer is put on, and taken off no more."""

    def due(right: Any, self: Finalizers, wanted: Any) -> Any:
        return {path: on for path, on in right(self, wanted).items() if on}

    return _patched(Finalizers, "due", due)


def takes_what_has_gone_for_deleted() -> Any:
    """An object that is there no more was deleted by somebody who wants gone what it was about."""
    return _patched(Doubt, "about", lambda _right, _self, _file: "")


# --- Archives ---------------------------------------------------------------------------------------------------------


def unpacks_over_what_others_have() -> Any:
    """What other manifests manage where an archive is unpacked is the archive's."""

    def spoil(inside: dict[str, Any]) -> None:
        right = inside["question"]

        def question(one: Any, digest: str) -> Any:
            return {key: value for key, value in right(one, digest).items() if key != "spared"}

        inside["question"] = question

    return _spoiled("archives", spoil)


def leaves_what_was_changed_of_an_archive() -> Any:
    """Once an archive was unpacked, what becomes of it is nobody's business."""

    def spoil(inside: dict[str, Any]) -> None:
        right = inside["presence"]

        def presence(one: Any, now: Any) -> Any:
            changed = {**now.state, "total": 0} if now.state["known"] else now.state
            return right(one, dataclasses.replace(now, state=changed))

        inside["presence"] = presence

    return _spoiled("archives", spoil)


# --- Files that several own a part of ---------------------------------------------------------------------------------


def leaves_a_block_that_was_changed() -> Any:
    """Where there is a block it is as declared, whatever is in it."""

    def spoil(inside: dict[str, Any]) -> None:
        right = inside["EditProvider"].found

        def found(self: Any, spec: Any, reply: Any) -> Any:
            seen = right(self, spec, reply)
            if "marker" in spec and "before" in getattr(seen, "state", {}) and spec["state"] == "present":
                del seen.state["edit"]
            return seen

        inside["EditProvider"].found = found

    return _spoiled("edits", spoil)


def has_values_in_what_is_declared() -> Any:
    """What is made of a secret holds its value, and no mark of it."""
    return _patched(
        Vault, "mark", lambda right, self, secret, *more: self.revealed(right(self, secret, *more))
    )


def disrupts_at_any_time() -> Any:
    """Windows are nobody's business."""
    return _patched(Permitting, "_closed", lambda _right, self, address: "")


def takes_a_round_for_all_of_it() -> Any:
    """A host that was started anew counts no longer once it is back, whatever has become of what runs there."""

    async def settle(_right: Any, self: Disruptions, lane: Lane, store: Store, _now: float) -> None:
        await store.write(Batch().end_disruption(lane.target.name))
        self._end([lane.target.name])

    return _patched(Disruptions, "settle", settle)


def forgets_who_is_disrupted() -> Any:
    """A controller that starts anew knows of nobody who was disrupted before."""
    return _patched(Disruptions, "recall", lambda _right, self, disruptions: None)


# --- Several controllers ----------------------------------------------------------------------------------------------


def tells_no_target_under_whose_lease_it_comes() -> Any:
    """A session keeps out nobody who leads no longer."""
    return _patched(Link, "fence", lambda _right, _self, _fence: None)


def writes_whoever_leads() -> Any:
    """The store takes what one writes that leads no longer."""
    return _patched(lease, "check_token", lambda _right, *_more: None)


# --- Several controllers that share the targets -----------------------------------------------------------------------


def shares_out_by_turns() -> Any:
    """Each part goes to the next of them, so that nearly all of it moves whenever one comes or goes."""

    def shared_out(_right: Any, members: Any) -> Any:
        there = sorted(members)
        return {shard: there[shard % len(there)] for shard in range(SHARDS)}

    return _patched(shards, "shared_out", shared_out)


def goes_on_with_what_it_has_given() -> Any:
    """What another one is to have is given, and worked on all the same."""

    async def give_up(_right: Any, _self: Controller, _shards: Any, *, grace: float) -> None:
        del grace

    return _patched(Controller, "give_up", give_up)


def writes_although_it_is_taken_for_dead() -> Any:
    """The store takes what one writes that is no member any more."""
    return _patched(members, "must_be_one", lambda _right, *_more: None)


# --- Rollouts ---------------------------------------------------------------------------------------------------------


def waits_for_no_probe() -> Any:
    """Whoever has had the turn counts as ready."""

    def sights(_right: Any, _self: Seeing, record: Any) -> Any:
        return {name: Sight(TargetSeen.READY) for name in record.turns}

    return _patched(Seeing, "sights", sights)


def restores_the_newest_everywhere() -> Any:
    """A controller that starts anew has the newest revision in force, and repairs to that, whosever turn it is."""

    async def composed(_right: Any, _self: SourceComposing, desired: Desired) -> Desired:
        return desired

    return _patched(SourceComposing, "composed", composed)


def counts_no_failures() -> Any:
    """A rollout goes on, however many have failed."""
    return _patched(rollout, "_too_much", lambda _right, *_more: "")


def guards_what_a_rollout_does() -> Any:
    """`--rollback-within` takes back everywhere what is not well on a target of a rollout."""
    return _patched(guarding, "split_address", lambda _right, address: ("", address))


# --- Namespaces -------------------------------------------------------------------------------------------------------


def shares_with_everybody() -> Any:
    """A Target that is shared with one namespace is shared with all."""

    def shared_with(_right: Any, self: ObjectCache, _namespace: str) -> Any:
        return {path: one.file for path, one in self._entries.items() if one.file is not None and one.shared}

    return _patched(ObjectCache, "shared_with", shared_with)


def trusts_every_namespace() -> Any:
    """Whatever a namespace declares is for it."""
    return _patched(isolating, "_refused", lambda _right, _desired: ())


GUESTS = frozenset({"shares_with_everybody", "trusts_every_namespace"})
"""Those that only namespaces can show that share an operator."""
SHARED = frozenset(
    {
        "shares_out_by_turns",
        "goes_on_with_what_it_has_given",
        "writes_although_it_is_taken_for_dead",
    }
)
"""Those that only controllers can show that share the targets."""
FLEETS = frozenset(
    {
        "waits_for_no_probe",
        "restores_the_newest_everywhere",
        "counts_no_failures",
        "guards_what_a_rollout_does",
    }
)
"""Those that only fleets can show to which revisions come wave by wave."""
SEVERAL = frozenset({"tells_no_target_under_whose_lease_it_comes", "writes_whoever_leads"})
"""Those that only several controllers can show."""

BESIDE_FILES: dict[str, str] = {
    mutation.__name__: part
    for part, mutations in (
        (
            "packages",
            (
                removes_what_others_need,
                leaves_a_dpkg_that_was_cut_off,
                fetches_the_lists_each_time,
                changes_what_is_on_hold,
            ),
        ),
        (
            "units",
            (
                leaves_a_service_that_was_stopped,
                has_no_unit_files_read,
                says_that_it_has_reloaded,
                stops_what_begins_with_the_host,
            ),
        ),
        ("accounts", (takes_all_other_groups_away,)),
        (
            "clockwork",
            (has_no_drop_in_read, takes_any_timer_for_the_declared, leaves_a_timer_that_was_stopped),
        ),
        (
            "cluster",
            (
                writes_each_status_again,
                leaves_what_others_have_written,
                lets_go_before_it_is_removed,
                lets_nothing_go,
                takes_what_has_gone_for_deleted,
            ),
        ),
        ("git", (takes_any_history_for_its_own, forgets_that_it_was_rolled_back)),
        (
            "archives",
            (
                unpacks_over_what_others_have,
                leaves_what_was_changed_of_an_archive,
            ),
        ),
        (
            "texts",
            (leaves_a_block_that_was_changed, has_values_in_what_is_declared),
        ),
        (
            "boots",
            (
                disrupts_at_any_time,
                takes_a_round_for_all_of_it,
                forgets_who_is_disrupted,
            ),
        ),
    )
    for mutation in mutations
}
"""Those that only a world can find in which more than files is declared, and what."""


def does_what_is_denied() -> Any:
    """What policies have decided is forgotten where something is done."""
    return _patched(Judging, "of", lambda _right, *_: NO_RULING)


def takes_silence_for_consent() -> Any:
    """What nobody has decided about is done: of what waited for its turn, nobody is asked."""

    async def judge(right: Any, self: Judging, units: Any) -> None:
        if not self.decisions:
            await right(self, units)

    def of(right: Any, self: Judging, unit: PlanUnit) -> Any:
        return right(self, unit) if unit.address in self._known else NO_RULING

    both = contextlib.ExitStack()
    both.enter_context(_patched(Judging, "judge", judge))
    both.enter_context(_patched(Judging, "of", of))
    return both


MUTATIONS: dict[str, Mutation] = {
    mutation.__name__: mutation
    for mutation in (
        skips_the_intent,
        drops_a_dirty_mark,
        takes_a_lost_session_for_success,
        forgets_what_a_round_had_begun,
        forgets_the_settle_look,
        forgets_a_request,
        forgets_a_person,
        forgets_the_policy,
        calls_everything_drift,
        ignores_events,
        loses_what_the_store_refuses,
        writes_what_is_no_news,
        hands_out_twice,
        forgets_what_is_owed,
        forgets_that_it_refreshed,
        asks_nobody,
        does_what_is_denied,
        takes_silence_for_consent,
        lets_two_have_it,
        purges_what_others_have,
        forgets_a_rename,
        forgets_what_is_under_way,
        runs_beside_itself,
        misses_nothing_in_a_tree,
        purges_what_is_excepted_in_a_tree,
        believes_an_old_answer,
        takes_unknown_for_empty,
        never_looks_at_facts_again,
        removes_what_others_need,
        leaves_a_dpkg_that_was_cut_off,
        fetches_the_lists_each_time,
        changes_what_is_on_hold,
        leaves_a_service_that_was_stopped,
        has_no_unit_files_read,
        says_that_it_has_reloaded,
        stops_what_begins_with_the_host,
        takes_all_other_groups_away,
        has_no_drop_in_read,
        takes_any_timer_for_the_declared,
        leaves_a_timer_that_was_stopped,
        takes_any_history_for_its_own,
        forgets_that_it_was_rolled_back,
        writes_each_status_again,
        leaves_what_others_have_written,
        lets_go_before_it_is_removed,
        lets_nothing_go,
        takes_what_has_gone_for_deleted,
        unpacks_over_what_others_have,
        leaves_what_was_changed_of_an_archive,
        leaves_a_block_that_was_changed,
        has_values_in_what_is_declared,
        disrupts_at_any_time,
        takes_a_round_for_all_of_it,
        forgets_who_is_disrupted,
        tells_no_target_under_whose_lease_it_comes,
        writes_whoever_leads,
        shares_with_everybody,
        trusts_every_namespace,
        shares_out_by_turns,
        goes_on_with_what_it_has_given,
        writes_although_it_is_taken_for_dead,
        waits_for_no_probe,
        restores_the_newest_everywhere,
        counts_no_failures,
        guards_what_a_rollout_does,
    )
}


BEGIN_AT = {
    "writes_whoever_leads": 1,
    "counts_no_failures": 1,
    "restores_the_newest_everywhere": 1,
    "writes_although_it_is_taken_for_dead": 3,
    "tells_no_target_under_whose_lease_it_comes": 2,
    "says_that_it_has_reloaded": 6,
    "disrupts_at_any_time": 8,
    "asks_nobody": 9,
    "purges_what_others_have": 9,
    "forgets_that_it_was_rolled_back": 9,
    "leaves_a_block_that_was_changed": 10,
    "loses_what_the_store_refuses": 23,
    "has_values_in_what_is_declared": 23,
    "forgets_a_rename": 41,
    "takes_all_other_groups_away": 47,
    "forgets_what_a_round_had_begun": 48,
    "has_no_unit_files_read": 53,
    "removes_what_others_need": 56,
    "leaves_a_dpkg_that_was_cut_off": 66,
    "lets_two_have_it": 82,
    "forgets_who_is_disrupted": 88,
    "leaves_what_others_have_written": 98,
    "stops_what_begins_with_the_host": 114,
    "has_no_drop_in_read": 114,
    "takes_any_history_for_its_own": 128,
    "takes_unknown_for_empty": 282,
    "takes_what_has_gone_for_deleted": 1047,
    "changes_what_is_on_hold": 248,
}
"""Of those that are not found at once, the seed from which they are looked for: before it they are known not to be."""


LONG = frozenset({"counts_no_failures", "guards_what_a_rollout_does", "goes_on_with_what_it_has_given"})
"""Those of which another one is like them that is looked for in each test run; these are where there is time."""


def could_find(name: str, seed: int) -> bool:
    """Whether there is, in the world of a seed, what a defect is about."""
    if name not in BESIDE_FILES:
        return True
    if seed < BEGIN_AT.get(name, 0):
        return False
    if BESIDE_FILES[name] == "boots":
        return watchman(seed, authors_of(seed)) is not None
    if BESIDE_FILES[name] in {"git", "cluster"}:
        return {"git": is_pushed, "cluster": is_clustered}[BESIDE_FILES[name]](seed)
    authors = range(authors_of(seed))
    if BESIDE_FILES[name] == "clockwork":
        return any(clockmaker(seed, number) is not None for number in authors)
    if BESIDE_FILES[name] == "archives":
        return any(packer(seed, number) is not None for number in authors)
    if BESIDE_FILES[name] == "texts":
        return any(scribe(seed, number) is not None for number in authors)
    found = [keeper(seed, number) for number in authors]
    return any(one is not None and BESIDE_FILES[name] in Household(one, [], "").parts for one in found)


@contextlib.contextmanager
def mutated(name: str) -> Iterator[None]:
    """With one of them, or with none for ""."""
    if not name:
        yield
        return
    with MUTATIONS[name]():
        yield
