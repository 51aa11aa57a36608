"""Is a provider that breaks the rules left out, reported once, and nobody else's trouble?"""

import numpy as np
import pytest
from support.providers import DeclaringProvider, python_kernel, runtime_of

import hologram_core as hg
from hologram_core import Kernel, OpSpec, hookimpl


class _NoWords:
    """Has neither str nor repr."""

    def __repr__(self):
        raise RuntimeError("no words")


class _NoWordsError(Exception):
    def __str__(self):
        raise RuntimeError("no words")


def _raise(error):
    raise error


def _kernel(**changes):
    fields = {"op": "vector_add", "signature": "(),()->()", "dtype": "f32", "priority": 999}
    return Kernel.from_python(_wrong, **{**fields, **changes})


def _wrong(*arguments):
    arguments[-1][...] = -1


def _raise_midway():
    yield _kernel()
    raise RuntimeError("midway")


JUNK = "expected a Kernel, a Refusal or None, got "
ANSWERS = {  # what it answers to (name, dtype, n), and how that is reported
    "raises": (lambda *_: _raise(RuntimeError("broken")), "RuntimeError: broken (asked for "),
    "raises KeyError": (lambda name, *_: {}[name], "KeyError: 'vector_add' (asked for "),
    "raises without words": (lambda *_: _raise(_NoWordsError()), "_NoWordsError (asked for "),
    "exits": (lambda *_: _raise(SystemExit(3)), "SystemExit: 3 (asked for "),
    "recurses": (lambda *request: ANSWERS["recurses"][0](*request), "RecursionError: "),
    "junk": (lambda *_: 5, f"{JUNK}5 (asked for "),
    "text": (lambda *_: "f32 only", f"{JUNK}'f32 only' (asked for "),
    "junk without words": (lambda *_: _NoWords(), f"{JUNK}_NoWords (asked for "),
    "the class": (lambda *_: Kernel, f"{JUNK}<class 'hologram_core.kernel.Kernel'> (asked for "),
    "another op": (lambda *_: _kernel(op="vector_sub"), "answered with a kernel for 'vector_sub', f32 (asked for "),
    "another dtype": (lambda *_: _kernel(dtype="f64"), "answered with a kernel for 'vector_add', f64 (asked for "),
    "outside its range": (
        lambda name, dtype, n: _kernel(min_n=n + 1),
        "answered with a kernel for n from 9 to 9223372036854775807 (asked for 'vector_add', f32, n=8)",
    ),
}


def _plugin(answer):
    class Plugin:
        @hookimpl
        def provide_kernel(self, name, dtype, n):
            return answer(name, dtype, n) if name == "vector_add" else None

    return Plugin()


def _sum(runtime, n=8):
    return runtime.ops.vector_add(np.full(n, 2, "f4"), np.full(n, 3, "f4")).tolist()


@pytest.mark.parametrize("fault", ANSWERS)
def test_wrong_answer_is_left_out_and_reported_once(library, fault):
    answer, message = ANSWERS[fault][0], f"provide_kernel: {ANSWERS[fault][1]}"
    runtime = runtime_of(good=DeclaringProvider(library.kernels), bad=_plugin(answer))
    with pytest.warns(hg.PluginWarning) as warned:
        sums = [_sum(runtime, n) for n in range(8, 60)]
    assert sums == [[5] * n for n in range(8, 60)]
    assert len(warned) == 1
    assert str(warned[0].message).startswith(f"provider bad: {message}")
    row = next(row for row in runtime.providers() if row.name == "bad")
    assert 1 <= len(row.failures) <= 20
    assert f"{row.failures[0].where}: {row.failures[0].message}".startswith(message)
    explanation = runtime.explain("vector_add", "f32", 8)
    assert explanation.winner.provider == "good"
    assert explanation.problems[0].startswith(f"bad: {message}")
    assert row.to_dict()["failures"][0]["message"] == row.failures[0].message


@pytest.mark.parametrize("fault", ANSWERS)
def test_wrong_answer_is_an_error_under_strict(library, fault):
    answer, message = ANSWERS[fault][0], f"provide_kernel: {ANSWERS[fault][1]}"
    runtime = runtime_of(good=DeclaringProvider(library.kernels), bad=_plugin(answer), strict=True)
    with pytest.raises(hg.PluginError) as caught:
        _sum(runtime)
    assert str(caught.value).startswith(f"provider bad: {message}")
    assert caught.value.provider == "bad"
    runtime.unregister("bad")
    assert _sum(runtime) == [5] * 8


