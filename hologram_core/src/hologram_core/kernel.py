"""Kernel and Refusal: what a provider answers.

A Kernel is a frozen value: which op and dtype it serves, for which n, and where its code is. It is
checked once, when it is made, so that nothing behind it has to; contradictions are refused with
SignatureError, TypeError or ValueError.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import MISSING, dataclass, field
from dataclasses import fields as dataclass_fields
from typing import Any

from . import dtypes
from .errors import SignatureError
from .signature import Signature

MAX_N = 2**63 - 1  #: "any n"
PRIORITIES: Mapping[str, int] = {"inline": 300, "user": 200, "fallback": 100}  #: by tier


@dataclass(frozen=True)
class Refusal:
    """ "Mine, but not for this dtype or n": the reason is printed by explain()."""

    reason: str


@dataclass(frozen=True, repr=False)
class Kernel:
    """One routine for one op and one dtype."""

    op: str  #: the op it serves: "sigmoid"
    signature: Signature  #: must equal the op's
    dtype: str  #: "f32"; parameters whose signature states a dtype have that one
    variants: tuple[tuple[str, int], ...] = ()  #: (instruction set, address of a hologram_kernel_fn)
    min_n: int = 0  #: smallest n it serves, n being the elements of the largest array of a call
    max_n: int = MAX_N  #: largest n, inclusive
    tier: str = "user"  #: "inline", "user" or "fallback"; gives the standard priority
    priority: int | None = None  #: another priority than the tier's
    splittable: bool = False  #: disjoint ranges of work items may run at once on several threads
    may_alias: bool = False  #: an output may be exactly the same memory as an input
    work: int = 1  #: cost of one element in additions: decides about threads and the GIL
    extent: int = 0  #: address of a hologram_extent_fn, 0 for none
    context: int = 0  #: handed to every call
    function: Callable[..., object] | None = None  #: in place of variants: a Python function
    doc: str = ""  #: one line
    owner: object = field(default=None, compare=False, repr=False)  #: kept alive with the kernel
    opener: Callable[[], Kernel] | None = field(default=None, compare=False, repr=False)  #: see late()

    def __post_init__(self) -> None:
        if not all(map(isinstance, map(vars(self).__getitem__, _KINDS), _KINDS.values())):
            raise TypeError(self._wrong_kind())
        if not self.op:
            raise ValueError("a kernel needs the name of its op")
        if not isinstance(self.priority, (int, type(None))):
            raise TypeError(f"kernel {self.op!r}: priority {self.priority!r}, expected a whole number or None")
        if not self.signature.anchored:
            raise SignatureError(
                f"kernel {self.op!r}: in {self.signature} no array has the kernel's dtype; leave one without"
            )
        if self.tier not in PRIORITIES:
            raise ValueError(f"kernel {self.op!r}: tier {self.tier!r}, expected one of {', '.join(PRIORITIES)}")
        if self.dtype not in dtypes.NAMES:
            raise TypeError(f"kernel {self.op!r}: dtype {self.dtype!r}, expected one of {', '.join(dtypes.NAMES)}")
        if not 0 <= self.min_n <= self.max_n <= MAX_N:
            raise ValueError(f"kernel {self.op!r}: n from {self.min_n} to {self.max_n} is no range")
        if bool(self.variants) == (self.function is not None):
            raise ValueError(f"kernel {self.op!r}: expected native variants or a Python function, one of the two")
        if not 1 <= self.work < 2**31:
            raise ValueError(f"kernel {self.op!r}: work {self.work}, expected a positive number of additions")
        for level, address in self.variants:
            is_address = isinstance(address, int) and (address == 0 if self.opener else 0 < address < 2**64)
            if not isinstance(level, str) or not is_address:
                raise ValueError(
                    f"kernel {self.op!r}: variant {level!r} at {address!r}, expected a level and an address"
                )
        if not 0 <= self.extent < 2**64 or not 0 <= self.context < 2**64:
            raise ValueError(f"kernel {self.op!r}: extent {self.extent} and context {self.context} are no addresses")
        if self.function is not None and not (callable(self.function) and isinstance(self.function, Hashable)):
            raise TypeError(f"kernel {self.op!r}: expected a hashable callable, got {self.function!r}")

    def _wrong_kind(self) -> str:
        name, kind = next(item for item in _KINDS.items() if not isinstance(getattr(self, item[0]), item[1]))
        return f"kernel {self.op!r}: {name} {getattr(self, name)!r}, expected {kind.__name__}"

    def __repr__(self) -> str:
        return f"<hologram kernel {self.op} {self.dtype}: {', '.join(f'{k} {v}' for k, v in self._facts().items())}>"

    def _repr_html_(self) -> str:
        from .html import facts  # here, since only notebooks ask

        return facts(f"{self.op} {self.dtype}", {**self._facts(), "doc": self.doc})

    def _facts(self) -> dict[str, object]:
        """What tells it from other kernels."""
        code = "Python" if self.function is not None else " ".join(level for level, _ in self.variants)
        served = range_text(self.min_n, self.max_n)
        return {"signature": self.signature, "n": served, "tier": f"{self.tier} {self.rank_priority}", "code": code}

    @staticmethod
    def native(
        op: str, signature: str | Signature, dtype: object, variants: Mapping[str, int], **fields: Any
    ) -> Kernel:
        """Make a Kernel of native code: variants maps an instruction set to a function's address."""
        return Kernel(op, _signature(signature), dtypes.name(dtype), variants=tuple(variants.items()), **fields)

    @staticmethod
    def late(
        op: str,
        signature: str | Signature,
        dtype: object,
        levels: Sequence[str],
        opener: Callable[[], Kernel],
        **fields: Any,
    ) -> Kernel:
        """Make a Kernel whose native code is looked for when it is first chosen, so that listing it costs nothing.

        `opener` returns the kernel with its addresses. It is called by opened().
        """
        kernel = object.__new__(Kernel)
        vars(kernel).update(_DEFAULTS, op=op, signature=_signature(signature), dtype=dtypes.name(dtype), **fields)
        vars(kernel).update(variants=tuple((level, 0) for level in levels), opener=opener)
        kernel.__post_init__()  # so far what __init__ does, in a third of its time: there may be thousands
        return kernel

    def opened(self) -> Kernel:
        """Return the kernel with its addresses: itself, or what its opener returns. Raises what that raises.

        Raises ValueError if that is another kernel than was announced.
        """
        if self.opener is None:
            return self
        kernel = self.opener()
        for name in _ANNOUNCED:
            if getattr(kernel, name, None) != getattr(self, name):
                raise ValueError(
                    f"kernel {self.op!r}: {name} is {getattr(kernel, name, None)!r}, not {getattr(self, name)!r}"
                )
        return kernel

    @staticmethod
    def from_python(
        function: Callable[..., object],
        *,
        op: str | None = None,
        signature: str | Signature,
        dtype: object,
        **fields: Any,
    ) -> Kernel:
        """Make a Kernel of a Python function, for providers whose work is done by another library.

        The function gets the call's arguments in order, arrays C-contiguous and of the right
        dtype, leading batch dimensions included, scalars as NumPy scalars, outputs last; it
        writes the outputs, and what it returns is ignored. Raises as Kernel does.
        """
        if not callable(function):
            raise TypeError(f"from_python() argument 'function': expected a callable, got {function!r}")
        name = str(op or getattr(function, "__name__", ""))
        doc = (getattr(function, "__doc__", None) or "").strip().partition("\n")[0]
        return Kernel(name, _signature(signature), dtypes.name(dtype), function=function, **{"doc": doc, **fields})

    @staticmethod
    def from_cffi(
        ffi: Any,
        lib: Any,
        name: str,
        *,
        signature: str | Signature,
        dtype: object,
        parameters: str,
        arguments: str,
        returns: str = "",
        **fields: Any,
    ) -> Kernel:
        """Make a Kernel of an existing C function that is declared to cffi: lib is ffi.dlopen(...), or a module's lib.

        `parameters` names those of the signature, inputs first. `arguments` says what C is given, in its order:
        parameters, sizes of the signature (`n` is the number of elements of element-wise kernels and whole
        arrays) and whole numbers. `returns` says what the result is: an output, "status" or "ignore".

            Kernel.from_cffi(ffi, lib, "cblas_saxpy", signature="scalar,(n),inout(n)", dtype="f32",
                             parameters="alpha x y", arguments="n alpha x 1 y 1")

        The function may be called from several threads at once, without the GIL. Raises TypeError and ValueError
        where the types in C are not those of the signature, and as Kernel does.
        """
        from .foreign import ForeignFunction  # here: few processes have one

        parsed, dtype_name = _signature(signature), dtypes.name(dtype)
        function = ForeignFunction(ffi, lib, name, parsed, dtype_name, parameters.split(), arguments.split(), returns)
        return Kernel.from_python(function, signature=parsed, dtype=dtype_name, **{"op": name, "doc": "", **fields})

    @property
    def rank_priority(self) -> int:
        """The priority before any override: its own, else the tier's."""
        return PRIORITIES[self.tier] if self.priority is None else self.priority

    def serves(self, n: int) -> bool:
        """Whether n is in its range."""
        return self.min_n <= n <= self.max_n

    def best_variant(self, levels: Sequence[str]) -> tuple[str, int] | None:
        """Return (level, address) for the highest of the levels (lowest first) it has, or None."""
        if self.function is not None:
            return "python", 0
        addresses = dict(self.variants)
        return next(((level, addresses[level]) for level in reversed(levels) if level in addresses), None)


_DEFAULTS = {item.name: item.default for item in dataclass_fields(Kernel) if item.default is not MISSING}
_ANNOUNCED = ("op", "signature", "dtype", "min_n", "max_n", "rank_priority")
_KINDS: Mapping[str, type] = {
    **dict.fromkeys(("op", "dtype", "tier", "doc"), str),
    **dict.fromkeys(("min_n", "max_n", "work", "extent", "context"), int),
    "signature": Signature,
    "variants": tuple,
}


def range_text(low: int, high: int) -> str:
    """Return a range of n in a few characters: "0..3072", "1..any"."""
    return f"{low}..{'any' if high == MAX_N else high}"


def _signature(signature: str | Signature) -> Signature:
    if isinstance(signature, Signature):
        return signature
    if not isinstance(signature, str):
        raise SignatureError(f"expected a signature such as '(),()->()', got {signature!r}")
    return Signature.parse(signature)
