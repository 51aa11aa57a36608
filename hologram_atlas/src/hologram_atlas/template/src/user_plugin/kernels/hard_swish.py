"""Compiled when the wheel is built, never imported: docs/language.md of Hologram is what can stand here."""

from atlas_kernel import DeviceArray, f32, get_global_id, u32


def hard_swish(x: DeviceArray[f32], out: DeviceArray[f32], n: u32):
    """x min(max(x + 3, 0), 6) / 6."""
    i = get_global_id()
    if i < n:
        out[i] = x[i] * min(max(x[i] + 3.0, 0.0), 6.0) / 6.0
