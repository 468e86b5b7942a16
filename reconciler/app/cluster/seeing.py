"""A cluster's objects as they are now, and what they answer to the questions that else a daemon is asked.

Invariant: read once for a command, so that all that it says is of one moment.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from reconciler.api.answers import WORST
from reconciler.api.folding import folded
from reconciler.api.queries import selection
from reconciler.api.views import document, items
from reconciler.app.cluster import views
from reconciler.app.watching import definitions
from reconciler.config.describing import every_kind
from reconciler.errors import UsageError
from reconciler.model.cluster import OWN_GROUP
from reconciler.model.names import split_target
from reconciler.model.rollout import RolloutPhase
from watchers.kubernetes import kubeconfig
from watchers.kubernetes.listing import Listed, Unlisted, Unserved, listed, login_of

if TYPE_CHECKING:
    from reconciler.api.selecting import Selection
    from reconciler.app.places import Places
    from reconciler.model.catalog import Kind

ELSEWHERE = "ask where the operator runs: kubectl exec -n froyo-system deploy/froyo-operator -- froyo {}"
GIVEN = "the cluster roles froyo-view and froyo-edit, which are part of view and edit, give it"
_UNKNOWN = {
    "/v1/orphans": "what is declared no longer, and stays",
    "/v1/revisions": "which revisions are kept",
    "/v1/alerts": "what alerts have sent",
}

Document = views.Document


@dataclass(frozen=True, slots=True)
class Which:
    """Which cluster, and what of it.

    Attributes:
        context: of the kubeconfig; the current one if it is "".
        file: the kubeconfig, or "" for that of the environment.
        namespace: whose objects; that of the context if it is "".
        everywhere: those of all namespaces instead.
    """

    context: str = ""
    file: str = ""
    namespace: str = ""
    everywhere: bool = False


@dataclass(frozen=True, slots=True)
class SeenCluster:
    """What there is.

    Attributes:
        context: of the kubeconfig, or "" for the cluster that this runs in.
        server: the API server.
        namespace: whose objects they are; "" for those of all.
        objects: with their kinds.
        unserved: the kinds that are installed here and the cluster does not know.
        kinds: that are installed here, by (api_version, kind).
    """

    context: str
    server: str
    namespace: str
    objects: Listed
    unserved: Sequence[str] = ()
    kinds: Mapping[tuple[str, str], Kind] = field(default_factory=dict)


async def look(which: Which, places: Places, environ: Mapping[str, str]) -> SeenCluster:
    """Read all objects of froyo's kinds.

    Raises:
        UsageError: they cannot be read; why.
    """
    from reconciler.app.catalogues import installed

    _, catalog = installed(places)
    kinds = {(one.api_version, one.kind): one for one in every_kind(catalog)}
    every = definitions(places)
    try:
        found = await login_of(environ, file=which.file, context=which.context)
        namespace = "" if which.everywhere else which.namespace or found.namespace
        unserved: Sequence[str] = ()
        try:
            objects = await listed(namespace or None, every, access=found.connection, given=GIVEN)
        except Unserved as error:
            if len(error.names) == len(every):
                raise UsageError(f"{found.connection.server}: {error}") from error
            objects, unserved = error.found, error.names
    except (Unlisted, kubeconfig.KubeconfigError) as error:
        raise UsageError(str(error)) from error
    return SeenCluster(found.context, found.connection.server, namespace, objects, unserved, kinds)


class Answers:
    """What the objects of a cluster answer.

    Args:
        seen: the objects.
    """

    def __init__(self, seen: SeenCluster) -> None:
        self._seen = seen
        self._paths: Mapping[str, Callable[[Mapping[str, str]], Document]] = {
            "/v1/resources": self._resources,
            "/v1/targets": lambda _: self._items("TargetList", self._targets()),
            "/v1/sources": lambda _: self._items("SourceList", self._sources()),
            "/v1/rollouts": lambda _: self._items(
                "RolloutList", self._rollouts(), views.unnamed(self._rollouts())
            ),
            "/v1/suspensions": lambda _: self._items("SuspensionList", self._suspensions()),
            "/v1/status": lambda _: self._status(),
        }

    def get(self, path: str, query: Mapping[str, str]) -> Document:
        """The answer to a question, as `docs/cli.md` has it.

        Raises:
            UsageError: the statuses of objects do not say that.
        """
        if path in _UNKNOWN:
            command = f"get {path.rpartition('/')[2]}"
            raise UsageError(f"no object's status says {_UNKNOWN[path]}; {ELSEWHERE.format(command)}")
        return self._paths[path](query)

    @property
    def where(self) -> Document:
        """Which cluster was asked, and what of it."""
        seen = self._seen
        return {"context": seen.context, "server": seen.server, "namespace": seen.namespace}

    @property
    def in_words(self) -> str:
        """The same, for a person."""
        seen = self._seen
        where = f"the namespace {seen.namespace}" if seen.namespace else "all namespaces"
        return f"{where} of {seen.context or seen.server}"

    def targets_known(self) -> set[str]:
        """The names of all targets that objects are, or that a status speaks of."""
        return {one["name"] for one in self._targets()} | {
            one["target"] for one in self._every(specs=False)
        } - {""}

    def _items(self, kind: str, found: Sequence[Document], left_out: Sequence[str] = ()) -> Document:
        return {
            **items(kind, found, live=True),
            "cluster": self.where,
            "leftOut": [*left_out, *self._unserved()],
        }

    def _unserved(self) -> list[str]:
        names = self._seen.unserved
        if not names:
            return []
        more = f" and {len(names) - 1} more" if len(names) > 1 else ""
        return [f"kinds that are installed here and the cluster does not serve: {names[0]}{more}"]

    def _of(self, *, own: bool) -> list[tuple[Kind, views.Found]]:
        found: list[tuple[Kind, views.Found]] = []
        for definition, one in self._seen.objects:
            if (definition.group == OWN_GROUP) is own:
                kind = self._seen.kinds[f"{definition.group}/{definition.version}", definition.kind]
                found.append((kind, one))
        return found

    def _every(self, *, specs: bool) -> list[Document]:
        found = [
            view for kind, one in self._of(own=False) for view in views.resources(kind, one, specs=specs)
        ]
        return sorted(
            found, key=lambda view: (view["kind"], view["name"], not view["target"], view["target"])
        )

    def _resources(self, query: Mapping[str, str]) -> Document:
        wanted = selection(query)
        every = self._every(specs=query.get("specs") == "1" or wanted.needs_specs)
        found = [view for view in every if self._means(wanted, view)]
        left = [_counted(sum(view["instances"] for view in found if view.get("instances")))]
        if wanted.targets:
            anywhere = replace(wanted, targets=())
            doubtful = {v["address"] for v in every if v.get("instances") and self._means(anywhere, v)}
            left = [_perhaps(sorted(doubtful), wanted.targets)]
        return self._items("ResourceList", found, [one for one in left if one])

    def _means(self, wanted: Selection, view: Document) -> bool:
        """Whether that is selected, by its name in full or, where one namespace was asked, in that."""
        if wanted.narrow([view]):
            return True
        namespace = self._seen.namespace
        if not namespace:
            return False
        return bool(wanted.narrow([_within(view, namespace)]))

    def _targets(self) -> list[Document]:
        return sorted(
            (views.target(one) for kind, one in self._of(own=True) if kind.kind == "Target"),
            key=lambda view: view["name"],
        )

    def _sources(self) -> list[Document]:
        by_namespace: dict[str, list[tuple[str, views.Found]]] = defaultdict(list)
        for definition, one in self._seen.objects:
            called = f"{definition.kind}/{one['metadata']['name']}"
            by_namespace[one["metadata"]["namespace"]].append((called, one))
        found = [views.namespace(name, those) for name, those in sorted(by_namespace.items())]
        return [*found, *(views.source(one) for kind, one in self._of(own=True) if kind.kind == "Source")]

    def _rollouts(self) -> list[Document]:
        return [views.rollout(one) for kind, one in self._of(own=True) if kind.kind == "Rollout"]

    def _suspensions(self) -> list[Document]:
        found = (views.suspension(kind, one) for kind, one in self._of(own=False))
        return [one for one in found if one is not None]

    def _status(self) -> Document:
        every = self._every(specs=False)
        waiting = [view for view in every if view["ready"] != "True"]
        counts: dict[str, int] = defaultdict(int)
        for view in every:
            counts[view["reason"]] += view.get("instances", 1)
        total = sum(counts.values())
        left = [
            "problems of the operator itself, what is put back again and again, and what is declared no longer; "
            + ELSEWHERE.format("status")
        ]
        return {
            **document(
                "Status",
                live=True,
                sources=self._sources(),
                targets=self._targets(),
                problems={},
                counts=dict(sorted(counts.items(), key=lambda entry: (-entry[1], entry[0]))),
                instances=total,
                ready=total - sum(view.get("instances", 1) for view in waiting),
                notReady=folded(sorted(waiting, key=_badness))[:WORST],
                contested=[],
                controllers=[],
                rollouts=[one for one in self._rollouts() if one["phase"] != RolloutPhase.COMPLETE],
                suspensions=self._suspensions(),
            ),
            "cluster": self.where,
            "leftOut": [*left, *self._unserved()],
        }


def _badness(view: Document) -> tuple[int, str]:
    types = {one["type"] for one in view["conditions"]}
    if "Stalled" in types:
        return 0, view["address"]
    return (1 if view["ready"] == "False" and "Reconciling" not in types else 2), view["address"]


def _within(view: Document, namespace: str) -> Document:
    """A view whose names are those within its namespace."""

    def plain(name: str) -> str:
        found, rest = split_target(name)  # type: ignore[arg-type] # names of resources are written alike
        return rest if found == namespace else name

    target, name = plain(view["target"]), plain(view["name"])
    ref = f"{view['kind']}/{name}"
    return {**view, "target": target, "name": name, "address": f"{target}/{ref}" if target else ref}


def _counted(number: int) -> str:
    if not number:
        return ""
    return (
        "of objects for several targets a status names at most ten on which it is not as declared; "
        f"{number:,} that are counted are not named"
    )


def _perhaps(found: Sequence[str], targets: Sequence[str]) -> str:
    if not found:
        return ""
    more = f" and {len(found) - 1} more" if len(found) > 1 else ""
    names = " or ".join(targets)
    return (
        f"{found[0]}{more}: for several targets, and no status says whether {names} is one of those that are as "
        "declared"
    )
