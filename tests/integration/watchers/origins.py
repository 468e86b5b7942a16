"""Repositories that a source is fetched from, made by git itself."""

import os
import subprocess
from pathlib import Path

from reconciler.model.repository import GitPlace
from reconciler.runtime import Runtime, ThreadLanes, connect_nothing
from watchers.git.source import GitSource

QUIET = {
    "PATH": os.environ["PATH"],
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_CONFIG_GLOBAL": os.devnull,
    **{
        f"GIT_{who}_{what}": f"{what.lower()}@example"
        for who in ("AUTHOR", "COMMITTER")
        for what in ("NAME", "EMAIL")
    },
}


class Origin:
    """A repository with a work tree, at `main`."""

    def __init__(self, path: Path) -> None:
        self.path = path
        path.mkdir(parents=True)
        self.git("init", "--quiet", "--initial-branch=main")
        self.git("config", "uploadpack.allowFilter", "true")

    def git(self, *words: str, stdin: bytes = b"", environ: dict[str, str] | None = None) -> str:
        """What git prints, without the newline at its end."""
        done = subprocess.run(
            ["git", "-C", str(self.path), *words],
            input=stdin,
            capture_output=True,
            env={**QUIET, "HOME": str(self.path.parent), **(environ or {})},
            check=False,
        )
        assert done.returncode == 0, (words, done.stderr.decode())
        return os.fsdecode(done.stdout).removesuffix("\n")

    def write(self, files: dict[str, str]) -> None:
        """Write files of the work tree."""
        for path, text in files.items():
            (self.path / path).parent.mkdir(parents=True, exist_ok=True)
            (self.path / path).write_text(text)

    def commit(self, files: dict[str, str], *options: str, environ: dict[str, str] | None = None) -> str:
        """Commit these files beside what is there; the commit."""
        self.write(files)
        self.git("add", "--all")
        self.git("commit", "--quiet", "--allow-empty", "--message=m", *options, environ=environ)
        return self.git("rev-parse", "HEAD")

    def blob(self, content: bytes) -> str:
        """An object with that content."""
        return self.git("hash-object", "-w", "--stdin", stdin=content)

    def commit_tree(self, *entries: tuple[str, str, bytes]) -> str:
        """Commit just these entries, whatever they are called, in this order: mode, object and name of each."""
        kinds = {"160000": b"commit", "40000": b"tree"}
        text = b"".join(
            mode.encode() + b" " + kinds.get(mode, b"blob") + b" " + name.encode() + b"\t" + path + b"\0"
            for mode, name, path in entries
        )
        tree = self.git("mktree", "-z", "--missing", stdin=text)
        commit = self.git("commit-tree", "-m", "m", tree)
        self.git("update-ref", "refs/heads/main", commit)
        return commit


class Fetched:
    """Makes sources that fetch from repositories, with a state directory of their own."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.lanes = ThreadLanes()
        self.secrets = directory / "secrets"
        self.secrets.mkdir(parents=True)

    def source(self, place: GitPlace, **options: object) -> GitSource:
        """A source of a place."""
        return GitSource(
            place,
            self.directory / "git",
            runtime=Runtime(connect=connect_nothing, offload=self.lanes),
            environ=os.environ,
            secrets=str(self.secrets),
            **options,  # type: ignore[arg-type] # whatever a test says
        )
