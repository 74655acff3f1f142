# SPDX-License-Identifier: MIT
"""Parameters of a crystal from measured curves."""

from mlms_fenics.calibrate.curves import Curve, simulate
from mlms_fenics.calibrate.experiment import Experiment, read_experiment
from mlms_fenics.calibrate.fit import Fit, fit
from mlms_fenics.calibrate.parameters import Parameter

__all__ = ["Curve", "Experiment", "Fit", "Parameter", "fit", "read_experiment", "simulate"]
