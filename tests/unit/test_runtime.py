"""Does a runtime choose, explain, list and forget as documented?"""

import json

import numpy as np
import pytest
from support.providers import DeclaringProvider, Provider, python_kernel, runtime_of

import hologram_core as hg
from hologram_core import Refusal, hookimpl


def _who(runtime, n=8, op="vector_add"):
    """Which adder a call uses, told by its result."""
    return int(runtime.ops[op](np.zeros(n, "f4"), np.zeros(n, "f4"))[0]) if n else None


# ---- priorities and pins -------------------------------------------------------------------------


@pytest.fixture
def three(library):
    """Providers a, b, c that add 1, 2, 3: inline up to 100, user, fallback."""
    return runtime_of(
        a=DeclaringProvider([library.adder(1, tier="inline", max_n=100)]),
        b=DeclaringProvider([library.adder(2)]),
        c=Provider([library.adder(3, tier="fallback")]),
    )


def test_standard_priorities(three):
    assert [_who(three, n) for n in (1, 100, 101, 5000)] == [1, 1, 2, 2]


def test_priority_of_a_provider_can_change_and_go_back(three):
    assert _who(three) == 1
    three.set_priority("c", 301)
    assert [_who(three), _who(three, 5000)] == [3, 3]
    three.set_priority("c", None)
    assert [_who(three), _who(three, 5000)] == [1, 2]
    three.set_priority("a", -1)
    assert _who(three) == 2


@pytest.mark.parametrize("source", ["parameter", "variable"])
def test_priority_from_settings(monkeypatch, library, source):
    if source == "variable":
        monkeypatch.setenv("HOLOGRAM_PRIORITY", "b=350,a=-1")
    settings = {"priority": {"b": 350, "a": -1}} if source == "parameter" else {}
    runtime = runtime_of(a=Provider([library.adder(1, tier="inline")]), b=Provider([library.adder(2)]), **settings)
    assert _who(runtime) == 2


@pytest.mark.parametrize("priority", ["high", 1.5])
def test_priority_that_is_no_number_is_refused_at_once(three, priority):
    with pytest.raises((TypeError, ValueError)):
        three.set_priority("a", priority)
    assert _who(three) == 1


def test_pin_wins_where_its_provider_offers(three):
    three.pin("vector_add", "c")
    assert [_who(three), _who(three, 5000)] == [3, 3]
    three.pin("vector_add", "a")
    assert [_who(three), _who(three, 5000)] == [1, 2]
    three.pin("vector_add", None)
    assert _who(three) == 1


def test_pin_is_for_one_op(library):
    runtime = runtime_of(
        a=Provider([library.adder(1), library.adder(1, op="vector_sub")]),
        b=Provider([library.adder(2), library.adder(2, op="vector_sub")]),
    )
    runtime.pin("vector_sub", "b")
    assert (_who(runtime), _who(runtime, op="vector_sub")) == (1, 2)


def test_pin_of_unknown_names_is_an_error(three):
    with pytest.raises(LookupError, match=r"pin\(\): no provider 'nobody'; there are a, b, c"):
        three.pin("vector_add", "nobody")
    with pytest.raises(hg.UnknownOpError, match="closest names: vector_add"):
        three.pin("vector_ad", "a")


def test_kernels_own_priority_counts(library):
    runtime = runtime_of(a=Provider([library.adder(1)]), b=Provider([library.adder(2, priority=201)]))
    assert _who(runtime) == 2


def test_narrower_range_then_name_decides(library):
    runtime = runtime_of(
        b=Provider([library.adder(2)]), a=Provider([library.adder(1)]), c=Provider([library.adder(3, max_n=9)])
    )
    assert [_who(runtime, n) for n in (9, 10)] == [3, 1]


# ---- register, unregister, refresh ---------------------------------------------------------------


def test_provider_counts_from_the_next_call_on(three, library):
    op = three.ops.vector_add
    a = np.zeros(8, "f4")
    assert op(a, a)[0] == 1
    assert three.register(DeclaringProvider([library.adder(9, priority=999)]), "new") == "new"
    assert op(a, a)[0] == 9
    three.unregister("new")
    assert op(a, a)[0] == 1
    for name in "ab":
        three.unregister(name)
    assert op(a, a)[0] == 3
    three.unregister("c")
    with pytest.raises(hg.UnknownKernelError):
        op(a, a)


def test_bound_kernel_outlives_its_provider(three):
    kernel = three.get_kernel("vector_add", "f32", 8)
    three.unregister("a")
    assert kernel(np.zeros(8, "f4"), np.zeros(8, "f4"))[0] == 1


