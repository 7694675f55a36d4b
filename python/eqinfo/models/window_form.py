"""The form in which windows use a model: `window_form`."""

from __future__ import annotations

from eqinfo.models.native_model import NativeModel
from eqinfo.models.protocol import Model
from eqinfo.models.transformer.model import TransformerModel

WINDOW_POSITIONS = 64
"""The most positions of a transformer's context in windows. 128 bits are seldom more symbols."""


def window_form(model: Model) -> Model:
    """Return a model in the form in which it codes windows that each begin with an empty context.

    The window engine keeps a context for every prefix, so contexts are small: a native model is
    without history, a transformer has at most `WINDOW_POSITIONS` positions.
    """
    if isinstance(model, NativeModel):
        return model.without_history()
    if isinstance(model, TransformerModel) and model.context_length > WINDOW_POSITIONS:
        return model.with_context_length(WINDOW_POSITIONS)
    return model
