"""The access that a pod is given: a token, the authority of the API server, and where that is.

kopf has a login of its own for it, which asks for the API server by a name. The environment says its address, which
needs no name server, and is what Kubernetes' own clients go by. Invariant: nothing of it is kept. A token is exchanged
in its file while it is used, about every hour.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import kopf

MOUNTED = Path("/var/run/secrets/kubernetes.io/serviceaccount")
"""Where a pod finds what its ServiceAccount is given."""


def in_cluster(environ: Mapping[str, str], mounted: Path = MOUNTED) -> kopf.ConnectionInfo | None:
    """The API server of the cluster that this runs in; None if it runs in none.

    Args:
        environ: KUBERNETES_SERVICE_HOST and KUBERNETES_SERVICE_PORT say where it is.
        mounted: where the token is.

    Raises:
        OSError: the token cannot be read.
    """
    host = environ.get("KUBERNETES_SERVICE_HOST", "")
    if not host or not (mounted / "token").exists():
        return None
    authority = mounted / "ca.crt"
    port = environ.get("KUBERNETES_SERVICE_PORT") or "443"
    return kopf.ConnectionInfo(
        server=f"https://{f'[{host}]' if ':' in host else host}:{port}",
        ca_path=str(authority) if authority.exists() else None,
        token=(mounted / "token").read_text().strip(),
        default_namespace=_text(mounted / "namespace") or None,
    )


def own_namespace(mounted: Path = MOUNTED) -> str:
    """The namespace of the pod that this runs in; "" if it runs in none."""
    return _text(mounted / "namespace")


def _text(path: Path) -> str:
    try:
        return path.read_text().strip()
    except OSError:
        return ""
