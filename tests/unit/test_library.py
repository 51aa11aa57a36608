"""Is the table of a kernel library checked before anything in it is believed?"""

import ctypes

import pytest
from support import abi

import hologram_core as hg


def _read(library):
    return hg.read_library(ctypes.addressof(library), library)


def test_right_library_becomes_kernels():
    library = abi.library(
        abi.row(
            variants=[(b"baseline", 0x1000), (b"avx2", 0x2000)], extent=0x30, context=0x40, min_n=2, max_n=9, work=7
        ),
        abi.row(op=b"other", doc=None, flags=0, dtype=b"i64", signature=b"(n)->():f32"),
        abi.row(op=b"third", flags=2),
    )
    first, second, third = _read(library)
    assert first == hg.Kernel(
        "twice", hg.Signature.parse("()->()"), "f32", (("baseline", 0x1000), ("avx2", 0x2000)), 2, 9,
        splittable=True, may_alias=True, work=7, extent=0x30, context=0x40, doc="2 x",
    )  # fmt: skip
    assert first.owner is library
    assert (second.op, second.dtype, str(second.signature), second.doc) == ("other", "i64", "(n)->():f32", "")
    assert (second.splittable, second.may_alias) == (False, False)
    assert (third.splittable, third.may_alias) == (False, True)


def test_tier_is_the_callers():
    (kernel,) = hg.read_library(ctypes.addressof(library := abi.library(abi.row())), library, tier="inline")
    assert kernel.tier == "inline"


def test_table_has_the_manifest_and_where_it_came_from():
    library = abi.library(abi.row(), source_hash=b"cafe", manifest='{"π": 3}'.encode())
    table = hg.read_table(ctypes.addressof(library), library)
    assert (table.producer, table.source_hash, table.manifest) == ("tests", "cafe", '{"π": 3}')
    assert table.kernels == _read(library)
    assert table.kernels[0].tier == "user"


def test_manifest_of_the_largest_size_is_read():
    library = abi.library(manifest=b"x" * 2**24)
    assert len(hg.read_table(ctypes.addressof(library), library).manifest) == 2**24


@pytest.mark.parametrize("changes", [{}, {"manifest": None}, {"size": abi.Library.manifest.offset}])
def test_library_without_a_manifest_is_read(changes):
    library = abi.library(abi.row(), **{"manifest": b"not part of the table" if "size" in changes else None, **changes})
    table = hg.read_table(ctypes.addressof(library), library)
    assert (table.manifest, len(table.kernels)) == ("", 1)


def test_refused_table_says_so():
    library = abi.library(abi_version=7)
    with pytest.raises(hg.LibraryError, match="kernel library refused: ABI version 7"):
        hg.read_table(ctypes.addressof(library), library)


