"""Kernels as JSON: what is read, what is refused and where, which version is written."""

from __future__ import annotations

import copy
import json
import math
from pathlib import Path
from typing import Any

import jsonschema
import numpy as np
import pytest

import hologram_atlas
from hologram_atlas import ir
from hologram_atlas.compiler import compile_kernels, interpreter, lower, to_json
from hologram_atlas.errors import CompileError
from hologram_atlas.parse import parse_source
from hologram_atlas.schema import from_json

SCHEMA = json.loads(Path(hologram_atlas.__file__).with_name("kernel.schema.json").read_text())
KERNELS = sorted(Path(__file__).parents[1].glob("kernels/*.py"))
ITEM = {"type": "call", "function": "get_global_id", "args": []}
AT_I = {"type": "var", "name": "i"}
ELEMENT = {"type": "index", "array": {"type": "var", "name": "x"}, "index": AT_I}
ARRAY = {"kind": "device_array", "element_type": {"kind": "scalar", "type": "f32"}}


def document(*, value: Any = None, version: Any = "1.0", **entry: Any) -> dict[str, Any]:
    """A kernel `x[i] = value`, with other entries as given."""
    kernel = {
        "name": "stored",
        "params": [{"name": "x", "type": ARRAY}],
        "body": [
            {"type": "let", "name": "i", "value": ITEM},
            {"type": "assign", "target": ELEMENT, "value": value or {"type": "literal", "value": 1.5}},
        ],
        **entry,
    }
    return copy.deepcopy({"version": version, "kernel": kernel})


def statement(**node: Any) -> dict[str, Any]:
    """A document whose body is one statement."""
    return document(body=[node])


def binary(op: str) -> dict[str, Any]:
    return {"type": "binary_op", "op": op, "left": ELEMENT, "right": ELEMENT}


# ---- what is read --------------------------------------------------------------------------------


def test_document_runs_in_native_code_and_interpreter() -> None:
    kernels = from_json(json.dumps(document()))
    (native,) = compile_kernels(kernels, "stored")
    for run in (native, interpreter(lower(kernels[0]))):
        x = np.zeros(3, np.float32)
        run(x)
        assert x.tolist() == [1.5, 1.5, 1.5]


def test_list_of_documents_is_several_kernels() -> None:
    kernels = from_json([document(name="one"), document(name="two", version="1.1")])
    assert [kernel.name for kernel in kernels] == ["one", "two"]


def test_names_of_the_first_system_are_read() -> None:
    value = {"type": "call", "function": "sqrtf", "args": [ELEMENT]}
    (kernel,) = from_json(document(value=value))
    (native,) = compile_kernels([kernel], "roots")
    x = np.array([4, 9], np.float32)
    native(x)
    assert x.tolist() == [2, 3]


def test_places_in_the_source_are_kept() -> None:
    text = "from atlas_kernel import *\n\ndef k(x: DeviceArray[f32]):\n    assert 1 > 0\n    x[get_global_id()] = 2\n"
    (kernel,) = from_json(to_json(parse_source(text, "k.py")))
    assert [(node.span.line, node.span.column) for node in kernel.body if node.span] == [(4, 5), (5, 5)]


@pytest.mark.parametrize(
    ("statement", "version"),
    [
        ("x[i] = x[i] // 2.0", "1.0"),
        ("x[i] = x[i] if i < 3 else -x[i]", "1.0"),
        ("while i < 3:\n        i += 1", "1.0"),
        ("k: f64 = 1", "1.1"),
        ("assert i < 3", "1.1"),
        ("x[i & 3] = 1", "1.1"),
        ("x[i] = len(x)", "1.1"),
        ("x[i] = 1e999", "1.1"),
        ("atomic_add(x, 0, 1)", "1.1"),
        ("for j in range(3):\n        break", "1.1"),
    ],
)
def test_lower_version_that_is_enough_is_written(statement: str, version: str) -> None:
    text = f"from atlas_kernel import *\n\ndef k(x: DeviceArray[f32]):\n    i = get_global_id()\n    {statement}\n"
    kernels = parse_source(text, "k.py")
    written = to_json(kernels)
    assert json.loads(written)["version"] == version
    assert [ir.text(node) for kernel in from_json(written) for node in kernel.body] == [
        ir.text(node) for kernel in kernels for node in kernel.body
    ]


@pytest.mark.parametrize("number", [math.inf, -math.inf, math.nan])
def test_numbers_that_json_lacks_are_words(number: float) -> None:
    (kernel,) = from_json(document(value={"type": "literal", "value": str(number)}, version="1.1"))
    written = json.loads(to_json([kernel]))
    assert written["kernel"]["body"][1]["value"]["value"] == str(number)


# ---- what is refused -----------------------------------------------------------------------------

