"""Codecs turn text into tokens and back, with a model or a codebook."""

from typing import TYPE_CHECKING as _TYPE_CHECKING

from eqinfo.codecs.base import Codec
from eqinfo.codecs.codebook import CodebookCodec
from eqinfo.codecs.window_view import WindowView, WindowViews
from eqinfo.common.lazy import lazy as _lazy

if _TYPE_CHECKING:
    from eqinfo.codecs.arithmetic import ArithmeticCodec as ArithmeticCodec
    from eqinfo.codecs.model_codec import ModelCodec as ModelCodec
    from eqinfo.codecs.windows import WindowCodec as WindowCodec

__all__ = [
    "ArithmeticCodec",
    "CodebookCodec",
    "Codec",
    "ModelCodec",
    "WindowCodec",
    "WindowView",
    "WindowViews",
]

__getattr__, __dir__ = _lazy(
    __name__,
    {
        "ArithmeticCodec": "eqinfo.codecs.arithmetic",
        "ModelCodec": "eqinfo.codecs.model_codec",
        "WindowCodec": "eqinfo.codecs.windows",
    },
)
