"""Text to equal-info windows: exact entropy coding of a language model's predictions.

>>> import eqinfo
>>> tokens = eqinfo.encode("Every window of text becomes the same number of bits.")
>>> eqinfo.decode(tokens)
'Every window of text becomes the same number of bits.'
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from eqinfo.api import decode, decode_batch, decode_bytes, encode, encode_batch, window_codec
from eqinfo.codebook.table import Codebook
from eqinfo.common.batch import TextBatch, TokenBatch

if TYPE_CHECKING:
    from eqinfo import errors as errors
    from eqinfo import models as models
    from eqinfo.codecs.arithmetic import ArithmeticCodec as ArithmeticCodec
    from eqinfo.codecs.codebook import CodebookCodec as CodebookCodec
    from eqinfo.codecs.windows import WindowCodec as WindowCodec
    from eqinfo.codecs.windows import WindowView as WindowView
    from eqinfo.container.api import compress as compress
    from eqinfo.container.api import decompress as decompress
    from eqinfo.container.api import open as open
    from eqinfo.string_column.column import StringColumn as StringColumn

    __version__: str

__all__ = [
    "ArithmeticCodec",
    "Codebook",
    "CodebookCodec",
    "StringColumn",
    "TextBatch",
    "TokenBatch",
    "WindowCodec",
    "WindowView",
    "compress",
    "decode",
    "decode_batch",
    "decode_bytes",
    "decompress",
    "encode",
    "encode_batch",
    "errors",
    "models",
    "open",
    "window_codec",
]

# What encoding with a codebook does without is imported when it is first asked for: a process that
# encodes a line should not wait for networks, files and columns.
_MODULES = {
    "ArithmeticCodec": "eqinfo.codecs.arithmetic",
    "CodebookCodec": "eqinfo.codecs.codebook",
    "StringColumn": "eqinfo.string_column.column",
    "WindowCodec": "eqinfo.codecs.windows",
    "WindowView": "eqinfo.codecs.windows",
    "compress": "eqinfo.container.api",
    "decompress": "eqinfo.container.api",
    "open": "eqinfo.container.api",
}
_SUBMODULES = (
    "codebook",
    "codecs",
    "container",
    "errors",
    "frequency",
    "models",
    "range_coder",
    "string_column",
    "window",
    "word",
)


def __getattr__(name: str) -> Any:
    if name == "__version__":
        from importlib.metadata import version

        value: Any = version("eqinfo")
    elif name in _MODULES:
        value = getattr(importlib.import_module(_MODULES[name]), name)
    elif name in _SUBMODULES:
        value = importlib.import_module(f"eqinfo.{name}")
    else:
        raise AttributeError(f"module 'eqinfo' has no attribute {name!r}")
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *_MODULES, *_SUBMODULES, "__version__"})
