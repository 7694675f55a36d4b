"""What `HFModel` needs of a model of ``transformers``, and what follows from its configuration."""

from __future__ import annotations

import inspect
import os
from typing import Any

from eqinfo.errors import UnsupportedError

DEFAULT_CONTEXT = 2048
TORCH_MODEL_INSTEAD = "wrap the model as a module from tokens to logits and use TorchModel"
# Attention spans a multiple of this many positions, of which those not in use are masked, so that
# calls have few different shapes.
WIDTH_STEP = 64
# A recomputed context holds `begin` and context_length // 2 symbols, and needs room for more.
_MIN_CONTEXT = 4
_ATTENTION = ("sdpa", "eager")
_ATTENTION_LAYERS = {"full_attention", "sliding_attention"}


def require_causal(model: object, tokenizer: object) -> None:
    """Raise TypeError if these are not a causal model of transformers and a tokenizer, or None."""
    if isinstance(tokenizer, str | os.PathLike):
        raise TypeError(
            f"expected the model's tokenizer, found {type(tokenizer).__name__}; load it first: "
            "AutoTokenizer.from_pretrained(NAME)"
        )
    config = getattr(model, "config", None)
    advice = ""
    if hasattr(config, "get_text_config"):
        if not getattr(config, "is_encoder_decoder", False):
            return
        advice = ", which has an encoder"
    elif isinstance(model, str | os.PathLike):
        advice = (
            "; load it first: HFModel(AutoModelForCausalLM.from_pretrained(NAME), "
            "AutoTokenizer.from_pretrained(NAME))"
        )
    raise TypeError(
        f"expected a causal language model of transformers, found {type(model).__name__}{advice}"
    )


def require_masks(config: Any) -> None:
    """Raise UnsupportedError if a model's attention does not take masks of four dimensions."""
    found = getattr(config, "_attn_implementation", None)
    if found is not None and found not in _ATTENTION:
        raise UnsupportedError(
            f"expected attention {' or '.join(map(repr, _ATTENTION))} of the model, found "
            f"{found!r}; load it with attn_implementation='sdpa'"
        )


def options_of(model: Any) -> tuple[str, dict[str, Any]]:
    """Return what a model calls its cache, and options to take only the last logits.

    Version 5 of transformers has renamed the cache. Models from elsewhere may give all logits.
    """
    parameters = inspect.signature(model.forward).parameters
    # A model of PEFT passes on what it is given.
    inner = model.get_base_model() if hasattr(model, "get_base_model") else model
    is_renamed = "cache" in inspect.signature(inner.forward).parameters
    takes_any = any(each.kind is each.VAR_KEYWORD for each in parameters.values())
    options = {"logits_to_keep": 1} if takes_any or "logits_to_keep" in parameters else {}
    return "cache" if is_renamed else "past_key_values", options


def context_limit(config: Any, asked: int | None) -> int:
    """Return the context length that was asked for, or the default.

    Raises:
        UnsupportedError: a layer is not attention.
        ValueError: a context length that the model does not have.
    """
    kinds = set(getattr(config, "layer_types", None) or ["full_attention"])
    if not kinds <= _ATTENTION_LAYERS:
        raise UnsupportedError(
            f"expected attention in all layers, found {', '.join(sorted(kinds))}; "
            f"{TORCH_MODEL_INSTEAD}"
        )
    # A context that fits into the window of sliding attention gets full attention.
    limits = [getattr(config, name, None) for name in ("max_position_embeddings", "sliding_window")]
    longest = min([limit for limit in limits if limit], default=None)
    if asked is None:
        default = [DEFAULT_CONTEXT, longest, local_limit(config)]
        return min(limit for limit in default if limit)
    if asked < _MIN_CONTEXT or (longest is not None and asked > longest):
        most = " or more" if longest is None else f" to {longest}, the longest of this model"
        raise ValueError(f"expected a context_length of {_MIN_CONTEXT}{most}, found {asked}")
    return asked


def local_limit(config: Any) -> int | None:
    """Return the context up to which GPT-Neo's local attention is right, or None without such.

    Its window ends with the last column, which may be a masked one. Longer contexts are predicted
    badly, but can be asked for: they were the default once.
    """
    if "local" not in (getattr(config, "attention_layers", None) or ()):
        return None
    return int(config.window_size) // WIDTH_STEP * WIDTH_STEP


def begin_id(asked: int | None, tokenizer: Any, config: Any) -> int:
    """Return the id before the first symbol: the one that was asked for, or the model's own.

    Raises:
        ValueError: it is no id of the model, or there is none.
    """
    if asked is None:
        candidates = [
            getattr(source, name, None)
            for name in ("bos_token_id", "eos_token_id")
            for source in (tokenizer, config)
        ]
        # Chat models have several ids that end a text.
        candidates = [id[0] if isinstance(id, list) and id else id for id in candidates]
        asked = next((id for id in candidates if isinstance(id, int)), None)
    if asked is None:
        raise ValueError(
            "expected a begin-of-text or end-of-text id in the tokenizer or configuration, "
            "found none; pass an id as begin"
        )
    if not 0 <= asked < config.vocab_size:
        raise ValueError(f"expected a begin of 0 to {config.vocab_size - 1}, found {asked}")
    return asked
