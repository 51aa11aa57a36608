"""Does the catalogue have every standard op, each with a reference that fits its signature?"""

import inspect

import numpy as np
import pytest

from hologram_core import OpSpec, Signature
from hologram_core.catalogue import ROWS, STANDARD, advice

UNARY = "vector_neg vector_abs relu sigmoid tanh gelu gelu_tanh silu exp log sqrt rsqrt sin cos erf copy"
PROMISED = {
    **dict.fromkeys(
        "vector_add vector_sub vector_mul vector_div vector_min vector_max vector_pow".split(), "(),()->()"
    ),
    **dict.fromkeys(UNARY.split(), "()->()"),
    **dict.fromkeys("scalar_add scalar_mul".split(), "(),scalar->()"),
    "clip": "(),scalar,scalar->()",
    "axpy": "scalar,(),()->()",
    "vector_fma": "(),(),()->()",
    **dict.fromkeys("reduce_sum reduce_min reduce_max reduce_prod".split(), "(...)->()"),
    **dict.fromkeys("vector_dot mse binary_cross_entropy".split(), "(...),(...)->()"),
    **dict.fromkeys("softmax log_softmax".split(), "(n)->(n)"),
    "layer_norm": "(n),(n),(n),scalar->(n)",
    "rms_norm": "(n),(n),scalar->(n)",
    "gemv": "(m,n),(n)->(m)",
    "gemm": "(m,k),(k,n)->(m,n)",
    "gemv_f32": "(m,n):f32,(n):f32->(m):f32",
    "gemm_f32": "(m,k):f32,(k,n):f32->(m,n):f32",
    "cross_entropy": "(n),(n)->()",
    "fill": "scalar->()",
}
SIZES = {"n": 4, "m": 3, "k": 2}


def test_catalogue_has_the_promised_ops_and_signatures():
    assert {row.name: str(row.signature) for row in ROWS} == PROMISED
    assert len(STANDARD) == len(ROWS)


def _shape(signature, param):
    if param.kind == "whole":
        return (2, 3)
    return (5,) if signature.elementwise else tuple(SIZES[dim] for dim in param.core)


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
def test_reference_runs_and_fits_the_signature(row):
    rng = np.random.default_rng(0)
    inputs = [
        0.5 if param.kind == "scalar" else rng.uniform(0.1, 0.9, _shape(row.signature, param))
        for param in row.signature.inputs
    ]
    result = np.asarray(row.reference(*inputs))
    (output,) = row.signature.outputs
    expected = () if row.name == "fill" else _shape(row.signature, output)
    assert result.shape == expected
    assert result.dtype == np.float64
    assert np.all(np.isfinite(result))


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
def test_row_documents_its_op(shared_runtime, row):
    op = shared_runtime.ops[row.name]
    assert row.doc
    assert "\n" not in row.doc
    assert row.doc in op.__doc__
    assert str(row.signature) in op.__doc__
    assert row.usage == f"{row.name}{inspect.signature(op)}"
    assert list(inspect.signature(op).parameters) == [*row.parameters, "out"]


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
def test_row_says_what_it_computes_by_which_reference_and_how_well(row):
    assert row.doc
    assert callable(row.reference)
    assert row.accuracy.endswith(".")
    assert row.accuracy in row.docstring


@pytest.mark.parametrize(
    ("name", "usage"),
    [
        ("softmax", "softmax(x, out=None)"),
        ("layer_norm", "layer_norm(x, weight, bias, eps=1e-05, out=None)"),
        ("axpy", "axpy(alpha, x, y, out=None)"),
    ],
)
def test_usage_shows_names_and_defaults(name, usage):
    assert STANDARD[name].usage == usage


def test_form_for_one_dtype_is_served_by_the_kernels_of_the_general_op():
    row = STANDARD["gemm_f32"]
    assert (row.kernel_op, row.dtype) == ("gemm", "f32")
    assert row.kernel_signature == STANDARD["gemm"].signature


def test_spec_of_an_op_without_outputs_takes_no_out():
    spec = OpSpec.make("accumulate", "inout(),()->", "total x", "total += x")
    assert spec.usage == "accumulate(total, x)"
    assert spec.output_names == ()


def test_several_outputs_are_named_by_position():
    assert OpSpec.make("both", "()->(),()", "x", "").output_names == ("out[0]", "out[1]")


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"parameters": ("x",)}, "op 'f': 1 names for the 2 inputs of (),()->()"),
        ({"defaults": {"eps": 1.0}}, "op 'f': defaults for unknown parameters: eps"),
        ({"parameters": ("x", "x")}, "op 'f'"),
        ({"parameters": ("x", "2y")}, "op 'f'"),
        ({"parameters": ("x", "out")}, "op 'f'"),
        ({"defaults": {"a": 1.0}}, "op 'f'"),
        ({"name": ""}, "op ''"),
    ],
    ids=repr,
)
def test_contradictory_spec_is_refused(fields, message):
    row = {"name": "f", "signature": Signature.parse("(),()->()"), "parameters": ("a", "b"), "doc": ""}
    with pytest.raises(ValueError) as caught:  # noqa: PT011
        OpSpec(**{**row, **fields})
    assert message in str(caught.value)


@pytest.mark.parametrize(
    ("dtype", "n", "installed", "names"),
    [
        ("f32", 3072, set(), ["hologram-stdlib", "hologram-sigmatics"]),
        ("f32", 3073, set(), ["hologram-sigmatics"]),
        ("f64", 8, set(), ["hologram-sigmatics"]),
        ("f32", 8, {"hologram-stdlib"}, ["hologram-sigmatics"]),
        ("f32", 8, {"hologram-stdlib", "hologram-sigmatics"}, []),
    ],
)
def test_advice_names_what_would_serve_and_is_missing(dtype, n, installed, names):
    assert [line.split()[2] for line in advice("relu", dtype, n, installed)] == names


def test_no_advice_for_ops_of_strangers():
    assert advice("my.op", "f32", 8, set()) == []
