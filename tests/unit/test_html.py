"""Do values show well in a notebook and at a prompt, whatever texts of strangers are in them?"""

from html.parser import HTMLParser

import numpy as np
import pytest
from support.providers import DeclaringProvider, python_kernel, runtime_of

import hologram_core as hg
from hologram_core import html
from hologram_core.bench import measure

EVIL = "<script>alert('&')</script>"
TAGS = {"div", "strong", "table", "thead", "tbody", "tr", "th", "td"}


class _Reader(HTMLParser):
    """The texts of a fragment; every tag is one of ours, and closed."""

    def __init__(self, text):
        super().__init__()
        self.texts, self._open = [], []
        self.feed(text)
        self.close()
        assert self._open == []

    def handle_starttag(self, tag, attrs):
        assert tag in TAGS
        assert {name for name, _ in attrs} <= {"style"}
        self._open.append(tag)

    def handle_endtag(self, tag):
        assert self._open.pop() == tag

    def handle_data(self, data):
        self.texts.append(data)


def _texts(value):
    return _Reader(value._repr_html_()).texts


class _Evil(DeclaringProvider):
    """A provider whose every text would be a program."""

    def __init__(self):
        kernels = [
            python_kernel(np.negative, EVIL, "()->()", "f32", doc=EVIL),
            python_kernel(np.negative, "relu", "()->()", "f32", tier="fallback"),
            python_kernel(np.add, "vector_add", "()->()", "f32"),
        ]
        super().__init__(kernels)

    @hg.hookimpl
    def declare_ops(self):
        return [hg.OpSpec.make(EVIL, "()->()", "x", EVIL, accuracy=EVIL)]

    @hg.hookimpl
    def provide_kernel(self, name, dtype, n):
        if n == 13:
            raise RuntimeError(EVIL)
        return hg.Refusal(EVIL) if dtype == "f64" else super().provide_kernel(name, dtype, n)


@pytest.fixture
def evil():
    return runtime_of(**{EVIL: _Evil()})


def test_explanation_in_a_notebook(evil):
    texts = _texts(evil.explain(EVIL, "f32", 8))
    assert texts[0] == f"{EVIL} f32 n=8: {EVIL} (user, python), for n >= 0"
    assert texts[1:9] == ["rank", "provider", "kernel", "reason", "1", EVIL, "user 200, python, n >= 0", "chosen"]
    assert texts[9].startswith("to change this: ")


def test_explanation_of_a_refusal_and_a_failure_in_a_notebook(evil):
    assert EVIL in _texts(evil.explain(EVIL, "f64", 8))
    with pytest.warns(hg.PluginWarning):
        explanation = evil.explain(EVIL, "f32", 13)
    assert any(text.startswith(f"! {EVIL}: provide_kernel: RuntimeError: {EVIL}") for text in _texts(explanation))


def test_explanation_at_a_prompt_is_what_it_prints(evil):
    explanation = evil.explain("relu", "f32", 8)
    assert repr(explanation) == str(explanation)
    assert repr(explanation).startswith(f"relu f32 n=8: {EVIL} (fallback, python), for n >= 0\n  1  ")


def test_lists_are_tables(evil):
    kernels = evil.list_kernels()
    heading, *rows = repr(kernels).splitlines()
    assert heading.split() == ["op", "dtype", "n", "provider", "tier", "isa"]
    assert len(rows) == 4
    assert rows[-1] == f"vector_add f32 of {EVIL}: its signature is ()->(), that of 'vector_add' is (),()->()"
    texts = _texts(kernels)
    assert texts[:6] == heading.split()
    assert texts[6:12] == [EVIL, "f32", "0..any", EVIL, "user 200", "python"]
    assert EVIL in _texts(evil.providers())
    assert repr(evil.providers()).splitlines()[0].split()[0] == "provider"


def test_lists_are_lists(evil):
    kernels = evil.list_kernels()
    assert isinstance(kernels, list)
    assert kernels == list(kernels)
    assert len(kernels) == 3


def test_empty_list_says_so(evil):
    nothing = evil.list_kernels(op="gemm")
    assert repr(nothing) == "none"
    assert _texts(nothing) == ["none"]


def test_bound_kernel_and_offer(evil):
    kernel = evil.get_kernel(EVIL, "f32", 8)
    assert repr(kernel) == f"<hologram kernel {EVIL} f32 by {EVIL} (user 200, python)>"
    texts = _texts(kernel)
    assert texts == _texts(kernel.offer)
    assert texts == [
        f"{EVIL} f32 by {EVIL} (user 200, python)", "provider", EVIL, "signature", "()->()", "n", "0..any", "doc", EVIL,
    ]  # fmt: skip


def test_kernel_value():
    (kernel,) = [row for row in _Evil().kernels if row.op == "relu"]
    assert repr(kernel) == "<hologram kernel relu f32: signature ()->(), n 0..any, tier fallback 100, code Python>"
    assert _texts(kernel)[0] == "relu f32"
    native = hg.get_kernel("relu", "f32", 8).kernel
    levels = " ".join(level for level, _ in native.variants)
    assert repr(native) == (f"<hologram kernel relu f32: signature ()->(), n 0..3072, tier inline 300, code {levels}>")


def test_op_and_its_spec(evil):
    op = evil.op(EVIL)
    assert repr(op) == f"<hologram op {EVIL}(x, out=None)>"
    assert _texts(op) == [f"{EVIL}(x, out=None)", "what", EVIL, "signature", "()->()", "accuracy", EVIL]
    assert _texts(op.spec) == _texts(op)


def test_stats_and_reports(evil):
    evil.ops.relu(np.zeros(3, "f4"))
    texts = _texts(evil.stats())
    assert texts[:5] == ["count", "of", "resolutions", "1", "misses"]
    assert "relu f32 n=3" in texts
    report = measure(
        ["relu"], sizes=(4, 10**6), runtime=hg.Runtime(providers=["hologram-stdlib"]), rounds=1, seconds=0.0
    )
    assert "left out: no provider serves relu f32 at n = 1000000" in _texts(report)


def test_facts_without_a_value_are_left_out():
    assert _Reader(html.facts("title", {"a": "", "b": 0, "c": None}, notes=["<note>"])).texts == [
        "title", "b", "0", "<note>",
    ]  # fmt: skip
