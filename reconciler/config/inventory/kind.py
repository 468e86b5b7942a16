"""The schema of an Inventory."""

from __future__ import annotations

from reconciler.config.builtin import METADATA, RANGED, SSH, text
from reconciler.model.catalog import Kind
from reconciler.model.envelope import API_VERSION

_LABELS = METADATA["properties"]["labels"]

INVENTORY = Kind(
    api_version=API_VERSION,
    kind="Inventory",
    plural="inventories",
    package="",
    schema={
        "type": "object",
        "description": "Many targets at once: a list, an Ansible inventory, or ssh's configuration.",
        "properties": {
            "labels": {**_LABELS, "description": "Labels of all of its targets."},
            "ssh": {
                "type": "object",
                "description": "How all of its targets are reached, unless they say otherwise.",
                "properties": {name: field for name, field in SSH.items() if name != "host"},
            },
            "hosts": {
                "type": "array",
                "description": "Targets, one or many an entry.",
                "items": {
                    "type": "object",
                    "required": ["name"],
                    "properties": {
                        "name": text("One name, or many: web-[01:50].", pattern=RANGED, maxLength=253),
                        "labels": {**_LABELS, "description": "Labels of these targets, too."},
                        "ssh": {
                            "type": "object",
                            "description": "How they are reached; by their name where it names no host.",
                            "properties": {
                                **SSH,
                                "host": text(
                                    "Name or address; with a range as long as the name's.", minLength=1
                                ),
                            },
                        },
                    },
                },
            },
            "ansible": {
                "type": "object",
                "description": "An Ansible inventory; its groups become labels: group/NAME=true.",
                "required": ["path"],
                "properties": {
                    "path": text("A file of the source, in INI or YAML by its name.", minLength=1),
                },
            },
            "sshConfig": {
                "type": "object",
                "description": "A file as ~/.ssh/config: each Host without a wildcard is a target.",
                "required": ["path"],
                "properties": {
                    "path": text("A file of the source.", minLength=1),
                    "hosts": {
                        "type": "array",
                        "description": "Globs of those that are meant; all unless given.",
                        "items": {"type": "string"},
                    },
                },
            },
        },
        "anyOf": [{"required": ["hosts"]}, {"required": ["ansible"]}, {"required": ["sshConfig"]}],
    },
)
