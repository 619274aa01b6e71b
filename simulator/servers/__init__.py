"""The agencies' systems, served over their real protocols on loopback."""

from simulator.servers.agencies import AgencyServers, serve
from simulator.servers.nights import current_night, set_night
from simulator.servers.options import ServerOptions
from simulator.servers.state import Endpoint, ServersState

__all__ = [
    "AgencyServers",
    "Endpoint",
    "ServerOptions",
    "ServersState",
    "current_night",
    "serve",
    "set_night",
]