REFUSED = {
    "text": ("{", r"not JSON: Expecting property name"),
    "constant": ('{"version": NaN}', r'NaN is not JSON.*write "inf", "-inf" or "nan"'),
    "twice": ('{"version": "1.0", "version": "1.0"}', r"key 'version' is there twice"),
    "nested text": ("[" * 100_000, r"nested too deep"),
    "number": (3, r"expected an object, found 3"),
    "no version": ({"kernel": {}}, r"version None is not known.*there are 1\.0, 1\.1"),
    "newer": (document(version="2.0"), r"version '2\.0' is not known"),
    "no kernel": ({"version": "1.0"}, r"'kernel' is missing"),
    "extra": ({**document(), "author": "me"}, r"unknown key 'author'.*there are version, kernel"),
    "two of a name": ([document(), document()], r"kernel 'stored' is there twice"),
    "which of a list": ([document(), document(name=1)], r"\[1\]\.kernel: expected a name, found 1"),
    "name": (document(name="a b"), r'kernel: expected a name, found "a b"'),
    "entry": (document(grid=3), r"kernel: unknown key 'grid'"),
    "params": (document(params={}), r"kernel\.params: expected a list, found \{\}"),
    "type": (
        document(params=[{"name": "x", "type": {"kind": "scalar", "type": "f8"}}]),
        r"kernel\.params\[0\]\.type: unknown type 'f8'.*there are f16",
    ),
    "kind": (
        document(params=[{"name": "x", "type": {"kind": "tensor"}}]),
        r"expected a type of kind scalar or device_array",
    ),
    "array of arrays": (
        document(params=[{"name": "x", "type": {"kind": "device_array", "element_type": ARRAY}}]),
        r"an array of arrays is not in the language",
    ),
    "shapes": (document(shapes="(n"), r"kernel: shapes: "),
    "doc": (document(doc=7), r"kernel: doc: expected a string, found 7"),
    "keys of a parameter": (
        document(params=[{"name": "x", "type": ARRAY, "shape": 3}]),
        r"kernel\.params\[0\]: unknown key 'shape'",
    ),
    "message": (
        statement(type="assert", condition=ITEM, message=None),
        r"kernel\.body\[0\]: message: expected a string, found null",
    ),
    "block": (document(body={}), r"kernel\.body: expected a list of statements"),
    "statement": (statement(type="goto"), r"kernel\.body\[0\]: unknown statement 'goto'.*there are let"),
    "missing": (statement(type="let", name="a"), r"kernel\.body\[0\]: 'value' is missing"),
    "declared": (
        statement(type="let", name="a", value=ITEM, declared="int3"),
        r"unknown type 'int3'",
    ),
    "target": (statement(type="assign", target=ITEM, value=ITEM), r"the target must be a var or an index"),
    "returned": (statement(type="return", value=ITEM), r"a kernel returns nothing.*store the result in an array"),
    "no effect": (statement(type="expr", value=ITEM), r"this statement has no effect.*only atomic_add"),
    "expression": (document(value={"type": "lambda"}), r"body\[1\]\.value: unknown expression 'lambda'"),
    "operator": (document(value=binary("matmul")), r"body\[1\]\.value: unknown operator 'matmul'"),
    "unary": (
        document(value={"type": "unary_op", "op": "sqrt", "operand": ELEMENT}),
        r"unknown operator 'sqrt'.*there are inv, neg, not, pos",
    ),
    "literal": (document(value={"type": "literal", "value": "one"}), r'expected a number, found "one"'),
    "large": (document(value={"type": "literal", "value": 2**64}), r"does not fit in 64 bits.*write it as a float"),
    "array": (
        document(value={"type": "index", "array": "y", "index": AT_I}),
        r'expected the name of an array parameter, found "y".*there are x',
    ),
    "indices": (
        document(value={"type": "index", "array": "x", "indices": []}),
        r"indices: expected a list, found \[\]",
    ),
    "function": (
        document(value={"type": "call", "function": "system", "args": []}),
        r"unknown function 'system'.*there are abs",
    ),
    "arguments": (
        document(value={"type": "call", "function": "len", "args": []}),
        r"len\(\) needs an array",
    ),
    "place": (
        statement(type="let", name="a", value={**ITEM, "line": "four"}),
        r'body\[0\]\.value: line: expected an integer from 0, found "four"',
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_refusals_name_the_place(case: str) -> None:
    given, message = REFUSED[case]
    with pytest.raises(CompileError, match=f"(?s){message}"):
        from_json(given, "given.json")


def test_deep_documents_are_refused() -> None:
    value: dict[str, Any] = ELEMENT
    for _ in range(300):
        value = {"type": "unary_op", "op": "neg", "operand": value}
    with pytest.raises(CompileError, match="nested more than 200 deep"):
        from_json(document(value=value))


def test_wrong_types_are_found_by_the_compiler() -> None:
    (kernel,) = from_json(document(value={"type": "var", "name": "missing"}))
    with pytest.raises(CompileError, match="missing"):
        lower(kernel)


# ---- the schema ----------------------------------------------------------------------------------

# What a schema cannot say: names that must be known, values that depend on others.
BEYOND_A_SCHEMA = {"name", "shapes", "target", "no effect", "large", "array", "function", "arguments"}


@pytest.mark.parametrize("case", [case for case, (given, _) in REFUSED.items() if isinstance(given, dict)])
def test_schema_refuses_what_the_reader_refuses(case: str) -> None:
    given, _ = REFUSED[case]
    assert jsonschema.Draft202012Validator(SCHEMA).is_valid(given) == (case in BEYOND_A_SCHEMA)


@pytest.mark.parametrize("file", KERNELS, ids=lambda file: file.stem)
def test_schema_accepts_what_is_written(file: Path) -> None:
    documents = json.loads(to_json(parse_source(file.read_text(), file.name)))
    for item in documents if isinstance(documents, list) else [documents]:
        jsonschema.validate(item, SCHEMA)
