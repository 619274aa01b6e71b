"""Agencies that join the county with one entry: what they serve, as SQL on its books.

The four agencies that the county began with keep books of their own
(``simulator/store.py``). Each of these derives what it serves from those books, so
that its events hang together with theirs and no other agency's bytes change.
"""

from collections.abc import Mapping

from simulator.agencies import complaints, parole, police_cad, social_services, survey
from simulator.agencies.agency import Agency

_ALL: tuple[Agency, ...] = (
    police_cad.AGENCY,
    complaints.AGENCY,
    survey.AGENCY,
    parole.AGENCY,
    social_services.AGENCY,
)
AGENCIES: Mapping[str, Agency] = {agency.feed: agency for agency in _ALL}
