"""What there is to declare: the kinds of all provider packages, as loading and planning need to know them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from reconciler.model.facts import Section

BODY = "body"
"""The field that a spec has in the place of whichever its content came from."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BodyFields:
    """Which spec fields of a kind carry a body; at most one of them may be set.

    Each is the name of a spec field, or "" where the kind has none. After loading, the instance's spec has in their
    place a field `body` of the form `{"digest": "sha256:…", "size": n}`, or `tree`, which has `[digest, size,
    executable]` of each file by its path.

    Attributes:
        text: the field whose string is the content.
        base64: the field whose string is the content in base64.
        file: the field that names a file of the source, relative to the manifest.
        tree: the field that names a directory of the source, relative to the manifest.
        template: the field, true or false, that says whether the text, or the file, is a template.
    """

    text: str = ""
    base64: str = ""
    file: str = ""
    tree: str = ""
    template: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ProbeFields:
    """That instances of a kind are looked at beside the rounds, and which spec fields say how patiently.

    Each is the name of a spec field with a whole number, or "" where the kind has none: then there is no patience.

    Attributes:
        within: seconds that one may take to come about, after it was declared or what it depends on has changed.
        retries: how often one that was well is asked again before it is said not to be.
    """

    within: str = ""
    retries: str = ""


@dataclass(frozen=True, slots=True)
class Elsewhere:
    """What other tools say for what a kind has: for who comes from them, and for nothing but hints.

    Attributes:
        fields: ours, by theirs: `{"enabled": "startup"}`.
        values: of a field, ours by theirs: `{"state": {"started": "running"}}`.
        behind: fields that are written behind others there, with a comparison between them: `{"package": "version"}`
            for `nginx=1.24` and `nginx>=1.2`.
    """

    fields: Mapping[str, str] = field(default_factory=dict)
    values: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    behind: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """One kind.

    Attributes:
        api_version: such as `linux.froyo.dev/v1alpha1`.
        kind: such as `File`.
        plural: such as `files`: what its custom resource is called, and what roles name.
        package: the provider package that implements it.
        schema: JSON Schema of the provider's part of `spec`.
        actual_schema: JSON Schema of its actual state, for readers: nothing is held to it.
        provides: templates of the subjects that an instance is the one owner of, such as `path:{path}`; the first is
            what it is about. One whose field is not set is none, and of a field that is a list there is one for each
            item.
        shares: the same of what it owns a part of, beside others; nobody may own the whole.
        uses: the same of what it needs to be there before.
        contains: the same of what others can lie within.
        body: which spec fields carry a body.
        refresh: whether it can be refreshed, and so be notified.
        lock: what only one operation on a target can hold at a time, such as `dpkg`; or "".
        transaction: whether what is to be done at once about several instances on a target is one operation.
        disruptive: whether nothing is done about an instance but within its windows, or when that was approved.
        removal_disrupts: whether that holds of its removal, too.
        made_here: whether what there is of one is made by froyo only, so that it is never somebody else's.
        removal_resets: of a kind that is a setting of something that stays, all of which its removal takes back: the
            fields of one that has all of them set; else empty.
        touches: the sections of facts that may be others once an instance was changed.
        secrets: the fields in which a secret may stand.
        probe: that its instances are looked at beside the rounds, so that none waits for the answer; or None.
        elsewhere: what its fields and their values are called by other tools.
    """

    api_version: str
    kind: str
    plural: str
    package: str
    schema: Mapping[str, Any]
    actual_schema: Mapping[str, Any] = field(default_factory=dict)
    provides: tuple[str, ...] = ()
    shares: tuple[str, ...] = ()
    uses: tuple[str, ...] = ()
    contains: tuple[str, ...] = ()
    body: BodyFields = BodyFields()
    refresh: bool = False
    lock: str = ""
    transaction: bool = False
    disruptive: bool = False
    removal_disrupts: bool = True
    made_here: bool = False
    removal_resets: Mapping[str, str] = field(default_factory=dict)
    touches: tuple[Section, ...] = ()
    secrets: tuple[str, ...] = ()
    probe: ProbeFields | None = None
    elsewhere: Elsewhere = Elsewhere()


@dataclass(frozen=True, slots=True)
class Catalog:
    """All kinds.

    Attributes:
        kinds: by (api_version, kind).
        digest: changes whenever what any package would answer may change.
    """

    kinds: Mapping[tuple[str, str], Kind]
    digest: str
