"""Translate the PTX of nvcc to C++ that runs on fibers.h.

What this does not know is an error, never a guess: an instruction is looked up with all its
modifiers, and only its type and the kinds of memory are taken apart.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from cuda_sim.ptx_instructions import (
    ATOMICS,
    C_TYPES,
    COMPARISONS,
    EXPRESSIONS,
    IGNORED_MODIFIERS,
    REGISTERS,
    ROUNDINGS,
    SPACES,
    SPECIAL_REGISTERS,
)

SHARED_GAP = 64  # bytes that belong to nobody, between the arrays of shared memory


class UnknownPtxError(Exception):
    """What the translator was not taught."""


def bits_of(ptx_type: str) -> int:
    return int(re.sub(r"\D", "", ptx_type))


@dataclass
class Parameter:
    """A byte array in C++: `.param .align 8 .b8 name[56]` or `.param .b32 name`."""

    name: str
    size: int

    @classmethod
    def parse(cls, text: str) -> Parameter:
        match = re.fullmatch(r"\.param\s+(?:\.align \d+ )?\.(\w+)\s+([\w$]+)(?:\[(\d+)\])?", text)
        if match is None:
            raise UnknownPtxError(f"parameter {text!r}")
        return cls(match[2], bits_of(match[1]) // 8 * int(match[3] or 1))


@dataclass
class Operand:
    """One operand; formatted with a type (`{a:u32}`), it is read as that."""

    expression: str
    default: str

    def __format__(self, ptx_type: str) -> str:
        return f"as<{C_TYPES[ptx_type or self.default]}>({self.expression})"


@dataclass
class Module:
    """What is declared outside functions, and the shared memory of all."""

    constants: list[str] = field(default_factory=list)
    shared: dict[str, tuple[int, int]] = field(default_factory=dict)
    shared_bytes: int = 0

    def add_shared(self, name: str, size: int) -> None:
        self.shared[name] = (self.shared_bytes, self.shared_bytes + size)
        self.shared_bytes += (size + 15) // 16 * 16 + SHARED_GAP


class Function:
    """Translates the body of one function."""

    def __init__(self, module: Module, name: str, parameters: list[Parameter]) -> None:
        self.module = module
        self.name = name
        self.sizes = {parameter.name: parameter.size for parameter in parameters}
        self.locals: set[str] = set()
        self.registers: set[str] = set()
        self.depth = 0
        self.declarations: list[str] = []
        self.lines: list[str] = []

    def translate(self, body: str) -> str:
        """Return the C++ of a body: declarations first, since C++ forbids to jump over them."""
        position = 0
        while True:
            position = re.compile(r"\s*").match(body, position).end()  # type: ignore[union-attr]
            if position == len(body):
                break
            if label := re.compile(r"([\w$]+):").match(body, position):
                self.lines.append(f"{identifier(label[1])}: count_step();")
                position = label.end()
            elif body[position] in "{}":
                self.depth += 1 if body[position] == "{" else -1
                self.lines.append(body[position])
                position += 1
            else:
                end = body.index(";", position)
                self.statement(" ".join(body[position:end].split()))
                position = end + 1
        head = ["bool carry = false, ignored = false;", "count_step();", *self.declarations]
        return "\n".join(f"  {line}" for line in head + self.lines)

    def statement(self, text: str) -> None:
        if text.startswith("."):
            self.declare(text)
            return
        match = re.fullmatch(r"(?:@(!?)%(\w+) )?([\w.:]+)(?: (.*))?", text)
        if match is None:
            raise UnknownPtxError(f"{self.name}: {text!r}")
        negation, guard, opcode, operands = match.groups()
        try:
            line = self.instruction(opcode, split_operands(operands or ""))
        except (UnknownPtxError, KeyError, IndexError, ValueError) as error:
            raise UnknownPtxError(f"{self.name}: {text!r} ({error})") from error
        self.lines.append(f"if ({negation}{guard}) {{ {line} }}" if guard else line)

    def declare(self, text: str) -> None:
        if match := re.fullmatch(r"\.reg \.(\w+) %?(\w+)(?:<(\d+)>)?", text):
            c_type = "bool" if match[1] == "pred" else REGISTERS[bits_of(match[1])]
            names = [f"{match[2]}{i}" for i in range(int(match[3]))] if match[3] else [match[2]]
            self.registers.update(names)
            place = self.lines if self.depth else self.declarations
            place.append(f"{c_type} " + ", ".join(f"{name} = poison" for name in names) + ";")
        elif match := re.fullmatch(r"\.local \.align \d+ \.b8 ([\w$]+)\[(\d+)\]", text):
            self.locals.add(match[1])
            self.declarations.append(f"uint8_t* const {match[1]} = local_memory({match[2]});")
        elif match := re.fullmatch(r"\.shared \.align \d+ \.(\w+) ([\w$]+)(?:\[(\d+)\])?", text):
            self.module.add_shared(match[2], bits_of(match[1]) // 8 * int(match[3] or 1))
        elif text.startswith(".param"):
            parameter = Parameter.parse(text)
            self.sizes[parameter.name] = parameter.size
            self.lines.append(f"alignas(16) uint8_t {parameter.name}[{parameter.size}];")
        elif not text.startswith((".pragma", ".loc")):
            raise UnknownPtxError(f"{self.name}: {text!r}")

    def value(self, text: str) -> str:
        """Return a C++ expression for the bits of a register, number or symbol."""
        if text in SPECIAL_REGISTERS:
            return SPECIAL_REGISTERS[text]
        name = text.lstrip("!%")
        if name in self.registers:
            return ("!" if text[0] == "!" else "") + name
        if match := re.fullmatch(r"0[fF]([0-9A-Fa-f]{8})", text):
            return f"0x{match[1]}u"
        if re.fullmatch(r"-?(0x[0-9A-Fa-f]+|\d+)U?", text):
            return f"{int(text.rstrip('U'), 0) % 2**64:#x}ull"
        if text in self.module.shared:
            return f"{self.module.shared[text][0]}u"
        if text in self.module.constants or text in self.locals or text in self.sizes:
            return f"reinterpret_cast<uint64_t>({text})"
        raise UnknownPtxError(f"operand {text!r}")

    def operand(self, text: str, ptx_type: str) -> Operand:
        return Operand(self.value(text), ptx_type)

    def site(self) -> str:
        return f'Site{{"{self.name}", {len(self.lines)}}}'

    def instruction(self, opcode: str, operands: list[str]) -> str:
        base, *modifiers = opcode.split(".")
        special = getattr(self, f"translate_{base}", None)
        if special is not None and not opcode.startswith("mov.pred"):
            line = special(modifiers, operands)
            if line is not None:
                return str(line)
        *modifiers, ptx_type = modifiers
        expression = EXPRESSIONS[".".join([base, *modifiers])]
        names = dict(zip("abce", (self.operand(o, ptx_type) for o in operands[1:]), strict=False))
        used = set(re.findall(r"{([abce])[:}]", expression))
        if used != set(names):
            raise UnknownPtxError(f"{len(names)} operands")
        return f"set({register(operands[0])}, {expression.format(site=self.site(), **names)});"

    # --- control ---

    def translate_bra(self, modifiers: list[str], operands: list[str]) -> str:
        return f"goto {identifier(operands[0])};"

    def translate_ret(self, modifiers: list[str], operands: list[str]) -> str:
        return "return;"

    def translate_trap(self, modifiers: list[str], operands: list[str]) -> str:
        return 'fail("trap");'

    def translate_call(self, modifiers: list[str], operands: list[str]) -> str:
        *results, function, arguments = operands
        names = split_operands(arguments[1:-1])
        for result in results:
            names += split_operands(result[1:-1])
        return f"{function}({', '.join(names)});"

    def translate_bar(self, modifiers: list[str], operands: list[str]) -> str:
        if modifiers == ["warp", "sync"]:
            return f"gather({self.operand(operands[0], 'u32')}, 0, {self.site()});"
        if modifiers != ["sync"] or operands != ["0"]:
            raise UnknownPtxError("barrier")
        return f"block_barrier({self.site()});"

    def translate_barrier(self, modifiers: list[str], operands: list[str]) -> str:
        return self.translate_bar(modifiers[:1], operands)

    def translate_membar(self, modifiers: list[str], operands: list[str]) -> str:
        return ";"

    # --- memory ---

    def address(self, text: str) -> tuple[str, str, int]:
        """Return the expression of `[base+offset]`, its base and its offset."""
        match = re.fullmatch(r"\[([%\w$]+)(?:\+(-?\d+))?\]", text)
        if match is None:
            raise UnknownPtxError(f"address {text!r}")
        offset = int(match[2] or 0)
        return f"offset_by({self.value(match[1])}, {offset})", match[1], offset

    def access(
        self, modifiers: list[str], registers: str, address: str, writes: bool
    ) -> tuple[str, str, list[str]]:
        """Return how to point to the memory of a load or store, its C++ type and its registers."""
        *modifiers, ptx_type = (m for m in modifiers if m not in IGNORED_MODIFIERS)
        names = split_operands(registers.strip("{}"))
        width = modifiers.pop() if modifiers and modifiers[-1] in ("v2", "v4") else "v1"
        if len(names) != int(width[1]) or len(modifiers) > 1:
            raise UnknownPtxError("modifiers")
        space = modifiers[0] if modifiers else ""
        expression, base, offset = self.address(address)
        c_type = C_TYPES[ptx_type]
        bytes_ = bits_of(ptx_type) // 8 * len(names)
        if space == "param" and base in self.sizes:
            if not 0 <= offset <= self.sizes[base] - bytes_:
                raise UnknownPtxError("parameter out of bounds")
            return (
                f"reinterpret_cast<{'' if writes else 'const '}{c_type}*>({base} + {offset})",
                c_type,
                names,
            )
        flag = "true" if writes else "false"
        return (
            f"pointer<{SPACES[space]}, {c_type}, {len(names)}>({expression}, {flag})",
            c_type,
            names,
        )

    def translate_ld(self, modifiers: list[str], operands: list[str]) -> str:
        pointer, _, names = self.access(modifiers, operands[0], operands[1], writes=False)
        sets = " ".join(f"set({register(name)}, at[{i}]);" for i, name in enumerate(names))
        return f"{{ const auto* at = {pointer}; {sets} }}"

    def translate_st(self, modifiers: list[str], operands: list[str]) -> str:
        pointer, c_type, names = self.access(modifiers, operands[1], operands[0], writes=True)
        sets = " ".join(f"at[{i}] = as<{c_type}>({self.value(n)});" for i, n in enumerate(names))
        return f"{{ auto* at = {pointer}; {sets} }}"

    def translate_atom(self, modifiers: list[str], operands: list[str]) -> str:
        target, address, *values = operands
        space, operation, ptx_type = (m for m in modifiers if m not in IGNORED_MODIFIERS)
        names = dict(zip("bc", (self.operand(v, ptx_type) for v in values), strict=False))
        change = ATOMICS[operation].format(**names)
        c_type = C_TYPES[ptx_type]
        address = f"{self.address(address)[0]}"
        function = f"[&]({c_type} old) {{ return static_cast<{c_type}>({change}); }}"
        return f"set({register(target)}, atomic<{SPACES[space]}, {c_type}>({address}, {function}));"

    def translate_red(self, modifiers: list[str], operands: list[str]) -> str:
        return (
            "{ uint64_t old_value; "
            + self.translate_atom(modifiers, ["%old_value", *operands])
            + " }"
        )

    # --- values ---

    def translate_setp(self, modifiers: list[str], operands: list[str]) -> str:
        comparison, ptx_type = modifiers
        a, b = (self.operand(o, ptx_type) for o in operands[1:])
        return f"set({register(operands[0])}, {COMPARISONS[comparison].format(a=a, b=b)});"

    def translate_mov(self, modifiers: list[str], operands: list[str]) -> str | None:
        """Join halves or split a value, lowest part first; a plain move is an expression."""
        bits = bits_of(modifiers[0])
        target, source = operands
        if source.startswith("{"):
            parts = split_operands(source[1:-1])
            each = bits // len(parts)
            joined = " | ".join(
                f"static_cast<uint64_t>({self.operand(part, f'u{each}')}) << {i * each}"
                for i, part in enumerate(parts)
            )
            return f"set({register(target)}, {joined});"
        if target.startswith("{"):
            parts = split_operands(target[1:-1])
            each = bits // len(parts)
            whole = self.operand(source, f"u{bits}")
            return " ".join(
                f"set({register(part)}, static_cast<{REGISTERS[each]}>({whole} >> {i * each}));"
                for i, part in enumerate(parts)
                if part != "_"
            )
        return None

    def translate_cvt(self, modifiers: list[str], operands: list[str]) -> str:
        *rounding, to, source = modifiers
        target, value_text = operands
        value = f"{self.operand(value_text, source)}"
        if to[0] != "f" and source[0] == "f":
            (mode,) = rounding
            value = f"saturate<{C_TYPES[to]}>(std::{ROUNDINGS[mode]}({value}))"
        elif source[0] == "f" or rounding not in ([], ["rn"]):
            raise UnknownPtxError("conversion")
        else:
            value = f"static_cast<{C_TYPES[to]}>({value})"
        return f"set({register(target)}, {value});"

    def translate_shfl(self, modifiers: list[str], operands: list[str]) -> str:
        _, mode, _ = modifiers
        target, _, valid = operands[0].partition("|")
        a, b, bounds, mask = (self.operand(o, "u32") for o in operands[1:])
        return (
            f"set({register(target)}, shuffle(Shuffle::{mode}, {a}, {b}, {bounds}, {mask}, "
            f"&{register(valid) or 'ignored'}, {self.site()}));"
        )


def identifier(label: str) -> str:
    return label.replace("$", "_")


def register(text: str) -> str:
    return text.removeprefix("%")


def split_operands(text: str) -> list[str]:
    """Split at the commas outside of brackets."""
    return [part.strip() for part in re.findall(r"(?:[^,{(\[]|{[^}]*}|\([^)]*\)|\[[^]]*\])+", text)]


def translate(ptx: str) -> str:
    """Return C++ that defines what fibers.h wants of a library of kernels."""
    ptx = re.sub(r"//[^\n]*|/\*.*?\*/", "", ptx, flags=re.DOTALL)
    module = Module()
    data, prototypes, functions, kernels = [], [], [], []
    array = r"\.(?:global|const) \.align \d+ \.b8 ([\w$]+)\[(\d+)\] = {([^}]*)};"
    for mangled, size, values in re.findall(array, ptx):
        # The mangled name depends on the architecture; without it equal code gives equal C++.
        name = f"constants{len(module.constants)}"
        ptx = ptx.replace(mangled, name)
        module.constants.append(name)
        data.append(f"alignas(16) const uint8_t {name}[{size}] = {{{values}}};")
    function = re.compile(
        r"(?:\.visible\s+|\.weak\s+)?\.(entry|func)\s+(?:\(([^)]*)\)\s*)?([\w$]+)\s*\(([^)]*)\)([^{;]*)([{;])"
    )
    position = 0
    while match := function.search(ptx, position):
        kind, result, name, parameter_text, _, opening = match.groups()
        parameters = [
            Parameter.parse(" ".join(p.split()))
            for p in (parameter_text + ("," + result if result else "")).split(",")
            if p.strip()
        ]
        signature = f"static void {name}({', '.join(f'uint8_t* {p.name}' for p in parameters)})"
        prototypes.append(f"{signature};")
        position = match.end()
        if opening == ";":
            continue
        end = closing_brace(ptx, position)
        body = Function(module, name, parameters).translate(ptx[position:end])
        functions.append(f"{signature} {{\n{body}\n}}")
        position = end
        if kind == "entry":
            if len(parameters) != 1:
                raise UnknownPtxError(f"{name}: {len(parameters)} parameters, expected one")
            run = f"[](const void* a) {{ {name}(static_cast<uint8_t*>(const_cast<void*>(a))); }}"
            kernels.append(f'{{"{name}", {parameters[0].size}, {run}}},')
    constants = "".join(
        f"{{reinterpret_cast<uint64_t>({n}), reinterpret_cast<uint64_t>({n}) + sizeof {n}, 0}},"
        for n in module.constants
    )
    shared = "".join(f"{{{begin}, {end}, 1}}," for begin, end in module.shared.values())
    return "\n".join(
        [
            '#include "ptx.h"',
            "namespace cuda_sim {",
            *data,
            f"static const Region constants[] = {{{constants}{{0, 0, 0}}}};",
            f"const Regions module_arrays = {{constants, {len(module.constants)}}};",
            f"static const Region shared[] = {{{shared}{{0, 0, 0}}}};",
            f"const Regions shared_arrays = {{shared, {len(module.shared)}}};",
            f"alignas(16) uint8_t shared_bytes[{module.shared_bytes + 16}];",
            "Span shared_memory() { return {shared_bytes, sizeof shared_bytes}; }",
            *prototypes,
            *functions,
            f"const Kernel kernels[] = {{{' '.join(kernels)} {{nullptr, 0, nullptr}}}};",
            "}",
            "",
        ]
    )


def closing_brace(text: str, position: int) -> int:
    depth = 1
    for match in re.compile("[{}]").finditer(text, position):
        depth += 1 if match[0] == "{" else -1
        if depth == 0:
            return match.start()
    raise UnknownPtxError("unbalanced braces")
