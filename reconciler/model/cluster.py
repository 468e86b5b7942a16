"""A namespace of a Kubernetes cluster as a place where desired state comes from."""

from __future__ import annotations

from dataclasses import dataclass

from reconciler.model.names import SourceName


@dataclass(frozen=True, slots=True)
class ClusterPlace:
    """See the module. Which cluster it is, the environment says.

    Attributes:
        namespace: whose objects count.
    """

    namespace: str

    @property
    def identity(self) -> str:
        """What is served."""
        return f"kubernetes:{self.namespace}"

    @property
    def root(self) -> str:
        """Where its paths lie on the controller: nowhere."""
        return ""

    @property
    def name(self) -> SourceName:
        """What the source is called."""
        return SourceName(self.identity)
