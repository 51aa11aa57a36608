"""Does whatever may lie in a folder of libraries get an error with the reason, and never end the process?"""

import errno
import json
import os
import random
import re
import stat
import subprocess
import sys

import pytest
from support import loadable

import hologram_core as hg
import hologram_dynamic as hd
from hologram_atlas.build import build_libraries
from hologram_dynamic import trust
from hologram_dynamic.manifest import hash_of_source

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="the files made here are those of POSIX systems")


@pytest.fixture(scope="module")
def good(tmp_path_factory):
    """The bytes of a library that is right."""
    return loadable.build(tmp_path_factory.mktemp("good") / "custom_op.so", loadable.manifest()).read_bytes()


@pytest.fixture
def loader():
    return hd.KernelLoader(hg.Runtime(providers=[]))


def refusal(loader, path, error=hg.LibraryError):
    """The message that a library gets; nothing of it stays."""
    with pytest.raises(error) as caught:
        loader.load_library(path)
    assert str(caught.value).startswith(str(path))
    assert loader.list_kernels() == []
    return str(caught.value).removeprefix(f"{path}: ")


def test_truncated_libraries_are_refused(tmp_path, good, loader):
    path = tmp_path / "cut.so"
    lengths = {*range(0, 200, 7), *range(200, len(good), 97), *range(len(good) - 64, len(good))}
    for length in sorted(lengths):
        path.write_bytes(good[:length])
        assert any(word in refusal(loader, path) for word in ("truncated", "not a shared library", "without program"))
    path.write_bytes(good)
    loader.load_library(path)


PROGRAM = """
import pathlib, random, sys, warnings
import hologram_core as hg, hologram_dynamic as hd
good, path = pathlib.Path(sys.argv[1]).read_bytes(), pathlib.Path(sys.argv[2])
rng = random.Random(1)
for _ in range(60):
    data = bytearray(good)
    for _ in range(rng.randint(1, 6)):
        data[rng.randrange(20)] = rng.randrange(256)  # in the part that says what kind of file it is
    path.write_bytes(data)
    try:
        hd.KernelLoader(hg.Runtime(providers=[])).load_library(path)
    except hg.LibraryError as error:
        assert str(error).startswith(str(path)), error
print("alive")
"""


def test_damaged_headers_never_end_the_process(tmp_path, good):
    (tmp_path / "good.so").write_bytes(good)
    command = [sys.executable, "-c", PROGRAM, str(tmp_path / "good.so"), str(tmp_path / "damaged.so")]
    assert subprocess.run(command, check=True, capture_output=True, text=True).stdout == "alive\n"


def test_garbage_is_refused(tmp_path, loader):
    rng = random.Random(2)
    for size in (1, 3, 4, 17, 64, 1000):
        path = tmp_path / "garbage.so"
        path.write_bytes(rng.randbytes(size))
        assert "not a shared library" in refusal(loader, path)


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="patches an ELF file")
def test_library_for_another_machine_is_refused(tmp_path, good, loader):
    path = tmp_path / "other.so"
    other = 183 if good[18] != 183 else 62
    path.write_bytes(good[:18] + bytes([other, 0]) + good[20:])
    assert "made for another architecture" in refusal(loader, path)
    path.write_bytes(good[:4] + b"\1" + good[5:])
    assert "a 32-bit library; this process is 64-bit" in refusal(loader, path)


def test_library_of_a_newer_abi_is_refused(tmp_path, loader):
    text = loadable.SOURCE.read_text().replace(".abi_version = HOLOGRAM_ABI_VERSION", ".abi_version = 2")
    (tmp_path / "newer.c").write_text(text)
    path = loadable.compile_c(tmp_path / "newer.c", tmp_path / "newer.so")
    assert refusal(loader, path) == "ABI version 2, this runtime reads version 1"


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('OP, SIGNATURE', 'OP, "nonsense"', "signature 'nonsense', column 1: expected"),
        ('.dtype = "f32"', '.dtype = "f33"', "'f33' is not a dtype"),
        ("&library", "NULL", "the library's table is NULL"),
        (".row_size = sizeof(hologram_kernel_row)", ".row_size = 3", "rows of 3 bytes"),
    ],
)  # fmt: skip
def test_library_with_a_wrong_table_is_refused(tmp_path, loader, old, new, message):
    text = loadable.SOURCE.read_text()
    assert old in text
    (tmp_path / "wrong.c").write_text(text.replace(old, new))
    assert message in refusal(loader, loadable.compile_c(tmp_path / "wrong.c", tmp_path / "wrong.so"))


