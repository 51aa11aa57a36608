"""Are decisions, misses, fallbacks, slow calls and reloads counted, each where it happens and nowhere else?"""

import json
import logging
import subprocess
import sys
import threading

import numpy as np
import pytest
from support.plugins import BROKEN, install
from support.providers import DeclaringProvider, runtime_of

import hologram_core as hg
from hologram_core import counters


@pytest.fixture
def tiered(library):
    """An inline kernel up to n = 100, and a fallback for every n."""
    return runtime_of(
        small=DeclaringProvider([library.adder(1, tier="inline", max_n=100)]),
        large=DeclaringProvider([library.adder(2, tier="fallback")]),
    )


def _add(runtime, n, **more):
    return runtime.ops.vector_add(np.zeros(n, "f4"), np.zeros(n, "f4"), **more)


def test_new_runtime_has_counted_nothing():
    stats = hg.Runtime(providers=[]).stats()
    assert stats.to_dict() == {
        "resolutions": 0, "misses": 0, "fallbacks": (), "unserved": (),
        "slow_calls": 0, "slow_reasons": {}, "reloads": {},
    }  # fmt: skip


def test_call_is_a_miss_once_for_each_slot(tiered):
    for n in (1, 2, 100, 101, 5000):
        _add(tiered, n)
    stats = tiered.stats()
    assert (stats.misses, stats.resolutions, stats.slow_calls) == (2, 2, 0)


def test_get_kernel_is_a_resolution_and_no_miss_and_explain_is_neither(tiered):
    tiered.get_kernel("vector_add", "f32", 8)
    tiered.explain("vector_add", "f32", 8)
    assert (tiered.stats().misses, tiered.stats().resolutions) == (0, 1)


def test_fallbacks_say_which_op_dtype_and_n(tiered):
    _add(tiered, 5)
    _add(tiered, 200)
    _add(tiered, 300)
    tiered.refresh()
    _add(tiered, 200)
    (fallback,) = tiered.stats().fallbacks
    assert (fallback.op, fallback.dtype, fallback.n, fallback.count) == ("vector_add", "f32", 200, 2)
    assert str(fallback) == "vector_add f32 n=200 (2 times)"


def test_requests_that_nobody_serves_are_told(tiered):
    for _ in range(2):
        with pytest.raises(hg.UnknownKernelError):
            tiered.ops.relu(np.zeros(3))
    stats = tiered.stats()
    assert [str(row) for row in stats.unserved] == ["relu f64 n=3 (2 times)"]
    assert (stats.fallbacks, stats.misses) == ((), 2)


def test_what_is_kept_is_bounded(library, monkeypatch):
    monkeypatch.setattr(counters, "MAX_REQUESTS", 3)
    runtime = runtime_of(
        mine=DeclaringProvider([library.adder(1, tier="fallback", min_n=n, max_n=n) for n in range(9)])
    )
    for n in range(9):
        _add(runtime, n)
    fallbacks = runtime.stats().fallbacks
    assert [(row.n, row.count) for row in fallbacks] == [(-1, 6), (0, 1), (1, 1), (2, 1)]
    assert str(fallbacks[0]) == "vector_add f32 other n (6 times)"


X, Y, OUT = np.zeros(8, "f4"), np.ones(8, "f4"), np.zeros(8, "f4")
SLOW = {
    "list or number": lambda f: f([1.0] * 8, Y),
    "another array type": lambda f: f(memoryview(X), Y),
    "not contiguous": lambda f: f(np.zeros(16, "f4")[::2], Y),
    "byte order": lambda f: f(X.astype(">f4"), Y),
    "broadcast": lambda f: f(X, np.ones((2, 8), "f4")),
    "arguments by name": lambda f: f(a=X, b=Y),
}


@pytest.mark.parametrize("reason", SLOW)
def test_slow_calls_are_counted_by_reason_and_op(tiered, reason):
    SLOW[reason](tiered.ops.vector_add)
    stats = tiered.stats()
    assert (stats.slow_calls, stats.slow_reasons) == (1, {reason: {"vector_add": 1}})


def test_numbers_where_numbers_belong_are_no_reason(shared_runtime):
    before = shared_runtime.stats().slow_reasons.get("list or number", {}).get("axpy", 0)
    shared_runtime.ops.axpy(2.0, X, y=Y)
    shared_runtime.ops.axpy(2.0, np.zeros(16, "f4")[::2], Y)
    reasons = shared_runtime.stats().slow_reasons
    assert reasons.get("list or number", {}).get("axpy", 0) == before
    assert reasons["arguments by name"]["axpy"] >= 1


def test_slow_calls_of_a_kernel_are_counted_too(tiered):
    kernel = tiered.get_kernel("vector_add", "f32", 8)
    kernel([1.0] * 8, X)
    kernel(X, Y, out=OUT)
    assert tiered.stats().slow_reasons == {"list or number": {"vector_add": 1}}


def test_call_with_several_reasons_is_one_slow_call(tiered):
    tiered.ops.vector_add([[1.0] * 8], b=np.zeros(16, "f4")[::2])
    stats = tiered.stats()
    assert stats.slow_calls == 1
    assert set(stats.slow_reasons) == {"list or number", "not contiguous", "arguments by name"}


