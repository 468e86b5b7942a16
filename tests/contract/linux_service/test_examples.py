"""The example of services is valid, converges in one round, and is as declared then."""

from pathlib import Path

from froyo_provider.testing.memory import Node
from froyo_provider.testing.units import MemoryUnit
from reconciler.core.graph import build_graph
from reconciler.plugins.packages import load_packages
from tests.contract.linux_service.test_service import Round
from tests.contract.linux_service.test_timer import Calendar
from tests.contract.loading import example

ROOT = Path(__file__).parents[3]


async def test_it_converges_in_one_round():
    packages = load_packages([ROOT / "providers" / name for name in ("linux.file", "linux.service")])
    desired = example(ROOT / "examples" / "services", packages, environ={"HOME": "/home/ann"})
    nginx = MemoryUnit(path="/lib/systemd/system/nginx.service", can_reload=True)
    directories = {path: Node("directory", 0o755) for path in ("/etc/nginx", "/etc/nginx/conf.d")}
    round_ = Round(Calendar(directories, {"nginx.service": nginx}))
    order = [one for one in build_graph([*desired.instances.values()]).order if "/File/" not in one]
    assert order.index("web-1/Unit/heartbeat-timer") < order.index("web-1/Service/heartbeat")
    assert order.index("web-1/Unit/nginx-limits") < order.index("web-1/Service/nginx")
    assert order.index("web-1/Unit/heartbeat") < order.index("web-1/Timer/heartbeat-at-boot")
    for address in order:
        instance = desired.instances[address]
        for digest in instance.bodies:
            round_.target.body(desired.blobs[digest].read())
        name = instance.metadata.name
        one = {"address": address, "kind": instance.kind, "name": name, "spec": dict(instance.spec)}
        await round_.converge(one)
    assert round_.target.unit("nginx.service").active == "active"
    assert round_.target.unit("heartbeat.timer").file_state == "enabled"
