"""The projects that `billflow init` and `billflow demo` write, and the generators of their data."""

from billflow.examples.energy import EnergyExample, write_energy
from billflow.examples.energy_small import write_energy_small
from billflow.examples.telecom import TelecomExample, write_telecom

__all__ = ["EnergyExample", "TelecomExample", "write_energy", "write_energy_small", "write_telecom"]
