"""The simulation's model of texts answers, and does, what the real runner does."""

from hypothesis import given
from hypothesis import strategies as st

from reconciler.model.calls import Failure, Ok
from tests.contract.linux_text.test_any_text import BLOCKS, LINES, QUICK, TEXTS
from tests.sim import texts
from tests.sim.files import Files, Node


def answered(reply):
    """Of an answer, what a model can know: not the words of what is in the way."""
    if isinstance(reply, Failure):
        return reply.code
    if isinstance(reply, Ok):
        reply = {"ok": reply.value}
    if "error" in reply:
        return reply["error"]["code"]
    reply = dict(reply["ok"])
    return reply | {"obstacles": [one["code"] for one in reply.get("obstacles", ())]}


@QUICK
@given(text=TEXTS, spec=LINES | BLOCKS, exists=st.booleans())
def test_the_model_is_the_runner(bench, tmp_path, text, spec, exists):
    path = tmp_path / "file"
    path.unlink(missing_ok=True)
    files = Files(nodes={"/": Node("directory"), str(tmp_path): Node("directory")})
    if exists:
        path.write_bytes(text)
        path.chmod(0o644)
        files.nodes[str(path)] = Node(content=text)
    one = bench.resource("Line" if "line" in spec else "Block", path=str(path), create=True, **spec)
    bench.calls.clear()
    [operation] = bench.plan(one)
    [asked] = bench.calls
    assert asked.name == "text.look"
    [real] = bench.apply({"calls": [{"call": "text.look", "args": asked.args}]})
    assert answered(texts.do(files, "text.look", dict(asked.args), {})) == answered(real)
    for call in operation.get("calls", ()):
        [done] = bench.apply({"calls": [call]})
        made = texts.do(files, call["call"], call["args"], bench.blobs)
        assert answered(made) == answered(done)
        node = files.nodes.get(str(path))
        assert (None if node is None else node.content) == (path.read_bytes() if path.exists() else None)
