"""Does the bench time what it says, fairly, with whoever computes the op, and does its picture show that?"""

import json
import sys
import types
from itertools import pairwise

import numpy as np
import pytest
from support.providers import DeclaringProvider, python_kernel, runtime_of

import hologram_core as hg
from hologram_core import bench, peers, plot, timing
from hologram_core.bench import measure
from hologram_core.catalogue import STANDARD
from hologram_core.timing import Contestant, take_turns

INLINE = hg.Runtime(providers=["hologram-stdlib"])
QUICK = {"rounds": 2, "seconds": 0.0}


def _adder(function, **fields):
    return DeclaringProvider([python_kernel(function, "vector_add", "(),()->()", "f32", **fields)])


# ---- timing ------------------------------------------------------------------------------------------------------


def test_contestants_take_turns():
    seen = []
    contestants = {name: Contestant("note(name)", {"note": seen.append, "name": name}) for name in "ab"}
    turns = take_turns(contestants, rounds=3, seconds=0.0, singles=5)
    assert {name: (len(turn.loops), len(turn.singles)) for name, turn in turns.items()} == {"a": (3, 15), "b": (3, 15)}
    changes = sum(one != other for one, other in zip(seen[-126:], seen[-125:], strict=False))
    assert seen[-126:].count("a") == 63
    assert changes == 5


def test_time_is_that_of_one_run_of_the_line():
    ticks = iter(range(0, 10**9, 100))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(timing.time, "perf_counter_ns", lambda: next(ticks))
        turns = take_turns({"a": Contestant("pass", {})}, rounds=1, seconds=0.0, singles=10)
    assert turns["a"].loops == [100 / timing.UNROLL]
    assert turns["a"].singles == [0.0] * 10  # what is left when the clock's own time is taken off


def test_line_of_several_statements_is_repeated_less_often():
    assert Contestant("a", {}).unroll == 16
    assert Contestant("a; b; c; d", {}).unroll == 4
    assert Contestant("; ".join("a" * 40), {}).unroll == 1


def test_contestant_that_computes_something_else_is_refused():
    out = np.zeros(3)
    with pytest.raises(AssertionError, match="b is wrong"):
        take_turns({"b": Contestant("pass", {}, out)}, rounds=1, seconds=0.0, expected=np.ones(3))


# ---- measuring ---------------------------------------------------------------------------------------------------


def test_every_provider_and_numpy_is_timed_at_every_size():
    runtime = runtime_of(one=_adder(np.add), two=_adder(np.add, max_n=100))
    report = measure(["vector_add"], sizes=(1, 1000), runtime=runtime, **QUICK)
    assert [(row.n, row.who, row.is_ours) for row in report.rows] == [
        (1, "two", True), (1, "one", True), (1, "numpy", False), (1000, "one", True), (1000, "numpy", False),
    ]  # fmt: skip
    for row in report.rows:
        assert row.best > 0
        assert row.p50 <= row.p99 <= row.p999
    rows = [row for row in report.rows if row.n == 1000]
    assert [row.ratio for row in rows] == [rows[1].best / rows[0].best, 1.0]
    assert report.left_out == ()


def test_kernel_that_computes_something_else_is_left_out_and_named():
    runtime = runtime_of(good=_adder(np.add), bad=_adder(np.subtract), broken=_adder(lambda *_: 1 / 0))
    report = measure(["vector_add"], sizes=(10,), runtime=runtime, **QUICK)
    assert [row.who for row in report.rows] == ["good", "numpy"]
    assert report.left_out == ("bad computes something else: f(a, b, out=out)", "division by zero")


def test_sizes_that_nobody_serves_are_named_and_cost_nothing():
    runtime = runtime_of(mine=_adder(np.add, max_n=10))
    report = measure(["vector_add"], sizes=(5, 50, 10**12), runtime=runtime, **QUICK)
    assert {row.n for row in report.rows} == {5}
    assert report.left_out == ("no provider serves vector_add f32 at n = 50, 1000000000000",)


def test_matrices_are_square_and_each_size_is_timed_once():
    report = measure(["gemm"], sizes=(1, 2, 10, 100), against=(), runtime=INLINE, **QUICK)
    assert [row.n for row in report.rows] == [1, 9, 100]
    assert {row.ratio for row in report.rows} == {None}


