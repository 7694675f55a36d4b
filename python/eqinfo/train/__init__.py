"""Training of native models and of the paper's M1, in PyTorch (``pip install eqinfo[train]``)."""

from eqinfo.errors import UnsupportedError

try:
    import torch as _torch  # noqa: F401
except ImportError as error:
    raise UnsupportedError(
        f"training needs the extra train: pip install eqinfo[train] ({error})"
    ) from None

from eqinfo.train.native_model import Trained, Training, train
from eqinfo.train.paper import PaperParameters, PaperTraining, train_paper
from eqinfo.train.parameters import Parameters

__all__ = [
    "PaperParameters",
    "PaperTraining",
    "Parameters",
    "Trained",
    "Training",
    "train",
    "train_paper",
]
