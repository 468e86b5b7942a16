"""One directory of manifests in its three homes: a directory, a commit, a namespace of a cluster. All is the same.

What is declared and what is planned is compared to the byte, but for where it was read and when (of a value, too, where
it was given); and what becomes of the hosts, which begin anew for each.
"""

import asyncio
import json
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, replace
from functools import partial

import pytest
import yaml

from reconciler.api import views
from reconciler.app import evaluating, once
from reconciler.app.assembly import assemble
from reconciler.app.places import places
from reconciler.engine.round.progress import Progress
from reconciler.model.cluster import ClusterPlace
from reconciler.model.origin import Origin as At
from reconciler.model.repository import GitPlace, Ref, RefKind
from reconciler.model.source import DirectoryPlace
from tests.e2e.lab import target
from tests.e2e.site import ROOT, Site, until
from tests.integration.watchers.origins import Origin

pytestmark = [pytest.mark.e2e, pytest.mark.lab, pytest.mark.cluster, pytest.mark.xdist_group("cluster")]

SITE = """
apiVersion: froyo.dev/v1alpha1
kind: Vars
metadata: {name: web}
spec: {targets: {matchLabels: {role: web}}, values: {port: 8080, domain: example.org}}
---
apiVersion: froyo.dev/v1alpha1
kind: Vars
metadata: {name: h2}
spec: {target: h2, values: {port: 8082}}
---
apiVersion: linux.froyo.dev/v1alpha1
kind: Package
metadata: {name: apache}
spec: {targets: {matchLabels: {role: web}}, package: apache2, recommends: false}
---
apiVersion: linux.froyo.dev/v1alpha1
kind: File
metadata: {name: ports}
spec:
  targets: {matchLabels: {role: web}}
  path: /etc/apache2/ports.conf
  mode: "0644"
  content: |
    Listen ${vars.port}
  require: [Package/apache]
  notify: [Service/apache]
---
apiVersion: linux.froyo.dev/v1alpha1
kind: File
metadata: {name: site}
spec:
  targets: {matchLabels: {role: web}}
  path: /etc/apache2/sites-available/000-default.conf
  mode: "0644"
  content: |
    <VirtualHost *:${vars.port}>
      DocumentRoot /srv/www
      <Directory /srv/www>
        Require all granted
      </Directory>
    </VirtualHost>
  require: [Package/apache]
  notify: [Service/apache]
---
apiVersion: linux.froyo.dev/v1alpha1
kind: Directory
metadata: {name: root}
spec: {targets: {matchLabels: {role: web}}, path: /srv/www, mode: "0755"}
---
apiVersion: linux.froyo.dev/v1alpha1
kind: File
metadata: {name: page}
spec:
  targets: {matchLabels: {role: web}}
  path: /srv/www/index.html
  mode: "0644"
  content: |
    <h1>${target.name}.${vars.domain}</h1>
---
apiVersion: linux.froyo.dev/v1alpha1
kind: Service
metadata: {name: apache}
spec:
  targets: {matchLabels: {role: web}}
  unit: apache2.service
  state: running
  startup: enabled
---
apiVersion: probe.froyo.dev/v1alpha1
kind: HttpProbe
metadata: {name: page}
spec:
  targets: {matchLabels: {role: web}}
  from: target
  url: "http://127.0.0.1:${vars.port}/"
  contains: ["<h1>${target.name}.${vars.domain}</h1>"]
  require: [Service/apache, File/page, File/ports, File/site]
"""
INSTANCES = 14
KINDS = (
    *("packages.linux.froyo.dev", "files.linux.froyo.dev", "directories.linux.froyo.dev"),
    *("services.linux.froyo.dev", "httpprobes.probe.froyo.dev"),
)
SHOWS = """
cd / && find etc/apache2/ports.conf etc/apache2/sites-available srv/www -printf '%p %y %m %u %g %s\\n' | sort
find etc/apache2/ports.conf etc/apache2/sites-available srv/www -type f | sort | xargs sha256sum
dpkg-query -W -f '${Package} ${Version} ${Status}\\n' 'apache2*'
systemctl is-active apache2; systemctl is-enabled apache2
for port in 8080 8082; do curl -s http://127.0.0.1:$port/; done; true
"""


class Home:
    """One of the three: where it reads, and a controller of its own.

    Args:
        place: where what is declared is read.
        base: for its state.
    """

    def __init__(self, place, base):
        self.place = place
        self.site = Site(base)
        for directory in (base, self.site.manifests, base / "home"):
            directory.mkdir()
        self.site.state.mkdir(mode=0o700)

    async def _seen(self):
        environ = self.site.environ
        where = places(environ)
        async with assemble(where, environ, lease=False, notice=lambda _said: None) as parts:
            evaluated = await evaluating.evaluate(parts, self.place)
            plans = await once.plan(parts, evaluated, progress=Progress())
        objects = {
            str(address): asdict(replace(one, origin=At(), rendered=()))
            for address, one in sorted(evaluated.desired.instances.items())
        }
        return objects, [views.plan(one) | {"revision": "", "observedAt": ""} for one in plans]

    def seen(self):
        """What is declared, and what is planned, as texts that can be compared."""
        return tuple(json.dumps(one, sort_keys=True, default=str) for one in asyncio.run(self._seen()))


