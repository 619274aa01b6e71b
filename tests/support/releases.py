"""Small releases to publish in tests."""

from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa

from concord.publication.release import Release, ReleaseContext, publish

FIRST_NIGHT = date(2026, 1, 5)


def night(number: int) -> date:
    """Return the first night, the second, …"""
    return FIRST_NIGHT + timedelta(days=number - 1)


def some_tables(persons: int = 40) -> dict[str, pa.Table]:
    """Make two tables with every kind of column that curated tables have."""
    tokens = [f"per_{number:026}" for number in range(persons)]
    return {
        "person": pa.table(
            {
                "person_token": tokens,
                "sex": ["F", "M", None, "X"] * (persons // 4),
                "birth_decade": pa.array([1980] * persons, pa.int16()),
                "covered": [True] * persons,
                "nothing": pa.array([None] * persons, pa.string()),
            }
        ),
        "incident": pa.table(
            {
                "incident_token": [f"inc_{number:026}" for number in range(persons)],
                "person_token": tokens[::-1],
                "occurred_year": pa.array([date(2026, 1, 1)] * persons, pa.date32()),
                "recorded_at": pa.array([0] * persons, pa.timestamp("s")),
                "weight": [number / 7 for number in range(persons)],
            }
        ),
    }


def context(on: date = FIRST_NIGHT, **changes: Any) -> ReleaseContext:
    """Describe a release of the research profile."""
    values: dict[str, Any] = {
        "profile": "research",
        "title": "Research release",
        "basis": "45 CFR 164.514(b)(2)",
        "profile_digest": "ab" * 32,
        "night": on,
        "inputs": ({"feed": "police_rms", "state": f"{on}-0123456789ab"},),
        "persons_id": f"{on}-ba9876543210",
        "code_version": "0.1.0",
        "dictionary_json": '{"person": {}}\n',
        "dictionary_markdown": "# Dictionary\n",
        "dictionary_html": "<h1>Dictionary</h1>\n",
        "created_at": datetime(2026, 1, 5, 5, 30, tzinfo=UTC),
        "run_id": "scheduled__2026-01-05",
    }
    return ReleaseContext(**{**values, **changes})


def publish_night(
    releases: Path, number: int = 1, persons: int = 40, **changes: Any
) -> Release:
    """Publish one night of the research profile."""
    return publish(
        some_tables(persons), context=context(night(number), **changes),
        releases=releases,
    )  # fmt: skip
