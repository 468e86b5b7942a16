"""Secrets among the values of targets: which there are, and that they are only ever put in as they are.

    values:
      password: {secret: {file: /etc/froyo/secrets/db}}
      hash: {secret: {age: "-----BEGIN AGE ENCRYPTED FILE-----…"}}     # what is encrypted, in the source itself
      key: {secret: {ageFile: tls.key.age}}                  # a file of the source
      smtp: {secret: {sops: mail.enc.yaml, key: smtp.password}}
      token: {secretKeyRef: {name: shop, key: token}}        # in a cluster
      region: {configMapKeyRef: {name: site, key: region}}   # the same, and no secret

In the values of a target each is its mark (`model/secrets.py`). An expression, or a template, that has to do with one
is evaluated twice, with the marks and with the secrets: what it gives has to be the same but for those. So whatever is
made *of* a secret, such as its length or a part of it, is an error, and lies on no host and in no plan by mistake.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from reconciler.core.spoken import listed, with_article
from reconciler.model.secrets import REFERENCES

if TYPE_CHECKING:
    from reconciler.config.expressions import Path
    from reconciler.model.catalog import Kind

SECRET = "secret"  # noqa: S105 - the key by which one is declared
CHANGED = "a secret can only be put in as it is, and something else is made of it here"
HINT = "write ${vars.NAME} by itself or within text, and put what is to be made of it into its file"

_NAME = re.compile(r"(?:[-A-Za-z0-9_.]|\$\{[^}]*\})+")
_SHAPE = (
    "a secret is declared by where it is: {secret: {file: PATH}}, {secret: {age: ENCRYPTED}}, "
    "{secret: {ageFile: PATH}} or {secret: {sops: PATH, key: KEY}}"
)
AGE, AGE_FILE, SOPS = "age", "ageFile", "sops"
_FORMS: Mapping[str, tuple[str, ...]] = {"file": (), AGE: (), AGE_FILE: (), SOPS: ("key",)}
"""By what a secret says where it is, and what else it may say then."""
OPENER = "froyo-age"
"""The Secret of a namespace whose keys open what is encrypted for it."""
OPENER_KEY = "age.key"


def secret_problems(value: Any, path: Path) -> Iterator[tuple[Path, str, str]]:
    """What is wrong with the secrets in a value: path, message and hint."""
    if is_secret(value):
        [(kind, declared)] = value.items()
        if kind in REFERENCES:
            yield from _reference_problems(declared, (*path, kind))
        else:
            yield from _form_problems(declared, (*path, SECRET))
    elif isinstance(value, dict):
        for key, item in value.items():
            yield from secret_problems(item, (*path, key))
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from secret_problems(item, (*path, index))


def _form_problems(declared: Any, path: Path) -> Iterator[tuple[Path, str, str]]:
    form = next((one for one in _FORMS if isinstance(declared, dict) and one in declared), None)
    if form is None or not declared.keys() <= {form, *_FORMS[form]}:
        yield path[:-1], _SHAPE, "a mapping with nothing but the key `secret` is one"
        return
    for key in (form, *_FORMS[form]):
        value = declared.get(key, "")
        if not isinstance(value, str) or (key == form and not value.strip("/ \n")):
            message = "this is no path of a file" if form != AGE and key == form else "this is no text"
            yield (*path, key), message, _SHAPE


def _reference_problems(declared: Any, path: Path) -> Iterator[tuple[Path, str, str]]:
    shape = f"what is referred to has a name and a key: {{{path[-1]}: {{name: NAME, key: KEY}}}}"
    if not isinstance(declared, dict) or declared.keys() != {"name", "key"}:
        yield path, shape, f"a mapping with nothing but the key `{path[-1]}` is a reference"
        return
    for name, value in declared.items():
        if not isinstance(value, str) or not _NAME.fullmatch(value):
            yield (*path, name), "this can be no name", shape


def is_secret(value: Any) -> bool:
    """Whether a value declares a secret, or refers to what is kept with secrets."""
    return isinstance(value, dict) and len(value) == 1 and next(iter(value)) in (SECRET, *REFERENCES)


def has_secret(value: Any) -> bool:
    """Whether there is one in a value, at whatever depth."""
    if is_secret(value):
        return True
    items: Sequence[Any] = list(value.values()) if isinstance(value, dict) else value
    return isinstance(value, dict | list) and any(map(has_secret, items))


def misplaced(kind: Kind, field: str) -> tuple[str, str]:
    """What is said of a secret in a field that takes none, and what to do about it."""
    where = (
        f"it takes one in {listed(kind.secrets, 'and')}"
        if kind.secrets
        else "put it into a File, and name that"
    )
    return f"{field} of {with_article(kind.kind)} takes no secret: others would see it", where
