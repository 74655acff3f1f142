# SPDX-License-Identifier: MIT
"""What makes a PCA-Net cheap: the contracted first layer, and products in bfloat16."""

import numpy as np
import pytest
import surrogate_histories as histories
import torch

from mlms_fenics.errors import InputError
from mlms_fenics.kinematics.strain import isometry
from mlms_fenics.surrogate import load_model, save_model
from mlms_fenics.surrogate.pca_net.law import PCANet, PCANetLaw
from mlms_fenics.surrogate.pca_net.reduction import principal_components
from mlms_fenics.surrogate.trust import TrustMeasure


def law(modes: int, width: int, **options) -> PCANetLaw:
    """Random weights, bases of real histories."""
    torch.manual_seed(2)
    x = histories.walks(80, seed=1) @ isometry(3).T
    y = x @ np.linalg.qr(np.random.default_rng(0).normal(size=(6, 6)))[0][:, :5]
    network = PCANet(histories.N_T, 3, modes, 20, [width, width, width], **options).double()
    network.input_basis.set(*principal_components(x, modes)[:2])
    network.output_basis.set(*principal_components(y, 20)[:2])
    network.input_scale.fill_(0.1)
    network.coefficient_scale.uniform_(0.5, 2.0)
    made = PCANetLaw(
        network,
        law=histories.law(3),
        orientations=histories.orientations(3),
        horizon=1.0,
        trust=TrustMeasure(3, 1.0),
    )
    made.network.requires_grad_(False)
    return made


@pytest.mark.parametrize(("modes", "width", "numbers"), [(30, 40, 40), (12, 40, 12)])
@pytest.mark.parametrize("options", [{}, {"zero_at_rest": False, "extrapolation": 1.0}])
def test_first_layer_is_contracted_where_that_is_cheaper(modes, width, numbers, options):
    ours = law(modes, width, **options)
    assert ours.own_state(2)["moments"].shape == (2, numbers)
    U = histories.stretch(histories.walks(3, seed=6))
    known = ours.stress(U, 1.0)[:, -1]
    # At the end the whole history is known: the network itself, coefficients by quadrature.
    basis = ours.network.input_basis
    x = torch.as_tensor(histories.walks(3, seed=6) @ isometry(3).T) / 0.1 - basis.mean
    z = (x.flatten(1) @ basis.encoder()) / ours.network.coefficient_scale
    coefficients = ours.network(z, ours.network.rest_input())
    y = coefficients @ ours.network.output_basis.functions[:, -1]
    s = ours._to_stress(y, torch.as_tensor(histories.walks(3, seed=6)[:, -1]))
    np.testing.assert_allclose(known, s.numpy(), rtol=0, atol=1e-10 * np.abs(known).max())


def test_products_in_bfloat16_lose_three_digits_and_no_more(tmp_path):
    ours = law(30, 40)
    save_model(ours, tmp_path / "model.h5")
    U = histories.stretch(histories.walks(20, seed=6))
    exact = ours.stress(U, 1.0)
    single, small = (
        load_model(tmp_path / "model.h5", device="cpu", products=p).stress(U, 1.0)
        for p in (None, "bfloat16")
    )
    size = np.linalg.norm(exact)
    assert np.linalg.norm(single - exact) < 1e-5 * size
    assert 1e-4 * size < np.linalg.norm(small - exact) < 2e-2 * size


def test_a_choice_that_is_not_offered_is_named():
    ours = law(12, 16)
    with pytest.raises(InputError, match=r"products 'float16'.*own, bfloat16"):
        ours.to(products="float16")
    with pytest.raises(InputError, match="products 'bfloat16': a recurrent model offers own"):
        load_model(products="bfloat16")
    # The choice stays with copies, and can be taken back.
    small = ours.to(dtype=torch.float32, products="bfloat16").to(device="cpu")
    assert small.products == "bfloat16" and small.to(products="own").products == "own"
