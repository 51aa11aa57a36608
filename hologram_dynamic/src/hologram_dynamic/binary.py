"""Is this file a shared library for this process? Asked before the system's loader is.

In go the bytes of a file; out comes None, or a ValueError with what was found instead. The loader of
the system trusts what it maps: a truncated library can end the process with SIGBUS, and one of
something else runs its constructors. So format, machine and size are looked at here, as is the
name of the one symbol that every kernel library has.
"""

from __future__ import annotations

import platform
import struct
import sys
from collections.abc import Iterator, Sequence
from typing import NamedTuple

SYMBOL = b"hologram_library_v1"
BITS = 8 * struct.calcsize("P")


class Machine(NamedTuple):
    """How a kind of CPU is called in each format; None where a format does not have it."""

    elf: int
    macho: int | None = None
    pe: int | None = None


_X86, _X86_64 = Machine(3, 7, 0x14C), Machine(62, 0x01000007, 0x8664)
_ARM, _ARM_64 = Machine(40, 12, 0x1C4), Machine(183, 0x0100000C, 0xAA64)
MACHINES = {
    **dict.fromkeys(("x86_64", "amd64"), _X86_64 if BITS == 64 else _X86),
    **dict.fromkeys(("aarch64", "arm64"), _ARM_64 if BITS == 64 else _ARM),
    **dict.fromkeys(("i386", "i586", "i686", "x86"), _X86),
    **dict.fromkeys(("armv6l", "armv7l", "armv8l"), _ARM),
    "riscv64": Machine(243),
    "ppc64le": Machine(21),
    "s390x": Machine(22),
}
_NAMES = {_X86: "32-bit x86", _X86_64: "x86-64", _ARM: "32-bit ARM", _ARM_64: "64-bit ARM"}
FORMATS = {"darwin": "Mach-O", "win32": "PE"}  # elsewhere ELF
_MACHO_MAGIC = {b"\xcf\xfa\xed\xfe": 64, b"\xce\xfa\xed\xfe": 32}
_FAT_MAGIC = b"\xca\xfe\xba\xbe"


def check_binary(data: bytes, *, system: str = sys.platform, machine: str | None = None) -> None:
    """Raise ValueError unless the data are a whole shared library for a system and machine."""
    wanted = FORMATS.get(system, "ELF")
    found = _format_of(data)
    if found is None:
        raise ValueError(f"not a shared library: {_looks_like(data)}")
    if found != wanted:
        raise ValueError(f"a library in {found} format; this system loads {wanted}")
    name = (platform.machine() if machine is None else machine).lower()
    try:
        _CHECKS[found](data, MACHINES.get(name))
    except (struct.error, IndexError):
        raise ValueError("truncated: it ends inside its own header") from None
    if SYMBOL + b"\0" not in data:
        raise ValueError(f"it exports no {SYMBOL.decode()}, so it is no kernel library")


def _format_of(data: bytes) -> str | None:
    if data.startswith(b"\x7fELF"):
        return "ELF"
    if data[:4] in _MACHO_MAGIC or data[:4] == _FAT_MAGIC:
        return "Mach-O"
    return "PE" if data.startswith(b"MZ") else None


def _looks_like(data: bytes) -> str:
    if not data:
        return "the file is empty"
    return "it is text" if data[:64].isascii() else "its first bytes are those of no known format"


def _check_machine(found: int, wanted: int | None, position: int) -> None:
    """Compare the CPU of a library with this one, where the table knows that."""
    if wanted is None or found == wanted:
        return
    names = {machine[position]: name for machine, name in _NAMES.items()}
    raise ValueError(
        f"made for another architecture, {names.get(found, f'machine {found}')}; "
        f"this process needs {names.get(wanted, f'machine {wanted}')}: build it for that"
    )


def _check_parts(size: int, parts: Sequence[tuple[int, int]]) -> None:
    """Every (offset, length) of a file lies inside it."""
    needed = max((offset + length for offset, length in parts), default=0)
    if needed > size:
        raise ValueError(f"truncated: {size} bytes of at least {needed}; build or copy it again")


# ---- ELF -----------------------------------------------------------------------------------------


