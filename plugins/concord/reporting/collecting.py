"""Everything that a night's report says, collected from the ledger."""

from datetime import date, datetime

from concord.contracts.registry import Registry
from concord.landing.ledger import Ledger
from concord.reporting.arrivals import arrivals, fate_total, fates, waiting
from concord.reporting.assaults import assaults_as_of
from concord.reporting.between import between, healing
from concord.reporting.changes import compare
from concord.reporting.linkage_quality import quality_as_of
from concord.reporting.mappable import mappable_as_of
from concord.reporting.model import Facts, Page
from concord.reporting.outcomes import linkage_of, releases_of
from concord.reporting.quality import quality_of
from concord.reporting.reasons import Reasons
from concord.reporting.standings import standings
from concord.reporting.wording import headline
from concord.settings import Settings


class Collector:
    """Reads nights from the ledger: counts and states, never a row."""

    def __init__(self, ledger: Ledger, registry: Registry, settings: Settings) -> None:
        self.ledger = ledger
        self.registry = registry
        self.settings = settings
        self.reasons = Reasons(settings, registry)

    def page(self, night: date, generated_at: datetime) -> Page:
        """Collect a night's report, compared with the night before it."""
        earlier = [other for other in self.ledger.nights() if other < night]
        previous = earlier[-1] if earlier else None
        facts = self.facts(night)
        before = self.facts(previous) if previous else None
        return Page(
            county=self.settings.county,
            generated_at=generated_at,
            previous=previous,
            headline=headline(facts.standings, facts.releases),
            facts=facts,
            feed_totals=tuple(
                fate_total([f for f in facts.fates if f.feed == feed], feed, night)
                for feed in dict.fromkeys(f.feed for f in facts.fates)
            ),
            fate_total=fate_total(facts.fates, "all feeds", night),
            changes=compare(before, facts),
        )

    def facts(self, night: date) -> Facts:
        """Collect what a report says of one night.

        The feeds are those with a contract and those that were recorded on the night.
        """
        ledger, registry = self.ledger, self.registry
        recorded = {n.feed for n in ledger.feed_nights(night)}
        feeds = sorted({*registry.contracts, *recorded})
        arrived = arrivals(ledger, registry, feeds, night)
        became = fates(ledger, feeds, night)
        quality = quality_as_of(ledger, night)
        return Facts(
            night=night,
            standings=standings(ledger, registry, feeds, night, arrived, became),
            arrivals=arrived,
            waiting=waiting(ledger, registry, feeds, night),
            fates=became,
            quality=tuple(
                quality_of(ledger, registry, self.reasons, feed, night)
                for feed in feeds
            ),
            linkage=linkage_of(ledger, night, quality),
            linkage_quality=quality,
            places=mappable_as_of(ledger, night),
            assaults=assaults_as_of(ledger, night),
            releases=releases_of(ledger, registry, night),
            healing=healing(ledger, feeds, night),
            between=between(ledger, self.settings.include / "sql" / "checks", night),
        )
