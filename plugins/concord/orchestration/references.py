"""What tasks may tell one another: references and counts, never a value of a row.

Airflow keeps what a task returns (XCom) in its database, unmasked and for good. This
backend refuses what is no name of a night, feed, delivery, state or release, and no
count under a name that is known to be one.
"""

import re
from collections.abc import Callable
from typing import Any

from airflow.sdk.bases.xcom import BaseXCom
from airflow.sdk.exceptions import AirflowFailException

MOST = 1000  # deliveries of one feed
NIGHT = r"\d{4}-\d{2}-\d{2}"
REFERENCES = (
    re.compile(NIGHT),
    re.compile(rf"{NIGHT}-[0-9a-f]{{12}}"),  # a state, linkage or keymap
    re.compile(r"(sha256:)?[0-9a-f]{64}"),
)
DELIVERY = re.compile(rf"(\w+):{NIGHT}:[0-9a-f]{{16}}")
WORDS = frozenset({"never"})


def _is_count(value: Any) -> bool:
    return isinstance(value, int) and value >= 0


def _is_reference(value: Any) -> bool:
    """Say whether a text names something of Concord's."""
    from concord.orchestration.county import names

    if not isinstance(value, str):
        return False
    delivery = DELIVERY.fullmatch(value)
    return (
        value in WORDS
        or value in names()
        or any(pattern.fullmatch(value) for pattern in REFERENCES)
        or (delivery is not None and delivery[1] in names())
    )


FIELDS: dict[str, Callable[[Any], bool]] = {
    **dict.fromkeys(("feed", "night", "since", "state_id", "digest"), _is_reference),
    **dict.fromkeys(
        ("received", "published", "quarantined", "rejected", "release", "on_time"),
        _is_count,
    ),
    **dict.fromkeys(("artefacts", "files", "findings", "identifiers"), _is_count),
}
"""What a task's result may have, and what each may be."""


ANSWER = frozenset(
    {"chosen_options", "params_input", "responded_at", "responded_by_user"}
)
"""What Airflow keeps of an answer that a person gave in its own form."""


def is_harmless(value: Any, key: str | None = None) -> bool:
    """Say whether a result, or what it has under a key, is references and counts."""
    if key in FIELDS:
        return FIELDS[key](value)
    if value is None or _is_reference(value):
        return True
    if isinstance(value, dict) and ANSWER <= value.keys() <= ANSWER | {"timedout"}:
        return True
    if isinstance(value, list | tuple):
        return len(value) <= MOST and all(_is_reference(one) for one in value)
    return isinstance(value, dict) and all(
        key in FIELDS and FIELDS[key](one) for key, one in value.items()
    )


class References(BaseXCom):
    """Airflow's XCom, for references and counts alone."""

    @staticmethod
    def serialize_value(value: Any, **where: Any) -> Any:
        """Return a result as it is stored; refuse one that may hold a row's value.

        Raises:
            AirflowFailException: It is refused; the message names the task alone.
        """
        if not is_harmless(value, where.get("key")):
            raise AirflowFailException(
                f"{where.get('dag_id')}.{where.get('task_id')}: its result is no "
                "reference or count and was not stored. Return the name of a state or "
                "counts; see concord.orchestration.references"
            )
        return BaseXCom.serialize_value(value, **where)