def _check_elf(data: bytes, machine: Machine | None) -> None:
    bits, order = {1: 32, 2: 64}.get(data[4], 0), {1: "<", 2: ">"}.get(data[5])
    if bits != BITS:
        raise ValueError(f"a {bits or 'strange'}-bit library; this process is {BITS}-bit: build it for that")
    if order is None or (order == "<") != (sys.byteorder == "little"):
        raise ValueError("made for another architecture, of the other byte order; build it for this one")
    kind, found = struct.unpack_from(f"{order}HH", data, 16)
    _check_machine(found, machine and machine.elf, 0)
    if kind != 3:  # ET_DYN
        raise ValueError("an ELF file, but not a shared library; link it with -shared")
    _check_parts(len(data), list(_elf_parts(data, order)))


def _elf_parts(data: bytes, order: str) -> Iterator[tuple[int, int]]:
    """The tables of the file, and what its program headers map."""
    header, segment = ("QQIHHHHHH", "IIQQQQQQ") if BITS == 64 else ("IIIHHHHHH", "IIIIIIII")
    at = 32 if BITS == 64 else 28
    programs, sections, _, _, size, count, section_size, section_count, _ = struct.unpack_from(order + header, data, at)
    if count == 0 or size < struct.calcsize(order + segment):
        raise ValueError("an ELF file without program headers; build it again")
    yield programs, size * count
    yield sections, section_size * section_count
    for i in range(count):
        fields = struct.unpack_from(order + segment, data, programs + i * size)
        offset, length = (fields[2], fields[5]) if BITS == 64 else (fields[1], fields[4])
        yield offset, length


# ---- Mach-O --------------------------------------------------------------------------------------


def _check_macho(data: bytes, machine: Machine | None) -> None:
    if data[:4] != _FAT_MAGIC:
        _check_thin(data, machine)
        return
    (count,) = struct.unpack_from(">I", data, 4)
    slices = [struct.unpack_from(">IIII", data, 8 + 20 * i) for i in range(min(count, 64))]
    _check_parts(len(data), [(offset, size) for _, _, offset, size in slices])
    mine = [entry for entry in slices if machine is None or entry[0] == machine.macho]
    if not mine:
        raise ValueError("made for other architectures; build it for this one")
    _check_thin(data[mine[0][2] : mine[0][2] + mine[0][3]], machine)


def _check_thin(data: bytes, machine: Machine | None) -> None:
    bits = _MACHO_MAGIC.get(data[:4])
    if bits != BITS:
        raise ValueError(f"a {bits or 'strange'}-bit library; this process is {BITS}-bit: build it for that")
    found, _, kind, count, size = struct.unpack_from("<IIIII", data, 4)
    _check_machine(found, machine and machine.macho, 1)
    if kind not in (6, 8):  # MH_DYLIB, MH_BUNDLE
        raise ValueError("a Mach-O file, but not a library; link it with -dynamiclib")
    at = 32 if bits == 64 else 28
    _check_parts(len(data), [(at, size)])
    _check_parts(len(data), list(_macho_segments(data, at, count)))


def _macho_segments(data: bytes, at: int, count: int) -> Iterator[tuple[int, int]]:
    for _ in range(count):
        command, length = struct.unpack_from("<II", data, at)
        if command == 0x19:  # LC_SEGMENT_64
            yield struct.unpack_from("<QQ", data, at + 40)
        elif command == 0x1:  # LC_SEGMENT
            yield struct.unpack_from("<II", data, at + 32)
        if length < 8:
            raise ValueError("a Mach-O file with a broken table of contents; build it again")
        at += length


# ---- PE ------------------------------------------------------------------------------------------


def _check_pe(data: bytes, machine: Machine | None) -> None:
    (at,) = struct.unpack_from("<I", data, 0x3C)
    if data[at : at + 4] != b"PE\0\0":
        raise ValueError("a DOS program, not a library")
    found, sections, _, _, _, optional, flags = struct.unpack_from("<HHIIIHH", data, at + 4)
    _check_machine(found, machine and machine.pe, 2)
    if not flags & 0x2000:  # IMAGE_FILE_DLL
        raise ValueError("a program, not a library; link it with -shared")
    table = at + 24 + optional
    entries = [struct.unpack_from("<II", data, table + 40 * i + 16) for i in range(sections)]
    _check_parts(len(data), [(offset, size) for size, offset in entries])


_CHECKS = {"ELF": _check_elf, "Mach-O": _check_macho, "PE": _check_pe}
