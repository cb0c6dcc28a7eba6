"""Follow instructions symbolically: the stack and the variables hold steps of a formula.

Straight-line code alone is followed: a branch, a loop, an inner function or a statement with an effect is
named and refused. What the steps mean is decided later, by the table of functions that are known.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from vae_export.bytecode.formula import Formula, Kind, NotUnderstoodError, Step
from vae_export.bytecode.instructions import Instruction, Version, instructions_of
from vae_export.bytecode.marshalled import Code

__all__ = ["follow"]

_LARGEST_CONSTANT = 64
_BINARY = {
    "ADD": "+", "SUBTRACT": "-", "MULTIPLY": "*", "TRUE_DIVIDE": "/", "FLOOR_DIVIDE": "//", "POWER": "**",
    "MODULO": "%", "MATRIX_MULTIPLY": "@",
}  # fmt: skip
# Arguments of BINARY_OP, from Python 3.11 on; 13 more for the augmented assignments.
_BINARY_OP = {0: "+", 2: "//", 4: "@", 5: "*", 6: "%", 8: "**", 10: "-", 11: "/"}
_INPLACE = 13
_IGNORED = {"RESUME", "NOP", "PRECALL", "MAKE_CELL", "COPY_FREE_VARS"}
_LIST_TO_TUPLE, _UNARY_POSITIVE = 6, 5
_WORDS = {
    "JUMP": "a branch or a loop",
    "TO_BOOL": "a branch or a loop",
    "GET_ITER": "a loop",
    "SETUP_LOOP": "a loop",
    "MAKE_FUNCTION": "an inner function",
    "STORE_GLOBAL": "an assignment to a global name",
    "STORE_SUBSCR": "an assignment to an item",
    "STORE_ATTR": "an assignment to an attribute",
    "COMPARE_OP": "a comparison",
}


def follow(code: Code, version: Version, closure: Sequence[Any] | None = None) -> Formula:
    """The formula of a code object, as one version of Python runs it.

    Args:
        code: a function.
        version: that may have written it.
        closure: values of its free variables; None if they are not known.

    Raises:
        NotUnderstoodError: at the first instruction that is not read; it has the instruction's `position`.
    """
    machine = _StackMachine(code, version, closure)
    try:
        return machine.formula()
    except NotUnderstoodError as error:
        error.position = machine.position
        raise


class _Null:
    """Marks the empty slot beside a function on the stack."""


_NULL = _Null()


class _StackMachine:
    """The state of one pass: the stack and the local variables hold numbers of steps.

    Attributes:
        position: of the next instruction.
    """

    def __init__(self, code: Code, version: Version, closure: Sequence[Any] | None) -> None:
        self.position = 0
        self._code, self._version = code, version
        self._steps: list[Step] = []
        self._constants: dict[int, int] = {}
        self._stack: list[int | _Null] = []
        self._names_of_keywords: tuple[str, ...] = ()
        self._locals: dict[str, int] = {name: self.new("argument", data=name) for name in code.arguments}
        for name, value in zip(code.free, closure or (), strict=False):
            self._locals[name] = self.constant(value)

    def formula(self) -> Formula:
        """Follow all instructions.

        Raises:
            NotUnderstoodError: at the first one that is not read.
        """
        instructions = instructions_of(self._code, self._version)
        for self.position, instruction in enumerate(instructions):
            if instruction.name in ("RETURN_VALUE", "RETURN_CONST"):
                if instruction.name == "RETURN_CONST":
                    self.push_constant(instruction.argument)
                result = self.pop()
                if self._stack or self.position + 1 != len(instructions):
                    raise NotUnderstoodError("instructions after its return")
                return Formula(self._code.arguments, self._code.positional, tuple(self._steps), result)
            self.follow(instruction)
            if len(self._stack) > self._code.stack_size:
                raise NotUnderstoodError("a stack deeper than it says")
        raise NotUnderstoodError("no return")

    def follow(self, instruction: Instruction) -> None:
        name, argument = instruction.name, instruction.argument
        if name in _IGNORED:
            return
        if name in _HANDLERS:
            _HANDLERS[name](self, argument)
            return
        kind, _, operation = name.partition("_")
        if kind in ("BINARY", "INPLACE") and operation in _BINARY:
            self.binary(_BINARY[operation])
            return
        words = next((words for part, words in _WORDS.items() if part in name), None)
        raise NotUnderstoodError(f"{words} ({name})" if words else f"the instruction {name}")

    # Steps and the stack

    def new(self, kind: Kind, operands: Sequence[int] = (), data: Any = None) -> int:
        self._steps.append(Step(kind, tuple(operands), data))
        return len(self._steps) - 1

    def constant(self, value: Any) -> int:
        return self.new("constant", data=_checked(value))

    def push(self, number: int | _Null) -> None:
        self._stack.append(number)

    def pop(self) -> int:
        if not self._stack:
            raise NotUnderstoodError("an empty stack")
        top = self._stack.pop()
        if isinstance(top, _Null):
            raise NotUnderstoodError("a stack without a value")
        return top

    def pops(self, count: int) -> list[int]:
        if count > len(self._stack):
            raise NotUnderstoodError("an empty stack")
        return [self.pop() for _ in range(count)][::-1]

    def named(self, names: Sequence[str], number: int) -> str:
        if not number < len(names):
            raise NotUnderstoodError("a name that it does not have")
        return names[number]

    # Instructions

    def push_constant(self, argument: int) -> None:
        if not argument < len(self._code.constants):
            raise NotUnderstoodError("a constant that it does not have")
        # Each is checked once: a large one may be loaded many times.
        if argument not in self._constants:
            self._constants[argument] = self.constant(self._code.constants[argument])
        self.push(self._constants[argument])

    def load(self, name: str) -> None:
        if name not in self._locals:
            if name not in self._code.free:
                raise NotUnderstoodError(f"a variable {name!r} without a value")
            # Its value was not saved.
            self._locals[name] = self.new("name", data=name)
        self.push(self._locals[name])

    def load_fast(self, argument: int) -> None:
        self.load(self.named(self._code.locals, argument))

    def load_two(self, argument: int) -> None:
        self.load_fast(argument >> 4)
        self.load_fast(argument & 15)

    def load_deref(self, argument: int) -> None:
        self.load(self.named(self._code.cells, argument))

    def store_fast(self, argument: int) -> None:
        self._locals[self.named(self._code.locals, argument)] = self.pop()

    def store_deref(self, argument: int) -> None:
        self._locals[self.named(self._code.cells, argument)] = self.pop()

    def store_two(self, argument: int) -> None:
        self.store_fast(argument >> 4)
        self.store_fast(argument & 15)

    def store_and_load(self, argument: int) -> None:
        self.store_fast(argument >> 4)
        self.load_fast(argument & 15)

    def load_global(self, argument: int) -> None:
        with_null = self._version >= (3, 11) and argument & 1
        name = self.named(self._code.names, argument >> 1 if self._version >= (3, 11) else argument)
        self.push_function(self.new("name", data=name), bool(with_null))

    def push_function(self, number: int, with_null: bool) -> None:
        """A value, beside an empty slot if it is to be called: below it until Python 3.12, then above."""
        if with_null and self._version < (3, 13):
            self.push(_NULL)
        self.push(number)
        if with_null and self._version >= (3, 13):
            self.push(_NULL)

    def load_attribute(self, argument: int) -> None:
        with_null = self._version >= (3, 12) and argument & 1
        name = self.named(self._code.names, argument >> 1 if self._version >= (3, 12) else argument)
        self.push_function(self.new("attribute", [self.pop()], name), bool(with_null))

    def load_method(self, argument: int) -> None:
        name = self.named(self._code.names, argument)
        self.push_function(self.new("attribute", [self.pop()], name), with_null=True)

    def push_null(self, argument: int) -> None:
        self.push(_NULL)

    def keyword_names(self, argument: int) -> None:
        names = self._code.constants[argument] if argument < len(self._code.constants) else None
        self._names_of_keywords = _as_names(names)

    def call_function(self, argument: int) -> None:
        given = self.pops(argument)
        self.make_call(self.pop(), given, ())

    def call_function_kw(self, argument: int) -> None:
        names = self.top_names()
        given = self.pops(argument)
        self.make_call(self.pop(), given, names)

    def call_with_slot(self, argument: int) -> None:
        names, self._names_of_keywords = self._names_of_keywords, ()
        given = self.pops(argument)
        self.make_call(self.callee_beside_slot(), given, names)

    def call_kw(self, argument: int) -> None:
        names = self.top_names()
        given = self.pops(argument)
        self.make_call(self.callee_beside_slot(), given, names)

    def callee_beside_slot(self) -> int:
        if len(self._stack) < 2:
            raise NotUnderstoodError("an empty stack")
        two = [self._stack.pop(), self._stack.pop()]
        callees = [one for one in two if not isinstance(one, _Null)]
        if len(callees) != 1:
            raise NotUnderstoodError("a call without a function")
        return callees[0]

    def top_names(self) -> tuple[str, ...]:
        step = self._steps[self.pop()]
        return _as_names(step.data if step.kind == "constant" else None)

    def make_call(self, callee: int, given: Sequence[int], names: tuple[str, ...]) -> None:
        if len(names) > len(given):
            raise NotUnderstoodError("more names than arguments")
        self.push(self.new("call", [callee, *given], names))

    def binary(self, sign: str) -> None:
        self.push(self.new("binary", self.pops(2), sign))

    def binary_op(self, argument: int) -> None:
        sign = _BINARY_OP.get(argument - _INPLACE if argument >= _INPLACE else argument)
        if sign is None:
            raise NotUnderstoodError(f"the binary operation {argument}")
        self.binary(sign)

    def unary(self, sign: str) -> None:
        self.push(self.new("unary", [self.pop()], sign))

    def item(self, argument: int) -> None:
        self.push(self.new("item", self.pops(2)))

    def item_of_slice(self, argument: int) -> None:
        whole, start, stop = self.pops(3)
        self.push(self.new("item", [whole, self.new("slice", [start, stop])]))

    def slice(self, argument: int) -> None:
        if argument not in (2, 3):
            raise NotUnderstoodError("a slice of other than two or three bounds")
        self.push(self.new("slice", self.pops(argument)))

    def sequence(self, kind: Kind, count: int) -> None:
        self.push(self.new(kind, self.pops(count)))

    def extend(self, argument: int) -> None:
        whole, more = self.pops(2)
        if argument != 1 or self._steps[whole] != Step("list"):
            raise NotUnderstoodError("a list that grows")
        step = self._steps[more]
        if step.kind == "constant" and isinstance(step.data, tuple):
            self.push(self.new("list", [self.constant(value) for value in step.data]))
        elif step.kind in ("tuple", "list"):
            self.push(self.new("list", step.operands))
        else:
            raise NotUnderstoodError("a list that grows")

    def intrinsic(self, argument: int) -> None:
        if argument == _UNARY_POSITIVE:
            self.unary("+")
        elif argument == _LIST_TO_TUPLE:
            self.to_tuple(0)
        else:
            raise NotUnderstoodError(f"the intrinsic function {argument}")

    def to_tuple(self, argument: int) -> None:
        step = self._steps[self.pop()]
        if step.kind != "list":
            raise NotUnderstoodError("a tuple of something that is no list")
        self.push(self.new("tuple", step.operands))

    def unpack(self, argument: int) -> None:
        whole = self.pop()
        parts = [self.new("part", [whole], (index, argument)) for index in range(argument)]
        for part in reversed(parts):
            self.push(part)

    def import_module(self, argument: int) -> None:
        _level, names = self.pops(2)
        module = self.named(self._code.names, argument)
        # Without names `import a.b` gives a, of which `import a.b as c` takes b.
        whole = self._steps[names].data is not None
        first, *rest = module.split(".")
        number = self.new("name", data=first)
        for part in rest if whole else ():
            number = self.new("attribute", [number], part)
        self.push(number)

    def import_from(self, argument: int) -> None:
        module = self.pop()
        self.push(module)
        self.push(self.new("attribute", [module], self.named(self._code.names, argument)))

    def drop(self, argument: int) -> None:
        if self._stack and isinstance(self._stack[-1], _Null):
            self._stack.pop()
            return
        step = self._steps[self.pop()]
        if step.kind not in ("attribute", "name", "constant"):
            raise NotUnderstoodError("a statement whose value is not used")

    def swap(self, argument: int) -> None:
        self.reach(argument)
        self._stack[-1], self._stack[-argument] = self._stack[-argument], self._stack[-1]

    def rotate(self, argument: int) -> None:
        """Move the top below `argument` other values."""
        self.reach(argument + 1)
        self._stack.insert(len(self._stack) - 1 - argument, self._stack.pop())

    def copy(self, argument: int) -> None:
        self.reach(argument)
        self.push(self._stack[-argument])

    def reach(self, depth: int) -> None:
        if not 1 <= depth <= len(self._stack):
            raise NotUnderstoodError("an empty stack")


Handler = Callable[[_StackMachine, int], None]
_HANDLERS: Mapping[str, Handler] = {
    "LOAD_CONST": _StackMachine.push_constant,
    "LOAD_FAST": _StackMachine.load_fast,
    "LOAD_FAST_CHECK": _StackMachine.load_fast,
    "LOAD_FAST_LOAD_FAST": _StackMachine.load_two,
    "LOAD_DEREF": _StackMachine.load_deref,
    "STORE_FAST": _StackMachine.store_fast,
    "STORE_DEREF": _StackMachine.store_deref,
    "STORE_FAST_STORE_FAST": _StackMachine.store_two,
    "STORE_FAST_LOAD_FAST": _StackMachine.store_and_load,
    "LOAD_GLOBAL": _StackMachine.load_global,
    "LOAD_ATTR": _StackMachine.load_attribute,
    "LOAD_METHOD": _StackMachine.load_method,
    "PUSH_NULL": _StackMachine.push_null,
    "KW_NAMES": _StackMachine.keyword_names,
    "CALL_FUNCTION": _StackMachine.call_function,
    "CALL_FUNCTION_KW": _StackMachine.call_function_kw,
    "CALL_METHOD": _StackMachine.call_with_slot,
    "CALL": _StackMachine.call_with_slot,
    "CALL_KW": _StackMachine.call_kw,
    "BINARY_OP": _StackMachine.binary_op,
    "BINARY_SUBSCR": _StackMachine.item,
    "BINARY_SLICE": _StackMachine.item_of_slice,
    "BUILD_SLICE": _StackMachine.slice,
    "BUILD_TUPLE": lambda reading, count: reading.sequence("tuple", count),
    "BUILD_LIST": lambda reading, count: reading.sequence("list", count),
    "LIST_EXTEND": _StackMachine.extend,
    "LIST_TO_TUPLE": _StackMachine.to_tuple,
    "CALL_INTRINSIC_1": _StackMachine.intrinsic,
    "UNPACK_SEQUENCE": _StackMachine.unpack,
    "UNARY_NEGATIVE": lambda reading, _: reading.unary("-"),
    "UNARY_POSITIVE": lambda reading, _: reading.unary("+"),
    "IMPORT_NAME": _StackMachine.import_module,
    "IMPORT_FROM": _StackMachine.import_from,
    "POP_TOP": _StackMachine.drop,
    "SWAP": _StackMachine.swap,
    "ROT_TWO": lambda reading, _: reading.rotate(1),
    "ROT_THREE": lambda reading, _: reading.rotate(2),
    "ROT_FOUR": lambda reading, _: reading.rotate(3),
    "COPY": _StackMachine.copy,
    "DUP_TOP": lambda reading, _: reading.copy(1),
}


def _as_names(value: Any) -> tuple[str, ...]:
    if not isinstance(value, tuple) or not all(isinstance(name, str) for name in value):
        raise NotUnderstoodError("a call whose names of arguments are no text")
    return value


def _checked(value: Any, depth: int = 0) -> Any:
    """A constant of plain values; lists, as JSON has tuples, become tuples."""
    if isinstance(value, (tuple, list)) and len(value) <= _LARGEST_CONSTANT and depth < 2:
        return tuple(_checked(one, depth + 1) for one in value)
    if isinstance(value, str) and len(value) > _LARGEST_CONSTANT * 4:
        raise NotUnderstoodError("a long text")
    if value is None or value is Ellipsis or isinstance(value, (bool, int, float, str)):
        if isinstance(value, int) and abs(value) >= 1 << 63:
            raise NotUnderstoodError("an integer of more than 63 bits")
        return value
    what = "an inner function" if isinstance(value, Code) else f"a constant of type {type(value).__name__}"
    raise NotUnderstoodError(what)
