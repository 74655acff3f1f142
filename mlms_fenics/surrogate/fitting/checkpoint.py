# SPDX-License-Identifier: MIT
"""Training checkpoints: everything to go on from after a kill, in one HDF5 file."""

import json
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import torch

from mlms_fenics.errors import InputError
from mlms_fenics.hdf5 import reading, writing

_FORMAT = "mlms_fenics training checkpoint"


def save_checkpoint(
    path: Path,
    network: torch.nn.Module,
    optimiser: torch.optim.Optimizer,
    best: dict[str, torch.Tensor],
    progress: dict[str, Any],
) -> None:
    """Write a checkpoint, atomically.

    Args:
        path: of the file.
        network, optimiser: whose state is kept.
        best: weights of the best epoch so far.
        progress: JSON-able: epochs done, loss curves, settings.
    """
    with writing(path, "training checkpoint", _FORMAT) as file:
        file["progress"] = json.dumps(progress)
        for group, weights in (("network", network.state_dict()), ("best", best)):
            for name, value in weights.items():
                file[f"{group}/{name}"] = value.cpu().numpy()
        for number, moments in optimiser.state_dict()["state"].items():
            for name, value in moments.items():
                file[f"optimiser/{number}/{name}"] = torch.as_tensor(value).cpu().numpy()


def load_checkpoint(
    path: Path, network: torch.nn.Module, optimiser: torch.optim.Optimizer
) -> tuple[dict[str, torch.Tensor], dict[str, Any]]:
    """Restore network and optimiser in place.

    Returns:
        The best weights so far and the progress that `save_checkpoint` was given.

    Raises:
        InputError: unreadable, or of another network.
    """
    try:
        with reading(path, "training checkpoint", _FORMAT) as file:
            network.load_state_dict(_tensors(file["network"]))
            best = _tensors(file["best"])
            moments = file.get("optimiser", {})
            state = {int(number): _tensors(moments[number]) for number in moments}
            groups = optimiser.state_dict()["param_groups"]
            optimiser.load_state_dict({"state": state, "param_groups": groups})
            return best, json.loads(file["progress"].asstr()[()])
    except (InputError, RuntimeError) as error:
        raise InputError(
            f"cannot resume from {path} ({error}): it is damaged or of another network; "
            "remove it to start afresh"
        ) from error


def _tensors(group: h5py.Group) -> dict[str, torch.Tensor]:
    return {name: torch.as_tensor(np.asarray(value[()])) for name, value in group.items()}
