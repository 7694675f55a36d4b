"""Text to equal-info windows: exact entropy coding of a language model's predictions.

Examples:
    >>> import eqinfo
    >>> tokens = eqinfo.encode("Every window of text becomes the same number of bits.")
    >>> eqinfo.decode(tokens)
    'Every window of text becomes the same number of bits.'
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

# First of all: the imports below would hang in a subinterpreter.
from eqinfo.common import interpreter as _interpreter  # noqa: F401  # isort: skip
from eqinfo.api import decode, decode_batch, decode_bytes, encode, encode_batch, window_codec
from eqinfo.codebook.table import Codebook
from eqinfo.common.batch import TextBatch, TokenBatch
from eqinfo.common.lazy import lazy

if TYPE_CHECKING:
    from eqinfo import cuda as cuda
    from eqinfo import embedding as embedding
    from eqinfo import errors as errors
    from eqinfo import experiment as experiment
    from eqinfo import mixer as mixer
    from eqinfo import models as models
    from eqinfo import shards as shards
    from eqinfo import tokenizer as tokenizer
    from eqinfo import train as train
    from eqinfo.codecs.arithmetic import ArithmeticCodec as ArithmeticCodec
    from eqinfo.codecs.codebook import CodebookCodec as CodebookCodec
    from eqinfo.codecs.window_view import WindowView as WindowView
    from eqinfo.codecs.windows import WindowCodec as WindowCodec
    from eqinfo.container.adapters.fsspec import register_fsspec as register_fsspec
    from eqinfo.container.api import compress as compress
    from eqinfo.container.api import decompress as decompress
    from eqinfo.container.api import open as open
    from eqinfo.container.dictionary import Dictionary as Dictionary
    from eqinfo.container.each import compress_each as compress_each
    from eqinfo.container.each import decompress_each as decompress_each
    from eqinfo.container.push import Compressor as Compressor
    from eqinfo.container.push import Decompressor as Decompressor
    from eqinfo.container.token_file.api import load_tokens as load_tokens
    from eqinfo.container.token_file.api import save_tokens as save_tokens
    from eqinfo.string_column.column import StringColumn as StringColumn

    __version__: str

__all__ = [
    "ArithmeticCodec",
    "Codebook",
    "CodebookCodec",
    "Compressor",
    "Decompressor",
    "Dictionary",
    "StringColumn",
    "TextBatch",
    "TokenBatch",
    "WindowCodec",
    "WindowView",
    "compress",
    "compress_each",
    "decode",
    "decode_batch",
    "decode_bytes",
    "decompress",
    "decompress_each",
    "encode",
    "encode_batch",
    "errors",
    "load_tokens",
    "models",
    "open",
    "register_fsspec",
    "save_tokens",
    "window_codec",
]

# Not needed for encoding with a codebook, and so imported on first use: a process that encodes one
# line should not wait for networks, files and columns.
_lazy_getattr, __dir__ = lazy(
    __name__,
    {
        "ArithmeticCodec": "eqinfo.codecs.arithmetic",
        "CodebookCodec": "eqinfo.codecs.codebook",
        "Compressor": "eqinfo.container.push",
        "Decompressor": "eqinfo.container.push",
        "Dictionary": "eqinfo.container.dictionary",
        "StringColumn": "eqinfo.string_column.column",
        "WindowCodec": "eqinfo.codecs.windows",
        "WindowView": "eqinfo.codecs.window_view",
        "codecs": "eqinfo.codecs",
        "compress": "eqinfo.container.api",
        "compress_each": "eqinfo.container.each",
        "container": "eqinfo.container",
        "decompress": "eqinfo.container.api",
        "decompress_each": "eqinfo.container.each",
        "errors": "eqinfo.errors",
        "frequency": "eqinfo.frequency",
        "load_tokens": "eqinfo.container.token_file.api",
        "models": "eqinfo.models",
        "open": "eqinfo.container.api",
        "range_coder": "eqinfo.range_coder",
        "register_fsspec": "eqinfo.container.adapters.fsspec",
        "save_tokens": "eqinfo.container.token_file.api",
        "string_column": "eqinfo.string_column",
        "window": "eqinfo.window",
        "word": "eqinfo.word",
    },
)

# These are not in dir(), from which help() gets every name: importing them takes long, and some
# need an extra.
_MORE = ("cuda", "embedding", "experiment", "mixer", "shards", "tokenizer", "train")


def __getattr__(name: str) -> Any:
    if name == "__version__":
        from importlib.metadata import version

        return version("eqinfo")
    if name in _MORE:
        from importlib import import_module

        return import_module(f"eqinfo.{name}")
    return _lazy_getattr(name)
