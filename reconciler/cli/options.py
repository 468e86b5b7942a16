"""The options and arguments that more than one command has: the same letters, the same words, everywhere.

Invariant: a value that is none of those that an option takes is refused in our own words, by our own error.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from enum import StrEnum
from pathlib import Path
from typing import Annotated, TypeVar

import typer

from reconciler.cli.output import Format
from reconciler.core.prune import Budget
from reconciler.core.suggest import did_you_mean
from reconciler.errors import UsageError

E = TypeVar("E", bound=StrEnum)


def one_of(option: str, words: Iterable[E], *, verb: str = "takes") -> Callable[[str], E]:
    """Reads a value that is one of some words, in any case."""
    known = {word.value: word for word in words}

    def read(text: str) -> E:
        found = known.get(text.lower())
        if found is None:
            *some, last = known
            choices = f"{', '.join(some)} or {last}" if some else last
            hint = did_you_mean(text, known)
            raise UsageError(f"{option} {verb} {choices}, not {text!r}" + (f"; {hint}" if hint else ""))
        return found

    return read


def whole_number(option: str) -> Callable[[str], int]:
    """Reads a whole number from 1 on."""

    def read(text: str) -> int:
        written = str(text).strip()
        if not written.isdecimal() or not int(written):
            raise UsageError(f"{option} takes a whole number from 1 on, not {text!r}")
        return int(written)

    return read


def _budget(written: str) -> Budget:
    """A number of instances, or a share of what a source declares."""
    number = written.strip().removesuffix("%")
    if not number.isdecimal() or (written.strip().endswith("%") and int(number) > 100):
        raise UsageError(f"--prune-budget takes a number such as 10, or a share such as 20%, not {written!r}")
    if written.strip().endswith("%"):
        return Budget(instances=0, share=int(number) / 100)
    return Budget(instances=int(number), share=0.0)


DOCUMENTS = (Format.TEXT, Format.JSON, Format.YAML)

Directory = Annotated[
    str, typer.Argument(metavar="DIR", help="The directory with the manifests; this one unless named.")
]
PruneBudget = Annotated[
    Budget | None,
    typer.Option(
        "--prune-budget",
        metavar="N",
        help="How many removals go unasked in one revision: 10, or 20% of a source; else 3 or 10%.",
        parser=_budget,
    ),
]
MaxDisrupted = Annotated[
    int | None,
    typer.Option(
        "--max-disrupted",
        metavar="N",
        min=1,
        help="How many hosts may be disrupted at a time, as by a Reboot; else 1.",
    ),
]
Directories = Annotated[
    list[str] | None,
    typer.Argument(metavar="DIR...", help="The directories with the manifests; this one unless named."),
]
DirectoryOrDaemon = Annotated[
    str | None,
    typer.Argument(
        metavar="DIR", help="The directory with the manifests, or REV1..REV2; without it the daemon is asked."
    ),
]
Git = Annotated[
    str | None,
    typer.Option(
        "--git", metavar="URL", help="A git repository instead: https://, ssh://, user@host:path, or a path."
    ),
]
GitRef = Annotated[
    str | None,
    typer.Option(
        "--ref",
        metavar="REF",
        help="Of --git: a branch, tag:NAME, semver:RANGE, or a commit; else the default branch.",
    ),
]
GitPath = Annotated[str | None, typer.Option("--path", metavar="DIR", help="Of --git: the directory in it.")]
GitWith = Annotated[
    list[str] | None,
    typer.Option(
        "--git-with",
        metavar="KEY=VALUE",
        help="Of --git: identityFile, passwordFile, allowedSigners … as in a Source; may be given again.",
    ),
]
Settings = Annotated[
    list[str] | None,
    typer.Option(
        "--set",
        metavar="KEY=VALUE",
        help="What programs of the source are told: CUE's tags, ctx.settings in Starlark; may be given again.",
    ),
]
Check = Annotated[
    bool, typer.Option("--check", help="Change nothing; exit with 1 where something has to be: for CI.")
]
What = Annotated[
    str,
    typer.Argument(
        metavar="WHAT", help="A kind, Kind/name, a target, or target/Kind/name; all unless named."
    ),
]
Described = Annotated[
    str, typer.Argument(metavar="WHAT", help="target/Kind/name, Kind/name, a kind, or a target.")
]
Suspended = Annotated[
    str, typer.Argument(metavar="OBJECT", help="target/Kind/name, Kind/name, a target, or all.")
]
Resumed = Annotated[str, typer.Argument(metavar="OBJECT", help="What was suspended.")]
SourceRoot = Annotated[str, typer.Argument(metavar="DIR", help="The root of the source.")]
OneTarget = Annotated[str, typer.Argument(metavar="TARGET", help="The target, by its name.")]
OfSource = Annotated[
    str, typer.Option("--source", metavar="NAME", help="Whose revision, where there are several sources.")
]
Why = Annotated[str, typer.Option("--reason", metavar="TEXT", help="Why; others will read it.")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Show what would be changed, and end.")]
Into = Annotated[
    Path | None, typer.Option("--into", metavar="FILE", help="Write them there; it must not exist yet.")
]
State = Annotated[
    str | None,
    typer.Option(
        "--state",
        metavar="DIR",
        help="Where the store is, instead of $FROYO_STATE or the XDG state directory.",
    ),
]
Output = Annotated[
    Format,
    typer.Option(
        "-o", "--output", metavar="FORMAT", help="text, json or yaml.", parser=one_of("-o", DOCUMENTS)
    ),
]
TableOutput = Annotated[
    Format,
    typer.Option(
        "-o",
        "--output",
        metavar="FORMAT",
        help="text, wide, json, yaml or name.",
        parser=one_of("-o", Format),
    ),
]
NoColor = Annotated[bool, typer.Option("--no-color", help="No colours, as with NO_COLOR in the environment.")]
Quiet = Annotated[bool, typer.Option("-q", "--quiet", help="Say only what went wrong.")]
Verbose = Annotated[bool, typer.Option("-v", "--verbose", help="Say more; of a defect, the traceback.")]
Wait = Annotated[bool, typer.Option("--wait", help="Wait for what is named, instead of doing without it.")]
Recipients = Annotated[
    list[str] | None,
    typer.Option(
        "-r",
        "--recipient",
        metavar="WHOM",
        help="Encrypt it for a public key of age or SSH, and not for those that a file names; may be given again.",
    ),
]
Summary = Annotated[bool, typer.Option("--summary", help="A line a change, without what differs.")]
Targets = Annotated[
    list[str] | None,
    typer.Option("--target", metavar="NAME", help="Only this target; may be given again."),
]
Labels = Annotated[
    str,
    typer.Option(
        "-l",
        "--selector",
        metavar="SELECTOR",
        help="Only resources with these labels, such as tier=web,env!=test.",
    ),
]
Timeout = Annotated[
    str | None,
    typer.Option("--timeout", metavar="TIME", help="Give up after this long, such as 30s or 5m."),
]
Context = Annotated[
    str | None,
    typer.Option(
        "--context",
        metavar="NAME",
        help="Which Kubernetes cluster, by its context in the kubeconfig.",
    ),
]
Kubeconfig = Annotated[
    str | None,
    typer.Option("--kubeconfig", metavar="FILE", help="The kubeconfig; else $KUBECONFIG, or ~/.kube/config."),
]
Namespace = Annotated[
    str | None,
    typer.Option(
        "-n", "--namespace", metavar="NAME", help="Of a cluster: whose objects; else that of the context."
    ),
]
AllNamespaces = Annotated[
    bool, typer.Option("-A", "--all-namespaces", help="Of a cluster: the objects of all namespaces.")
]
Until = Annotated[
    str | None,
    typer.Option("--until", metavar="TIME", help="When it ends by itself: 2h, 18:30, 2026-01-31T18:30."),
]
Number = Annotated[
    int | None,
    typer.Option("-n", "--limit", metavar="N", help="At most so many.", parser=whole_number("-n")),
]
