"""A description of a token file, for `eqinfo inspect`."""

from __future__ import annotations

from collections.abc import Iterator

from eqinfo.container.token_file.codec import model_noun
from eqinfo.container.token_file.header import VERSION, TokenHeader


def token_summary(header: TokenHeader, count: int, name: str) -> Iterator[str]:
    """Yield lines about a token file with ``count`` tokens."""
    tokens = f"{count:,} token" + ("" if count == 1 else "s")
    yield f"{name}: {tokens} of {header.token_bits} bits"
    yield f"    codec      {header.codec_id.label}, version {VERSION}"
    noun = f"{model_noun(header):<10}"
    yield f"    {noun} {header.model_name or 'unnamed'}, id {header.model_id.hex()}"
    if header.numeric_id:
        yield f"    numerics   {header.numeric_id:08x}"
    if header.window_bits:
        yield f"    windows    of {header.window_bits} bits"
    if header.precision:
        yield f"    precision  {header.precision} bits, frequency rule 1"
    if header.check_bits:
        yield f"    check      of {header.check_bits} bits"
