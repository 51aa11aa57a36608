"""Is any damaged manifest either refused with LibraryError or read as something that its rows allow?"""

import json

from hypothesis import given
from hypothesis import strategies as st
from support import loadable

import hologram_core as hg
from hologram_core.library import Library
from hologram_dynamic.manifest import describe

VALUES = st.one_of(
    st.none(), st.booleans(), st.integers(-3, 3), st.floats(), st.sampled_from(["", "x", "in", "out", "f64", "array"]),
    st.just([]), st.just({}), st.lists(st.integers(0, 2), max_size=2), st.just([["input", 0]]), st.just({"name": 3}),
)  # fmt: skip
ROWS = [
    hg.Kernel.native("custom_operation", "()->()", "f32", {"baseline": 1}),
    hg.Kernel.native("custom_operation!direct", "(a),scalar:u32,scalar:i64->(b)", "f32", {"baseline": 1}),
]


def _places(value, path=()):
    """The path of everything in a JSON value."""
    yield path
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, item in items:
        yield from _places(item, (*path, key))


def _replaced(data, path, value):
    """The JSON with another value in one place; as it was where an earlier change has taken the place away."""
    if not path:
        return value
    first, *rest = path
    if isinstance(data, dict) and first in data:
        return {**data, first: _replaced(data[first], rest, value)}
    if isinstance(data, list) and isinstance(first, int) and first < len(data):
        return [*data[:first], _replaced(data[first], rest, value), *data[first + 1 :]]
    return data


PATHS = list(_places(loadable.manifest()))


@given(st.lists(st.tuples(st.sampled_from(PATHS), VALUES), min_size=1, max_size=3))
def test_damaged_manifest_is_refused_or_fits_its_rows(damages):
    about = loadable.manifest()
    for path, value in damages:
        about = _replaced(about, path, value)
    try:
        manifest = describe(Library("tests", "", json.dumps(about), ROWS))
    except hg.LibraryError as error:
        assert str(error)
        return
    for kernel in manifest.kernels:
        arrays = [param for param in kernel.params if param.is_array]
        row = kernel.rows[0]
        assert len(arrays) == sum(param.kind != "scalar" for param in row.signature.params)
        assert all(array in {param.name for param in arrays} for param in kernel.params for array, _ in param.places)