def test_library_without_the_symbol_is_refused_before_its_code_runs(tmp_path, loader):
    marker = tmp_path / "it ran"
    (tmp_path / "plain.c").write_text(
        f'#include <stdio.h>\n__attribute__((constructor)) static void run(void) {{ fclose(fopen("{marker}", "w")); }}\n'
    )
    path = loadable.compile_c(tmp_path / "plain.c", tmp_path / "plain.so")
    assert refusal(loader, path) == "it exports no hologram_library_v1, so it is no kernel library"
    assert not marker.exists()
    (tmp_path / "named.c").write_text('const char *name(void) { return "hologram_library_v1"; }\n')
    path = loadable.compile_c(tmp_path / "named.c", tmp_path / "named.so")
    assert refusal(loader, path) == "it exports no hologram_library_v1, so it is no kernel library"


def test_library_that_needs_another_that_is_not_there_is_refused(tmp_path, loader):
    text = loadable.SOURCE.read_text().replace("HOLOGRAM_OK;", "missing_function();", 1)
    (tmp_path / "needs.c").write_text("extern int missing_function(void);\n" + text)
    path = loadable.compile_c(tmp_path / "needs.c", tmp_path / "needs.so")
    message = refusal(loader, path)
    assert message.startswith("cannot be opened: ")
    assert "missing_function" in message


@pytest.mark.parametrize("about", ["{", "[]", '{"version": 9}', "nonsense"])
def test_library_with_a_bad_manifest_is_refused(tmp_path, loader, about):
    path = loadable.build(tmp_path / "bad.so", about)
    assert refusal(loader, path).startswith("its manifest")


def test_what_is_no_regular_file_is_refused(tmp_path, loader):
    (tmp_path / "folder.so").mkdir()
    assert refusal(loader, tmp_path / "folder.so") == "is a folder, expected a library file"
    os.mkfifo(tmp_path / "pipe.so")
    assert refusal(loader, tmp_path / "pipe.so") == "is no regular file, expected a library file"
    assert refusal(loader, tmp_path / "nothing.so") == "cannot be read: No such file or directory"
    (tmp_path / "one.so").symlink_to(tmp_path / "two.so")
    (tmp_path / "two.so").symlink_to(tmp_path / "one.so")
    assert refusal(loader, tmp_path / "one.so") == f"cannot be read: {os.strerror(errno.ELOOP)}"
    (tmp_path / "dangling.so").symlink_to(tmp_path / "nothing.so")
    assert refusal(loader, tmp_path / "dangling.so") == "cannot be read: No such file or directory"
    with pytest.warns(hd.LoadWarning, match="left out 5 of 5 files"):
        assert len(loader.load_from_directory(tmp_path).skipped) == 5


def test_unreadable_file_is_refused(tmp_path, loader, good, monkeypatch):
    path = tmp_path / "secret.so"
    path.write_bytes(good)
    path.chmod(0)
    if os.geteuid() == 0:  # who can read everything

        def refuse(*_args):
            raise PermissionError(13, "Permission denied")

        monkeypatch.setattr(trust.os, "open", refuse)
    assert refusal(loader, path) == "cannot be read: Permission denied"


def test_link_to_a_library_is_followed(tmp_path, loader, good):
    (tmp_path / "real").mkdir()
    (tmp_path / "real" / "custom_op.so.1").write_bytes(good)
    (tmp_path / "custom_op.so").symlink_to(tmp_path / "real" / "custom_op.so.1")
    loader.load_from_directory(tmp_path)
    assert loader.get_kernel("custom_op").library.path == tmp_path / "custom_op.so"


def test_no_room_for_the_private_copy_is_an_error(tmp_path, loader, good, monkeypatch):
    text = good.replace(b"custom_op.py", b"unique_op.py")  # content that is not open yet
    (tmp_path / "custom_op.so").write_bytes(text)
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "nowhere"))
    assert "cannot be opened, since no private copy can be made" in refusal(loader, tmp_path / "custom_op.so")


def test_private_copies_do_not_stay(tmp_path, loader, good, monkeypatch):
    (tmp_path / "temporary").mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "temporary"))
    (tmp_path / "custom_op.so").write_bytes(good.replace(b"custom_op.py", b"another_o.py"))
    loader.load_library(tmp_path / "custom_op.so")
    assert list((tmp_path / "temporary").iterdir()) == []


# ---- trust ---------------------------------------------------------------------------------------