def test_name_can_be_registered_once(three, library):
    with pytest.raises(
        ValueError, match=r"register\(\): a provider 'a' is registered already; unregister\('a'\) first"
    ):
        three.register(Provider([library.adder(1)]), "a")
    plugin = Provider([library.adder(1)])
    three.register(plugin, "mine")
    with pytest.raises(ValueError, match=r"register\(\): this plugin is 'mine' already"):
        three.register(plugin, "yours")
    three.unregister("mine")
    assert three.register(plugin, "yours") == "yours"


def test_default_name_is_the_plugins(three):
    assert three.register(Provider([])) == "Provider"


def test_unknown_provider_cannot_be_removed(three):
    with pytest.raises(LookupError, match=r"unregister\(\): no provider 'nobody'; there are a, b, c"):
        three.unregister("nobody")


def test_refresh_asks_again(library):
    plugin = DeclaringProvider([library.adder(1)])
    runtime = runtime_of(mine=plugin, other=DeclaringProvider([library.adder(2, tier="fallback")]))
    assert _who(runtime) == 1
    plugin.kernels = [library.adder(5)]
    assert _who(runtime) == 1
    runtime.refresh("other")
    assert {row.provider for row in runtime.list_kernels()} == {"mine", "other"}
    runtime.refresh("mine")
    assert _who(runtime) == 5
    plugin.kernels = []
    runtime.refresh()
    assert _who(runtime) == 2
    assert {row.provider for row in runtime.list_kernels()} == {"other"}


def test_runtimes_are_apart(library):
    one, other = runtime_of(mine=Provider([library.adder(1)])), runtime_of(mine=Provider([library.adder(2)]))
    assert (_who(one), _who(other)) == (1, 2)
    assert one.ops.vector_add is not other.ops.vector_add


def test_default_runtime_takes_providers_by_hand(library):
    name = hg.register(Provider([library.adder(7, priority=10_000)]), "by-hand")
    try:
        assert hg.ops.vector_add(np.zeros(2, "f4"), np.zeros(2, "f4"))[0] == 7
        assert name in [row.name for row in hg.providers()]
        assert hg.get_kernel("vector_add", "f32", 2).provider == "by-hand"
        assert hg.explain("vector_add", "f32", 2).winner.provider == "by-hand"
    finally:
        hg.unregister(name)
    assert name not in [row.name for row in hg.providers()]


# ---- what is remembered --------------------------------------------------------------------------


def _count_requests(kernels, declares):
    asked = []

    class Counting(DeclaringProvider if declares else Provider):
        @hookimpl
        def provide_kernel(self, name, dtype, n):
            asked.append(n)
            return Provider.provide_kernel(self, name, dtype, n)

    return Counting(kernels), asked


def test_declared_range_is_asked_once(library):
    plugin, asked = _count_requests([library.adder(1, min_n=2, max_n=50)], declares=True)
    runtime = runtime_of(mine=plugin, other=DeclaringProvider([library.adder(2, tier="fallback")]))
    for n in (2, 30, 50, 7, 51, 1000, 52):
        _who(runtime, n)
    assert asked == [2, 51]
    slots = [(low, high) for _, low, high, _ in runtime.ops.vector_add.__self__.slots()]
    assert slots == [(2, 50), (51, hg.MAX_N)]


def test_refusal_holds_for_every_n_where_kernels_of_the_op_are_declared(library):
    plugin, asked = _count_requests([library.kernel("vector_add", "f64")], declares=True)

    class Refuses(DeclaringProvider):
        @hookimpl
        def provide_kernel(self, name, dtype, n):
            return Provider.provide_kernel(self, name, dtype, n) or Refusal("f32 only")

    for others, requests in [([library.adder(1)], [1]), ([], [1, 2, 3])]:  # who declares nothing may answer otherwise
        asked.clear()
        runtime = runtime_of(mine=plugin, other=Refuses(others))
        for n in (1, 2, 3):
            runtime.ops.vector_add(np.ones(n), np.ones(n))
        assert asked == requests


def test_without_a_declaration_each_n_is_asked_once(library):
    plugin, asked = _count_requests([library.adder(1)], declares=False)
    runtime = runtime_of(mine=plugin)
    for n in (5, 6, 5, 6, 5):
        _who(runtime, n)
    assert asked == [5, 6]


def test_what_is_remembered_is_bounded(library):
    runtime = runtime_of(mine=Provider([library.adder(1)]))
    for n in range(1, 1000):
        assert _who(runtime, n) == 1
    assert len(runtime.ops.vector_add.__self__.slots()) <= 256


