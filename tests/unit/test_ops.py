"""Is hologram_core.ops the namespace it looks like: one object for each name, found once, and honest about the rest?"""

import copy
import gc
import pickle
import weakref

import numpy as np
import pytest
from support.providers import DeclaringProvider, python_kernel, runtime_of

import hologram_core as hg
from hologram_core.catalogue import STANDARD


@pytest.fixture(params=["default", "own"])
def ops(request, shared_runtime):
    return hg.ops if request.param == "default" else shared_runtime.ops


def test_op_is_the_same_object_every_time(ops):
    assert ops.sigmoid is ops.sigmoid
    assert ops.sigmoid is ops["sigmoid"]
    assert isinstance(ops.sigmoid.__self__, hg.Op)


def test_op_becomes_an_ordinary_attribute(ops):
    op = ops.relu
    assert vars(ops)["relu"] is op


def test_ops_that_are_imported_by_name_are_the_same():
    from hologram_core.ops import sigmoid

    assert sigmoid is hg.ops.sigmoid


def test_dir_lists_the_catalogue(ops):
    assert set(STANDARD) <= set(dir(ops))
    assert dir(ops) == sorted(dir(ops))


def test_membership(ops):
    assert "sigmoid" in ops
    assert "sigmod" not in ops
    assert 5 not in ops


def test_names_that_are_no_identifiers(shared_runtime):
    assert "test.accumulate" in dir(shared_runtime.ops)
    assert shared_runtime.ops["test.accumulate"].__name__ == "test.accumulate"


def test_unknown_name_is_an_attribute_error_with_the_closest_names(ops):
    with pytest.raises(AttributeError) as caught:
        ops.sigmod  # noqa: B018
    message = str(caught.value)
    assert isinstance(caught.value, (hg.UnknownOpError, LookupError))
    assert message.startswith("no kernel 'sigmod'; asked: ")
    assert "\n  closest names: sigmoid" in message
    assert "all names: dir(hologram_core.ops)" in message
    assert not hasattr(ops, "nothing_of_the_kind")
    assert getattr(ops, "nothing_of_the_kind", None) is None


@pytest.mark.parametrize("name", ["sigmod", "", "__add__", 5, None])
def test_unknown_key_is_a_lookup_error(ops, name):
    with pytest.raises(LookupError):
        ops[name]


def test_unknown_name_cannot_be_imported():
    with pytest.raises(ImportError):
        from hologram_core.ops import nothing_of_the_kind  # noqa: F401


def test_dunder_names_ask_no_provider(ops):
    with pytest.raises(AttributeError, match="__nothing__"):
        ops.__nothing__  # noqa: B018


def test_op_of_the_default_runtime_pickles_and_copies_as_its_name():
    op = hg.ops.gemm
    assert pickle.loads(pickle.dumps(op)) is op
    assert copy.copy(op) is op
    assert copy.deepcopy({"op": op})["op"] is op


@pytest.mark.parametrize("name", ["gemm", "test.accumulate"])
def test_op_of_another_runtime_does_not_pickle(shared_runtime, name):
    with pytest.raises(TypeError, match=rf"cannot pickle op '{name}': it belongs to a runtime of its own"):
        pickle.dumps(shared_runtime.ops[name])


def test_bound_kernel_does_not_pickle(shared_runtime):
    with pytest.raises(TypeError, match="pickle"):
        pickle.dumps(shared_runtime.get_kernel("copy", "f32", 3))


def test_op_that_only_a_declared_kernel_names_exists():
    runtime = runtime_of(mine=DeclaringProvider([python_kernel(print, "my.op", "(n),scalar->(n)", "f32")]))
    assert runtime.ops["my.op"].__self__.parameters == ("arg0", "arg1")


def test_op_is_known_as_soon_as_its_provider_is(shared_runtime, library):
    runtime = runtime_of()
    assert not hasattr(runtime.ops, "test.accumulate")
    runtime.register(DeclaringProvider(library.kernels), "late")
    assert hasattr(runtime.ops, "test.accumulate")


def test_op_is_gone_with_its_provider(library):
    runtime = runtime_of(mine=DeclaringProvider(library.kernels))
    op = runtime.ops["test.accumulate"]
    runtime.unregister("mine")
    assert "test.accumulate" not in dir(runtime.ops)
    with pytest.raises(LookupError):
        op(np.ones(1, "f4"), np.ones(1, "f4"))


def test_provider_may_come_back_with_another_signature():
    runtime = runtime_of(mine=DeclaringProvider([python_kernel(print, "my.op", "()->()", "f32")]))
    assert str(runtime.ops["my.op"].__self__.signature) == "()->()"
    runtime.unregister("mine")
    runtime.register(DeclaringProvider([python_kernel(print, "my.op", "(n)->()", "f32")]), "mine")
    assert str(runtime.ops["my.op"].__self__.signature) == "(n)->()"
    assert runtime.explain("my.op", "f32", 3).winner.provider == "mine"


# ---- ops that others answer for, or own ----------------------------------------------------------


class Recorder:
    """Takes part in calls of ops in place of an array."""

    def __hologram_op__(self, target, args, kwargs):
        return target.name if isinstance(target, hg.Op) else target.op, args, kwargs


def test_an_argument_may_answer_for_an_op(ops):
    x, mine = np.ones(3, "f4"), Recorder()
    assert ops.vector_add(x, mine) == ("vector_add", (x, mine), {})
    assert ops.clip(mine, 1, high=2) == ("clip", (mine, 1), {"high": 2})
    assert ops.relu(x, out=mine) == ("relu", (x,), {"out": mine})
    assert hg.get_kernel("relu", "f32", 3)(mine) == ("relu", (mine,), {})
    assert hg.op("relu")(x=mine) == ("relu", (), {"x": mine})


def _own_op(on_miss, on_slow=None):
    spec = hg.OpSpec.make("own", "(),()->()", "a b", "For tests.")
    return hg.Op(spec, spec.signature.layout(), 0, on_miss, on_slow or (lambda op, args, kwargs: "slow"))


def test_an_op_that_asks_nobody_leaves_all_to_its_slow_path():
    op = _own_op(None)
    x = np.ones(3, "f4")
    assert [op(x, x), op(x, x, out=x), op.function(x, x), op(x)] == ["slow"] * 4
    with pytest.raises(TypeError, match="run\\(\\) takes arrays that need no conversion"):
        op.run(x, x)


def test_an_attached_op_forgets_with_every_change(library):
    runtime = runtime_of(a=DeclaringProvider([library.adder(1)]))

    def on_miss(op, dtype, n):
        generation = runtime.generation
        kernel = runtime.get_kernel("vector_add", "f32", n)
        assert op.install(generation, dtype, 0, 100, kernel)
        return kernel

    op, other = _own_op(on_miss), _own_op(on_miss)
    runtime.attach(op)
    zeros = np.zeros(3, "f4")
    assert op(zeros, zeros)[0] == 1
    runtime.register(DeclaringProvider([library.adder(2, tier="inline")]), "b")
    assert op.slots() == []
    assert op(zeros, zeros)[0] == 2
    with pytest.raises(AssertionError):
        other(zeros, zeros)  # nobody told it which generation this is


def test_an_attached_op_is_not_kept_alive(library):
    runtime = runtime_of(a=DeclaringProvider([library.adder(1)]))
    op = _own_op(None)
    runtime.attach(op)
    gone = weakref.ref(op)
    del op
    gc.collect()
    assert gone() is None
    runtime.unregister("a")


def test_str_of_an_op_is_its_spec():
    assert str(hg.op("relu")) == repr(hg.op("relu")) == "<hologram op relu(x, out=None)>"