@pytest.fixture
def library(tmp_path, good):
    """A library in a folder of its own."""
    (tmp_path / "libs").mkdir(mode=0o755)
    path = tmp_path / "libs" / "custom_op.so"
    path.write_bytes(good)
    path.chmod(0o644)
    return path


@pytest.mark.parametrize(("mode", "who"), [(0o666, "everybody"), (0o664, "its group"), (0o646, "everybody")])
@pytest.mark.parametrize("what", ["file", "folder"])
def test_what_others_can_write_is_not_loaded(loader, library, monkeypatch, mode, who, what):
    monkeypatch.setattr(trust, "_is_private_group", lambda user, group: False)
    target = library if what == "file" else library.parent
    target.chmod(mode | (0o111 if what == "folder" else 0))
    with pytest.raises(hd.UntrustedError) as caught:
        loader.load_library(library)
    text = str(caught.value)
    assert text.startswith(f"{target}: this {what} can be written by {who} ({stat.filemode(target.stat().st_mode)})")
    assert text.endswith(f"chmod go-w {target}")
    if what == "folder":
        with pytest.raises(hd.UntrustedError, match="this folder can be written by"):
            loader.load_from_directory(library.parent)
    else:
        with pytest.warns(hd.LoadWarning, match="this file can be written by"):
            assert len(loader.load_from_directory(library.parent).skipped) == 1
    target.chmod(target.stat().st_mode & ~0o022)
    loader.load_library(library)


def test_folder_behind_a_link_is_looked_at(loader, library, tmp_path):
    (tmp_path / "links").mkdir()
    link = tmp_path / "links" / "custom_op.so"
    link.symlink_to(library)
    library.parent.chmod(0o777)
    with pytest.raises(hd.UntrustedError, match="this folder can be written by everybody"):
        loader.load_library(link)


def test_own_file_in_a_folder_like_tmp_is_loaded_but_not_the_folder(loader, library):
    library.parent.chmod(0o1777)
    loader.load_library(library)
    with pytest.raises(hd.UntrustedError):
        loader.load_from_directory(library.parent)


@pytest.mark.skipif(os.geteuid() != 0, reason="gives a file away")
def test_file_of_another_in_a_folder_like_tmp_is_not_loaded(loader, library):
    library.parent.chmod(0o1777)
    os.chown(library, 12345, 12345)
    with pytest.raises(hd.UntrustedError):
        loader.load_library(library)


def test_what_belongs_to_another_user_is_not_loaded(loader, library, monkeypatch):
    monkeypatch.setattr(trust, "_trusted_users", lambda: (4711,))
    with pytest.raises(hd.UntrustedError) as caught:
        loader.load_library(library)
    owner, me = (trust._user_name(user) for user in (library.stat().st_uid, os.geteuid()))
    assert str(caught.value) == (
        f"{library}: this file belongs to {owner}, who can change it, so code in it is not trusted; "
        f"chown {me} {library}, or copy the libraries to a folder of yours"
    )
    with pytest.raises(hd.UntrustedError, match=f"^{library.parent}: this folder belongs to {owner}, "):
        loader.load_from_directory(library.parent)


@pytest.mark.skipif(os.geteuid() != 0, reason="gives files away")
@pytest.mark.parametrize("what", ["file", "folder", "folder above"])
def test_what_was_given_away_is_not_loaded(loader, library, what):
    given = {"file": library, "folder": library.parent, "folder above": library.parent.parent}[what]
    os.chown(given, 12345, 12345)
    with pytest.raises(hd.UntrustedError, match=f"^{given}: this {what}.* belongs to user 12345, "):
        loader.load_library(library)
    os.chown(given, 0, 0)
    loader.load_library(library)


def test_whoever_has_installed_the_loader_is_trusted(loader, library, monkeypatch):
    monkeypatch.setattr(trust.os, "geteuid", lambda: 4711)
    assert trust._trusted_users() == (0, 4711, os.stat(trust.__file__).st_uid)
    monkeypatch.setattr(trust, "_installer", lambda: library.stat().st_uid)
    loader.load_library(library)


def test_folder_that_others_can_put_another_in_the_place_of_is_not_loaded_from(loader, tmp_path, good):
    above = tmp_path / "above"
    (above / "libs").mkdir(parents=True)
    library = above / "libs" / "custom_op.so"
    library.write_bytes(good)
    above.chmod(0o777)
    reason = f"^{above}: this folder above {above / 'libs'} can be written by everybody .*; chmod go-w {above}$"
    for load, path in ((loader.load_library, library), (loader.load_from_directory, library.parent)):
        with pytest.raises(hd.UntrustedError, match=reason):
            load(path)
    above.chmod(0o1777)  # where what is another's stays where it is
    loader.load_from_directory(library.parent)


