"""CUE on two real hosts: a page that is served by each, of which a template says what both have in common."""

import pytest

from reconciler.config.compiler import compiler

pytestmark = [pytest.mark.lab, pytest.mark.e2e]

HOSTS = """\
package site

import froyo "froyo.dev/v1alpha1"

hosts: [Name=string]: froyo.#Target & {
	metadata: {name: Name, labels: role: "web"}
	spec: ssh: {user: "root", identityFile: "KEY", knownHosts: "KNOWN"}
}
hosts: {
	"web-1": spec: ssh: host: "ONE"
	"web-2": spec: ssh: host: "TWO"
}
"""
SITE = """\
package site

import linux "linux.froyo.dev/v1alpha1"

stage: "test" | *"production" @tag(stage)

let Web = {matchLabels: role: "web"}

server: linux.#Package & {metadata: name: "apache", spec: {targets: Web, package: "apache2"}}
running: linux.#Service & {
	metadata: name: "apache"
	spec: {targets: Web, unit: "apache2.service", state: "running", startup: "enabled"}
}

pages: [Name=string]: linux.#File & {
	metadata: name: "page-\\(Name)"
	spec: {
		targets: Web
		path:    "/var/www/html/\\(Name).html"
		mode:    "0644"
		require: ["Package/apache"]
	}
}
pages: {
	for page in ["index", "about"] {
		(page): spec: content: "\\(page) of ${target.name}, \\(stage)\\n"
	}
}
"""
RULES = """\
package site

#Manifest: {
	kind: string
	if kind == "File" {
		spec: mode: "0644"
	}
}
"""
EXTRA = """\
apiVersion: linux.froyo.dev/v1alpha1
kind: File
metadata: {name: extra}
spec: {target: web-1, path: /var/www/html/extra.html, content: "x\\n", mode: "0666"}
"""


@pytest.fixture
def hosts(person, lab):
    if compiler().missing:
        pytest.skip(compiler().missing)
    two = [lab.host("h1"), lab.host("h2")]
    person.froyo("forget", "here", status=None)
    for path in [*person.site.iterdir()]:
        path.unlink()
    said = {"KEY": lab.identity_file, "KNOWN": lab.known_hosts, "ONE": two[0].address, "TWO": two[1].address}
    text = HOSTS
    for word, meant in said.items():
        text = text.replace(word, str(meant))
    (person.site / "hosts.cue").write_text(text)
    (person.site / "site.cue").write_text(SITE)
    (person.site / "rules.cue").write_text(RULES)
    yield two
    for host in two:
        host.exec("apt-get -y -qq purge 'apache2*'; rm -rf /var/www/html", check=False)


def page(host, name):
    return host.exec(f"curl -s http://127.0.0.1/{name}.html")


def test_pages_made_in_cue_are_served_and_kept(person, hosts):
    person.froyo("apply", person.site, "--set", "stage=test")
    for number, host in enumerate(hosts, 1):
        assert page(host, "index") == f"index of web-{number}, test"
        assert page(host, "about") == f"about of web-{number}, test"
    assert "nothing to do" in person.froyo("apply", person.site, "--set", "stage=test").stdout
    (person.site / "extra.yaml").write_text(EXTRA)
    refused = person.froyo("apply", person.site, status=1).stderr
    assert 'extra.yaml:4:77: spec.mode: conflicting values "0644" and "0666"' in refused
    assert page(hosts[0], "index") == "index of web-1, test"
    (person.site / "extra.yaml").unlink()
    with person.up():
        person.until(lambda: page(hosts[1], "index") == "index of web-2, production")
        hosts[1].exec("echo spoiled > /var/www/html/about.html")
        person.until(lambda: page(hosts[1], "about") == "about of web-2, production")
        (person.site / "site.cue").write_text(SITE.replace('"index", ', '"index", "more", '))
        person.until(lambda: page(hosts[0], "more") == "more of web-1, production")
