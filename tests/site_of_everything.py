"""A directory that has one of all that is carried over to a cluster, and back."""

from __future__ import annotations

import base64
from pathlib import Path

SECRETS = {"db": "the-password-of-db", "db-web-1": "the-password-of-web-1\n", "db-h-1": "the-password-of-h-1"}
KEYS = (
    "-----BEGIN OPENSSH PRIVATE KEY-----\nbG9uZw==\n-----END OPENSSH PRIVATE KEY-----\n",
    "another-private-key\n",
)
HOSTS = "10.0.0.5 ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIGZyb3lv\n"

MANIFESTS = """
apiVersion: froyo.dev/v1alpha1
kind: Target
metadata: {name: web-1, labels: {role: web}, annotations: {example.com/team: "web: yes"}}
spec: {ssh: {host: 10.0.0.5, user: ops, become: sudo, identityFile: keys/id, knownHosts: hosts, connectTimeout: 5s}}
---
apiVersion: froyo.dev/v1alpha1
kind: Target
metadata: {name: here, labels: {role: db}}
spec: {local: {}}
---
apiVersion: froyo.dev/v1alpha1
kind: Inventory
metadata: {name: fleet}
spec:
  labels: {role: fleet}
  ssh: {user: ops, identityFile: keys/id}
  hosts: [{name: "h-[1:2]", ssh: {identityFile: keys/other}}]
---
apiVersion: froyo.dev/v1alpha1
kind: Vars
metadata: {name: common}
spec:
  targets: {}
  values:
    port: 8080
    odd: {n: null, e: {}, l: [], f: 1.5, s: "", big: 9007199254740993, u: "ü 😀"}
    "y": "n"
    db: {user: shop, passwords: [{secret: {file: db}}]}
    text: "$${HOME} is ${target.name}, and no: 0644, 1e3, yes"
---
apiVersion: froyo.dev/v1alpha1
kind: Vars
metadata: {name: own}
spec:
  targets: {matchExpressions: [{key: role, operator: In, values: [web, fleet]}]}
  values: {own: {secret: {file: "db-${target.name}"}}}
---
apiVersion: froyo.dev/v1alpha1
kind: Vars
metadata: {name: other}
spec: {target: h-2, values: {own: "not secret"}}
---
apiVersion: froyo.dev/v1alpha1
kind: Alert
metadata: {name: chat}
spec: {webhook: {url: "https://chat.example.org/", tokenFrom: {secret: {file: db}}}, for: 5m}
---
apiVersion: v1
kind: List
items:
  - apiVersion: linux.froyo.dev/v1alpha1
    kind: File
    metadata: {name: script, labels: {tier: web}, annotations: {why: "a person"}}
    spec:
      targets: {matchLabels: {role: web}}
      path: /usr/local/bin/x
      mode: "0755"
      source: bodies/script.sh
      deletion: delete
  - apiVersion: linux.froyo.dev/v1alpha1
    kind: File
    metadata: {name: binary}
    spec: {target: here, path: /srv/binary, source: bodies/binary, require: [File/literal]}
---
apiVersion: linux.froyo.dev/v1alpha1
kind: File
metadata: {name: rendered}
spec: {targets: {}, path: "/etc/${target.name}", source: bodies/page.j2, template: true, adopt: hold, interval: 5m}
---
apiVersion: linux.froyo.dev/v1alpha1
kind: File
metadata: {name: literal}
spec:
  target: here
  path: /srv/literal
  content: |
    $${HOME}	port ${vars.port}
      {{ braces }}
  windows: [{days: [sun], from: "22:00", to: "04:00", timezone: Europe/Berlin}]
  ignoreFields: [mode]
  notify: [Exec/reload]
  template: false
---
apiVersion: linux.froyo.dev/v1alpha1
kind: File
metadata: {name: secret}
spec: {targets: {matchLabels: {role: web}}, path: /etc/secret, content: "a=${vars.db.passwords[0]}\\nb=${vars.own}\\n"}
---
apiVersion: linux.froyo.dev/v1alpha1
kind: Exec
metadata: {name: reload}
spec: {target: here, argv: ["/bin/sh", "-c", "echo $${PATH}"], refreshOnly: true, suspend: {reason: not now}}
"""

SCRIPT = "#!/bin/sh\necho ${HOME} $${x} '{{ no template }}'\n\ttab\n  \ntrailing  \n"
TEMPLATE = "{% for name in vars.db.user %}{{ name }}{% endfor %} ${not.an.expression} {{ target.name }}\n"


def written(directory: Path, secrets: Path) -> Path:
    """The directory, with its secrets in a directory of their own."""
    (directory / "keys").mkdir(parents=True)
    (directory / "bodies").mkdir()
    for name, content in zip(("id", "other"), KEYS, strict=True):
        (directory / "keys" / name).write_text(content)
        (directory / "keys" / name).chmod(0o600)
    (directory / "hosts").write_text(HOSTS)
    (directory / "site.yaml").write_text(MANIFESTS)
    (directory / "bodies" / "script.sh").write_text(SCRIPT)
    (directory / "bodies" / "page.j2").write_text(TEMPLATE)
    (directory / "bodies" / "binary").write_bytes(base64.b64decode("AAECA/8="))
    secrets.mkdir(mode=0o700, parents=True)
    for name, content in SECRETS.items():
        (secrets / name).write_text(content)
        (secrets / name).chmod(0o600)
    return directory
