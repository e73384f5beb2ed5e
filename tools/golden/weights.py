"""Weights that are made from a name and a shape, so that goldens need not store them."""
import numpy as np


def unit(name, shape):
    """Numbers in [-1, 1): a hash of the name (FNV-1a) and the index, in double precision, flat.

    As hashed_unit in tests/unit/hashed.h."""
    seed = 2166136261
    for c in name.encode():
        seed = (seed ^ c) * 16777619 % 2**32
    x = (np.arange(int(np.prod(shape)), dtype=np.uint64) * 2654435761 + seed) % 2**32
    for shift, factor in ((16, 0x85EBCA6B), (13, 0xC2B2AE35)):
        x = (x ^ (x >> np.uint64(shift))) * np.uint64(factor) % 2**32
    return (x ^ (x >> np.uint64(16))).astype(np.float64) / 2.0**31 - 1.0
