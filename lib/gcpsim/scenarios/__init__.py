"""Scenarios: what a simulated Google Cloud starts with, as YAML files.

`empty` (the default) has two clusters with nodes, `greenfield` also the shop's workloads and a DNS
zone, `legacy` the world that teams come from. A user's own file is given by its path.
"""

from gcpsim.scenarios.play import play
from gcpsim.scenarios.reader import Scenario, ScenarioError, load, names

__all__ = ["Scenario", "ScenarioError", "load", "names", "play"]
