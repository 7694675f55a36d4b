"""Models (M1): what predicts the next symbol, and adapters for existing models.

`TorchModel`, `HFModel` and `LlamaCppModel` are imported on first use. If the packages that they
need are not installed, UnsupportedError names the extra that brings them.
"""

from typing import TYPE_CHECKING as _TYPE_CHECKING

from eqinfo.common.lazy import lazy as _lazy
from eqinfo.models.protocol import FRESH, ContextModel, Model, TextModel

if _TYPE_CHECKING:
    from eqinfo.models.fingerprint import check_numeric_fingerprint as check_numeric_fingerprint
    from eqinfo.models.fingerprint import numeric_fingerprint as numeric_fingerprint
    from eqinfo.models.function import FunctionModel as FunctionModel
    from eqinfo.models.hf import HFModel as HFModel
    from eqinfo.models.information import ideal_bits as ideal_bits
    from eqinfo.models.information import symbol_information as symbol_information
    from eqinfo.models.llama_cpp import LlamaCppModel as LlamaCppModel
    from eqinfo.models.loading import load as load
    from eqinfo.models.native_model import NativeModel as NativeModel
    from eqinfo.models.static import StaticModel as StaticModel
    from eqinfo.models.torch import TorchModel as TorchModel

__all__ = [
    "FRESH",
    "ContextModel",
    "FunctionModel",
    "Model",
    "NativeModel",
    "StaticModel",
    "TextModel",
    "check_numeric_fingerprint",
    "ideal_bits",
    "load",
    "numeric_fingerprint",
    "symbol_information",
]

__getattr__, __dir__ = _lazy(
    __name__,
    {
        "FunctionModel": "eqinfo.models.function",
        "HFModel": "eqinfo.models.hf",
        "LlamaCppModel": "eqinfo.models.llama_cpp",
        "NativeModel": "eqinfo.models.native_model",
        "StaticModel": "eqinfo.models.static",
        "TorchModel": "eqinfo.models.torch",
        "check_numeric_fingerprint": "eqinfo.models.fingerprint",
        "ideal_bits": "eqinfo.models.information",
        "load": "eqinfo.models.loading",
        "numeric_fingerprint": "eqinfo.models.fingerprint",
        "symbol_information": "eqinfo.models.information",
    },
)
