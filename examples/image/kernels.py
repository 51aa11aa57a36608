"""Two kernels that develop a photo of three planes: all that is done to a pixel by itself, and a 3x3 stencil."""

from atlas_kernel import DeviceArray, f32, get_global_id, i64, inline, kernel, u8, u32


@kernel(shapes="(3,n),(256)->(3,n)")
def develop(photo: DeviceArray[u8], curve: DeviceArray[f32], saturation: f32, out: DeviceArray[f32], n: u32):
    """Levels by a curve, then saturation: all the passes over a photo in one. No level is outside the curve."""
    i = get_global_id()
    if i < n:
        red = curve[photo[0, i]]
        green = curve[photo[1, i]]
        blue = curve[photo[2, i]]
        grey = 0.2126 * red + 0.7152 * green + 0.0722 * blue
        out[0, i] = grey + saturation * (red - grey)
        out[1, i] = grey + saturation * (green - grey)
        out[2, i] = grey + saturation * (blue - grey)


@inline
def weighted(
    x: DeviceArray[f32], weights: DeviceArray[f32], up: i64, row: i64, down: i64, left: i64, col: i64, right: i64
) -> f32:
    return (
        weights[0, 0] * x[up, left]
        + weights[0, 1] * x[up, col]
        + weights[0, 2] * x[up, right]
        + weights[1, 0] * x[row, left]
        + weights[1, 1] * x[row, col]
        + weights[1, 2] * x[row, right]
        + weights[2, 0] * x[down, left]
        + weights[2, 1] * x[down, col]
        + weights[2, 2] * x[down, right]
    )


@inline
def level(value: f32) -> u8:
    return u8(min(max(value, 0.0), 1.0) * 255.0 + 0.5)


@kernel(shapes="(h,w),(3,3)->(h,w)")
def stencil(x: DeviceArray[f32], weights: DeviceArray[f32], out: DeviceArray[u8], h: u32, w: u32):
    """A plane through 3x3 weights, as levels of a screen; beyond its edge it goes on as it ends."""
    row = get_global_id()
    if row < h:
        up = max(row - 1, 0)
        down = min(row + 1, h - 1)
        out[row, 0] = level(weighted(x, weights, up, row, down, 0, 0, min(1, w - 1)))
        for col in range(1, w - 1):
            out[row, col] = level(weighted(x, weights, up, row, down, col - 1, col, col + 1))
        out[row, w - 1] = level(weighted(x, weights, up, row, down, max(w - 2, 0), w - 1, w - 1))
