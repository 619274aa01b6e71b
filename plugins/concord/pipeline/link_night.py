"""Everything that is linked of a night: persons, assaults, places."""

from datetime import date

from concord.linkage.places import read_gazetteer
from concord.pipeline.assaults import AssaultStep
from concord.pipeline.county import County
from concord.pipeline.linking import LinkStep
from concord.pipeline.placing import link_places
from concord.steps import Step


def link(county: County, night: date) -> str:
    """Link the persons of every feed's state as of a night; returns the run's name.

    Assaults that hospital and police both know are linked as well and, where the site
    has a gazetteer, places. One that can't be read is told before anything is linked.
    """
    path = county.settings.gazetteer
    gazetteer = None if path is None else read_gazetteer(path)
    persons_id = LinkStep(county.acting(Step.LINK)).run(night)
    AssaultStep(county.acting(Step.ASSAULTS)).run(night)
    if gazetteer is not None:
        link_places(county.acting(Step.LINK), night, gazetteer)
    return persons_id
