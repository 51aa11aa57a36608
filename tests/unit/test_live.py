"""@kernel: kernels made of live functions, wherever they were typed."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest

import hologram_core as hg
from atlas_kernel import DeviceArray, f32, f64, get_global_id, i32, inline, kernel, sqrt, u32
from hologram_atlas.errors import CompileError

X = np.arange(6, dtype=np.float32)
OFFSET = 2.5


@inline
def shifted(v: f32) -> f32:
    return v + OFFSET


@kernel
def moved(x: DeviceArray[f32], out: DeviceArray[f32], n: u32):
    """Move every element."""
    i = get_global_id()
    if i < n:
        out[i] = shifted(x[i])


@kernel
def saxpy(alpha: f32, x: DeviceArray[f32], y: DeviceArray[f32], out: DeviceArray[f32], n: u32):
    i = get_global_id()
    if i < n:
        out[i] = alpha * x[i] + y[i]


def test_kernel_uses_helpers_and_constants_of_its_module() -> None:
    np.testing.assert_array_equal(moved(X), X + np.float32(2.5))


def test_call_takes_every_form() -> None:
    wanted = np.float32(2) * X + X
    out = np.empty_like(X)
    assert saxpy(2.0, X, X, out=out) is out
    for result in (
        out,
        saxpy(2.0, X, X),
        saxpy(2.0, X, X, np.empty_like(X)),
        saxpy(2.0, X, X, np.empty_like(X), X.size),
        saxpy(alpha=2.0, x=X, y=X),
        saxpy(2, X.tolist(), X, out=np.empty_like(X)),
        saxpy.function(2.0, X, X),
        saxpy.handle(2.0, X, X),
        saxpy.interpret(2.0, X, X),
    ):
        np.testing.assert_array_equal(result, wanted)


def test_smaller_size_leaves_the_rest_alone() -> None:
    out = np.full(6, 9, np.float32)
    saxpy(1.0, X, X, out, 2)
    assert out.tolist() == [0, 2, 9, 9, 9, 9]


def test_two_dimensions_broadcast_as_hg_ops_do() -> None:
    table = np.arange(12, dtype=np.float32).reshape(2, 6)
    np.testing.assert_array_equal(saxpy(1.0, table, X), table + X)


def test_kernel_says_what_it_is() -> None:
    assert moved.name == moved.__name__ == "moved"
    assert moved.ir.doc == "Move every element."
    assert "k0_items" in moved.source_c
    assert (moved.explain().proved, moved.explain().checked) == (2, 0)
    assert "1 proved" not in str(moved.explain())


def test_bad_arguments_show_the_usage() -> None:
    with pytest.raises(TypeError, match=r"saxpy\(alpha, x, y, out, n=len\(x\)\)"):
        saxpy(X)
    with pytest.raises(TypeError, match="expected float32"):
        saxpy(1.0, X, X.astype(np.float64))
    with pytest.raises(ValueError, match="'x' has 6 elements, 'y' has 3 elements"):
        saxpy(1.0, X, X[:3].copy())
    with pytest.raises(hg.KernelError, match="out of bounds"):
        saxpy(1.0, X, X, np.empty_like(X), 7)


def test_outputs_before_inputs_keep_their_order() -> None:
    @kernel
    def copied(out: DeviceArray[f32], x: DeviceArray[f32], n: u32):
        i = get_global_id()
        if i < n:
            out[i] = x[i]

    out = np.zeros_like(X)
    copied(out, X)
    np.testing.assert_array_equal(out, X)
    np.testing.assert_array_equal(copied(x=X), X)


def test_captured_numbers_are_part_of_the_kernel() -> None:
    def scaled_by(factor: float):
        @kernel
        def scaled(x: DeviceArray[f64], n: u32):
            i = get_global_id()
            if i < n:
                x[i] *= factor

        return scaled

    for factor in (2.0, np.float64(3.0)):
        x = np.ones(3)
        scaled_by(factor)(x)
        np.testing.assert_array_equal(x, [factor] * 3)
    assert scaled_by(2.0).source_c != scaled_by(3.0).source_c


def test_helper_of_the_enclosing_function_is_expanded() -> None:
    step = 4.0

    @inline
    def up(v: f32) -> f32:
        return v + step

    @kernel
    def raised(x: DeviceArray[f32], out: DeviceArray[f32], n: u32):
        i = get_global_id()
        if i < n:
            out[i] = up(x[i])

    np.testing.assert_array_equal(raised(X), X + np.float32(4))


TEXT = """
from atlas_kernel import *
SCALE = 3.0
@kernel
def tripled(x: DeviceArray[f32], out: DeviceArray[f32]):
    i = get_global_id()
    out[i] = SCALE * x[i]
