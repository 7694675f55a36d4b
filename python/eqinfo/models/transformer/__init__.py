"""Language models of Llama's kind that run in integers: `TransformerModel`, and how to import one.

docs/transformer.md defines the arithmetic and the file.
"""

from typing import TYPE_CHECKING as _TYPE_CHECKING

from eqinfo.common.lazy import lazy as _lazy

if _TYPE_CHECKING:
    from eqinfo.models.transformer.conversion import FloatTransformer as FloatTransformer
    from eqinfo.models.transformer.conversion import quantise as quantise
    from eqinfo.models.transformer.gguf import import_gguf as import_gguf
    from eqinfo.models.transformer.hugging_face import import_folder as import_folder
    from eqinfo.models.transformer.importing import import_model as import_model
    from eqinfo.models.transformer.model import TransformerModel as TransformerModel

__all__ = ["FloatTransformer", "TransformerModel", "import_model", "quantise"]

__getattr__, __dir__ = _lazy(
    __name__,
    {
        "FloatTransformer": "eqinfo.models.transformer.conversion",
        "TransformerModel": "eqinfo.models.transformer.model",
        "import_gguf": "eqinfo.models.transformer.gguf",
        "import_folder": "eqinfo.models.transformer.hugging_face",
        "import_model": "eqinfo.models.transformer.importing",
        "quantise": "eqinfo.models.transformer.conversion",
    },
)
