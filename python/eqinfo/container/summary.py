"""A description of a compressed file, for `eqinfo inspect`."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import groupby

from eqinfo.common.counts import counted
from eqinfo.container.header import Header
from eqinfo.container.index import Index, IndexedMember


def summary(index: Index, name: str) -> Iterator[str]:
    """Yield lines about the file, then about each run of members with the same parameters."""
    members = index.members
    size = sum(member.size for member in members)
    yield f"{name}: {counted(len(members), 'member')}, {_sizes(index.raw_bytes, size)}"
    for (header, compact), alike in groupby(members, lambda m: (m.header, m.trailer is None)):
        yield from _group(header, compact, list(alike))


def _group(header: Header, compact: bool, members: list[IndexedMember]) -> Iterator[str]:
    raw_bytes = sum(member.raw_bytes for member in members)
    size = sum(member.size for member in members)
    blocks = sum(len(member.offsets) for member in members)
    stored = sum(int((m.entries[:, 0] == m.entries[:, 1]).sum()) for m in members)
    yield (
        f"  {counted(len(members), 'member')} at offset {members[0].offset:,}: "
        f"{_sizes(raw_bytes, size)}"
    )
    yield f"    codec      {header.codec_id.label}, version 1{', compact' if compact else ''}"
    if any(header.model_id):
        yield f"    model      {header.model_name or 'unnamed'}, id {header.model_id.hex()}"
    window_bits = 0 if header.codec_id.has_mixer else header.window_bits
    yield from coding_lines(header.numeric_id, window_bits, header.precision)
    if header.segment_bytes:
        yield f"    segments   of {counted(header.segment_bytes, 'byte')}"
    if header.dictionary:
        yield f"    dictionary {header.dictionary}"
    sort = "in the compact form" if compact else f"of {counted(header.block_bytes, 'byte')}"
    solid = ", solid" if header.solid else ""
    yield f"    blocks     {blocks:,} {sort}{solid}, {stored:,} of them stored"


def coding_lines(numeric_id: int, window_bits: int, precision: int) -> Iterator[str]:
    """Yield lines about what a header says of coding with a model; 0 stands for nothing."""
    if numeric_id:
        yield f"    numerics   {numeric_id:08x}"
    if window_bits:
        yield f"    windows    of {window_bits} bits"
    if precision:
        yield f"    precision  {precision} bits, frequency rule 1"


def _sizes(raw_bytes: int, size: int) -> str:
    return (
        f"{counted(raw_bytes, 'byte')} of data in {size:,}: ratio {raw_bytes / size:.3f}, "
        f"{8 * size / max(1, raw_bytes):.3f} bits per byte"
    )