@pytest.mark.parametrize("twice", [False, True])
def test_failure_for_one_n_is_not_held_against_another(library, twice):
    def answer(name, dtype, n):
        if n < 10:
            raise ValueError("too small for me")
        return python_kernel(_wrong, name, "(),()->()", dtype, priority=999)

    runtime = runtime_of(good=DeclaringProvider(library.kernels), bad=_plugin(answer))
    with pytest.warns(hg.PluginWarning):
        assert _sum(runtime, 5) == [5] * 5
    if twice:
        runtime.refresh()
        assert _sum(runtime, 5) == [5] * 5
    assert _sum(runtime, 20) == [-1] * 20


def test_interrupt_is_not_swallowed(library):
    runtime = runtime_of(good=DeclaringProvider(library.kernels), bad=_plugin(lambda *_: _raise(KeyboardInterrupt)))
    with pytest.raises(KeyboardInterrupt):
        _sum(runtime)
    runtime.unregister("bad")
    assert _sum(runtime) == [5] * 8


def test_lie_about_the_signature_is_refused_with_the_reason(library):
    liar = DeclaringProvider([_kernel(signature="()->()")])
    runtime = runtime_of(good=DeclaringProvider(library.kernels), liar=liar)
    assert _sum(runtime) == [5] * 8
    (candidate,) = [c for c in runtime.explain("vector_add", "f32", 8).candidates if c.provider == "liar"]
    assert candidate.reason == "refused: its signature is ()->(), that of 'vector_add' is (),()->()"
    (row,) = [row for row in runtime.list_kernels(op="vector_add") if row.provider == "liar"]
    assert row.problem == "its signature is ()->(), that of 'vector_add' is (),()->()"


def test_declared_dtype_that_is_not_what_is_answered(library):
    class Plugin(DeclaringProvider):
        @hookimpl
        def provide_kernel(self, name, dtype, n):
            return _kernel(dtype="f64") if name == "vector_add" else None

    runtime = runtime_of(good=DeclaringProvider(library.kernels), bad=Plugin([_kernel()]))
    with pytest.warns(hg.PluginWarning, match="answered with a kernel for 'vector_add', f64"):
        assert _sum(runtime) == [5] * 8


# ---- hooks ---------------------------------------------------------------------------------------


def _misspelt():
    class Plugin:
        @hookimpl
        def provide_kernels(self, name, dtype, n):
            return _kernel()

    return Plugin()


def _wrong_arguments():
    class Plugin:
        @hookimpl
        def provide_kernel(self, name, dtype, size):
            return _kernel()

    return Plugin()


def _no_hooks():
    class Plugin:
        def provide_kernel(self, name, dtype, n):
            return _kernel()

    return Plugin()


HOOKS = {
    "misspelt": (_misspelt, "register: unknown hook 'provide_kernels'; the hooks are declare_kernels, declare_ops, "),
    "wrong arguments": (_wrong_arguments, "register: PluginValidationError: "),
    "no hooks": (_no_hooks, "register: implements no hook; mark functions with @hologram_core.hookimpl"),
    "no plugin": (lambda: 5, "register: implements no hook"),
}


@pytest.mark.parametrize("fault", HOOKS)
def test_wrong_hooks_are_reported(library, fault):
    make, message = HOOKS[fault]
    runtime = runtime_of(good=DeclaringProvider(library.kernels))
    plugin = make()
    with pytest.warns(hg.PluginWarning) as warned:
        runtime.register(plugin, "bad")
    assert len(warned) == 1
    assert str(warned[0].message).startswith(f"provider bad: {message}")
    assert _sum(runtime) == [5] * 8
    assert runtime.explain("vector_add", "f32", 8).problems[0].startswith(f"bad: {message}")
    runtime.unregister("bad")
    with pytest.warns(hg.PluginWarning):
        runtime.register(plugin, "again")


@pytest.mark.parametrize("fault", HOOKS)
def test_wrong_hooks_are_an_error_under_strict(library, fault):
    make, message = HOOKS[fault]
    runtime = runtime_of(good=DeclaringProvider(library.kernels), strict=True)
    plugin = make()
    for _ in range(2):
        with pytest.raises(hg.PluginError) as caught:
            runtime.register(plugin, "bad")
        assert str(caught.value).startswith(f"provider bad: {message}")
    assert [row.name for row in runtime.providers()] == ["good"]
    assert _sum(runtime) == [5] * 8


def test_hook_may_take_fewer_arguments_than_there_are(library):
    class Plugin:
        @hookimpl
        def provide_kernel(self, dtype):
            return hg.Refusal(f"not {dtype}")

    runtime = runtime_of(mine=Plugin())
    assert runtime.explain("relu", "f64", 3).candidates[0].reason == "not f64"


# ---- declarations --------------------------------------------------------------------------------