def test_kernels_made_for_one_request_are_not_kept_for_ever():
    class Fresh:
        @hookimpl
        def provide_kernel(self, name, dtype):
            return python_kernel(lambda x, out: None, name, "()->()", dtype)

    runtime = runtime_of(mine=Fresh())
    for n in range(5000):
        runtime.ops.relu(np.empty(n, "f4"))
    assert len(runtime._bound) <= 1000


def test_empty_arrays_use_a_kernel_that_serves_zero(library):
    runtime = runtime_of(mine=DeclaringProvider([library.adder(1, min_n=1)]))
    with pytest.raises(hg.UnknownKernelError, match=r"for f32 \(n=0\)"):
        runtime.ops.vector_add(np.zeros(0, "f4"), np.zeros(0, "f4"))
    assert _who(runtime, 1) == 1


# ---- get_kernel ----------------------------------------------------------------------------------


def test_get_kernel_is_what_the_op_uses(three):
    assert three.get_kernel("vector_add", np.float32, 100).provider == "a"
    assert three.get_kernel("vector_add", "float32", 101).provider == "b"
    assert three.get_kernel("vector_add", "f32", 8) is three.get_kernel("vector_add", "f32", 9)


def test_get_kernel_of_one_provider_whatever_its_rank(three):
    for name in "abc":
        assert three.get_kernel("vector_add", "f32", 8, provider=name).provider == name


def test_get_kernel_from_a_provider_that_has_none(three):
    with pytest.raises(hg.UnknownKernelError) as caught:
        three.get_kernel("vector_add", "f32", 101, provider="a")
    assert str(caught.value) == "no kernel 'vector_add' for f32 (n=101); asked: a\n  a: no kernel for n=101"
    with pytest.raises(hg.UnknownKernelError, match="nobody"):
        three.get_kernel("vector_add", "f32", 8, provider="nobody")


@pytest.mark.parametrize("n", [-1, 1.5, "8", None, 2**63, 2**200])
@pytest.mark.parametrize("method", ["get_kernel", "explain"])
def test_n_that_is_no_number_of_elements_is_the_callers_mistake(three, n, method):
    with pytest.raises((TypeError, ValueError), match="'n'"):
        getattr(three, method)("vector_add", "f32", n)
    assert all(not row.failures for row in three.providers())


def test_n_may_be_a_numpy_integer(three):
    assert three.get_kernel("vector_add", "f32", np.int32(8)).provider == "a"
    assert three.explain("vector_add", "f32", np.int64(8)).n == 8


@pytest.mark.parametrize("method", ["get_kernel", "explain"])
def test_unknown_dtypes_and_ops_are_errors(three, method):
    with pytest.raises(TypeError, match="'f33' is not a dtype of Hologram"):
        getattr(three, method)("vector_add", "f33", 8)
    with pytest.raises(hg.UnknownOpError, match="closest names: vector_add"):
        getattr(three, method)("vector_ad", "f32", 8)


def test_form_for_one_dtype_has_no_other(shared_runtime):
    runtime = runtime_of(mine=DeclaringProvider([python_kernel(print, "gemm", "(m,k),(k,n)->(m,n)", "f64")]))
    assert runtime.get_kernel("gemm", "f64", 4).provider == "mine"
    with pytest.raises((TypeError, hg.UnknownKernelError)):
        runtime.get_kernel("gemm_f32", "f64", 4)
    assert shared_runtime.get_kernel("gemm_f32", "f32", 4).op == "gemm"


# ---- errors --------------------------------------------------------------------------------------


def test_unknown_kernel_says_who_was_asked_what_exists_and_what_to_install(library):
    class Refuses:
        @hookimpl
        def provide_kernel(self, name, dtype, n):
            return Refusal("not on Mondays")

    runtime = runtime_of(mine=DeclaringProvider([library.kernel("softmax")]), other=Refuses())
    with pytest.raises(hg.UnknownKernelError) as caught:
        runtime.ops.softmax(np.ones(8))
    error = caught.value
    assert (error.op, error.dtype, error.n, error.asked) == ("softmax", "f64", 8, ("mine", "other"))
    assert str(error) == (
        "no kernel 'softmax' for f64 (n=8); asked: mine, other\n"
        "  other: not on Mondays\n"
        "  there are kernels of 'softmax' for f32\n"
        "  pip install hologram-sigmatics  would serve it: every dtype and every n"
    )
    assert isinstance(error, LookupError)


