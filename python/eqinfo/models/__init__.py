"""Models (M1): what predicts the next symbol, and the bundled tables."""

from eqinfo.models.fingerprint import numeric_fingerprint
from eqinfo.models.function import FunctionModel
from eqinfo.models.protocol import FRESH, ContextModel, Model
from eqinfo.models.static import StaticModel

__all__ = ["FRESH", "ContextModel", "FunctionModel", "Model", "StaticModel", "numeric_fingerprint"]
