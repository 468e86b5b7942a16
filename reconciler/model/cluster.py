"""A namespace of a Kubernetes cluster as a place where desired state comes from."""

from __future__ import annotations

from dataclasses import dataclass

from reconciler.model.names import SourceName

_NAMED = "kubernetes:"
"""What the name of such a source begins with; a directory's begins with a slash, a repository's with git+."""

OWN_GROUP = "froyo.dev"
"""The API group of the kinds that are no provider's."""


def namespace_of(source: SourceName) -> str:
    """The namespace that a source is, by its name; "" for a source that is none."""
    return source.removeprefix(_NAMED) if source.startswith(_NAMED) else ""


@dataclass(frozen=True, slots=True)
class ClusterPlace:
    """See the module. Which cluster it is, the environment says.

    Attributes:
        namespace: whose objects count.
        everywhere: it is one of all namespaces of the cluster, which are heard of together.
        trusted: its objects may be about the machine that this runs on, and name files there.
    """

    namespace: str
    everywhere: bool = False
    trusted: bool = True

    @property
    def identity(self) -> str:
        """What is served."""
        return f"{_NAMED}{self.namespace}"

    @property
    def root(self) -> str:
        """Where its paths lie on the controller: nowhere."""
        return ""

    @property
    def name(self) -> SourceName:
        """What the source is called."""
        return SourceName(self.identity)