@pytest.mark.parametrize("dtype", ["f32", "f64", "i32", "f16"])
def test_dtypes_of_arrays_are_the_ones_asked_for(dtype):
    seen = set()

    def add(a, b, out):
        seen.add((a.dtype, b.dtype, out.dtype))
        np.add(a, b, out=out)

    runtime = runtime_of(mine=DeclaringProvider([python_kernel(add, "vector_add", "(),()->()", dtype)]))
    report = measure(["vector_add"], dtype=dtype, sizes=(4,), runtime=runtime, **QUICK)
    assert {row.dtype for row in report.rows} == {dtype}
    assert report.left_out == ()
    (only,) = {name for names in seen for name in names}
    assert only == {"f32": np.float32, "f64": np.float64, "i32": np.int32, "f16": np.float16}[dtype]


def test_arrays_of_all_contestants_lie_at_the_same_places():
    places = []

    def add(a, b, out):
        places.append([array.ctypes.data % bench.PAGE for array in (a, b, out)])
        np.add(a, b, out=out)

    runtime = runtime_of(one=_adder(add), two=_adder(add))
    measure(["vector_add"], sizes=(100,), against=(), runtime=runtime, **QUICK)
    assert {tuple(place) for place in places} == {(0, bench.STEP, 2 * bench.STEP)}


def test_progress_tells_how_many_races_are_done():
    seen = []
    measure(["relu", "exp"], sizes=(1, 2), progress=lambda done, total: seen.append((done, total)), **QUICK)
    assert seen == [(0, 4), (1, 4), (2, 4), (3, 4)]


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"ops": ["relo"]}, hg.UnknownOpError, "closest names: relu"),
        ({"dtype": "f33"}, TypeError, "'f33' is not a dtype"),
        ({"against": ["jax"]}, ValueError, "no peer 'jax'; there are numpy, numba, torch"),
        ({"sizes": [0]}, ValueError, "expected numbers of elements from 1 on, got [0]"),
    ],
)
def test_what_cannot_be_measured_is_refused(arguments, error, message):
    with pytest.raises(error) as caught:
        measure(**{"ops": ["relu"], **arguments})
    assert message in str(caught.value)


def test_report_is_plain_data():
    report = measure(["relu"], sizes=(8,), runtime=INLINE, **QUICK)
    data = json.loads(json.dumps(report.to_dict()))
    assert [row["who"] for row in data["rows"]] == ["hologram-stdlib", "numpy"]
    assert set(data["machine"]) >= {"cpu", "level", "python", "numpy", "date"}
    assert str(report.rows).splitlines()[0].split()[:5] == ["op", "dtype", "n", "who", "best"]


# ---- peers -------------------------------------------------------------------------------------------------------


def test_numpy_has_a_line_for_every_op_of_the_catalogue_that_computes_it():
    assert {spec.kernel_op for spec in STANDARD.values()} == set(peers.NUMPY)
    report = measure(list(STANDARD), sizes=(33,), rounds=1, seconds=0.0)
    assert report.left_out == ()
    assert {row.op for row in report.rows if row.who == "numpy"} == set(STANDARD)


@pytest.fixture
def slow_numba(monkeypatch):
    """A numba that compiles nothing, so that its loops can be checked where it is not installed."""
    fake = types.ModuleType("numba")
    fake.njit = lambda **options: lambda function: function
    monkeypatch.setitem(sys.modules, "numba", fake)
    caches = (peers.load, peers._compile_numba)
    for cache in caches:
        cache.cache_clear()
    yield
    for cache in caches:
        cache.cache_clear()


def test_loops_for_numba_compute_their_ops(slow_numba):
    report = measure(list(peers.NUMBA), sizes=(5,), against=["numba"], rounds=1, seconds=0.0)
    assert report.left_out == ()
    assert {row.op for row in report.rows if row.who == "numba"} == set(peers.NUMBA)


def test_lines_for_torch_compute_their_ops():
    pytest.importorskip("torch", reason="PyTorch is not installed")
    report = measure(list(peers.TORCH), sizes=(5,), against=["torch"], rounds=1, seconds=0.0)
    assert report.left_out == ()


def test_peer_that_is_not_installed_is_named_once(monkeypatch):
    monkeypatch.setitem(sys.modules, "torch", None)
    peers.load.cache_clear()
    report = measure(["relu", "exp"], sizes=(1, 2), against=["numpy", "torch"], runtime=INLINE, **QUICK)
    assert report.left_out == ("torch is not installed",)
    assert {row.who for row in report.rows} == {"hologram-stdlib", "numpy"}


def test_peer_without_a_form_of_an_op_is_named(slow_numba):
    report = measure(["gemm"], sizes=(4,), against=["numba"], **QUICK)
    assert report.left_out == ("numba has no form of gemm here",)


