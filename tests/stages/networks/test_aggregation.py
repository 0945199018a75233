"""Where voxels look for their instance, and what they take from there, against loops over voxels."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
import torch
from occ_pipeline.stages.networks.aggregation import InstanceAggregation, LearnedPlaces, border_places, look_at
from occ_pipeline.tests.stages.networks import slow

SHAPE = (4, 3, 2)


def drawn(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.from_numpy(np.random.default_rng(seed).random(shape))


@pytest.mark.parametrize("scale", [1.0, 0.3, 2.5])
def test_offsets_lead_to_borders(scale: float) -> None:
    offsets = drawn(2, 6, *SHAPE)
    places = border_places(offsets, scale)
    for frame, direction, *index in itertools.product(range(2), range(6), *map(range, SHAPE)):
        want = slow.border_place(index, offsets[frame].numpy(), direction, scale)
        assert np.allclose(places[(frame, direction, slice(None), *index)], want)


@pytest.mark.parametrize("released", [False, True])
def test_reads_are_trilinear(released: bool) -> None:
    volume, places = drawn(1, 2, *SHAPE), drawn(1, 6, 3, *SHAPE, seed=1) * 5 - 1
    found = look_at(volume, places, released)
    for p, *index in itertools.product(range(6), *map(range, SHAPE)):
        place = places[(0, p, slice(None), *index)].tolist()
        at = slow.released_place(place, SHAPE) if released else place
        want = slow.read(volume[0].numpy(), at, border=not released)
        assert np.allclose(found[(0, slice(None), p, *index)], want)


def test_places_at_home_give_the_volume_itself() -> None:
    volume = drawn(2, 3, 5, 4, 3)
    home = border_places(torch.zeros(2, 6, 5, 4, 3, dtype=torch.float64))
    assert torch.allclose(look_at(volume, home), volume.unsqueeze(2).expand(-1, -1, 6, -1, -1, -1))


def test_the_released_code_reads_transposed_places() -> None:
    index = torch.stack(torch.meshgrid(*(torch.arange(n).double() for n in (8, 8, 4)), indexing="ij"))[None]
    home = border_places(torch.zeros(1, 6, 8, 8, 4, dtype=torch.float64))
    assert look_at(index, home)[0, :, 0, 6, 3, 1].tolist() == pytest.approx([6, 3, 1])
    assert look_at(index, home, released=True)[0, :, 0, 6, 3, 1].tolist() == pytest.approx(
        [2.17, 2.93, 2.93], abs=0.005
    )
    ones = torch.ones_like(index[:, :1])
    assert float(look_at(ones, home, released=True)[0, 0, 0, 0, 0, 0]) == pytest.approx(1 / 8)


def test_six_ways_of_a_row() -> None:
    volume = torch.arange(5.0).view(1, 1, 5, 1, 1)
    offsets = torch.zeros(1, 6, 5, 1, 1)
    offsets[0, 0], offsets[0, 1] = 0.25, 0.5
    found = look_at(volume, border_places(offsets))[0, 0, :, :, 0, 0]
    assert found[0].tolist() == [1, 2, 3, 4, 4], "x+ leads on, to the grid's end"
    assert found[1].tolist() == [0, 0, 0, 1, 2], "x- leads back"
    assert found[2].tolist() == [0, 1, 2, 3, 4]


def layer(**choices: object) -> InstanceAggregation:
    torch.manual_seed(1)
    return InstanceAggregation(4, 2, **choices).double()  # type: ignore[arg-type]


def test_attention_as_written() -> None:
    one, volume = layer(), drawn(1, 4, *SHAPE, seed=2)
    places = border_places(drawn(1, 6, *SHAPE, seed=3))
    assert one.queries is not None
    assert one.keys is not None
    q, k, v = (part(volume)[0].detach().numpy() for part in (one.queries, one.keys, one.values))
    summed = np.zeros(volume.shape)
    for index in itertools.product(*map(range, SHAPE)):
        at = [places[(0, p, slice(None), *index)].tolist() for p in range(6)]
        keys, values = ([slow.read(part, a, border=True) for a in at] for part in (k, v))
        summed[(0, slice(None), *index)] = slow.attention(q[(slice(None), *index)], keys, values)
    want = one.out(torch.from_numpy(summed) + volume)
    assert torch.allclose(one(volume, places), want)


def test_weights_of_the_voxel_alone() -> None:
    one, volume = layer(fusion="weights"), drawn(1, 4, *SHAPE, seed=2)
    assert one.weights is not None
    torch.nn.init.zeros_(one.weights.weight)
    torch.nn.init.zeros_(one.weights.bias)
    places = border_places(drawn(1, 6, *SHAPE, seed=3))
    want = one.out(look_at(one.values(volume), places).mean(dim=2) + volume)
    assert torch.allclose(one(volume, places), want)


def test_coarse_places_serve_a_fine_volume() -> None:
    volume, places = drawn(2, 4, 8, 6, 4), border_places(drawn(2, 6, *SHAPE))
    assert layer()(volume, places).shape == volume.shape


def test_learned_places_begin_with_neighbours() -> None:
    learned = LearnedPlaces(2).double()
    found = learned(drawn(1, 2, 5, 5, 5))[0, :, :, 2, 2, 2].tolist()
    assert found == [[3, 2, 2], [1, 2, 2], [2, 3, 2], [2, 1, 2], [2, 2, 3], [2, 2, 1]]


def test_gradients_reach_offsets_and_features() -> None:
    one = layer()

    def refined(volume: torch.Tensor, offsets: torch.Tensor) -> torch.Tensor:
        return one(volume, border_places(offsets))

    # Half a cell from where linear pieces meet: gradients there are one-sided.
    offsets = torch.full((1, 6, 3, 3, 2), 0.2, dtype=torch.float64) + 0.02 * drawn(1, 6, 3, 3, 2)
    inputs = (drawn(1, 4, 3, 3, 2).requires_grad_(), offsets.requires_grad_())
    assert torch.autograd.gradcheck(refined, inputs, fast_mode=True)
    one(*(inputs[0], border_places(inputs[1]))).square().sum().backward()
    assert offsets.grad is not None
    assert offsets.grad.abs().max() > 0
