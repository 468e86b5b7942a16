"""The schemas of Rollout, how changes reach targets wave by wave, and of Lock, how many are disrupted at once."""

from __future__ import annotations

from typing import Any

from reconciler.config.builtin import PORTION, REFERENCE, SELECTOR, duration, text
from reconciler.model.catalog import Kind
from reconciler.model.envelope import API_VERSION


def portion(description: str, *, minimum: int) -> dict[str, Any]:
    """The schema of a field that is a number, or a part of all."""
    return {
        "x-kubernetes-int-or-string": True,
        "anyOf": [{"type": "integer"}, {"type": "string"}],
        "description": description,
        "pattern": PORTION,
        "minimum": minimum,
    }


ROLLOUT = Kind(
    api_version=API_VERSION,
    kind="Rollout",
    plural="rollouts",
    package="",
    schema={
        "type": "object",
        "description": "Has changes of the source that declares it reach targets wave by wave, and not all at once.",
        "required": ["targets", "waves"],
        "properties": {
            "targets": {**SELECTOR, "description": "The targets that it is about, by their labels."},
            "waves": {
                "type": "array",
                "description": "In which steps; if the last is a `size`, it is repeated until all have had their turn.",
                "minItems": 1,
                "maxItems": 50,
                "items": {
                    "type": "object",
                    "description": "Some targets that have their turn together.",
                    "properties": {
                        "size": portion("How many: a number, or a part such as 25%.", minimum=1),
                        "targets": {**SELECTOR, "description": "Which, by their labels: a canary, say."},
                        "pause": duration(
                            "How long until the next wave, once this one has held; none if it is left out."
                        ),
                        "untilPromoted": {
                            "type": "boolean",
                            "description": "Whether the next wave waits for `froyo rollout promote`.",
                        },
                    },
                    "oneOf": [{"required": ["size"]}, {"required": ["targets"]}],
                },
            },
            "maxUnavailable": portion(
                "How many may have had their turn and not be ready; all of a wave if it is left out.",
                minimum=1,
            ),
            "order": text(
                "In which order targets have their turn; name if it is left out.",
                enum=["name", "reverse", "shuffled"],
            ),
            "soak": duration(
                "How long a wave has to hold before the next one; not at all if it is left out."
            ),
            "deadline": duration(
                "How long a target may take until it is ready; 10m if it is left out. Then it has failed."
            ),
            "unreachable": text(
                "What is made of a target that cannot be reached: it fails at its deadline, or is waited for. "
                "fail if it is left out.",
                enum=["fail", "wait"],
            ),
            "maxFailures": portion(
                "How many targets may fail before nothing goes on: a number, or a part; 0 if it is left out.",
                minimum=0,
            ),
            "onFailure": text(
                "What becomes then of targets that have the new revision: they keep it, or have the one before again. "
                "stop if it is left out.",
                enum=["stop", "rollback"],
            ),
            "probes": {
                "type": "array",
                "description": "What else has to be ready before the next wave, wherever it is declared.",
                "maxItems": 50,
                "items": {"type": "string", "pattern": REFERENCE},
            },
        },
    },
)

LOCK = Kind(
    api_version=API_VERSION,
    kind="Lock",
    plural="locks",
    package="",
    schema={
        "type": "object",
        "description": "Has no more than so many of some targets be disrupted at once, by whatever it is.",
        "required": ["targets"],
        "properties": {
            "targets": {**SELECTOR, "description": "The targets that it is about, by their labels."},
            "atOnce": portion("How many: a number, or a part such as 25%; 1 if it is left out.", minimum=1),
        },
    },
)
