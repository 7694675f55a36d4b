"""Codebooks as tokenizers: for the Hugging Face libraries, and with the interface of ``tiktoken``.

Examples:
    >>> from eqinfo.tokenizer import encoding
    >>> enc = encoding("world")  # for the Hugging Face libraries, from_codebook("world")
    >>> enc.decode(enc.encode("Ids of windows."))
    'Ids of windows.'

`encoding` and `Encoding` need nothing else. All other names need the Hugging Face libraries
(``pip install eqinfo[hf]``), and raise UnsupportedError without them.

Importing this module registers `EqinfoTokenizer` with ``AutoTokenizer``. ``docs/tokenizer.md`` says
what ``AutoTokenizer`` returns in a process that has not imported it.
"""

from typing import TYPE_CHECKING, Any

from eqinfo.errors import UnsupportedError
from eqinfo.tokenizer.special import END_OF_TEXT
from eqinfo.tokenizer.stream import DecodeStream
from eqinfo.tokenizer.tiktoken_face import Encoding, encoding


def _missing() -> str:
    """Return what the Hugging Face libraries lack here; "" for nothing."""
    try:
        import transformers

        import tokenizers  # noqa: F401
    except ImportError as error:
        return f"expected the extra hf, found none: pip install eqinfo[hf] ({error})"
    if int(transformers.__version__.split(".")[0]) < 5:
        return (
            f"expected transformers 5 or later, found {transformers.__version__}; pip install -U "
            "eqinfo[hf], or load a saved tokenizer without eqinfo.tokenizer"
        )
    return ""


__all__ = ["END_OF_TEXT", "DecodeStream", "Encoding", "encoding"]

if TYPE_CHECKING or not (_reason := _missing()):
    from eqinfo.tokenizer.export import export_tokenizer
    from eqinfo.tokenizer.hugging_face import EqinfoTokenizer, from_codebook

    __all__ += ["EqinfoTokenizer", "export_tokenizer", "from_codebook"]
else:

    def __getattr__(name: str) -> Any:
        if name in ("EqinfoTokenizer", "export_tokenizer", "from_codebook"):
            raise UnsupportedError(f"eqinfo.tokenizer.{name}: {_reason}")
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
