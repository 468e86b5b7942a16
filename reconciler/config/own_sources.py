"""The schema of Source: a directory, or a revision in git, that is served, too."""

from __future__ import annotations

from typing import Any

from reconciler.config.builtin import duration, text
from reconciler.config.kept_secrets import kept_secret
from reconciler.model.catalog import Kind
from reconciler.model.envelope import API_VERSION

GIT: dict[str, Any] = {
    "url": text("https://…, ssh://…, user@host:path, or a path; never with a password.", minLength=1),
    "ref": {
        "type": "object",
        "description": "Which revision; the branch that the repository itself names if it is left out.",
        "maxProperties": 1,
        "properties": {
            "branch": text("The newest commit of a branch.", minLength=1),
            "tag": text("What a tag stands for.", minLength=1),
            "semver": text("The newest version in a range, among the tags, such as ^1.2.", minLength=1),
            "commit": text("All digits of a commit.", minLength=1),
        },
    },
    "path": text("The directory in it that counts; all of it if it is left out.", minLength=1),
    "timeout": duration("How long a look may take, with all that is fetched; 60s if it is left out."),
    "identityFile": text("A private key, for SSH; relative to the manifest, or from ~.", minLength=1),
    "knownHosts": text("A known_hosts file, for SSH; relative to the manifest, or from ~.", minLength=1),
    "identityFrom": kept_secret("The same, for one that is among the controller's secrets."),
    "knownHostsFrom": kept_secret("The same, for one that is among the controller's secrets."),
    "username": text("For HTTPS, beside passwordFile.", minLength=1),
    "passwordFile": text(
        "A file of mode 0600 with a password or token, for HTTPS; without a slash, one of the controller's secrets.",
        minLength=1,
    ),
    "passwordFrom": kept_secret("The same, as all secrets are named."),
    "caFile": text(
        "Certificates by which the server is known, for HTTPS; else those of the system.", minLength=1
    ),
    "verify": {
        "type": "object",
        "description": "Whose signature a revision has to have; one that has not changes nothing.",
        "properties": {
            "of": text("What has to be signed; the commit if it is left out.", enum=["commit", "tag"]),
            "allowedSigners": text(
                "Who may sign with which SSH key: a file as of ssh-keygen(1).", minLength=1
            ),
            "openPGPKeys": text(
                "A file of OpenPGP keys that may sign, as gpg --export writes it.", minLength=1
            ),
        },
        "anyOf": [{"required": ["allowedSigners"]}, {"required": ["openPGPKeys"]}],
    },
}

SOURCE = Kind(
    api_version=API_VERSION,
    kind="Source",
    plural="sources",
    package="",
    schema={
        "type": "object",
        "description": "A directory, or a revision in git, that is served, too, for as long as this is declared.",
        "properties": {
            "directory": {
                "type": "object",
                "description": "A directory on the controller.",
                "required": ["path"],
                "properties": {"path": text("Relative to the manifest, absolute, or from ~.", minLength=1)},
            },
            "git": {
                "type": "object",
                "description": "A revision of a git repository.",
                "required": ["url"],
                "properties": GIT,
            },
            "interval": duration(
                "How long until the whole of it is looked at again without any event; for what is served."
            ),
            "settings": {
                "type": "object",
                "description": "What its programs are told, by name: CUE has tags, Starlark ctx.settings. No secrets.",
                "additionalProperties": {"type": "string"},
            },
        },
        "oneOf": [{"required": ["directory"]}, {"required": ["git"]}],
    },
)
