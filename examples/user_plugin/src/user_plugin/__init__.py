"""Kernels for Hologram: what their ops are, and the pack that offers them."""

import numpy as np

from hologram_core import OpSpec
from hologram_dynamic import KernelPack


def hard_swish(x):
    """Return x min(max(x + 3, 0), 6) / 6."""
    return x * np.clip(x + 3, 0, 6) / 6


def soft_clip(x, limit):
    """Return x / (1 + |x| / limit), which never reaches -limit and limit."""
    return x / (1 + np.abs(x) / limit)


pack = KernelPack(
    __name__,
    ops=[
        OpSpec.make("hard_swish", "()->()", "x", "x min(max(x + 3, 0), 6) / 6.", reference=hard_swish),
        OpSpec.make("soft_clip", "(),scalar->()", "x limit", "x / (1 + |x| / limit).", reference=soft_clip),
    ],
)
