"""LinkedIn's twin for tests and demos: seeded data, LinkedIn's rules, faults on demand, and the truth to compare with.

Written from LinkedIn's documentation alone; imports neither Django nor our client.
"""

from .server import running_server, serve
from .simulator import Options, Simulator
from .tokens import App
from .transport import SimulatorAdapter, simulated_session
from .truth import received, rejections, truth
from .world import WorldSize

__all__ = [
    "App",
    "Options",
    "Simulator",
    "SimulatorAdapter",
    "WorldSize",
    "received",
    "rejections",
    "running_server",
    "serve",
    "simulated_session",
    "truth",
]
