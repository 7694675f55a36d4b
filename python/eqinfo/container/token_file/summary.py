"""A description of a token file, for `eqinfo inspect`."""

from __future__ import annotations

from collections.abc import Iterator

from eqinfo.container.summary import coding_lines
from eqinfo.container.token_file.codec import model_noun
from eqinfo.container.token_file.header import VERSION, TokenHeader


def token_summary(header: TokenHeader, count: int, name: str) -> Iterator[str]:
    """Yield lines about a token file with ``count`` tokens."""
    tokens = f"{count:,} token" + ("" if count == 1 else "s")
    yield f"{name}: {tokens} of {header.token_bits} bits"
    yield f"    codec      {header.codec_id.label}, version {VERSION}"
    noun = f"{model_noun(header):<10}"
    yield f"    {noun} {header.model_name or 'unnamed'}, id {header.model_id.hex()}"
    yield from coding_lines(header.numeric_id, header.window_bits, header.precision)
    if header.check_bits:
        yield f"    check      of {header.check_bits} bits"