def test_unknown_kernel_without_any_provider():
    with pytest.raises(hg.UnknownKernelError) as caught:
        runtime_of().ops.relu(np.ones(8, "f4"))
    assert str(caught.value) == (
        "no kernel 'relu' for f32 (n=8); asked: no provider is installed\n"
        "  pip install hologram-stdlib  would serve it: f32 with n <= 3072, inline\n"
        "  pip install hologram-sigmatics  would serve it: every dtype and every n"
    )


def test_load_kernels_says_what_is_missing(three):
    with pytest.raises(hg.HologramError, match=r"load_kernels\('x'\): no provider loads kernel libraries; pip install"):
        three.load_kernels("x")


def test_load_kernels_goes_to_the_provider_that_can(library):
    class Loads(Provider):
        def load_kernels(self, runtime, path):
            return runtime, path

    runtime = runtime_of(mine=Loads([]))
    assert runtime.load_kernels("here") == (runtime, "here")


# ---- explain -------------------------------------------------------------------------------------


def test_explain_as_text(three, library):
    class Refuses:
        @hookimpl
        def provide_kernel(self, name, dtype, n):
            return Refusal("not today")

    three.register(Refuses(), "d")
    three.register(DeclaringProvider([library.adder(0, variants=(("avx9", 1),))]), "e")
    three.register(DeclaringProvider([python_kernel(print, "vector_add", "()->()", "f32")]), "f")
    assert str(three.explain("vector_add", "f32", 8)) == (
        "vector_add f32 n=8: a (inline, baseline), for n = 8\n"
        "  1  a: inline 300, baseline, 0 <= n <= 100; chosen\n"
        "  2  b: user 200, baseline, n >= 0; priority 200 < 300\n"
        "  3  c: fallback 100, baseline, n >= 0; priority 100 < 300\n"
        "  -  d: not today\n"
        "  -  e: refused: compiled for avx9; this runtime uses " + ", ".join(hg.cpu_levels()) + "\n"
        "  -  f: refused: its signature is ()->(), that of 'vector_add' is (),()->()\n"
        "  >  to change this: HOLOGRAM_PRIORITY=\"b=301\", or pin('vector_add', 'b')"
    )


def test_advice_of_explain_works(three):
    explanation = three.explain("vector_add", "f32", 8)
    assert explanation.advice == ("to change this: HOLOGRAM_PRIORITY=\"b=301\", or pin('vector_add', 'b')",)
    three.set_priority("b", 301)
    assert three.explain("vector_add", "f32", 8).winner.provider == "b"


def test_advice_for_a_pinned_op_is_to_take_the_pin_out(three):
    three.pin("vector_add", "c")
    assert three.explain("vector_add", "f32", 8).advice == ("to change this: pin('vector_add', None)",)
    three.pin("vector_add", None)
    assert three.explain("vector_add", "f32", 8).winner.provider == "a"


def test_advice_for_the_only_offer_is_a_better_one_or_a_lower_level(library):
    address = library.kernel("vector_add").variants[0][1]
    levels = hg.cpu_levels()
    plugin = DeclaringProvider([library.kernel("vector_add", variants=tuple((level, address) for level in levels))])
    advice = runtime_of(mine=plugin).explain("vector_add", "f32", 8).advice
    assert advice[0] == "to change this: another provider's kernel, at a priority above 200"
    assert advice[1:] == tuple(f'to change this: HOLOGRAM_ISA="{level}"' for level in levels[-2:-1])
    for level in levels[-2:-1]:
        assert runtime_of(mine=plugin, isa=level).explain("vector_add", "f32", 8).winner.isa == level
    assert len(runtime_of(mine=plugin, isa="baseline").explain("vector_add", "f32", 8).advice) == 1


def test_explain_where_there_is_no_kernel():
    runtime = runtime_of()
    assert str(runtime.explain("relu", "f64", 9)) == (
        "relu f64 n=9: no kernel; asked: nobody\n"
        "  >  pip install hologram-sigmatics  would serve it: every dtype and every n"
    )
    assert runtime.explain("relu", "f64", 9).winner is None
    assert runtime.explain("relu", "f64", 9).to_dict()["winner"] is None


