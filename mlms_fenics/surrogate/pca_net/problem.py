# SPDX-License-Identifier: MIT
"""What a PCA-Net is fitted to: histories in its coordinates, loss and validation error."""

from collections.abc import Iterator
from typing import Any, Protocol

import numpy as np
import torch

from mlms_fenics.errors import require
from mlms_fenics.kinematics.strain import isometry, isometry_inverse, random_turns
from mlms_fenics.surrogate.fitting.data import TrainingData
from mlms_fenics.surrogate.fitting.problem import elastic_strain, uniform_steps
from mlms_fenics.surrogate.fitting.recorded import Draw, DrawnLoss
from mlms_fenics.surrogate.metrics import exact_pressure, path_errors
from mlms_fenics.surrogate.pca_net.law import PCANet
from mlms_fenics.surrogate.pca_net.reduction import principal_components
from mlms_fenics.surrogate.pca_net.teacher import Teacher

BASIS_PATHS = 10_000  # of further histories that the bases are made from, at most


class Histories(Protocol):
    """Components of stretch, log U and stress, *Shape* `(N, n_t + 1, c)`."""

    U: np.ndarray
    strain: np.ndarray
    sigma: np.ndarray


class Side:
    """Histories as the network sees them, on the device.

    Attributes:
        x, y: scaled input and output histories, *Shape* `(N, n_t + 1, c)`.
        norm: time average of the squared stress, in the output's units, *Shape* `(N,)`.
    """

    def __init__(
        self, parts: list[tuple[np.ndarray, np.ndarray, np.ndarray]], device: torch.device
    ) -> None:
        # One of the three at a time: with a teacher they may be large.
        self.x, self.y, self.norm = (
            torch.as_tensor(np.concatenate([part[k] for part in parts])).to(device)
            for k in range(3)
        )


