"""What PTX instructions mean in C++, in terms of the functions of ptx.h."""

from __future__ import annotations

C_TYPES = {
    **{f"{kind}{bits}": f"uint{bits}_t" for kind in "bu" for bits in (8, 16, 32, 64)},
    **{f"s{bits}": f"int{bits}_t" for bits in (8, 16, 32, 64)},
    **{"f32": "float", "pred": "bool"},
}
REGISTERS = {8: "uint8_t", 16: "uint16_t", 32: "uint32_t", 64: "uint64_t"}
SPACES = {
    "global": "Global",
    "shared": "Shared",
    "local": "Local",
    "param": "Parameter",
    "": "Generic",
}

SPECIAL_REGISTERS = {
    f"%{name}.{axis}": f"{value}.{axis}"
    for name, value in (
        ("tid", "thread_index"),
        ("ntid", "block_size"),
        ("ctaid", "block_index"),
        ("nctaid", "grid_size"),
    )
    for axis in "xyz"
} | {"%laneid": "lane_index()"}

# d = expression of a, b, c, which are read as the type of the instruction or as {a:type}.
EXPRESSIONS = {
    "add": "{a} + {b}",
    "add.rn": "{a} + {b}",
    "sub": "{a} - {b}",
    "sub.rn": "{a} - {b}",
    "mul.rn": "{a} * {b}",
    "mul.lo": "{a} * {b}",
    "mul.hi": "multiply_high({a}, {b})",
    "mul.wide": "multiply_wide({a}, {b})",
    "mad.lo": "{a} * {b} + {c}",
    "mad.hi": "multiply_high({a}, {b}) + {c}",
    "div": "divide({a}, {b})",
    "rem": "remainder({a}, {b})",
    "rcp.approx": "reciprocal({a})",
    "neg": "-{a}",
    "abs": "{a} < 0 ? -{a} : {a}",
    "min": "minimum({a}, {b})",
    "max": "maximum({a}, {b})",
    "and": "{a} & {b}",
    "or": "{a} | {b}",
    "xor": "{a} ^ {b}",
    "not": "invert({a})",
    "shl": "shift_left({a}, {b:u32})",
    "shr": "shift_right({a}, {b:u32})",
    "shf.l.wrap": "funnel_left({a}, {b}, {c} & 31)",
    "dp4a.s32": "add_products({a}, {b}, {c})",
    "popc": "__builtin_popcountll({a})",
    "clz": "leading_zeros({a})",
    "bfi": "insert_bits({a}, {b}, {c:u32}, {e:u32})",
    "prmt": "permute_bytes({a}, {b}, {c})",
    "selp": "{c:pred} ? {a} : {b}",
    "mov": "{a}",
    "cvta.to.global": "{a}",
    "cvta.local": "{a}",
    "cvta.to.local": "{a}",
    "add.cc": "add_with_carry({a}, {b}, false, &carry)",
    "addc": "add_with_carry({a}, {b}, carry, &ignored)",
    "addc.cc": "add_with_carry({a}, {b}, carry, &carry)",
    # A difference a - b is a + ~b + 1, and the carry is that of this sum: the PTX manual speaks of
    # a borrow, but nvcc's division of 128-bit numbers reads it by addc after subc.cc.
    "sub.cc": "add_with_carry({a}, invert({b}), true, &carry)",
    "subc": "add_with_carry({a}, invert({b}), carry, &ignored)",
    "subc.cc": "add_with_carry({a}, invert({b}), carry, &carry)",
    "mad.lo.cc": "add_with_carry({a} * {b}, {c}, false, &carry)",
    "mad.hi.cc": "add_with_carry(multiply_high({a}, {b}), {c}, false, &carry)",
    "madc.hi": "add_with_carry(multiply_high({a}, {b}), {c}, carry, &ignored)",
    "vote.sync.ballot": "ballot({b:u32}, {a:pred}, {site})",
}
COMPARISONS = {
    **{"eq": "{a} == {b}", "ne": "{a} != {b}", "lt": "{a} < {b}", "le": "{a} <= {b}"},
    **{"gt": "{a} > {b}", "ge": "{a} >= {b}"},
    "nan": "std::isunordered({a}, {b})",
}
ROUNDINGS = {"rni": "rint", "rzi": "trunc"}
ATOMICS = {
    "add": "old + {b}",
    "min": "minimum(old, {b})",
    "max": "maximum(old, {b})",
}
# Order and scope of memory accesses: fibers run one after the other, so all are the strictest.
IGNORED_MODIFIERS = {
    "relaxed",
    "acq_rel",
    "acquire",
    "release",
    "gpu",
    "cta",
    "sys",
    "nc",
    "volatile",
}