def test_empty_library_has_no_kernels():
    assert _read(abi.library()) == []


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"abi_version": 0}, "ABI version 0, this runtime reads version 1"),
        ({"abi_version": 2}, "ABI version 2, this runtime reads version 1"),
        ({"size": abi.Library.manifest.offset - 1}, "a library table of 39 bytes, expected at least 40"),
        ({"row_size": ctypes.sizeof(abi.Row) - 8}, "rows of 80 bytes, expected at least 88"),
        ({"row_size": ctypes.sizeof(abi.Row) + 4}, "rows of 92 bytes, expected at least 88"),
        ({"rows": None}, "a table of 1 rows at NULL"),
        ({"row_count": 1_000_001}, "a table of 1000001 rows"),
        ({"producer": None}, "producer is NULL"),
        ({"source_hash": None}, "source_hash is NULL"),
        ({"producer": b"x" * 4097}, "producer is longer than 4096 bytes"),
        ({"producer": b"\xff"}, "producer is not UTF-8"),
        ({"manifest": b"\xff"}, "manifest is not UTF-8"),
        ({"manifest": b"x" * (2**24 + 1)}, "manifest is longer than 16777216 bytes"),
    ],
)
def test_wrong_header_is_refused(changes, message):
    with pytest.raises(hg.LibraryError) as caught:
        _read(abi.library(abi.row(), **changes))
    assert str(caught.value) == f"kernel library refused: {message}"


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"op": None}, "row 1: op is NULL"),
        ({"op": b"x" * 4097}, "row 1: op is longer than 4096 bytes"),
        ({"op": b"\xc3\x28"}, "row 1: op is not UTF-8"),
        ({"op": b""}, "a kernel needs the name of its op"),
        ({"signature": None}, "row 1: signature is NULL"),
        ({"signature": b"()"}, "signature '()', column 3: expected '->', found the end"),
        ({"dtype": None}, "row 1: dtype is NULL"),
        ({"dtype": b"f33"}, "'f33' is not a dtype of Hologram"),
        ({"doc": b"x" * 4097}, "row 1: doc is longer than 4096 bytes"),
        ({"doc": b"\xff"}, "row 1: doc is not UTF-8"),
        ({"min_n": -1}, "kernel 'twice': n from -1 to"),
        ({"min_n": 5, "max_n": 4}, "kernel 'twice': n from 5 to 4 is no range"),
        ({"work": 0}, "kernel 'twice': work 0"),
        ({"work": 2**31}, "kernel 'twice': work 2147483648"),
        ({"variants": []}, "row 1: expected 1 to 64 variants, found 0"),
        ({"variant_count": 65}, "row 1: expected 1 to 64 variants, found 65"),
        ({"variants": [(None, 1)]}, "row 1: a variant's isa is NULL"),
        ({"variants": [(b"\xff", 1)]}, "row 1: a variant's isa is not UTF-8"),
        ({"variants": [(b"x" * 4097, 1)]}, "row 1: a variant's isa is longer than 4096 bytes"),
        ({"variants": [(b"baseline", 0)]}, "row 1: variant baseline has no function"),
    ],
)
def test_wrong_row_refuses_the_whole_library(changes, message):
    with pytest.raises(hg.LibraryError) as caught:
        _read(abi.library(abi.row(), abi.row(**changes)))
    assert str(caught.value).startswith(f"kernel library refused: {message}")


def test_variants_that_are_null_are_refused():
    row = abi.row()
    row.variants = ctypes.POINTER(abi.Variant)()
    with pytest.raises(hg.LibraryError, match="expected 1 to 64 variants"):
        _read(abi.library(row))


def test_strings_of_the_largest_size_are_read():
    (kernel,) = _read(abi.library(abi.row(doc=b"x" * 4096)))
    assert len(kernel.doc) == 4096


def test_library_of_a_longer_header_and_longer_rows_is_read():
    class LongRow(ctypes.Structure):
        _fields_ = (("row", abi.Row), ("more", ctypes.c_int64))

    rows = (LongRow * 2)(LongRow(abi.row(op=b"one"), -1), LongRow(abi.row(op=b"two"), -1))
    library = abi.library(row_size=ctypes.sizeof(LongRow), row_count=2, size=ctypes.sizeof(abi.Library) + 8)
    library.rows = ctypes.cast(rows, ctypes.POINTER(abi.Row))
    assert [kernel.op for kernel in _read(library)] == ["one", "two"]


@pytest.mark.parametrize("address", [0, None, "x", 1.5, 2**64])
def test_what_is_no_address_is_refused(address):
    with pytest.raises(hg.LibraryError, match="kernel library refused: "):
        hg.read_library(address, None)


def test_header_matches_the_structures_used_here(library):
    """The C compiler and ctypes agree, or every test above would test something else."""
    table = abi.Library.from_address(library.handle.hologram_library_v1())
    assert (table.abi_version, table.size, table.row_size) == (1, ctypes.sizeof(abi.Library), ctypes.sizeof(abi.Row))
    assert table.rows[0].op == b"vector_add"
    assert table.row_count == len(library.kernels)
