"""Two reviewers who let a release out."""

from concord.pipeline.county import County
from concord.pipeline.releasing import ReleaseGate
from concord.publication.gate import Context
from concord.publication.release import Release


def let_out(county: County, profile: str, number: int) -> Release:
    """Take a candidate through the gate."""
    gate = ReleaseGate(county, profile)
    gate.submit(number, "ada", Context("everybody", "2025", 2000, "none"))
    for reviewer in ("ben", "cleo"):
        gate.vote(number, reviewer, (), approves=True)
    return gate.release(number, "ada")
