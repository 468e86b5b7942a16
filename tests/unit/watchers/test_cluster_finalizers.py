"""Which objects have to stay until something has been removed, and which may go."""

from types import SimpleNamespace

from reconciler.app.operator.finalizing import wanted
from reconciler.model.names import SourceName
from reconciler.model.resource import Deletion
from watchers.kubernetes.finalizers import Finalizers, fewer
from watchers.kubernetes.objects import FINALIZER, Definition, snapshot

FILES = Definition("linux.froyo.dev", "v1alpha1", "files", "File")
TARGETS = Definition("froyo.dev", "v1alpha1", "targets", "Target")
GONE = "2026-01-01T00:00:00Z"
PATH = "web/File.linux.froyo.dev/motd.json"


def found(definition=FILES, name="motd", **metadata):
    return definition, {"metadata": {"name": name, "namespace": "web", **metadata}}


def noted(*objects, leaving=()):
    made = Finalizers()
    made.note(objects, leaving)
    return made


def test_it_is_put_on_what_is_to_be_removed_and_taken_off_when_nothing_is_any_more():
    assert noted(found()).due({PATH}) == {PATH: True}
    assert noted(found()).due(()) == {}
    ours = noted(found(finalizers=["a/b", FINALIZER]))
    assert ours.due({PATH}) == {}
    assert ours.due(()) == {PATH: False}
    # Nothing can be put on what has been deleted, and what is there stays until it is done.
    assert noted(found(deletionTimestamp=GONE)).due({PATH}) == {}
    assert noted(found(deletionTimestamp=GONE, finalizers=[FINALIZER])).due({PATH}) == {}


def test_of_a_kind_whose_definition_goes_all_are_let_go():
    ours = noted(found(finalizers=[FINALIZER]), leaving={"files.linux.froyo.dev"})
    assert ours.due({PATH}) == {PATH: False}


async def test_it_is_told_when_objects_are_others_and_when_there_are_fewer():
    made = noted(found())
    assert made.changed.is_set()
    made.changed.clear()
    made.note([found()])
    assert not made.changed.is_set()
    # What is written to it otherwise is nothing that matters.
    made.hear(FILES, "MODIFIED", found(resourceVersion="8")[1])
    assert not made.changed.is_set()
    assert made.held[PATH].version == "8"
    made.hear(FILES, "MODIFIED", found(resourceVersion="7", finalizers=[FINALIZER])[1])
    assert not made.held[PATH].ours
    made.hear(FILES, "MODIFIED", found(resourceVersion="9", finalizers=[FINALIZER])[1])
    assert made.changed.is_set()
    made.hear(FILES, "DELETED", found(resourceVersion="9")[1])
    assert not made.held


def test_what_was_known_and_is_not_there_or_is_being_deleted_makes_fewer():
    assert not fewer([PATH], [found(), found(name="other")])
    assert fewer([PATH], [])
    assert fewer([], [found(deletionTimestamp=GONE)])


def test_a_target_counts_until_what_is_on_it_has_gone():
    deleted = found(TARGETS, "here", deletionTimestamp=GONE, finalizers=[FINALIZER])
    assert list(snapshot(SourceName("x"), [deleted]).files) == ["web/Target.froyo.dev/here.json"]
    deleted[1]["metadata"]["finalizers"] = []
    assert not snapshot(SourceName("x"), [deleted]).files
    assert not snapshot(SourceName("x"), [found(deletionTimestamp=GONE, finalizers=[FINALIZER])]).files


def instance(file, deletion, removal=None, target="here"):
    return SimpleNamespace(
        origin=SimpleNamespace(file=file),
        common=SimpleNamespace(deletion=deletion),
        removal=removal,
        target=target,
    )


def test_objects_stay_for_what_has_to_be_removed_and_with_them_their_targets():
    targets = {"here": SimpleNamespace(origin=SimpleNamespace(file="target"))}
    assert wanted([instance("a", Deletion.ORPHAN)], targets) == set()
    assert wanted([instance("a", Deletion.DELETE)], targets) == {"a", "target"}
    assert wanted([instance("a", Deletion.CONFIRM, target="other")], targets) == {"a"}
    assert wanted([instance("a", Deletion.ORPHAN, removal=object())], targets) == {"a", "target"}


def test_an_object_is_changed_as_it_was_seen():
    held = noted(found(resourceVersion="7", finalizers=["a/b"])).held[PATH]
    assert held.where == "apis/linux.froyo.dev/v1alpha1/namespaces/web/files/motd"
    assert not held.ours
