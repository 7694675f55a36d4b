"""Text to tokens and back: a model, or a codebook, and a coder."""

from eqinfo.codecs.arithmetic import ArithmeticCodec
from eqinfo.codecs.codebook import CodebookCodec
from eqinfo.codecs.windows import WindowCodec, WindowView

__all__ = ["ArithmeticCodec", "CodebookCodec", "WindowCodec", "WindowView"]
