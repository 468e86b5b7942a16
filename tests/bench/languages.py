"""What it costs to have manifests made: 5,000 by each language, and a look at a source in which nothing is new.

The limit is the same 5,000 in YAML. A process of each language has been started before, since a daemon has one.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from reconciler.config import ParseCache, load
from reconciler.config.compiler import compiler
from reconciler.languages import LANGUAGES
from reconciler.model.source import Snapshot
from reconciler.plugins.packages import catalog, load_packages
from tests.bench.config import PACKAGE, TARGET, snapshot_of, timed
from tests.bench.rows import Row

MANIFESTS = 5000
BUDGET = 3.0

YAML = """\
apiVersion: linux.froyo.dev/v1alpha1
kind: File
metadata: {{name: "file-{number}"}}
spec: {{target: web-1, path: "/etc/froyo/{number}", content: "key = {number}\\n", mode: "0644", owner: root}}
"""
CUE = """\
import (
	"list"
	linux "linux.froyo.dev/v1alpha1"
)

files: [Name=string]: linux.#File & {metadata: name: Name, spec: {target: "web-1", mode: "0644", owner: "root"}}
files: {
	for number in list.Range(0, COUNT, 1) {
		"file-\\(number)": spec: {path: "/etc/froyo/\\(number)", content: "key = \\(number)\\n"}
	}
}
"""
STARLARK = """\
def main(ctx):
    return [
        file(
            name = "file-%d" % number,
            target = "web-1",
            path = "/etc/froyo/%d" % number,
            content = "key = %d\\n" % number,
            mode = "0644",
            owner = "root",
        )
        for number in range(COUNT)
    ]
"""


def rows(_work: Path) -> Iterator[Row]:
    """The rows."""
    kinds = catalog(load_packages([PACKAGE]))
    written = "---\n".join(YAML.format(number=number) for number in range(MANIFESTS))
    limit = timed(lambda: load(snapshot_of({"t.yaml": TARGET, "all.yaml": written}), kinds))
    for name, path, program in (("CUE", "all.cue", CUE), ("Starlark", "main.star", STARLARK)):
        if name == "CUE" and compiler().missing:
            continue
        small, whole = (
            snapshot_of({"t.yaml": TARGET, path: program.replace("COUNT", str(count))})
            for count in (1, MANIFESTS)
        )
        load(small, kinds, languages=LANGUAGES)
        cache = ParseCache()

        def look(snapshot: Snapshot = whole, cache: ParseCache = cache) -> object:
            return load(snapshot, kinds, cache=cache, languages=LANGUAGES)

        note = "limit: the same in YAML"
        yield Row(
            what=f"{MANIFESTS:,} manifests that {name} makes",
            measured=timed(look),
            unit="s",
            limit=limit,
            budget=BUDGET,
            note=note,
        )
        yield Row(what=f"{name}: the same again", measured=timed(look), unit="s", note="nothing is evaluated")
