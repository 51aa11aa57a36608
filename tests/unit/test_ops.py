"""Is hologram_core.ops the namespace it looks like: one object for each name, found once, and honest about the rest?"""

import copy
import pickle

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