def test_folder_above_a_link_is_looked_at(loader, library, tmp_path):
    (tmp_path / "links").mkdir()
    (tmp_path / "links" / "libs").symlink_to(library.parent)
    loader.load_library(tmp_path / "links" / "libs" / library.name)
    (tmp_path / "links").chmod(0o777)
    with pytest.raises(hd.UntrustedError, match="links: this folder above .* can be written by everybody"):
        loader.load_library(tmp_path / "links" / "libs" / library.name)


def test_group_of_one_user_is_no_other(loader, library, monkeypatch):
    monkeypatch.setattr(trust, "_is_private_group", lambda user, group: True)
    library.chmod(0o664)
    library.parent.chmod(0o775)
    loader.load_from_directory(library.parent)
    assert loader.has_kernel("custom_op")


def test_private_group_has_the_name_of_its_user_and_no_other_member(monkeypatch):
    import grp
    import pwd
    import types

    users = {1: types.SimpleNamespace(pw_name="ann", pw_gid=10), 2: types.SimpleNamespace(pw_name="bob", pw_gid=30)}
    groups = {10: ("ann", []), 11: ("ann", ["ann"]), 30: ("staff", [])}
    entries = {key: types.SimpleNamespace(gr_name=name, gr_mem=members) for key, (name, members) in groups.items()}
    monkeypatch.setattr(pwd, "getpwuid", users.__getitem__)
    monkeypatch.setattr(grp, "getgrgid", entries.__getitem__)
    assert trust._is_private_group(1, 10)
    assert not trust._is_private_group(1, 11)  # not the group of the user
    assert not trust._is_private_group(2, 30)  # a group of many
    assert not trust._is_private_group(3, 10)  # nobody
    entries[10].gr_mem = ["bob"]
    assert not trust._is_private_group(1, 10)


def test_systems_without_permission_bits_are_not_checked(loader, library, monkeypatch):
    monkeypatch.setattr(trust, "CHECKS", False)
    library.chmod(0o666)
    loader.load_library(library)


def test_changed_ir_or_flags_are_noticed(tmp_path, loader):
    about = loadable.manifest(flags="-O3 -fwrapv")
    about["kernels"][0]["ir"] = {"name": "custom_operation", "body": ["x * x"]}
    about["hash"] = hash_of_source(about)
    path = loadable.build(tmp_path / "custom_op.so", about)
    assert hd.open_library(path).manifest.hash == about["hash"]
    content = path.read_bytes()
    for old, new in ((b"x * x", b"x + x"), (b"-fwrapv", b"-ftrapv"), (b'"unchecked": false', b'"unchecked": true ')):
        assert content.count(old) == 1
        (tmp_path / "changed.so").write_bytes(content.replace(old, new))
        assert re.fullmatch(
            r"its manifest has the hash \w{12}\.\.\., that of its IR and flags is \w{12}\.\.\.: they were changed "
            "after it was built; build it again",
            refusal(loader, tmp_path / "changed.so"),
        )


def test_what_atlas_builds_has_the_hash_of_its_ir_and_flags(tmp_path):
    (tmp_path / "twice.py").write_text(
        "def twice(x: DeviceArray[f32], out: DeviceArray[f32], n: u32):\n"
        "    i = get_global_id()\n    if i < n:\n        out[i] = x[i] * 2.0\n"
    )
    found = []
    for unchecked in (False, True):
        build_libraries([tmp_path / "twice.py"], tmp_path / "libs", levels=["baseline"], unchecked=unchecked)
        library = hd.open_library(tmp_path / "libs" / "twice.so")
        found.append(library.manifest.hash)
        assert "-fwrapv" in library.manifest.flags
        assert library.table.source_hash == library.manifest.hash == hash_of_source(json.loads(library.table.manifest))
    assert len(set(found)) == 2


def test_start_up_folder_that_others_can_write_is_left_out_with_a_warning(library):
    library.parent.chmod(0o777)
    from hologram_dynamic.plugin import DynamicProvider

    runtime = hg.Runtime(providers=[], kernel_path=[library.parent])
    runtime.register(DynamicProvider, "hologram-dynamic")
    with pytest.warns(hd.LoadWarning, match="HOLOGRAM_KERNEL_PATH: .*this folder can be written by everybody"):
        assert "custom_operation" not in runtime.op_names()
