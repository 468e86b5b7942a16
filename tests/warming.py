"""A host of providers with nothing left to do before it is used, for tests and measurements that begin there."""

from reconciler.errors import FroyoError
from reconciler.plugins.host import PluginHost


async def warm(host: PluginHost) -> None:
    """Prepare all packages and fill their spares. What fails says so when it is used."""
    for package in host.packages.values():
        try:
            await host.prepare(package)
        except FroyoError:
            continue
        ready = host._ready[package.name]
        while len(ready.spares) < ready.wanted_spares:
            await host._on_lane(lambda ready=ready: host._add_spare(ready))
