"""From a file to a call: every path of the seed's kernels, what is proved, and what happens out of bounds."""

from __future__ import annotations

import ast
import json
import re
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pytest

import hologram_core as hg
from hologram_atlas import build_libraries, compile_file, compile_text
from hologram_atlas.compiler import lower, read, render, to_json
from hologram_atlas.errors import CompileError
from hologram_atlas.parse import parse_source
from hologram_atlas.schema import from_json
from hologram_atlas.toolchain import find_compiler
from hologram_core.settings import Settings
from hologram_core.testing.memory import Arena
from hologram_dynamic import KernelLoader, execute_kernel

KERNELS = Path(__file__).parents[1] / "kernels"
SEEDS = {"custom_op": lambda x: x * np.float32(2), "custom_square": lambda x: x * x}
X = np.linspace(-3, 3, 50, dtype=np.float32)


@pytest.fixture(params=SEEDS)
def seed(request: pytest.FixtureRequest) -> str:
    return str(request.param)


# ---- the seed's kernels --------------------------------------------------------------------------


def check_library(folder: Path, stem: str) -> None:
    """Load a folder and call the kernel in every way."""
    wanted = SEEDS[stem](X)
    runtime = hg.Runtime()
    loader = KernelLoader(runtime)
    loader.load_from_directory(folder)
    for name in (stem, "custom_operation"):
        handle = loader.get_kernel(name)
        y = np.empty_like(X)
        execute_kernel(handle, [X, y, X.size])
        np.testing.assert_array_equal(y, wanted)
    np.testing.assert_array_equal(runtime.ops.custom_operation(X, out=np.empty_like(X)), wanted)
    assert runtime.get_kernel("custom_operation", "f32", 50).tier == "user"


def test_seed_goes_through_the_library_of_its_source(seed: str, tmp_path: Path) -> None:
    report = build_libraries([KERNELS / f"{seed}.py"], tmp_path)
    assert not report.errors
    check_library(tmp_path, seed)


def test_seed_goes_through_json(seed: str, tmp_path: Path) -> None:
    output = tmp_path / f"{seed}.json"
    command = [sys.executable, "-m", "atlas_compile", str(KERNELS / f"{seed}.py"), "-o", str(output), "-v"]
    said = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    assert "custom_operation(input: DeviceArray[f32], output: DeviceArray[f32], n: u32) (line 3)" in said
    assert json.loads(output.read_text())["version"] == "1.0"
    assert not build_libraries([output], tmp_path / "libs").errors
    check_library(tmp_path / "libs", seed)


def test_seed_goes_through_compile_file(seed: str) -> None:
    (handle,) = compile_file(KERNELS / f"{seed}.py")
    np.testing.assert_array_equal(handle(X), SEEDS[seed](X))


def test_seed_is_the_kernel_of_a_decorated_function() -> None:
    from atlas_kernel import DeviceArray, f32, get_global_id, kernel, u32

    @kernel
    def custom_operation(input: DeviceArray[f32], output: DeviceArray[f32], n: u32):
        idx = get_global_id()
        if idx < n:
            output[idx] = input[idx] ** 2.0

    np.testing.assert_array_equal(custom_operation(X), X * X)
    np.testing.assert_array_equal(custom_operation.interpret(X), X * X)


HAND_WRITTEN = {
    "version": "1.0",
    "kernel": {
        "name": "scaled",
        "params": [
            {"name": "x", "type": {"kind": "device_array", "element_type": {"kind": "scalar", "type": "f32"}}},
            {"name": "out", "type": {"kind": "device_array", "element_type": {"kind": "scalar", "type": "f32"}}},
            {"name": "n", "type": {"kind": "scalar", "type": "u32"}},
        ],
        "body": [
            {"type": "let", "name": "idx", "value": {"type": "call", "function": "get_global_id", "args": []}},
            {
                "type": "if",
                "condition": {
                    "type": "binary_op",
                    "op": "lt",
                    "left": {"type": "var", "name": "idx"},
                    "right": {"type": "var", "name": "n"},
                },
                "then_body": [
                    {
                        "type": "assign",
                        "target": {
                            "type": "index",
                            "array": {"type": "var", "name": "out"},
                            "index": {"type": "var", "name": "idx"},
                        },
                        "value": {
                            "type": "binary_op",
                            "op": "mul",
                            "left": {
                                "type": "index",
                                "array": {"type": "var", "name": "x"},
                                "index": {"type": "var", "name": "idx"},
                            },
                            "right": {"type": "literal", "value": 3.0},
                        },
                    }
                ],
                "else_body": None,
            },
            {"type": "return", "value": None},
        ],
    },
}