def test_op_of_a_stranger_is_held_against_its_reference():
    spec = hg.OpSpec.make("my.double", "()->()", "x", "2x", reference=lambda x: 2 * x)
    plugin = DeclaringProvider([python_kernel(lambda x, out: np.multiply(x, 2, out=out), "my.double", "()->()", "f32")])
    plugin.declare_ops = hg.hookimpl(lambda: [spec])
    report = measure(["my.double"], sizes=(4,), runtime=runtime_of(mine=plugin), **QUICK)
    assert [row.who for row in report.rows] == ["mine", "numpy"]


# ---- the picture -------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def report():
    return measure(["vector_add", "sigmoid"], sizes=(1, 10, 100, 1000), **QUICK)


@pytest.mark.parametrize(("name", "start"), [("plot.svg", b"<?xml"), ("plot.PNG", b"\x89PNG")])
def test_picture_is_what_its_name_says(report, tmp_path, name, start):
    plot.draw(report, tmp_path / name)
    assert (tmp_path / name).read_bytes().startswith(start)


def test_picture_of_two_ops_is_800_pixels_wide(report, tmp_path):
    from matplotlib.image import imread

    plot.draw(report, tmp_path / "plot.png")
    height, width, _ = imread(tmp_path / "plot.png").shape
    assert width == 800
    assert 300 < height < 500


def test_same_report_gives_the_same_picture(report, tmp_path):
    for name in ("one.svg", "two.svg"):
        plot.draw(report, tmp_path / name)
    assert (tmp_path / "one.svg").read_bytes() == (tmp_path / "two.svg").read_bytes()


def _row(who, n, best, ratio=None):
    return bench.Measured("relu", "f32", n, who, who not in peers.PEERS, best, best, best, best, ratio)


def _panel(rows):
    from matplotlib.figure import Figure

    axis = Figure().subplots()
    plot._draw_op(axis, "relu", rows)
    return axis


def test_lines_are_labelled_where_they_end_and_ratios_where_they_start():
    rows = [_row("hologram-stdlib", 1, 20, 10.0), _row("hologram-stdlib", 100, 40, 6.25)]
    rows += [_row("numpy", 1, 200, 1.0), _row("numpy", 100, 250, 1.0)]
    axis = _panel(rows)
    texts = {text.get_text(): text.get_position() for text in axis.texts}
    assert set(texts) == {"Hologram\nstdlib 6.2x", "NumPy", "10x"}
    assert texts["NumPy"][1] > texts["Hologram\nstdlib 6.2x"][1]
    lines = [list(zip(line.get_xdata(), line.get_ydata(), strict=True)) for line in axis.lines]
    assert lines == [[(1, 200), (100, 250)], [(1, 20), (100, 40)]]  # the best is drawn last, on top
    assert (axis.get_xscale(), axis.get_yscale()) == ("log", "log")


@pytest.mark.parametrize(("threads", "said"), [(1, "; one thread, "), (2, "; up to 2 threads, ")])
def test_caption_says_how_many_threads_there_were(threads, said):
    report = bench.measure(["relu"], sizes=[3], runtime=hg.Runtime(threads=threads), rounds=1, seconds=0)
    assert said in plot._caption(report.machine)


def test_labels_of_lines_that_end_together_stay_apart():
    rows = [_row(name, n, 100 + i) for i, name in enumerate(("mine", "numpy", "numba", "torch")) for n in (1, 10)]
    heights = sorted(text.get_position()[1] for text in _panel(rows).texts)
    assert len(heights) == 4
    assert min(high - low for low, high in pairwise(heights)) >= plot.GAP * 0.999


@pytest.mark.parametrize(("ns", "text"), [(30, "30 ns"), (1000, "1 µs"), (2.5e6, "2.5 ms")])
def test_times_are_written_in_the_unit_that_fits(ns, text):
    assert plot._time(ns) == text


def test_nothing_measured_is_no_picture(tmp_path):
    with pytest.raises(plot.PlotError, match="nothing was measured"):
        plot.draw(bench.Report(hg.list_kernels(op="no"), (), {}), tmp_path / "plot.svg")


def test_missing_matplotlib_says_what_to_install(monkeypatch, tmp_path, report):
    monkeypatch.setattr(plot.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(plot.PlotError) as caught:
        plot.draw(report, tmp_path / "plot.svg")
    assert str(caught.value) == "no plot: matplotlib is not installed; pip install 'hologram-core[plot]'"


def test_picture_of_another_format_is_refused(tmp_path, report):
    with pytest.raises(plot.PlotError, match=r"plot\.pdf: expected a name that ends with \.svg or \.png"):
        plot.draw(report, tmp_path / "plot.pdf")
