"""Is the grammar of signatures what the documentation says, and does every mistake get its message?"""

import pytest

from hologram_core import Kernel, Signature, SignatureError, dtypes


@pytest.mark.parametrize(
    "text",
    [
        "()->()",
        "(),()->()",
        "(),scalar->()",
        "scalar->()",
        "(...)->()",
        "(...),(...)->()",
        "(...),scalar->(...),()",
        "(m,k),(k,n)->(m,n)",
        "(n)->(),()",
        "inout(n),(n)->",
        "inout(...)->",
        "inout()->()",
        "(m,3)->(3)",
        "(m):f64,scalar:i32->(m):bool",
        "(...):u8->():i64",
        "(_a,B2)->(_a)",
        "->()",
    ],
)
def test_signature_is_accepted_and_printed_as_written(text):
    assert str(Signature.parse(text)) == text


def test_spaces_do_not_matter():
    assert str(Signature.parse(" ( m , k ) ,(k,n) -> (m,n) ")) == "(m,k),(k,n)->(m,n)"
    assert str(Signature.parse("inout (n)->")) == "inout(n)->"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "signature '', column 1: expected '->', found the end"),
        ("()", "signature '()', column 3: expected '->', found the end"),
        ("() ()->()", "signature '() ()->()', column 4: expected '->', found ("),
        ("(n->()", "signature '(n->()', column 3: expected ',', found ->"),
        ("(n,)->()", "signature '(n,)->()', column 4: expected a dimension, found )"),
        ("(n,-)->()", "signature '(n,-)->()', column 4: expected a dimension, found -"),
        ("(n", "signature '(n', column 3: expected ',', found the end"),
        ("x->()", "signature 'x->()', column 1: expected '(', 'scalar' or 'inout', found x"),
        ("(),->()", "signature '(),->()', column 4: expected '(', 'scalar' or 'inout', found ->"),
        ("inout scalar->()", "signature 'inout scalar->()', column 7: expected '(', found scalar"),
        ("()->scalar", "signature '()->scalar', column 5: expected '(', found scalar"),
        ("()->inout()", "signature '()->inout()', column 5: expected '(', found inout"),
        ("()->() x", "signature '()->() x', column 8: expected the end, found x"),
        ("(...,n)->()", "signature '(...,n)->()', column 5: expected ')', found ,"),
        (
            "()->(...)",
            "signature '()->(...)': (...) is an output, and no input (...) tells its shape",
        ),
        ("():f31->()", f"signature '():f31->()', column 4: expected a dtype ({', '.join(dtypes.NAMES)}), found f31"),
        ("scalar->", "signature 'scalar->': expected at least one array"),
        ("->", "signature '->': expected at least one array"),
        ("()->", "signature '()->': expected an output or an inout parameter"),
        (
            ",".join(["()"] * 16) + "->()",
            f"signature {','.join(['()'] * 16) + '->()'!r}: at most 16 parameters of 4 dimensions each",
        ),
        ("(a,b,c,d,e)->()", "signature '(a,b,c,d,e)->()': at most 16 parameters of 4 dimensions each"),
        (
            "(a,b,c,d),(e,f,g,h),(i,j,k,l),(m,n,o,p),(q)->()",
            "signature '(a,b,c,d),(e,f,g,h),(i,j,k,l),(m,n,o,p),(q)->()': at most 16 dimensions",
        ),
    ],
)
def test_mistake_is_named_with_its_column(text, message):
    with pytest.raises(SignatureError) as caught:
        Signature.parse(text)
    assert str(caught.value) == message


@pytest.mark.parametrize("text", ["(²)->()", "(n)->(²)", f"({2**63})->()", f"({'9' * 5000})->()"])
def test_number_that_is_no_size_is_a_signature_error(text):
    with pytest.raises(SignatureError):
        Signature.parse(text)


def test_largest_sizes_are_accepted():
    assert Signature.parse(f"({2**63 - 1})->()").dims == (2**63 - 1,)
    assert len(Signature.parse("(a,b,c,d),(e,f,g,h),(i,j,k,l),(m,n,o,p)->()").dims) == 16


def test_names_of_dimensions_make_no_difference():
    assert Signature.parse("(m,k),(k,n)->(m,n)") == Signature.parse("(a,b),(b,c)->(a,c)")
    assert hash(Signature.parse("(n)->(n)")) == hash(Signature.parse("(row)->(row)"))


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("(m,k),(k,n)->(m,n)", "(m,k),(n,k)->(m,n)"),
        ("(n)->(n)", "(n)->(m)"),
        ("(n)->()", "(...)->()"),
        ("(n)->()", "inout(n)->()"),
        ("()->()", "():f32->()"),
        ("()->()", "scalar,()->()"),
        ("(3)->(3)", "(n)->(n)"),
        ("(3)->(3)", "(4)->(4)"),
        ("(),()->()", "()->(),()"),
        ("inout()->()", "(),()->()"),
    ],
)
def test_signatures_that_mean_different_things_differ(one, other):
    assert Signature.parse(one) != Signature.parse(other)


def test_parts_of_a_signature():
    signature = Signature.parse("inout(m,k),(k,3),scalar->(m):i64")
    assert [str(param) for param in signature.inputs] == ["inout(m,k)", "(k,3)", "scalar"]
    assert [str(param) for param in signature.outputs] == ["(m):i64"]
    assert signature.dims == ("m", "k", 3)
    assert not signature.elementwise


@pytest.mark.parametrize(
    ("text", "elementwise"),
    [("(),scalar->()", True), ("scalar->()", True), ("(...)->()", False), ("(n)->()", False), ("inout()->", True)],
)
def test_elementwise_means_no_dimensions(text, elementwise):
    assert Signature.parse(text).elementwise is elementwise


def test_form_for_one_dtype_equals_the_general_form():
    assert Signature.parse("(m):f32,():i64->(m):f32").without_dtype("f32") == Signature.parse("(m),():i64->(m)")


@pytest.mark.parametrize("value", [5, None, b"()->()", ["()->()"]])
def test_kernel_refuses_what_is_no_signature(value):
    with pytest.raises(SignatureError, match="expected a signature such as"):
        Kernel.from_python(print, op="f", signature=value, dtype="f32")
