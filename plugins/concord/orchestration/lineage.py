"""What lineage events may tell, where a site turns OpenLineage on: names and counts.

Concord does not install OpenLineage. A site that does names this class in its
transport; see docs/how-to/run_in_production.md.
"""

from typing import Any

from openlineage.client.transport.transform import EventTransformer

RUN = frozenset({"nominalTime", "parent", "processing_engine"})
JOB = frozenset({"documentation", "jobType", "ownership", "sourceCodeLocation"})
DATASET = frozenset({"dataSource", "schema", "version", "lifecycleStateChange"})
INPUT = frozenset({"dataQualityAssertions", "inputStatistics"})
OUTPUT = frozenset({"outputStatistics"})
"""What is passed on. An error's message, SQL, source code and a column's least,
greatest and most frequent values are not among it, nor is what is not known here."""


class Redacted(EventTransformer):  # type: ignore[misc]  # openlineage is optional
    """Takes out of every event whatever may hold a value of a row."""

    def transform(self, event: Any) -> Any:
        """Return the event with the facets that are known to be harmless."""
        _keep(getattr(event, "run", None), "facets", RUN)
        _keep(getattr(event, "job", None), "facets", JOB)
        for dataset in getattr(event, "inputs", None) or ():
            _keep(dataset, "facets", DATASET)
            _keep(dataset, "inputFacets", INPUT)
        for dataset in getattr(event, "outputs", None) or ():
            _keep(dataset, "facets", DATASET)
            _keep(dataset, "outputFacets", OUTPUT)
        return event


def _keep(part: Any, name: str, allowed: frozenset[str]) -> None:
    """Keep the allowed facets of a part of an event."""
    facets = getattr(part, name, None) or {}
    if part is not None and facets:
        kept = {key: value for key, value in facets.items() if key in allowed}
        setattr(part, name, kept)
