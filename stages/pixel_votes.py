"""What pixels' rays say for voxels and against them, voxel by voxel or by pieces that hang together."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .kernels.pieces import number_pieces

Int32 = NDArray[np.int32]
UInt8 = NDArray[np.uint8]
Bool = NDArray[np.bool_]


@dataclass(frozen=True)
class Votes:
    """(X, Y, Z) int32 each: numbers of rays, as :func:`vote` counts them."""

    ended: Int32
    passed: Int32
    crossed: Int32

    @classmethod
    def none(cls, shape: tuple[int, ...]) -> Votes:
        """Of no ray yet."""
        return cls(*(np.zeros(shape, np.int32) for _ in range(3)))

    def by_piece(self, asked: Bool, semantics: UInt8 | None) -> PieceVotes:
        """Of the voxels ``asked``, (X, Y, Z) bool: by pieces of one class where ``semantics`` are given, else each its own."""
        ended, passed, crossed = self.ended[asked], self.passed[asked], self.crossed[asked] > 0
        numbers = np.arange(len(ended), dtype=np.int32)
        if semantics is not None:
            everywhere = np.empty(asked.shape, dtype=np.int32)
            number_pieces(asked, semantics, everywhere)
            numbers = everywhere[asked]
        return PieceVotes(
            numbers=numbers,
            ended=np.bincount(numbers, ended).astype(np.float64),
            passed=np.bincount(numbers, passed).astype(np.float64),
            crossed=np.bincount(numbers, crossed).astype(np.float64),
            size=np.bincount(numbers),
        )


@dataclass(frozen=True)
class PieceVotes:
    """Sums by piece."""

    numbers: Int32
    """(N,) int32: the piece of each voxel that was asked."""
    ended: NDArray[np.float64]
    """(P,) float64: rays, as the others."""
    passed: NDArray[np.float64]
    crossed: NDArray[np.float64]
    """(P,) float64: voxels that some ray crossed."""
    size: NDArray[np.int64]
    """(P,) int64: voxels."""

    def against(self, asked: Bool, votes: int, share: float, crossed_share: float) -> Bool:
        """(X, Y, Z) bool: voxels of pieces that at least so many rays passed, by share and number, and crossed widely."""
        many = (self.passed >= votes) & (self.passed >= share * (self.passed + self.ended))
        gone = np.zeros(asked.shape, dtype=np.bool_)
        gone[asked] = (many & (self.crossed >= crossed_share * self.size))[self.numbers]
        return gone
