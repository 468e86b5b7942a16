"""The process that evaluates has given up files, the network and other programs before it is told anything."""

import json
import re
import resource
import subprocess
import sys
from pathlib import Path

import pytest

from reconciler.languages.starlark import supervising
from reconciler.languages.starlark.worker import confining

COMPILER = Path(__file__).parents[4] / "reconciler/config/compiler/internal/confine"
TRY = """
import ctypes, errno, json, os, socket, sys, threading
from reconciler.languages.starlark.worker.session import StarlarkSession
from reconciler.languages.starlark.worker.confining import confine
confine()
found = {}
def tried(name, what):
    try:
        what()
    except OSError as error:
        found[name] = errno.errorcode[error.errno]
    else:
        found[name] = "done"
def look():
    tried("open", lambda: open("/etc/passwd"))
    tried("write", lambda: open("/tmp/confined", "w"))
    tried("stat", lambda: os.stat("/etc"))
    tried("list", lambda: os.listdir("/"))
    tried("mkdir", lambda: os.mkdir("/tmp/confined"))
    tried("socket", lambda: socket.socket())
    tried("exec", lambda: os.execv("/bin/true", ["true"]))
    tried("memfd", lambda: os.memfd_create("x"))
thread = threading.Thread(target=look)
thread.start()
thread.join()
found["dumpable"] = ctypes.CDLL(None).prctl(3, 0, 0, 0, 0)
print(json.dumps(found))
"""


def test_to_a_confined_process_no_file_is_there_and_it_reaches_nothing():
    done = subprocess.run([sys.executable, "-c", TRY], capture_output=True, text=True, check=True)
    absent, refused = dict.fromkeys(("open", "write", "stat", "list"), "ENOENT"), ("mkdir", "socket", "exec")
    assert json.loads(done.stdout) == {
        **absent,
        **dict.fromkeys((*refused, "memfd"), "EPERM"),
        "dumpable": 0,
    }


def test_the_one_that_evaluates_is_confined_before_it_is_told_anything():
    with supervising._process() as process:
        process.say({"files": {}, "programs": [], "helpers": {}, "sections": []})
        assert process.hear() == {"asks": {}}
        said = Path(f"/proc/{process.pid}/status").read_text()
        assert re.search(r"^Seccomp:\s+2$", said, re.MULTILINE)
        assert re.search(r"^NoNewPrivs:\s+1$", said, re.MULTILINE)
        assert resource.prlimit(process.pid, resource.RLIMIT_CORE) == (0, 0)
        assert Path(f"/proc/{process.pid}/oom_score_adj").read_text() == "1000\n"


def test_it_has_given_up_what_the_compiler_has_given_up():
    for table, variable in ((confining.LOOKING, "looking"), (confining.REFUSED, "refused")):
        names = {}
        for file in ("calls", "calls_amd64", "calls_arm64"):
            text = (COMPILER / f"{file}.go").read_text()
            [listed] = re.findall(
                rf"{variable}(?:Here)? +?= (?:append\()?\[\]uint32\{{(.*?)\}}", text, re.DOTALL
            )
            names[file] = {one.lower() for one in re.findall(r"unix\.SYS_(\w+)", listed)}
        everywhere = {name for name, numbers in table.items() if None not in numbers}
        of_one = {name for name, numbers in table.items() if numbers[1] is None}
        # What is called `newfstatat` here is `fstatat` there, in Go's words.
        assert everywhere - {"newfstatat"} == names["calls"]
        assert of_one == names["calls_amd64"] - {"newfstatat"}
        assert names["calls_arm64"] == ({"fstatat"} if "newfstatat" in table else set())


def test_where_the_kernel_does_not_take_it_nothing_is_evaluated(monkeypatch):
    monkeypatch.setattr(
        supervising, "_BOOT", "import os; os.uname = lambda: os.uname_result('abcde'); " + supervising._BOOT
    )
    found = supervising.answered({"a.star": "def main(ctx):\n    return []\n"}, ["a.star"], {}, [], None)
    assert found.outcomes == {}
    why = "the process that evaluates it ended with 3: it cannot give up files and network: "
    assert found.ended["a.star"].startswith(why)
    assert "no list of system calls for e" in found.ended["a.star"]


def test_a_machine_that_is_not_known_is_refused(monkeypatch):
    monkeypatch.setattr(confining.os, "uname", lambda: confining.os.uname_result("abcde"))
    with pytest.raises(OSError, match="no list of system calls for e"):
        confining.confine()
