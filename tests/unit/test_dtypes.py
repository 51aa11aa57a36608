"""Is there one dtype table, which NumPy, Python and the native call path agree on?"""

import numpy as np
import pytest

import hologram_core as hg
from hologram_core import dtypes

NUMPY_NAMES = {
    "f16": "float16",
    "f32": "float32",
    "f64": "float64",
    **{f"i{8 * size}": f"int{8 * size}" for size in (1, 2, 4, 8)},
    **{f"u{8 * size}": f"uint{8 * size}" for size in (1, 2, 4, 8)},
    "bool": "bool",
}


def test_table_has_the_dtypes_that_are_promised():
    assert set(dtypes.NAMES) == set(NUMPY_NAMES)


@pytest.mark.parametrize("row", dtypes.TABLE, ids=lambda row: row.name)
def test_row_agrees_with_numpy(row):
    assert row.numpy == np.dtype(NUMPY_NAMES[row.name])
    assert row.itemsize == row.numpy.itemsize
    assert row.numpy.isnative


@pytest.mark.parametrize("row", dtypes.TABLE, ids=lambda row: row.name)
def test_every_spelling_finds_the_row(row):
    spellings = [row, row.name, row.numpy, row.numpy.type, row.numpy.name, row.numpy.newbyteorder()]
    assert [dtypes.name(spelling) for spelling in spellings] == [row.name] * len(spellings)


def test_holograms_names_win_over_numpys_codes():
    assert dtypes.find("i8").numpy == np.int8
    assert dtypes.find("f16").numpy == np.float16


def test_python_types_are_numpys():
    assert [dtypes.name(kind) for kind in (float, bool)] == ["f64", "bool"]


@pytest.mark.parametrize(
    "junk",
    ["f33", "", "complex64", "S4", "O", "datetime64[s]", np.complex128, object, str, 5, b"x", (), [("a", "f4")], "(",
     {"names": ["a"], "formats": ["f4", "f4"]}, "i4, (1,2", "T", np.dtype("V8"), object()],
    ids=repr,
)  # fmt: skip
def test_anything_else_is_a_type_error(junk):
    with pytest.raises(TypeError, match="is not a dtype of Hologram; those are f32, f64"):
        dtypes.find(junk)


@pytest.mark.parametrize("index", range(len(dtypes.TABLE)))
def test_native_index_is_the_position_in_the_table(runtime, index):
    row = dtypes.TABLE[index]
    x = np.ones(3, row.numpy)
    runtime.ops.copy(x)
    ((filled, _, _, kernel),) = runtime.ops.copy.__self__.slots()
    assert (filled, kernel.dtype, dtypes.index(row.name)) == (index, row.name, index)


@pytest.mark.parametrize("row", dtypes.TABLE, ids=lambda row: row.name)
def test_every_dtype_can_be_called(shared_runtime, row):
    x = np.arange(5).astype(row.numpy)
    copied = shared_runtime.ops.copy(x)
    assert copied.dtype == row.numpy
    assert np.array_equal(copied, x)


def test_signature_may_state_any_dtype():
    for name in dtypes.NAMES:
        assert hg.Signature.parse(f"()->():{name}").outputs[0].dtype == name
