"""Polynomials with integer coefficients over atoms: the form in which indices are bounded.

An atom is a number that some table knows more about. A polynomial is a mapping from monomials, sorted
tuples of atoms, to coefficients that are not 0; it is exact, where machine integers wrap.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TypeAlias

Monomial: TypeAlias = tuple[int, ...]
Poly: TypeAlias = Mapping[Monomial, int]

MAX_TERMS = 200  #: a product that has more is given up


def constant(value: int) -> Poly:
    """A number."""
    return {(): value} if value else {}


def atom(number: int) -> Poly:
    """An atom alone."""
    return {(number,): 1}


def add(left: Poly, right: Poly, factor: int = 1) -> Poly:
    """left + factor * right."""
    result = dict(left)
    for monomial, coefficient in right.items():
        result[monomial] = result.get(monomial, 0) + factor * coefficient
    return {monomial: coefficient for monomial, coefficient in result.items() if coefficient}


def multiply(left: Poly, right: Poly) -> Poly | None:
    """The product, or None where it has too many terms."""
    if len(left) * len(right) > MAX_TERMS:
        return None
    result: dict[Monomial, int] = {}
    for a, x in left.items():
        for b, y in right.items():
            monomial = tuple(sorted(a + b))
            result[monomial] = result.get(monomial, 0) + x * y
    return {monomial: coefficient for monomial, coefficient in result.items() if coefficient}


def atoms(poly: Poly) -> set[int]:
    """The atoms of a polynomial."""
    return {number for monomial in poly for number in monomial}


def split(poly: Poly, number: int) -> tuple[Poly, Poly] | None:
    """(a, b) where the polynomial is a * atom + b, or None where the atom is squared."""
    factor: dict[Monomial, int] = {}
    rest: dict[Monomial, int] = {}
    for monomial, coefficient in poly.items():
        count = monomial.count(number)
        if count > 1:
            return None
        if count == 1:
            factor[tuple(other for other in monomial if other != number)] = coefficient
        else:
            rest[monomial] = coefficient
    return factor, rest


def is_constant(poly: Poly) -> bool:
    """Whether it is a number."""
    return not any(poly)


def is_atom(poly: Poly) -> bool:
    """Whether it is one atom, or a number."""
    return is_constant(poly) or (len(poly) == 1 and all(len(m) == 1 and c == 1 for m, c in poly.items()))


def is_natural(poly: Poly, naturals: Iterable[int]) -> bool:
    """Whether it is surely not negative, given atoms that are not."""
    known = set(naturals)
    return all(coefficient > 0 and set(monomial) <= known for monomial, coefficient in poly.items())