def path_of(document):
    group = document["apiVersion"].partition("/")[0]
    return f"default/{document['kind']}.{group}/{document['metadata']['name']}.yaml"


def everywhere(hosts, work):
    with ThreadPoolExecutor(len(hosts)) as pool:
        return list(pool.map(work, hosts))


def status_of(site):
    """What is said of each instance, but for how long things took."""
    items = json.loads(site.froyo("get", "-o", "json").stdout)["items"]
    return {one["address"]: (one["ready"], one["reason"], one["observedGeneration"]) for one in items}


@pytest.fixture
def hosts(lab):
    found = [lab.host("h1"), lab.host("h2")]
    everywhere(found, lambda host: host.reset())
    yield found
    everywhere(found, lambda host: host.reset())


@pytest.fixture
def homes(lab, hosts, cluster, tmp_path, monkeypatch):
    """The same files in each."""
    cluster.kubectl("apply", "--server-side", "-f", str(ROOT / "crds"))
    cluster.kubectl("wait", "--for=condition=Established", "crd", "-l", "app.kubernetes.io/part-of=openfroyo")
    monkeypatch.setenv("KUBECONFIG", cluster.run("kubeconfig").strip())
    # One file an object, as a cluster has them: what comes first where nothing says so is what is read first.
    documents = [*(json.dumps(target(lab, host)) for host in hosts), *SITE.split("\n---\n")]
    files = {path_of(yaml.safe_load(text)): f"{text}\n" for text in documents}
    origin = Origin(tmp_path / "origin")
    origin.commit(files)
    for text in files.values():
        cluster.kubectl("apply", "--namespace", "default", "-f", "-", given=text)
    found = {
        "directory": Home(DirectoryPlace(str(tmp_path / "files")), tmp_path / "directory"),
        "git": Home(GitPlace(str(origin.path), Ref(RefKind.BRANCH, "main")), tmp_path / "git"),
        "cluster": Home(ClusterPlace("default"), tmp_path / "cluster"),
    }
    (tmp_path / "files").mkdir()
    for name, text in files.items():
        (tmp_path / "files" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "files" / name).write_text(text)
    return found


def apply(home):
    """From a directory, and from git: `froyo apply`."""
    where = [home.place.path] if isinstance(home.place, DirectoryPlace) else ["--git", home.place.url]
    home.site.froyo("apply", *where)
    return status_of(home.site)


def operate(home, cluster):
    """From the cluster: `froyo operator run`, until every object says that it is as declared."""
    words = [sys.executable, "-m", "reconciler.cli", "operator", "run", "--namespace", "default"]
    with (home.site.base / "log").open("w") as log:
        process = subprocess.Popen(
            words, env=home.site.environ | {"KUBECONFIG": os.environ["KUBECONFIG"]}, stdout=log, stderr=log
        )
    try:
        for kind in KINDS:
            cluster.kubectl("wait", "--for=condition=Ready", kind, "--all", "--timeout=240s")
            for one in cluster.get(kind)["items"]:
                assert one["status"]["targets"]["ready"] == one["status"]["targets"]["total"] == 2, one
                assert one["status"]["observedGeneration"] == one["metadata"]["generation"]
        until("all is said to be so", lambda: len(status_of(home.site)) == INSTANCES)
        return status_of(home.site)
    finally:
        process.terminate()
        assert process.wait(60) == 0, (home.site.base / "log").read_text()[-4000:]


def test_a_directory_is_the_same_thing_in_each_of_its_homes(homes, hosts, cluster):
    declared, planned = homes["directory"].seen()
    assert len(json.loads(declared)) == INSTANCES
    for home in homes.values():
        assert home.seen() == (declared, planned)
    shown, said, after = {}, {}, {}
    for name, home in homes.items():
        work = partial(operate, cluster=cluster) if name == "cluster" else apply
        said[name] = work(home)
        shown[name] = everywhere(hosts, lambda host: host.exec(SHOWS))
        after[name] = home.seen()
        everywhere(hosts, lambda host: host.reset())
    assert "<h1>h1.example.org</h1>" in shown["directory"][0]
    assert shown["git"] == shown["cluster"] == shown["directory"]
    assert said["git"] == said["cluster"] == said["directory"]
    for declared_after, planned_after in after.values():
        assert declared_after == declared
        units = [unit for one in json.loads(planned_after) for unit in one["units"]]
        assert {unit["action"] for unit in units} == {"none"}
