"""What is said of something that a person asked for and that nobody knows, with what was probably meant."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from reconciler.api.queries import selection
from reconciler.api.selecting import means
from reconciler.api.suggesting import SEE, did_you_mean_one_of, no_match, unknown_target
from reconciler.cli.asking import Asking
from reconciler.cli.asking_clusters import AskingCluster
from reconciler.core.suggest import did_you_mean
from reconciler.errors import UsageError
from reconciler.model.names import source_object


def query_of(what: str, targets: Sequence[str] | None, selector: str) -> dict[str, str]:
    """The question for what is selected on a command line."""
    return {"what": what, "target": ",".join(targets or ()), "selector": selector}


def nothing_matches(
    asking: Asking | AskingCluster,
    what: str,
    targets: Sequence[str] | None = None,
    selector: str = "",
    *,
    words: Collection[str] = (),
) -> UsageError:
    """The error that says that nothing is selected, why, and what was probably meant.

    Args:
        asking: whoever knows.
        what: as on the command line.
        targets: the same.
        selector: the same.
        words: what may be asked for besides resources.
    """
    every = asking.get("/v1/resources", {"specs": "1"})["items"]
    return UsageError(no_match(selection(query_of(what, targets, selector)), every, words=words))


def must_have_events(asking: Asking, name: str) -> None:
    """See that events can be about what begins with `name`: something that is known, or that something happened to.

    Raises:
        UsageError: nothing like it is; says what was probably meant.
    """
    if not name or asking.get("/v1/events", {"object": name, "limit": "1"})["items"]:
        return
    views = asking.get("/v1/resources")["items"]
    known = ["Source/", "Target/", *(view["address"] for view in views)]
    known += [f"Target/{entry['name']}" for entry in asking.get("/v1/targets")["items"]]
    known += [source_object(entry["name"]) for entry in asking.get("/v1/sources")["items"]]
    if any(one.startswith(name) for one in known):
        return
    hint = did_you_mean(name, known) or did_you_mean_one_of(name, views)
    for view in views:
        if means(name, view):
            hint = f"events are named by their whole address, such as {view['address']}"
            break
    raise UsageError(f"nothing is known that begins with {name!r}; {hint or SEE}")


def must_be_targets(asking: Asking | AskingCluster, names: Sequence[str] | None) -> None:
    """See that all of these are targets.

    Raises:
        UsageError: one is not; says which was probably meant.
    """
    if not names:
        return
    if isinstance(asking, AskingCluster):
        asking.must_be_targets(names)
        return
    known = [entry["name"] for entry in asking.get("/v1/targets")["items"]]
    for name in names:
        if name not in known:
            raise UsageError(unknown_target(name, known))
