"""The one symbol of a kernel library, as cffi wants it declared: const void *hologram_library_v1(void);

This is what FFI.emit_python_code() writes for that line (a test compares): importing cffi itself, to
parse one line of C, takes longer than everything else about loading a library.
"""

import _cffi_backend  # type: ignore[import-untyped]

ffi = _cffi_backend.FFI(
    "hologram_dynamic._table",
    _version=0x2601,
    _types=b"\x00\x00\x02\x0d\x00\x00\x00\x0f\x00\x00\x03\x03\x00\x00\x00\x01",
    _globals=(
        b"\x00\x00\x00\x23hologram_library_v1",
        0,
    ),
)
