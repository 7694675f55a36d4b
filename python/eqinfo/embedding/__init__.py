"""Token embeddings that know the text of their tokens, for PyTorch (``pip install eqinfo[torch]``).

The vector of an id is a vector of its own plus vectors of hashed features of its text, so that what
M2 learns about one token, it learns about all tokens with similar text. docs/embedding.md is the
guide.
"""

from eqinfo.errors import UnsupportedError

try:
    import torch as _torch  # noqa: F401
except ImportError as error:
    raise UnsupportedError(
        "expected PyTorch, which text embeddings need: "
        f"install it with pip install eqinfo[torch] ({error})"
    ) from None

from eqinfo.embedding.loss import cross_entropy
from eqinfo.embedding.model import freeze_model, use_text_embedding
from eqinfo.embedding.text_embedding import TextEmbedding
from eqinfo.embedding.text_features import DEFAULT_KINDS, KINDS, TextFeatures, text_features
from eqinfo.embedding.window_embedding import WindowEmbedding

__all__ = [
    "DEFAULT_KINDS",
    "KINDS",
    "TextEmbedding",
    "TextFeatures",
    "WindowEmbedding",
    "cross_entropy",
    "freeze_model",
    "text_features",
    "use_text_embedding",
]
