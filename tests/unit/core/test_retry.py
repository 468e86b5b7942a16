"""What the class of an error means for when to try again."""

from __future__ import annotations

import pytest

from reconciler.core.retry import Requeue, When, requeue, requeue_error
from reconciler.errors import ErrorClass, ProviderError, RemoteProtocolError, StoreError, TransportError
from reconciler.model.conditions import Reason


@pytest.mark.parametrize(
    ("error_class", "given", "expected"),
    [
        ("transient", {}, Requeue(When.BACKOFF, Reason.TRANSIENT_ERROR)),
        ("throttled", {}, Requeue(When.BACKOFF, Reason.THROTTLED)),
        ("throttled", {"retry_after": 5.0}, Requeue(When.AT, Reason.THROTTLED, 105.0)),
        ("throttled", {"retry_after": -5.0}, Requeue(When.AT, Reason.THROTTLED, 100.0)),
        ("conflict", {}, Requeue(When.NOW, Reason.CONFLICT)),
        ("conflict", {"failures": 3}, Requeue(When.NOW, Reason.CONFLICT)),
        ("conflict", {"failures": 4}, Requeue(When.BACKOFF, Reason.CONFLICT)),
        ("permanent", {}, Requeue(When.NEVER, Reason.PERMANENT_ERROR)),
    ],
)
def test_the_class_decides(error_class, given, expected):
    assert requeue(ErrorClass(error_class), now=100.0, **given) == expected


def test_only_what_is_never_tried_again_is_stalled():
    assert [error_class for error_class in ErrorClass if requeue(error_class, now=0.0).stalled] == [
        ErrorClass.PERMANENT
    ]


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (TransportError("lost"), Requeue(When.BACKOFF, Reason.UNREACHABLE)),
        (RemoteProtocolError("odd"), Requeue(When.BACKOFF, Reason.UNREACHABLE)),
        (StoreError("busy"), Requeue(When.BACKOFF, Reason.TRANSIENT_ERROR)),
        (ProviderError("no"), Requeue(When.NEVER, Reason.PERMANENT_ERROR)),
        (
            ProviderError("wait", error_class=ErrorClass.THROTTLED, retry_after=2.0),
            Requeue(When.AT, Reason.THROTTLED, 102.0),
        ),
    ],
    ids=["transport", "protocol", "store", "provider", "throttled provider"],
)
def test_an_exception_brings_its_class_along(error, expected):
    assert requeue_error(error, now=100.0) == expected
