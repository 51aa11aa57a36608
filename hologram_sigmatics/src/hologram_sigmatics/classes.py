"""The arithmetic of classes: bytes, the 96 classes they fall into, transforms, belt addresses.

A class is a triple: h2 (0..3), d (0..2), l (0..7), and its number is 24 h2 + 8 d + l.

    bit of a byte   b7 b6   b5 b4   b3 b2 b1   b0
                     h2       d        l       ignored

Transforms act on the triple and compose as a group. Refused, with a SigmaticsError, are bytes, classes
and pages that do not exist.
"""

from __future__ import annotations

import operator
import re
from typing import NamedTuple, SupportsIndex

from .errors import SigmaticsError
from .nodes import CLASSES, PAGES, Range, Target, Transform

#: d of a byte by its bits b5 and b4; a byte with both is like one with neither
_D_OF_BITS = (0, 1, 2, 0)
#: the bits b5 and b4 of the canonical byte
_BITS_OF_D = (0, 16, 32)
_MIRRORED = (0, 2, 1)
_CLASS = re.compile(r"c0*([0-9]{1,2})")


class Action(NamedTuple):
    """What transforms do to every class: a turn of h2, a permutation of d, a turn of l."""

    r: int
    d: tuple[int, int, int]
    t: int

    def __call__(self, number: int) -> int:
        """Return the number of the class that a class becomes."""
        h2, d, low = components(number)
        return 24 * ((h2 + self.r) % 4) + 8 * self.d[d] + (low + self.t) % 8

    def after(self, inner: Action) -> Action:
        """Return the action of the inner one, followed by this one."""
        one, two, three = (self.d[d] for d in inner.d)
        return Action((self.r + inner.r) % 4, (one, two, three), (self.t + inner.t) % 8)


IDENTITY = Action(0, (0, 1, 2), 0)


def action_of(transform: Transform | None) -> Action:
    """Return what a prefix or a postfix does, in the order R, D, T, mirror."""
    if transform is None:
        return IDENTITY
    one, two, three = (((d + (transform.d or 0)) % 3) for d in range(3))
    if transform.mirror:
        one, two, three = _MIRRORED[one], _MIRRORED[two], _MIRRORED[three]
    return Action((transform.r or 0) % 4, (one, two, three), (transform.t or 0) % 8)


class Place(NamedTuple):
    """A class after all transforms, and the page of its sigil."""

    number: int
    page: int | None


def places(target: Target, action: Action) -> list[Place]:
    """Return the classes of a target, as written, under the action of what encloses it."""
    if isinstance(target, Range):
        moved = action.after(action_of(target.postfix))
        return [Place(moved(number), None) for number in range(target.first, target.last + 1)]
    return [Place(action.after(action_of(sigil.postfix))(sigil.number), sigil.page) for sigil in target.sigils]


def transform_of(action: Action) -> Transform | None:
    """Return the transform that does an action, the only one with 0 <= r < 4, 0 <= d < 3, 0 <= t < 8."""
    if action == IDENTITY:
        return None
    mirror = (action.d[1] - action.d[0]) % 3 == 2
    turn = _MIRRORED[action.d[0]] if mirror else action.d[0]
    return Transform(action.r or None, turn or None, action.t or None, mirror=mirror)


def components(number: int) -> tuple[int, int, int]:
    """Return h2, d and l of a class."""
    h2, rest = divmod(number, 24)
    return h2, *divmod(rest, 8)


def canonical_byte(number: int) -> int:
    """Return the byte that stands for a class: the one without b0, and without both of b5 and b4."""
    h2, d, low = components(number)
    return 64 * h2 + _BITS_OF_D[d] + 2 * low


def class_of(byte: int) -> int:
    """Return the number of the class of a byte."""
    return 24 * (byte >> 6) + 8 * _D_OF_BITS[byte >> 4 & 3] + (byte >> 1 & 7)


def class_number(text: str) -> int:
    """Return the number of a class written as in a phrase: "c05"."""
    if not isinstance(text, str):
        raise TypeError(f'a class is written as in a phrase, "c05", got {type(text).__name__}')
    found = _CLASS.fullmatch(text)
    if found is None or int(found[1]) >= CLASSES:
        raise SigmaticsError(f"no class {text[:40]!r}; the classes are c00 to c{CLASSES - 1}", expected=("c00 to c95",))
    return int(found[1])


class ClassInfo(NamedTuple):
    """A class: its number, its triple, its canonical byte and all bytes that fall into it."""

    number: int
    h2: int
    d: int
    l: int  # noqa: E741  # its name in the algebra
    byte: int
    bytes: tuple[int, ...]


def class_info(byte_or_class: SupportsIndex | str) -> ClassInfo:
    """Tell the class of a byte (a number), or of a class written as in a phrase ("c21")."""
    if isinstance(byte_or_class, str):
        number = class_number(byte_or_class)
    else:
        number = class_of(_within("byte", byte_or_class, 256))
    members = tuple(byte for byte in range(256) if class_of(byte) == number)
    return ClassInfo(number, *components(number), canonical_byte(number), members)


def belt_address(page: SupportsIndex, byte: SupportsIndex) -> int:
    """Return the address of a byte of a page: 256 page + byte."""
    return 256 * _within("page", page, PAGES) + _within("byte", byte, 256)


def _within(what: str, value: SupportsIndex, end: int) -> int:
    number = operator.index(value)
    if not 0 <= number < end:
        raise SigmaticsError(f"{what} {number}: expected 0 to {end - 1}", expected=(f"0 to {end - 1}",))
    return number