"""


def test_text_given_to_exec_is_found() -> None:
    namespace: dict[str, object] = {}
    exec(TEXT, namespace)
    np.testing.assert_array_equal(namespace["tripled"](X), X * np.float32(3))  # type: ignore[operator]


def test_helper_of_another_cell_is_found() -> None:
    namespace: dict[str, object] = {}
    exec("from atlas_kernel import *\n@inline\ndef twice(v):\n    return v + v\n", namespace)
    cell = "@kernel\ndef doubled(x: DeviceArray[f32], out: DeviceArray[f32]):\n    i = get_global_id()\n    out[i] = twice(x[i])\n"
    exec(cell, namespace)
    np.testing.assert_array_equal(namespace["doubled"](X), X + X)  # type: ignore[operator]


@pytest.mark.parametrize("arguments", [["-c", TEXT + "print(tripled([1.0, 2.0]))"], ["-"]])
def test_program_on_the_command_line_and_on_stdin(arguments: list[str]) -> None:
    given = TEXT + "print(tripled([1.0, 2.0]))" if arguments == ["-"] else None
    done = subprocess.run([sys.executable, *arguments], input=given, capture_output=True, text=True, check=False)
    if arguments == ["-"]:  # Python keeps no text of what it reads from a pipe
        assert "the source of 'tripled' cannot be found" in done.stderr
    else:
        assert done.stdout == "[3. 6.]\n", done.stderr


def test_mistakes_are_found_where_the_function_is_defined() -> None:
    with pytest.raises(CompileError, match="unknown function 'foo'"):

        @kernel
        def bad(x: DeviceArray[f32]):
            x[0] = foo(1.0)  # noqa: F821


def test_mistake_in_shapes_is_one_error() -> None:
    with pytest.raises(CompileError, match="shapes: signature .*, column 6: expected '->'") as caught:

        @kernel(shapes="(n,n)")
        def bad(x: DeviceArray[f32], n: u32):
            x[0, 0] = 1.0

    assert caught.value.__suppress_context__


def test_kernel_takes_functions_only() -> None:
    with pytest.raises(CompileError, match="takes a function, got int"):
        kernel(1)  # type: ignore[call-overload]


def test_functions_of_the_language_work_in_kernels_only() -> None:
    with pytest.raises(TypeError, match=r"sqrt\(\) works inside a kernel only"):
        sqrt(2.0)


def test_registered_kernel_is_an_op_at_user_priority() -> None:
    runtime = hg.Runtime()

    @kernel
    def test_live_square(x: DeviceArray[i32], out: DeviceArray[i32], n: u32):
        i = get_global_id()
        if i < n:
            out[i] = x[i] * x[i]

    test_live_square.register(runtime)
    x = np.arange(4, dtype=np.int32)
    np.testing.assert_array_equal(runtime.ops.test_live_square(x), x * x)
    winner = runtime.explain("test_live_square", "i32", 4).winner
    assert winner is not None
    assert (winner.provider, winner.tier) == ("hologram-dynamic", "user")


def test_kernel_with_the_name_of_an_op_joins_its_ranking() -> None:
    runtime = hg.Runtime()

    @kernel
    def relu(x: DeviceArray[f32], out: DeviceArray[f32], n: u32):
        i = get_global_id()
        if i < n:
            out[i] = max(x[i], 0.0)

    relu.register(runtime)
    assert runtime.get_kernel("relu", "f32", 100).provider == "hologram-stdlib"
    assert runtime.get_kernel("relu", "f32", 5000).provider == "hologram-dynamic"
    runtime.set_priority("hologram-dynamic", 400)
    assert runtime.get_kernel("relu", "f32", 100).provider == "hologram-dynamic"


@kernel(shapes="(m,k),(k,n)->(m,n)")
def product(a: DeviceArray[f64], b: DeviceArray[f64], out: DeviceArray[f64], m: u32, n: u32, k: u32):
    idx = get_global_id()
    row = idx // n
    col = idx % n
    if row < m and col < n:
        total = 0.0
        for p in range(k):
            total += a[row, p] * b[p, col]
        out[row, col] = total


def test_shapes_fill_in_sizes_and_allocate() -> None:
    rng = np.random.default_rng(0)
    a, b = rng.random((70, 5)), rng.random((5, 90))  # wide enough for a block of lanes
    np.testing.assert_allclose(product(a, b), a @ b, rtol=1e-14)
    np.testing.assert_allclose(product.interpret(a[:3], b), a[:3] @ b, rtol=1e-14)
    stack = rng.random((4, 3, 5))
    np.testing.assert_allclose(product(stack, b), stack @ b, rtol=1e-14)
    with pytest.raises(ValueError, match="k"):
        product(a, b.T.copy())