class Problem:
    """Loss and validation error of a PCA-Net on given data.

    Args:
        data: histories.
        recipe: see `pca_net.training.RECIPES`.
        paper: the paper's form and loss instead of the improved ones.
        teacher: labels `count` further training histories.
        count: of them.
    """

    CHECKS = 8  # truncation times of a validation path
    PARTS = 20  # of a history, in which it is known to a random time and judged there and before

    def __init__(
        self,
        data: TrainingData,
        recipe: dict[str, Any],
        paper: bool,
        teacher: Teacher | None = None,
        count: int = 0,
    ) -> None:
        self.n_t = n_t = uniform_steps(data)
        self.truncated, self.paper, self.dimension = recipe["truncated"], paper, data.dimension
        self.isotropic = recipe["isotropic"]
        require(not (paper and self.isotropic > 0.0), "--isotropic is not part of the recipe paper")
        self.device = data.device
        self.strain, self.stress = ("stretch", "total") if paper else ("log", stress_kind(data))
        self.law = data.law
        own = self._sides(data, data.train)
        scale = np.ones(own[0].shape[-1]) if paper else _channel_scale(own[0])
        own = own[0] / scale, *own[1:]
        further = list(self._taught(teacher, count, scale)) if teacher is not None else []
        x, y = (_with_some(own[k], [part[k] for part in further]) for k in (0, 1))
        inputs = principal_components(x, recipe["modes"], not paper, not paper)
        outputs = principal_components(y, recipe["output_modes"], not paper, not paper)
        self.network = net = PCANet(
            n_t,
            data.dimension,
            len(inputs[1]),
            len(outputs[1]),
            [recipe["width"]] * recipe["layers"],
            strain=self.strain,
            stress=self.stress,
            zero_at_rest=not paper,
            extrapolation=1.0 if paper else 0.0,
            dropout=recipe["dropout"],
            linear=not paper,
        )
        net.input_basis.set(*inputs[:2])
        net.output_basis.set(*outputs[:2])
        net.input_scale.copy_(torch.as_tensor(scale))
        # Default: half-way, in the logarithm, between modes as they are (faint ones stay unseen)
        # and all modes alike (noise is learnt).
        size = np.sqrt(inputs[2])
        whole = np.sqrt(np.square(size).mean())
        net.coefficient_scale.copy_(torch.as_tensor(np.sqrt(size * whole) if not paper else whole))
        net.output_scale.fill_(float(np.sqrt(outputs[2].mean())))
        net.to(self.device)
        self.train = Side([_single(own), *further], self.device)
        validation = self._sides(data, data.validation_rows())
        self.validation = Side([_single((validation[0] / scale, *validation[1:]))], self.device)
        self.encoder, self.decoder = net.input_basis.encoder(), net.output_basis.decoder()
        self.mean = net.input_basis.mean_coefficients()
        self.rest = net.rest_input()
        # Output samples are weighted by the trapezoid rule.
        self.weights = torch.full((n_t + 1,), 1.0 / n_t, device=self.device)
        self.weights[[0, -1]] *= 0.5
        self.taught = bool(further)
        if self.taught:
            self._prepare_tables()
        draw, evaluate = (
            (self._draw_lesson, self._taught_loss) if self.taught else (self._draw, self._loss)
        )
        self.loss = DrawnLoss(draw, evaluate, self.device)

    def __len__(self) -> int:
        """Number of training histories, those that the teacher labelled among them."""
        return len(self.train.x)

    def _sides(
        self, data: Histories, rows: np.ndarray | slice
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Input and output histories, float64, and the norm of the latter."""
        part = data.U[rows], data.strain[rows], data.sigma[rows]
        d = self.dimension
        x = part[0].astype(np.float64) if self.strain == "stretch" else part[1] @ self._seen()
        if self.stress == "total":
            y = part[2].astype(np.float64)
            return x, y, np.square(y).sum(-1).mean(-1)
        E = isometry(d, self.stress == "deviator").T
        y = elastic_strain(*part, self.law) @ E
        return x, y, np.square(y).sum(-1).mean(-1)

    def _seen(self) -> np.ndarray:
        """From components of log U to the isometric coordinates that the network is shown.

        Where all grains share det U, the volume does not move J dev σ (resolved stresses are
        deviatoric, and the energy's shear part has no J): its modes would be noise.
        """
        E = isometry(self.dimension)
        if self.stress != "deviator":
            return E.T
        D = isometry(3, deviatoric=True)
        return D.T @ isometry_inverse(3, deviatoric=True).T @ E.T

    def _taught(
        self, teacher: Teacher, count: int, scale: np.ndarray
    ) -> Iterator[tuple[np.ndarray, np.ndarray, np.ndarray]]:
        for lesson in teacher.lessons(count):
            x, y, norm = self._sides(lesson, slice(None))
            yield _single((x / scale, y, norm))

    def _predict(self, x: torch.Tensor) -> torch.Tensor:
        """Output histories `(n, n_t + 1, c)` of scaled input histories."""
        z = x.flatten(1) @ self.encoder - self.mean
        a = self.network(z / self.network.coefficient_scale, self.rest)
        return (a @ self.decoder).unflatten(1, (self.n_t + 1, -1))

    def _prepare_tables(self) -> None:
        """Coefficients of all whole histories, and the output basis at each time by itself."""
        net = self.network
        self.scaled_encoder = self.encoder / net.coefficient_scale
        self.scaled_mean = self.mean / net.coefficient_scale
        self.inputs = self.train.x.flatten(1) @ self.scaled_encoder - self.scaled_mean
        self.every = max(1, self.n_t // self.PARTS)
        self.outputs = self.train.y.flatten(1) @ net.output_basis.encoder()
        # What the modes leave out: no network can do better, and it belongs to the error.
        square = self.train.y.square().sum(-1) @ self.weights
        self.remainder = (square - self.outputs.square().sum(-1)).clamp_min(0.0)
        self.at = net.output_basis.functions.permute(1, 2, 0).contiguous()  # (n_t + 1, c, K)

    def _draw_lesson(self, rows: torch.Tensor, generator: torch.Generator) -> Draw:
        """Which of a batch are held, from when on, and the times at which those are judged."""
        part = round(len(rows) * self.truncated)
        first = int(torch.randint(1, self.every + 1, (), generator=generator))
        times = torch.arange(first, self.n_t + 1, self.every)
        last = torch.randint(0, len(times), (part,), generator=generator)
        return "taught", (rows[:part], rows[part:], times, last)

    def _taught_loss(
        self,
        form: str,
        held: torch.Tensor,
        whole: torch.Tensor,
        times: torch.Tensor,
        last: torch.Tensor,
    ) -> torch.Tensor:
        """Mean over paths of the relative L² error.

        A part `truncated` of them is known up to a random time only and held from there on, as
        on-line: their error is that of the past and that of the last known stress, half and half,
        at `PARTS` equidistant times from a random one on.
        """
        end = times.index_select(0, last)[:, None]
        z = self._held(self.train.x.index_select(0, held), end).flatten(1) @ self.scaled_encoder
        known = self.inputs.index_select(0, whole)
        a = self.network(torch.cat([known, z - self.scaled_mean]), self.rest)
        error = (a[: len(whole)] - self.outputs.index_select(0, whole)).square().sum(1)
        error = error + self.remainder.index_select(0, whole)
        basis = self.at.index_select(0, times).flatten(0, 1)
        y = (a[len(whole) :] @ basis.T).unflatten(1, (len(times), -1))
        target = self.train.y.index_select(0, held).index_select(1, times)
        square = (y - target).square().sum(-1)
        past = (times <= end).float()
        now = square.gather(1, last[:, None])[:, 0]
        now = 0.5 * (now + (square * past).sum(1) / past.sum(1))
        norm = self.train.norm.index_select(0, torch.cat([whole, held]))
        return (torch.cat([error, now]) / norm).clamp_min(1e-12).sqrt().mean()

    def _draw(self, rows: torch.Tensor, generator: torch.Generator) -> Draw:
        """How some of a batch are turned, and until when each is known."""
        turns = ()
        if self.isotropic > 0.0:
            turns = self._turns(len(rows), generator)
        last = torch.randint(1, self.n_t + 1, (len(rows),), generator=generator)
        whole = torch.rand(len(rows), generator=generator) >= self.truncated
        return "own", (rows, torch.where(whole, self.n_t, last)[:, None], whole[:, None], *turns)

    def _loss(
        self,
        form: str,
        rows: torch.Tensor,
        last: torch.Tensor,
        whole: torch.Tensor,
        *turns: torch.Tensor,
    ) -> torch.Tensor:
        """Mean over paths of the relative L² error up to the time the future is known to."""
        x, y = (side.index_select(0, rows) for side in (self.train.x, self.train.y))
        if turns:
            x, y = (side @ turn.mT for side, turn in zip((x, y), turns, strict=True))
        sample = torch.arange(self.n_t + 1, device=x.device)
        weights = self.weights * (sample <= last)
        # What the law uses on-line is the end of the known part: it counts as much as the rest.
        weights = weights / weights.sum(1, keepdim=True)
        weights = torch.where(whole, weights, 0.5 * (weights + (sample == last)))
        square = (self._predict(self._held(x, last)) - y).square().sum(-1)
        norm = self.train.norm.index_select(0, rows)
        return ((square * weights).sum(1) / norm).clamp_min(1e-12).sqrt().mean()

    def _held(self, x: torch.Tensor, last: torch.Tensor) -> torch.Tensor:
        """Histories that stay as they are from sample `last` on, *Shape* `(n, 1)`."""
        held = torch.arange(self.n_t + 1, device=x.device).minimum(last)
        return x.gather(1, held[..., None].expand(-1, -1, x.shape[-1]))

    def _turns(self, n: int, generator: torch.Generator) -> list[torch.Tensor]:
        """Matrices that turn some of n histories at random, both sides alike; others are kept."""
        rows = torch.rand(n, generator=generator) < self.isotropic
        sides = (False, self.network.stress == "deviator")
        found = []
        for turn in random_turns(int(rows.sum()), self.dimension, sides, generator):
            every = torch.eye(turn.shape[-1]).repeat(n, 1, 1)
            every[rows] = turn
            found.append(every)
        return found

    def validate(self) -> float:
        """Paper: error given the whole history; default: error of the last known stress."""
        x, y, norm = self.validation.x, self.validation.y, self.validation.norm
        if self.paper:
            square = (self._predict(x) - y).square().sum(-1) @ self.weights
            return float((square / norm).sqrt().mean())
        square = torch.zeros_like(norm)
        for last in torch.linspace(0, self.n_t, self.CHECKS + 1).round().long()[1:].tolist():
            known = self._predict(self._held(x, torch.full_like(x[:, :1, 0], last).long()))[:, last]
            square += (known - y[:, last]).square().sum(-1) / self.CHECKS
        return float((square / norm).sqrt().mean())


def stress_kind(data: TrainingData) -> str:
    """Output to learn: "deviator" where the closed-form pressure is exact, otherwise "rest"."""
    if data.dimension == 2:
        return "rest"
    rows = data.train[:100]
    exact = exact_pressure(data.U[rows], data.law.bulk_modulus)
    error = path_errors(exact, data.sigma[rows], data.time)["pressure"]
    return "deviator" if error.max() < 1e-3 else "rest"


def _channel_scale(x: np.ndarray) -> np.ndarray:
    """One size for the normal and shear components alike: isometric coordinates stay isometric."""
    return np.full(x.shape[-1], np.sqrt(np.square(x).mean()))


def _single(part: tuple[np.ndarray, ...]) -> tuple[np.ndarray, ...]:
    return tuple(np.asarray(values, np.float32) for values in part)


def _with_some(own: np.ndarray, further: list[np.ndarray]) -> np.ndarray:
    """Histories that a basis is made from: all own ones and enough of the others."""
    parts, n = [own], 0
    for part in further:
        if n >= BASIS_PATHS:
            break
        parts.append(part)
        n += len(part)
    return np.concatenate(parts)
