"""Errors for what is given in the place of a model."""

from __future__ import annotations


def check_model(model: object) -> None:
    """Raise TypeError if an object is not a model, and say how to make one of it."""
    if isinstance(model, type):
        raise TypeError(
            f"expected a model, found the class {model.__name__}; make a model of it: "
            f"{model.__name__}(...)"
        )
    if hasattr(model, "vocab_size") and (hasattr(model, "step") or not hasattr(model, "forward")):
        return
    raise TypeError(f"expected a model, found {type(model).__name__}; {model_advice(model)}")


def model_advice(model: object) -> str:
    """Return how to make a model of an object that is none."""
    if isinstance(model, str | bytes):
        return "use eqinfo.models.load(...) for a bundled name, NativeModel.load(...) for a file"
    if hasattr(model, "window_bits"):
        return "use CodebookCodec for a codebook"
    if hasattr(model, "forward"):  # a module of PyTorch; those of transformers also have config
        adapter = "HFModel" if hasattr(model, "config") else "TorchModel"
        return f"wrap it as eqinfo.models.{adapter}(...)"
    if callable(model):
        return "wrap it as eqinfo.models.FunctionModel(...)"
    return "see eqinfo.models"
