from __future__ import annotations

import numpy as np
from occ_pipeline.pipeline.sample.bvh import DEPTH, closest, plant
from occ_pipeline.pipeline.sample.meshes import box


def brute_force(corners: np.ndarray, origin: np.ndarray, ray: np.ndarray) -> float:
    """Nearest hit by solving origin + t ray = a + u e1 + v e2 for every triangle."""
    best = np.inf
    for a, b, c in corners:
        system = np.column_stack([b - a, c - a, -ray])
        if abs(np.linalg.det(system)) < 1e-12:
            continue
        u, v, t = np.linalg.solve(system, origin - a)
        if u >= 0 and v >= 0 and u + v <= 1 and t > 1e-6:
            best = min(best, t)
    return best


def test_closest_hit_equals_brute_force() -> None:
    rng = np.random.default_rng(5)
    one = rng.uniform(-5, 5, (300, 1, 3)) + rng.normal(size=(300, 3, 3))
    two = box((20, -1, -1), (22, 1, 1), 1).corners
    forest = plant([one, two])
    stack, reach = np.empty(DEPTH, np.int64), np.empty(DEPTH)
    hits = 0
    for _ in range(60):
        origin, ray = rng.uniform(-8, 8, 3), rng.normal(size=3)
        ray /= np.linalg.norm(ray)
        t, k = closest(forest, int(forest.roots[0]), tuple(origin), tuple(ray), np.inf, stack, reach)
        expected = brute_force(one, origin, ray)
        assert t == expected or abs(t - expected) < 1e-9
        if k >= 0:
            hits += 1
            assert abs(brute_force(one[forest.order[k]][None], origin, ray) - t) < 1e-9
    assert hits > 10
    t, _ = closest(forest, int(forest.roots[1]), (0.0, 0.0, 0.0), (1.0, 0.0, 0.0), 100.0, stack, reach)
    assert t == 20.0


def test_equal_triangles_do_not_recurse_for_ever() -> None:
    forest = plant([np.repeat(box((0, 0, 0), (1, 1, 1), 1).corners[:1], 50, axis=0)])
    stack, reach = np.empty(DEPTH, np.int64), np.empty(DEPTH)
    t, _ = closest(forest, 0, (-2.0, 0.4, 0.5), (1.0, 0.0, 0.0), 100.0, stack, reach)
    assert t == 2.0
