"""Training, in PyTorch, of native models and of the paper's M1 (``pip install eqinfo[train]``)."""

from eqinfo.common.renamed import renamed
from eqinfo.errors import UnsupportedError

try:
    import torch as _torch  # noqa: F401
except ImportError as error:
    raise UnsupportedError(
        "expected PyTorch, which training needs: "
        f"install it with pip install eqinfo[train] ({error})"
    ) from None

from eqinfo.train.native_model import Trained, Training, train
from eqinfo.train.paper import PaperParameters, PaperTraining, train_paper
from eqinfo.train.parameters import TrainParameters

__all__ = [
    "PaperParameters",
    "PaperTraining",
    "TrainParameters",
    "Trained",
    "Training",
    "train",
    "train_paper",
]

__getattr__ = renamed(__name__, {"Parameters": "TrainParameters"})
