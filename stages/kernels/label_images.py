"""Label images made smaller."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from .jit import kernel

UInt8 = NDArray[np.uint8]


@kernel
def reduce_labels(labels: UInt8, factor: int, reduced: UInt8) -> None:
    """Writes, for each square of ``factor`` x ``factor`` pixels, the label that most of them have, ties to the lowest.

    ``labels``: (H, W) uint8, of which 255, no label, is one as others are. ``reduced``: (ceil(H / factor), ceil(W / factor))
    uint8. O(H W + 256 H W / factor^2).
    """
    counts = np.zeros(256, np.int64)
    for row in range(reduced.shape[0]):
        for column in range(reduced.shape[1]):
            counts[:] = 0
            for i in range(row * factor, min((row + 1) * factor, labels.shape[0])):
                for j in range(column * factor, min((column + 1) * factor, labels.shape[1])):
                    counts[labels[i, j]] += 1
            reduced[row, column] = np.argmax(counts)
