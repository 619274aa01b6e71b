"""Brakes: what holds a whole delivery, unless a person has exempted the rule."""

from dataclasses import dataclass, field
from datetime import date

from concord.contracts.decisions import NOTHING_DECIDED, Decisions, Exemption
from concord.exceptions import DeliveryHeld


@dataclass
class Brakes:
    """The brakes of one feed on one night, and the exemptions that they met."""

    feed: str
    night: date
    decisions: Decisions = NOTHING_DECIDED
    used: dict[str, Exemption] = field(default_factory=dict)

    def pull(self, code: str, rule: str, detail: str, remedy: str) -> None:
        """Hold the delivery; an exemption from the rule that is in force lets it go.

        Raises:
            DeliveryHeld: No exemption is in force.
        """
        exemption = self.decisions.exemption(rule, self.night)
        if exemption is not None:
            self.used[rule] = exemption
            return
        expired = any(e.rule == rule for e in self.decisions.expired(self.night))
        raise DeliveryHeld(
            code,
            feed=self.feed,
            detail=f"{detail} (rule {rule}{', its exemption expired' * expired})",
            remedy=remedy,
        )
