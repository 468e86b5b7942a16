"""Archives on a real host: sent, downloaded and found there, spoiled by hand, cut off in the middle, and removed."""

import hashlib
import io
import tarfile
import threading
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer

import pytest

from reconciler.core.graph import build_graph
from reconciler.plugins.packages import load_packages
from tests.contract.linux_archive.conftest import PACKAGE
from tests.contract.loading import example
from tests.e2e.lab import on, target
from tests.e2e.site import instance, until

EXAMPLE = PACKAGE.parents[1] / "examples" / "archives"


def test_the_example_is_valid_and_comes_in_order():
    packages = [PACKAGE, PACKAGE.parent / "linux.file", PACKAGE.parent / "linux.pkg"]
    desired = example(EXAMPLE, load_packages(packages))
    order = build_graph([*desired.instances.values()]).order
    assert order.index("web-1/Package/curl") < order.index("web-1/Archive/exporter")
    assert desired.instances["web-1/Archive/hello"].spec["body"]["size"] > 100


def packed(**files):
    made = io.BytesIO()
    with tarfile.open(fileobj=made, mode="w:gz") as archive:
        for name, content in files.items():
            member = tarfile.TarInfo(name.replace("__", "/"))
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return made.getvalue()


@pytest.fixture
def host(lab):
    """A host without archives of ours, before and after."""
    found = lab.host("h1")
    clean(found)
    yield found
    clean(found)


def clean(host):
    host.exec(
        "chattr -i /opt/many/5; rm -rf /opt/hello /opt/many /opt/evil /opt/there /var/lib/froyo /var/tmp/there.zip",
        check=False,
    )


@pytest.fixture
def served(tmp_path):
    """A directory that is served to the hosts, and its URL."""
    directory = tmp_path / "served"
    directory.mkdir()

    class Quiet(SimpleHTTPRequestHandler):
        def __init__(self, *args):
            super().__init__(*args, directory=str(directory))

        def log_message(self, *_):
            pass

    with ThreadingHTTPServer(("0.0.0.0", 0), Quiet) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield directory, server.server_port
        server.shutdown()
        thread.join()


def archive(name, host, **spec):
    return instance("Archive", name, f"/opt/{name}", **on(host), **spec)


@pytest.mark.lab
def test_archives_are_unpacked_kept_and_removed(lab, site, host, served):
    directory, port = served
    here = host.address.rpartition(".")[0] + ".1"  # this machine, as the hosts see it
    many = packed(**{str(n): str(n).encode() for n in range(1200)})
    (directory / "many.tar.gz").write_bytes(many)
    (directory / "evil.tar").write_bytes(packed(ok=b"1", **{"..__..__etc__evil": b"x"}))
    (site.manifests).mkdir(exist_ok=True)
    (site.manifests / "hello.tar.gz").write_bytes((EXAMPLE / "hello-1.0.tar.gz").read_bytes())
    host.exec("cd /opt && python3 -m zipfile -c /var/tmp/there.zip /etc/hostname")
    url, digest = f"http://{here}:{port}/", hashlib.sha256(many).hexdigest()
    declared = [
        archive("hello", host, source="hello.tar.gz", strip=1, owner="ops", directoryMode="0750"),
        archive("many", host, url=f"{url}many.tar.gz", sha256=digest, purge=True),
        archive("there", host, **{"from": "/var/tmp/there.zip"}),
    ]
    evil = archive(
        "evil", host, url=f"{url}evil.tar",
        sha256=hashlib.sha256((directory / "evil.tar").read_bytes()).hexdigest(),
    )  # fmt: skip
    wrong = archive("wrong", host, url=f"{url}many.tar.gz", sha256="0" * 64)
    site.declare(target(lab, host), evil, wrong)
    said = site.apply(check=False).stdout
    assert "leads out of the archive" in said
    assert "not the declared one" in said
    left = "ls -d /opt/evil /opt/wrong /etc/evil /var/lib/froyo/archives/* 2>/dev/null"
    assert host.exec(left, check=False) == ""
    site.declare(target(lab, host), *declared)
    site.apply()
    assert "nothing to do" in site.apply().stdout
    shown = host.exec(
        "/opt/hello/bin/hi; stat -c '%U %a' /opt/hello/bin; cmp /opt/there/hostname /etc/hostname"
    )
    assert shown.split() == ["hello", "ops", "750"]
    assert host.exec("cat /opt/many/1199; ls /opt/many | wc -l").split() == ["11991200"]

    host.exec("mv /usr/bin/curl /usr/bin/curl.away; echo spoiled >/opt/many/7")
    try:
        assert 'there is no program "curl"' in site.froyo("plan", str(site.manifests), check=False).stdout
    finally:
        host.exec("mv /usr/bin/curl.away /usr/bin/curl")

    daemon = site.up()
    daemon.until_ready(3)
    last = daemon.last_event()
    host.ssh("rm /opt/hello/bin/hi; echo x >>/opt/hello/share/greeting; touch /opt/many/stray")
    until("the link is back", lambda: host.exec("/opt/hello/bin/hi", check=False) == "hello")
    until("the stray is gone", lambda: host.exec("ls /opt/many/stray", check=False) == "")
    until("it is told", lambda: daemon.events(after=last, reason="Repaired"))
    daemon.until_ready(3)
    assert daemon.terminate() == 0

    # Cut off in the middle: what is there is seen, and carried to its end.
    host.exec("rm -rf /opt/many; mkdir -p /opt/many/5; touch /opt/many/5/x")
    assert "is a directory, and in the archive a file" in site.apply(check=False).stdout
    host.exec("rm -rf /opt/many/5")
    site.apply()
    assert host.exec("cat /opt/many/7; ls /opt/many | wc -l") == "71200"

    host.exec("touch /opt/hello/mine")
    for one in declared:
        one["spec"]["state"] = "absent"
    site.declare(target(lab, host), *declared)
    site.apply()
    assert (
        host.exec("cd /opt && find hello many there /var/lib/froyo/archives -type f", check=False)
        == "hello/mine"
    )
