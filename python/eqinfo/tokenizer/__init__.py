"""Codebooks as tokenizers for the Hugging Face libraries (``pip install eqinfo[hf]``).

Examples:
    >>> from eqinfo.tokenizer import from_codebook
    >>> tokenizer = from_codebook()
    >>> tokenizer.decode(tokenizer("Ids of windows.").input_ids)
    'Ids of windows.'

Importing this module registers `EqinfoTokenizer` with ``AutoTokenizer``. ``docs/tokenizer.md`` says
what ``AutoTokenizer`` returns in a process that has not imported it.
"""

from eqinfo.errors import UnsupportedError

try:
    import transformers as _transformers

    import tokenizers as _tokenizers  # noqa: F401
except ImportError as error:
    raise UnsupportedError(
        f"eqinfo.tokenizer needs the extra hf: pip install eqinfo[hf] ({error})"
    ) from None
if int(_transformers.__version__.split(".")[0]) < 5:
    raise UnsupportedError(
        f"eqinfo.tokenizer needs transformers 5 or later, found {_transformers.__version__}; pip "
        "install -U eqinfo[hf], or load a saved tokenizer without eqinfo.tokenizer"
    )

from eqinfo.tokenizer.export import END_OF_TEXT, export_tokenizer
from eqinfo.tokenizer.hugging_face import EqinfoTokenizer, from_codebook
from eqinfo.tokenizer.stream import DecodeStream

__all__ = ["END_OF_TEXT", "DecodeStream", "EqinfoTokenizer", "export_tokenizer", "from_codebook"]
