"""Is a file looked at before the system's loader is asked to map it?"""

import struct
import sys

import pytest

from hologram_dynamic.binary import BITS, MACHINES, check_binary

SYMBOL = b"\0hologram_library_v1\0"
pytestmark = pytest.mark.skipif(BITS != 64 or sys.byteorder != "little", reason="the files made here are of 64 bits")


def elf(*, bits=2, order=1, kind=3, machine=62, programs=1, sections=0, end=None, tail=SYMBOL):
    """An ELF header, one program header that maps the whole file, and what follows."""
    size = 64 + 56 + len(tail)
    header = b"\x7fELF" + bytes([bits, order, 1]) + bytes(9)
    header += struct.pack("<HHIQQQIHHHHHH", kind, machine, 1, 0, 64, sections, 0, 64, 56, programs, 64, 0, 0)
    return header + struct.pack("<IIQQQQQQ", 1, 5, 0, 0, 0, size if end is None else end, size, 4096) + tail


def macho(*, magic=b"\xcf\xfa\xed\xfe", cpu=0x01000007, kind=6, end=None, length=72, tail=SYMBOL):
    size = 32 + 72 + len(tail)
    header = magic + struct.pack("<IIIIIII", cpu, 3, kind, 1, 72, 0, 0)
    command = struct.pack(
        "<II16sQQQQIIII", 0x19, length, b"__TEXT", 0, size, 0, size if end is None else end, 7, 5, 0, 0
    )
    return header + command + tail


def fat(*slices):
    """A universal file of (cpu, data)."""
    at = 8 + 20 * len(slices)
    header = b"\xca\xfe\xba\xbe" + struct.pack(">I", len(slices))
    for cpu, data in slices:
        header += struct.pack(">IIIII", cpu, 3, at, len(data), 0)
        at += len(data)
    return header + b"".join(data for _, data in slices)


def pe(*, machine=0x8664, flags=0x2000, end=None, tail=SYMBOL):
    dos = b"MZ" + bytes(58) + struct.pack("<I", 64)
    header = b"PE\0\0" + struct.pack("<HHIIIHH", machine, 1, 0, 0, 0, 16, flags) + bytes(16)
    at = 64 + len(header) + 40
    section = struct.pack("<8sIIIIIIHHI", b".text", 0, 0, len(tail) if end is None else end, at, 0, 0, 0, 0, 0)
    return dos + header + section + tail


@pytest.mark.parametrize(
    ("data", "system"),
    [(elf(), "linux"), (elf(), "freebsd"), (macho(), "darwin"), (macho(kind=8), "darwin"), (pe(), "win32"),
     (fat((0x0100000C, macho(cpu=0x0100000C)), (0x01000007, macho())), "darwin")],
)  # fmt: skip
def test_whole_library_of_this_machine_is_fine(data, system):
    check_binary(data, system=system, machine="x86_64")


def test_this_process_has_a_known_machine():
    import platform

    assert platform.machine().lower() in MACHINES


@pytest.mark.parametrize(
    ("data", "system", "message"),
    [
        (b"", "linux", "not a shared library: the file is empty"),
        (b"#!/bin/sh\n", "linux", "not a shared library: it is text"),
        (b"\xff\xfe\x00\x01", "linux", "its first bytes are those of no known format"),
        (macho(), "linux", "a library in Mach-O format; this system loads ELF"),
        (elf(), "darwin", "a library in ELF format; this system loads Mach-O"),
        (elf(), "win32", "a library in ELF format; this system loads PE"),
        (elf(machine=183), "linux", "made for another architecture, 64-bit ARM; this process needs x86-64: build it"),
        (elf(machine=9999), "linux", "made for another architecture, machine 9999"),
        (elf(bits=1), "linux", "a 32-bit library; this process is 64-bit"),
        (elf(bits=7), "linux", "a strange-bit library"),
        (elf(order=2), "linux", "of the other byte order"),
        (elf(kind=2), "linux", "an ELF file, but not a shared library; link it with -shared"),
        (elf(kind=1), "linux", "an ELF file, but not a shared library"),
        (elf(programs=0), "linux", "an ELF file without program headers"),
        (elf(end=1 << 40), "linux", "truncated: 141 bytes of at least 1099511627776"),
        (elf(programs=3), "linux", "truncated"),
        (elf()[:40], "linux", "truncated: it ends inside its own header"),
        (elf(tail=b"hologram_library_v2\0"), "linux", "it exports no hologram_library_v1, so it is no kernel library"),
        (macho(cpu=0x0100000C), "darwin", "made for another architecture, 64-bit ARM"),
        (macho(magic=b"\xce\xfa\xed\xfe"), "darwin", "a 32-bit library"),
        (macho(kind=2), "darwin", "a Mach-O file, but not a library"),
        (macho(end=1 << 40), "darwin", "truncated"),
        (macho(length=0), "darwin", "a broken table of contents"),
        (macho()[:20], "darwin", "truncated"),
        (macho()[:90], "darwin", "truncated"),
        (fat((0x0100000C, macho(cpu=0x0100000C))), "darwin", "made for other architectures"),
        (fat((0x01000007, macho()))[:60], "darwin", "truncated"),
        (fat((0x01000007, b"nonsense" * 8)), "darwin", "a strange-bit library"),
        (pe(machine=0xAA64), "win32", "made for another architecture, 64-bit ARM"),
        (pe(flags=0), "win32", "a program, not a library"),
        (pe(end=1 << 30), "win32", "truncated"),
        (pe()[:70], "win32", "truncated: it ends inside its own header"),
        (b"MZ" + bytes(200), "win32", "a DOS program, not a library"),
    ],
)  # fmt: skip
def test_anything_else_is_refused_with_the_reason(data, system, message):
    with pytest.raises(ValueError) as caught:  # noqa: PT011
        check_binary(data, system=system, machine="x86_64")
    assert message in str(caught.value)


def test_machine_that_the_table_does_not_know_is_left_to_the_systems_loader():
    check_binary(elf(machine=9999), system="linux", machine="quantum9000")


@pytest.mark.parametrize(("data", "system"), [(elf(), "linux"), (macho(), "darwin"), (pe(), "win32")])
def test_no_prefix_of_a_library_passes(data, system):
    for length in range(len(data)):
        with pytest.raises(ValueError):  # noqa: PT011
            check_binary(data[:length], system=system, machine="x86_64")