def test_explain_as_data(library):
    runtime = runtime_of(
        a=DeclaringProvider([library.adder(1, max_n=10)]), b=DeclaringProvider([library.adder(2, tier="fallback")])
    )
    data = json.loads(json.dumps(runtime.explain("vector_add", "f32", 8).to_dict()))
    kernel = {"tier": "user", "priority": 200, "isa": "baseline", "min_n": 0, "max_n": 10, "doc": "For tests."}
    first = {"provider": "a", "version": "", "rank": 1, "reason": "chosen", "kernel": kernel}
    second = {
        "provider": "b",
        "version": "",
        "rank": 2,
        "reason": "priority 100 < 200",
        "kernel": {**kernel, "tier": "fallback", "priority": 100, "max_n": hg.MAX_N},
    }
    assert data == {
        "op": "vector_add",
        "dtype": "f32",
        "n": 8,
        "winner": first,
        "candidates": [first, second],
        "interval": [0, 10],
        "asked": ["a", "b"],
        "problems": [],
        "advice": ["to change this: HOLOGRAM_PRIORITY=\"b=201\", or pin('vector_add', 'b')"],
    }


@pytest.mark.parametrize(("n", "text"), [(8, "for 0 <= n <= 100"), (101, "for n >= 101")])
def test_explain_tells_for_which_n_it_holds(library, n, text):
    runtime = runtime_of(
        a=DeclaringProvider([library.adder(1, tier="inline", max_n=100)]), b=DeclaringProvider([library.adder(2)])
    )
    assert str(runtime.explain("vector_add", "f32", n)).splitlines()[0].endswith(text)


def test_explain_agrees_with_the_call(three):
    for n in (1, 100, 101):
        assert three.explain("vector_add", "f32", n).winner.provider == "_abc"[_who(three, n)]


def test_explain_of_a_pinned_op(three):
    three.pin("vector_add", "c")
    explanation = three.explain("vector_add", "f32", 8)
    assert [(c.provider, c.reason) for c in explanation.candidates] == [
        ("c", "chosen"),
        ("a", "c is pinned"),
        ("b", "c is pinned"),
    ]


# ---- lists ---------------------------------------------------------------------------------------


def test_list_kernels_is_sorted_and_filtered(library):
    runtime = runtime_of(
        a=DeclaringProvider([library.adder(1), library.kernel("copy", "f64"), library.kernel("copy", "i8")]),
        b=DeclaringProvider([library.adder(2, tier="inline", max_n=7), library.adder(0, op="relu")]),
        priority={"a": 150},
    )
    rows = runtime.list_kernels()
    assert [(row.op, row.dtype, row.provider, row.priority, row.max_n) for row in rows] == [
        ("copy", "f64", "a", 150, hg.MAX_N),
        ("copy", "i8", "a", 150, hg.MAX_N),
        ("relu", "f32", "b", 200, hg.MAX_N),
        ("vector_add", "f32", "b", 300, 7),
        ("vector_add", "f32", "a", 150, hg.MAX_N),
    ]
    assert [row.isa for row in rows] == ["baseline", "baseline", "", "baseline", "baseline"]
    assert rows[2].problem == "its signature is (),()->(), that of 'relu' is ()->()"
    assert [row.provider for row in runtime.list_kernels(op="vector_add")] == ["b", "a"]
    assert [row.op for row in runtime.list_kernels(dtype=np.int8)] == ["copy"]
    assert [row.op for row in runtime.list_kernels(provider="b")] == ["relu", "vector_add"]
    assert runtime.list_kernels(op="nothing") == []
    assert json.loads(json.dumps(rows[0].to_dict()))["signature"] == "()->()"
    with pytest.raises(TypeError, match="is not a dtype"):
        runtime.list_kernels(dtype="f33")


def test_providers_lists_hooks_and_counts(library):
    runtime = runtime_of(
        b=DeclaringProvider([library.adder(1), library.adder(2, max_n=5)]), a=Provider([library.adder(1)])
    )
    first, second = runtime.providers()
    assert (first.name, set(first.hooks), first.kernels, first.failures) == ("a", {"provide_kernel"}, 0, ())
    assert (second.name, second.kernels) == ("b", 2)
    assert (first.priorities, second.priorities) == ((), (200,))
    assert {row.state for row in (first, second)} == {"ready"}
    assert set(second.hooks) == {"provide_kernel", "declare_kernels", "declare_ops"}
    assert json.loads(json.dumps(second.to_dict()))["failures"] == []


# ---- settings that choose ------------------------------------------------------------------------


def test_isa_chooses_among_variants(library):
    address = library.kernel("vector_add").variants[0][1]
    kernel = library.kernel("vector_add", variants=tuple((level, address) for level in hg.cpu_levels()))
    for level in hg.cpu_levels():
        runtime = runtime_of(mine=DeclaringProvider([kernel]), isa=level)
        assert runtime.get_kernel("vector_add", "f32", 8).isa == level


def test_get_include_has_the_headers():
    from pathlib import Path

    assert (Path(hg.get_include()) / "hologram" / "kernel.h").is_file()
