"""Models (M1): what predicts the next symbol, and adapters for existing models.

`TorchModel`, `HFModel` and `LlamaCppModel` are imported on first use. If the packages that they
need are not installed, UnsupportedError names the extra that brings them.
"""

from importlib import import_module as _import_module
from typing import TYPE_CHECKING as _TYPE_CHECKING

from eqinfo.models.fingerprint import check_numeric_fingerprint, numeric_fingerprint
from eqinfo.models.function import FunctionModel
from eqinfo.models.native_model import NativeModel, load
from eqinfo.models.protocol import FRESH, ContextModel, Model, TextModel
from eqinfo.models.static import StaticModel

if _TYPE_CHECKING:
    from eqinfo.models.hf import HFModel as HFModel
    from eqinfo.models.llama_cpp import LlamaCppModel as LlamaCppModel
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
    "load",
    "numeric_fingerprint",
]

_ADAPTERS = {
    "HFModel": "eqinfo.models.hf",
    "LlamaCppModel": "eqinfo.models.llama_cpp",
    "TorchModel": "eqinfo.models.torch",
}


def __getattr__(name: str) -> object:
    if name not in _ADAPTERS:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(_import_module(_ADAPTERS[name]), name)
