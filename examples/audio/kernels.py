"""A cascade of biquads and a meter behind it, as one kernel that goes on where it stopped."""

from atlas_kernel import DeviceArray, f32, f64, kernel, u32


@kernel(shapes="(n),(sections,6),(sections,2),(1)->(n)")
def meter(
    x: DeviceArray[f32],
    sos: DeviceArray[f64],
    state: DeviceArray[f64],
    power: DeviceArray[f64],
    share: f64,
    out: DeviceArray[f32],
    n: u32,
    sections: u32,
):
    """A block through sections b0 b1 b2 1 a1 a2; power becomes the mean square, to which a sample adds its share."""
    mean = power[0]
    for i in range(n):
        y = f64(x[i])
        for s in range(sections):
            v = y
            y = sos[s, 0] * v + state[s, 0]
            state[s, 0] = sos[s, 1] * v - sos[s, 4] * y + state[s, 1]
            state[s, 1] = sos[s, 2] * v - sos[s, 5] * y
        out[i] = y
        mean += share * (y * y - mean)
    power[0] = mean
