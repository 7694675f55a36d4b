"""Codecs turn text into tokens and back, with a model or a codebook."""

from eqinfo.codecs.arithmetic import ArithmeticCodec
from eqinfo.codecs.base import Codec, ModelCodec
from eqinfo.codecs.codebook import CodebookCodec
from eqinfo.codecs.windows import WindowCodec, WindowView

__all__ = [
    "ArithmeticCodec",
    "CodebookCodec",
    "Codec",
    "ModelCodec",
    "WindowCodec",
    "WindowView",
]