@pytest.mark.parametrize(
    ("call", "reason"),
    [
        (lambda f: f(OUT[:6], Y[:6], out=OUT[2:]), "overlap, shapes or dtypes"),
        (lambda f: f(X, Y.astype("f8")), "overlap, shapes or dtypes"),
        (lambda f: f(X, Y, out=np.zeros(9, "f4")), "broadcast"),
    ],
    ids=["overlap", "dtype", "shape"],
)
def test_refused_calls_are_slow_calls_too(tiered, call, reason):
    try:
        call(tiered.ops.vector_add)
    except (TypeError, ValueError):
        pass
    assert tiered.stats().slow_reasons == {reason: {"vector_add": 1}}


@pytest.mark.parametrize("out", [None, OUT])
def test_calls_on_the_call_path_are_not_counted(tiered, out):
    _add(tiered, 8, out=out)
    before = tiered.stats()
    for _ in range(100):
        _add(tiered, 8, out=out)
    assert tiered.stats() == before


def test_reloads_are_counted_by_provider(tiered):
    tiered.refresh("small")
    tiered.refresh("small")
    tiered.refresh()
    assert tiered.stats().reloads == {"small": 3, "large": 1}


def test_threads_lose_no_count(tiered):
    def work():
        for _ in range(200):
            tiered.ops.vector_add([1.0], [2.0], out=np.zeros(1, "f4"))

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert tiered.stats().slow_reasons == {"list or number": {"vector_add": 800}}


def test_stats_are_a_value_that_prints(tiered):
    _add(tiered, 200)
    tiered.ops.vector_add([1.0] * 8, X)
    before = tiered.stats()
    tiered.refresh("small")
    assert before.reloads == {}
    assert repr(tiered.stats()).splitlines() == [
        "resolutions        2",
        "misses             2",
        "fallbacks          1  vector_add f32 n=200",
        "unserved           0",
        "slow calls         1  list or number: vector_add 1",
        "reloads            1  small 1",
    ]
    assert json.loads(json.dumps(before.to_dict()))["fallbacks"][0]["n"] == 200


def test_default_runtime_has_stats():
    before = hg.stats().slow_calls
    hg.ops.vector_neg([np.float32(1)] * 3, out=np.zeros(3, "f4"))
    assert hg.stats().slow_calls == before + 1
    assert hg.default_runtime().stats() == hg.stats()


# ---- the logger --------------------------------------------------------------------------------------------------

CHANGES = """
import hologram_core as hg, numpy as np, warnings
warnings.simplefilter("ignore")
rt = hg.Runtime(providers=[], log={!r})
class P:
    @hg.hookimpl
    def provide_kernel(self, name, dtype):
        if name == "relu":
            raise RuntimeError("broken")
        return hg.Kernel.from_python(np.negative, op=name, signature="()->()", dtype=dtype, tier="fallback")
rt.register(P(), "mine")
rt.ops.vector_neg(np.ones(3))
rt.refresh("mine")
try: rt.ops.relu(np.ones(3))
except hg.UnknownKernelError: pass
"""
FAILURE = "hologram: provider mine: provide_kernel: RuntimeError: broken (asked for 'relu', f64, n=3)"


def _log(level):
    done = subprocess.run([sys.executable, "-c", CHANGES.format(level)], capture_output=True, text=True, check=True)
    return [line for line in done.stderr.splitlines() if line.startswith("hologram: ")]


def test_log_has_changes_fallbacks_and_failures():
    assert _log("info") == [
        "hologram: provider mine is registered",
        "hologram: vector_neg f64 n=3: mine (fallback, python), for n = 3",
        "hologram: kernels of mine have changed",
        FAILURE,
        "hologram: relu f64 n=3: no kernel; asked: mine",
    ]


def test_log_of_warnings_has_failures_only():
    assert _log("warning") == [FAILURE]


def test_program_that_has_not_set_up_logging_sees_nothing():
    done = subprocess.run(
        [sys.executable, "-c", "import logging\n" + CHANGES.format(None)], capture_output=True, text=True, check=True
    )
    assert done.stderr == ""


def test_program_that_logs_gets_the_records_without_asking(caplog, tiered):
    with caplog.at_level(logging.INFO, "hologram"):
        tiered.refresh("small")
        _add(tiered, 200)
    first, second = caplog.records
    assert first.getMessage() == "kernels of small have changed"
    assert second.getMessage().startswith("vector_add f32 n=200: large (fallback, baseline)")
    assert isinstance(second.args[0], str)  # an Explanation would keep the library open
    assert tiered.settings.log is None


def test_strict_variable_makes_a_failing_plugin_an_error(tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(str(install(tmp_path, "fake-strict", BROKEN)))
    monkeypatch.setenv("HOLOGRAM_STRICT", "1")
    runtime = hg.Runtime(providers=["fake-strict"])
    with pytest.raises(hg.PluginError, match="provider fake-strict: import: RuntimeError: broken"):
        runtime.ops.relu(np.ones(3, "f4"))
    monkeypatch.setenv("HOLOGRAM_STRICT", "0")
    with pytest.warns(hg.PluginWarning, match="fake-strict: import"), pytest.raises(hg.UnknownKernelError):
        hg.Runtime(providers=["fake-strict"]).ops.relu(np.ones(3, "f4"))