DECLARATIONS = {
    "raises": (lambda: _raise(RuntimeError("broken")), "RuntimeError: broken"),
    "raises midway": (_raise_midway, "RuntimeError: midway"),
    "no iterable": (lambda: 5, "TypeError: 'int' object is not iterable"),
    "junk": (lambda: [5], "found 5"),
    "junk without words": (lambda: [_NoWords()], "found _NoWords"),
    "junk among others": (lambda: [_kernel(), "more"], "values, found "),
    "exits": (lambda: _raise(SystemExit(3)), "SystemExit: 3"),
}


@pytest.mark.parametrize("fault", DECLARATIONS)
@pytest.mark.parametrize("hook", ["declare_kernels", "declare_ops"])
def test_wrong_declaration_counts_as_none(library, fault, hook):
    declare, message = DECLARATIONS[fault]

    class Plugin:
        @hookimpl
        def provide_kernel(self, name, dtype, n):
            return _kernel() if (name, dtype) == ("vector_add", "f32") else None

    setattr(Plugin, hook, hookimpl(lambda self: declare()))
    runtime = runtime_of(good=DeclaringProvider(library.kernels), bad=Plugin())
    with pytest.warns(hg.PluginWarning, match=rf"provider bad: {hook}: ") as warned:
        names, sums = dir(runtime.ops), [_sum(runtime, n) for n in range(1, 50)]
    assert sums == [[-1] * n for n in range(1, 50)]  # what it answers is not affected
    assert "test.accumulate" in names
    assert len(warned) == 1
    assert message in str(warned[0].message)
    assert {row.provider for row in runtime.list_kernels()} == {"good"}
    assert _sum(runtime_of(good=DeclaringProvider(library.kernels))) == [5] * 8


@pytest.mark.parametrize("fault", DECLARATIONS)
def test_wrong_declaration_is_an_error_under_strict(fault):
    class Plugin:
        @hookimpl
        def declare_kernels(self):
            return DECLARATIONS[fault][0]()

    runtime = runtime_of(strict=True)
    runtime.register(Plugin(), "bad")
    for _ in range(2):
        with pytest.raises(hg.PluginError, match="provider bad: declare_kernels: "):
            runtime.list_kernels()


@pytest.mark.parametrize("name", ["vector_add", "test.accumulate"])
def test_op_declared_with_another_signature_is_refused(library, name):
    class Plugin:
        @hookimpl
        def declare_ops(self):
            return [OpSpec.make(name, "(n)->(n)", "x", "Mine."), OpSpec.make("my.own", "(n)->(n)", "x", "Mine.")]

    runtime = runtime_of(good=DeclaringProvider(library.kernels))
    runtime.register(Plugin(), "the other")
    known = str(runtime_of(good=DeclaringProvider(library.kernels)).ops[name].__self__.signature)
    with pytest.warns(hg.PluginWarning) as warned:
        names = dir(runtime.ops)
    (warning,) = warned
    assert str(warning.message) == (
        f"provider the other: declare_ops: op {name!r} is known with signature {known}, not (n)->(n)"
    )
    assert "my.own" in names
    assert str(runtime.ops[name].__self__.signature) == known
    assert _sum(runtime) == [5] * 8


def test_op_declared_again_with_the_same_signature_is_fine():
    class Plugin:
        @hookimpl
        def declare_ops(self):
            return [OpSpec.make("relu", "()->()", "x", "Mine.")]

    runtime = runtime_of()
    runtime.register(Plugin(), "mine")
    assert "relu" in dir(runtime.ops)
    assert runtime.ops.relu.__self__.doc != "Mine."


def test_kernel_that_is_gone_after_it_was_declared(library):
    plugin = DeclaringProvider([library.adder(1, priority=999)])
    runtime = runtime_of(good=DeclaringProvider(library.kernels), bad=plugin)
    runtime.list_kernels()
    plugin.kernels = []
    assert _sum(runtime) == [5] * 8


def test_provider_that_asks_the_runtime_it_serves(library):
    class Curious:
        @hookimpl
        def provide_kernel(self, name, dtype, n):
            if name == "vector_add":
                runtime.ops.vector_neg(np.ones(3, "f4"))
                runtime.list_kernels()
            return None

    runtime = runtime_of(good=DeclaringProvider(library.kernels), curious=Curious())
    assert _sum(runtime) == [5] * 8


def test_provider_that_registers_another_while_it_is_asked(library):
    class Recruiter:
        @hookimpl
        def provide_kernel(self, name, dtype, n):
            if name == "vector_add" and "new" not in [row.name for row in runtime.providers()]:
                runtime.register(DeclaringProvider([library.adder(100, priority=999)]), "new")
            return None

    runtime = runtime_of(good=DeclaringProvider(library.kernels), recruiter=Recruiter())
    assert _sum(runtime) in ([5] * 8, [105] * 8)
    assert _sum(runtime) == [105] * 8