def test_json_written_by_hand_loads_and_runs(tmp_path: Path) -> None:
    file = tmp_path / "scaled.json"
    file.write_text(json.dumps(HAND_WRITTEN))
    (handle,) = compile_file(file)
    np.testing.assert_array_equal(handle(X), X * np.float32(3))


def test_kernels_survive_json() -> None:
    for path in KERNELS.glob("*.py"):
        kernels = read(path)
        back = from_json(to_json(kernels))
        assert [(k.name, k.params, k.body) for k in back] == [(k.name, k.params, k.body) for k in kernels]


def test_json_replaces_no_source_and_is_no_library(tmp_path: Path) -> None:
    file = tmp_path / "scaled.json"
    file.write_text(json.dumps(HAND_WRITTEN))
    before = file.read_text()
    for output, status, message in (
        (file, 1, "the output would replace the input"),
        (tmp_path / "scaled.so", 2, "would hold JSON; for a library or C use: hologram build"),
    ):
        command = [sys.executable, "-m", "atlas_compile", str(file), "-o", str(output)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert done.returncode == status
        assert message in done.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["scaled.json"]
    assert file.read_text() == before


# ---- what is proved ------------------------------------------------------------------------------


def test_seed_has_no_check_in_its_loop(seed: str) -> None:
    (kernel,) = read(KERNELS / f"{seed}.py")
    lowered = lower(kernel)
    assert (lowered.certificate.proved, lowered.certificate.checked) == (2, 0)
    assert "line 7: load input[idx]: proved: end <= len(input)" in str(lowered.certificate)
    fast = re.search(r"k0_items\(.*?\n}\n", render(seed, [lowered]), re.DOTALL)
    assert fast is not None
    assert "out_of_bounds" not in fast[0]
    loops = re.findall(r"for \(.*?\n    }\n", fast[0], re.DOTALL)
    assert loops
    assert not any("if (" in loop for loop in loops)


@pytest.mark.skipif(len(Settings().levels) < 2, reason="this looks for vector instructions of AVX2")
def test_loop_of_the_seed_is_one_vector_loop(seed: str) -> None:
    (kernel,) = read(KERNELS / f"{seed}.py")
    text = find_compiler().assembly(render(seed, [lower(kernel)]), "avx2")
    loops = re.findall(r"(\.L\w+):\n((?:\t.*\n)+?)\tj\w+\t\1\n", text)  # to a label right before them
    vector = [body for _, body in loops if re.search(r"v(mul|add)ps\t%ymm", body)]
    assert vector
    for body in vector:
        assert not re.search(r"\t(j\w+|call)\t", body)


@pytest.mark.skipif(len(Settings().levels) < 2, reason="this looks for vector instructions of AVX2")
@pytest.mark.parametrize(
    ("result", "instruction"),
    [("u8(min(max(x[i], 0.0), 1.0) * 255.0 + 0.5)", "vcvttps2dq"), ("u8(x[i] ** gamma)", "vfn?m(add|sub)\\w+ps")],
)
def test_conversions_and_powers_are_vectorised(result: str, instruction: str) -> None:
    source = f"""
def f(x: DeviceArray[f32], gamma: f32, out: DeviceArray[u8], n: u32):
    i = get_global_id()
    if i < n:
        out[i] = {result}
"""
    (kernel,) = parse_source(source)
    text = find_compiler().assembly(render("f", [lower(kernel)]), "avx2")
    assert re.search(rf"\t{instruction}\t.*%ymm", text)


SINES = """
def f(x: DeviceArray[{kind}], y: DeviceArray[{kind}], out: DeviceArray[{kind}], n: u32):
    i = get_global_id()
    if i < n:
        out[i] = sin(x[i]) + cos(y[i])
"""


@pytest.mark.parametrize("kind", ["f32", "f64"])
def test_sines_are_vectorised(kind: str) -> None:
    (kernel,) = parse_source(SINES.format(kind=kind))
    text = find_compiler().assembly(render("f", [lower(kernel)]), "avx2")
    assert re.search(r"\tvfn?m(add|sub)\w+p[sd]\t.*%ymm", text)


@pytest.mark.parametrize("in_place", [False, True])
@pytest.mark.parametrize("kind", ["f32", "f64"])
def test_sines_of_large_numbers_are_right_beside_small_ones(kind: str, in_place: bool) -> None:
    (handle,) = compile_text(SINES.format(kind=kind))
    x, y = np.random.default_rng(0).uniform(-100, 100, (2, 2000)).astype(hg.dtypes.find(kind).numpy)
    x[[3, 700, 1999]] = 1e7, 1e30, np.inf  # in three of four stretches
    y[[5, 700, 1998]] = -1e30, np.nan, 1e7
    with np.errstate(invalid="ignore"):
        expected = np.sin(x.astype(np.float64)) + np.cos(y.astype(np.float64))
    out = x if in_place else np.empty_like(x)
    handle(x, y, out, x.size)
    np.testing.assert_allclose(out, expected, rtol=0, atol=4 * float(np.finfo(out.dtype).eps))


def test_certificate_says_what_is_checked() -> None:
    source = """
def f(x: DeviceArray[f32], index: DeviceArray[i32], out: DeviceArray[f32], n: u32):
    i = get_global_id()
    if i < n:
        out[i] = x[index[i]]
"""
    (handle,) = compile_text(source)
    assert handle.kernel.raw["certificate"]["proved"] == 2
    assert handle.kernel.raw["certificate"]["checked"] == 1
    assert "line 5: load x[index[i]]: checked: index[i] has no bound from below or above" in str(
        handle.kernel.raw["certificate"]["accesses"]
    )


# ---- out of bounds -------------------------------------------------------------------------------

OUTSIDE = """
def f(x: DeviceArray[f32], index: DeviceArray[i64], out: DeviceArray[f32], n: u32):
    i = get_global_id()
    if i < n:
        out[index[i]] = x[i]
"""


@pytest.mark.parametrize("side", ["start", "end"])
@pytest.mark.parametrize("bad", [5, -1, 2**40, -(2**62)])
def test_store_out_of_bounds_is_an_error_and_touches_nothing(bad: int, side: Literal["start", "end"]) -> None:
    (handle,) = compile_text(OUTSIDE)
    memory = Arena(20)
    out = memory.place(np.zeros(5, np.float32), side)
    x = np.ones(3, np.float32)
    message = rf"f\(\): out\[{bad}\] is out of bounds: out has 5 elements \(work item 2, line 5\)"
    with pytest.raises(hg.KernelError, match=message):
        handle(x, np.array([1, 2, bad]), out, 3)
    assert memory.find_stray() == ""
    np.testing.assert_array_equal(out, [0, 1, 1, 0, 0])


def test_too_large_a_size_is_an_error(seed: str) -> None:
    (handle,) = compile_file(KERNELS / f"{seed}.py")
    memory = Arena(40)
    x = memory.place(np.ones(10, np.float32), "end")
    with pytest.raises(
        hg.KernelError, match=r"input\[10\] is out of bounds: input has 10 elements \(work item 10, line 7\)"
    ):
        handle(x, np.empty(20, np.float32), 20)
    assert memory.find_stray() == ""


def test_sizes_that_wrap_around_are_no_way_out() -> None:
    source = """
def f(x: DeviceArray[f32], stride: u64, n: u32):
    i = get_global_id()
    if i < n:
        x[i * stride] = 1.0
"""
    (handle,) = compile_text(source)
    memory = Arena(16)
    x = memory.place(np.zeros(4, np.float32), "end")
    with pytest.raises(hg.KernelError, match=r"x\[4611686018427387904\] is out of bounds"):
        handle(x, 2**62, 4)
    assert memory.find_stray() == ""


def test_index_of_a_shaped_array_is_checked_on_each_axis() -> None:
    source = """
@kernel(shapes="(m,n)")
def f(x: DeviceArray[f32], r: i32, c: i32):
    x[r, c] = 1.0
"""
    with pytest.raises(CompileError, match="shapes"):
        compile_text(source)
    (handle,) = compile_text(source.replace('"(m,n)"', '"->(m,n)"'))
    x = np.zeros((3, 4), np.float32)
    handle(x, 2, 3)
    assert x[2, 3] == 1
    with pytest.raises(hg.KernelError, match=r"x\[0, 4\] is out of bounds: x has shape \(3, 4\)"):
        handle(x, 0, 4)


def test_unchecked_is_recorded() -> None:
    (handle,) = compile_file(KERNELS / "custom_op.py", unchecked=True)
    assert handle.library is not None
    assert handle.library.manifest.unchecked
    assert "out_of_bounds(call" not in render(
        "a", [lower(kernel, unchecked=True) for kernel in read(KERNELS / "custom_op.py")]
    )


# ---- extent, asserts, alias ----------------------------------------------------------------------


def test_extent_is_given_where_nothing_tells_it() -> None:
    source = "def f(x: DeviceArray[i32]):\n    x[get_global_id() * 2] = get_global_id()\n"
    (handle,) = compile_text(source)
    x = np.zeros(6, np.int32)
    handle(x, extent=3)
    assert x.tolist() == [0, 0, 1, 0, 2, 0]
    with pytest.raises(TypeError, match="extent"):
        handle(x)


def test_arrays_of_different_lengths_need_an_extent() -> None:
    source = "def f(x: DeviceArray[i32], y: DeviceArray[i32]):\n    i = get_global_id()\n    y[i] = x[i]\n"
    (handle,) = compile_text(source)
    with pytest.raises(ValueError, match="shape"):
        handle(np.zeros(3, np.int32), np.zeros(4, np.int32))
    handle(np.ones(3, np.int32), y := np.zeros(4, np.int32), extent=2)
    assert y.tolist() == [1, 1, 0, 0]


def test_failed_assert_names_the_work_item() -> None:
    source = 'def f(x: DeviceArray[i32]):\n    i = get_global_id()\n    assert x[i] > 0, "positive"\n    x[i] = 5\n'
    (handle,) = compile_text(source)
    with pytest.raises(hg.KernelError, match=r"assertion failed: positive \(work item 1, line 3\)"):
        handle(np.array([1, 0, 1], np.int32))


def test_step_of_zero_is_an_error() -> None:
    source = "def f(x: DeviceArray[i32], s: i32):\n    for i in range(0, 3, s):\n        x[0] += 1\n"
    (handle,) = compile_text(source)
    with pytest.raises(hg.KernelError, match=r"range\(\) with a step of 0 \(work item 0, line 2\)"):
        handle(np.zeros(1, np.int32), 0)


def test_output_may_be_the_input(seed: str) -> None:
    (handle,) = compile_file(KERNELS / f"{seed}.py")
    x = X.copy()
    handle(x, out=x)
    np.testing.assert_array_equal(x, SEEDS[seed](X))


def test_output_that_is_not_written_everywhere_keeps_what_it_had() -> None:
    source = """
def f(x: DeviceArray[f32], out: DeviceArray[f32], n: u32):
    i = get_global_id()
    if i < n:
        if x[i] > 0:
            out[i] = x[i]
"""
    (handle,) = compile_text(source)
    out = np.full(3, 7, np.float32)
    handle(np.array([1, -1, 2], np.float32), out=out)
    assert out.tolist() == [1, 7, 2]
    with pytest.raises(TypeError, match="misses argument 'out'"):
        handle(np.ones(3, np.float32))


def test_large_calls_on_threads_give_the_same(tmp_path: Path) -> None:
    x = np.random.default_rng(0).standard_normal(2_000_000).astype(np.float32)
    (handle,) = compile_file(KERNELS / "custom_square.py")
    single = type(handle)(handle.kernel, library=handle.library, settings=hg.Runtime(threads=1).settings)
    many = type(handle)(handle.kernel, library=handle.library, settings=hg.Runtime(threads=8).settings)
    np.testing.assert_array_equal(single(x), many(x))


def test_texts_are_parsed_one_after_the_other(monkeypatch: pytest.MonkeyPatch) -> None:
    running: list[int] = []
    most: list[int] = []
    parse = ast.parse

    def slow(*args: Any, **named: Any) -> Any:
        running.append(1)
        most.append(len(running))
        time.sleep(0.01)
        running.pop()
        return parse(*args, **named)

    monkeypatch.setattr(ast, "parse", slow)
    with ThreadPoolExecutor(4) as pool:
        assert len(list(pool.map(parse_source, [OUTSIDE] * 8))) == 8
    assert set(most) == {1}
