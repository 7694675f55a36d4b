"""Text embeddings in causal language models of ``transformers``, and of others with its methods."""

from __future__ import annotations

from typing import Any

from torch import Tensor, nn

from eqinfo.embedding.text_embedding import TextEmbedding
from eqinfo.embedding.text_features import Strings, texts_of

_TIED = "_tied_weights_keys"


class TiedHead(nn.Module):
    """The output layer that is tied to a text embedding; it has no parameters of its own."""

    def __init__(self, embedding: TextEmbedding) -> None:
        super().__init__()
        self._embedding = [embedding]  # in a list, so that the model's state has it once

    def forward(self, hidden: Tensor) -> Tensor:
        """Map (..., width) to logits, (..., rows)."""
        return self._embedding[0].logits(hidden)

    @property
    def weight(self) -> Tensor:
        """The embedding's, whose shape ``resize_token_embeddings`` compares."""
        return self._embedding[0].weight


def use_text_embedding(
    model: Any, strings: Strings, *, rows: int | None = None, **options: Any
) -> TextEmbedding:
    """Replace the embedding and the tied head of a model that is to be trained from the beginning.

    The model gets new vectors, with the spread of the old ones, their dtype and their device. Until
    `freeze_model`, its ``tie_weights`` does nothing, and ``resize_token_embeddings`` to another
    size raises an exception.

    Args:
        model: for example a ``LlamaForCausalLM`` or a ``GPT2LMHeadModel`` of ``transformers``. It
            must have ``get_input_embeddings``, ``get_output_embeddings`` and their setters.
        strings: the text of every id.
        rows: the model's number of ids, by default that of the strings; more if there are special
            tokens or padding rows after them, which have a vector of their own only.
        options: other options of `TextEmbedding`, such as ``buckets``.

    Returns:
        the embedding; its `TextEmbedding.loss` takes the model's last hidden state.

    Raises:
        ValueError: the model has a text embedding already, its head is not tied to the embedding,
            or it has other rows.
        TypeError, ValueError: as `TextEmbedding`.
    """
    if isinstance(model.get_input_embeddings(), TextEmbedding):
        raise ValueError(
            "expected a model with a plain embedding, found one with a text embedding; call "
            "freeze_model first to replace it"
        )
    plain: Any = model.get_input_embeddings().weight
    head: Any = model.get_output_embeddings()
    if not hasattr(head, "weight") or head.weight is not plain:
        raise ValueError(
            "expected a model whose head is tied to its embedding, found one with weights of its "
            "own; set tie_word_embeddings=True in its configuration before making the model"
        )
    if getattr(head, "bias", None) is not None:
        raise ValueError("expected a head without bias, found one with a bias")
    rows = len(texts_of(strings)) if rows is None else rows
    if rows != len(plain):
        raise ValueError(
            f"expected strings of the model's {len(plain)} ids, found {rows}; give the strings of "
            f"its own table, and rows={len(plain)} if the ids after them are special tokens or "
            "padding, or resize the model"
        )
    std = float(plain.detach().float().std())
    embedding = TextEmbedding(strings, plain.shape[1], rows=rows, std=std, **options)
    embedding.to(device=plain.device, dtype=plain.dtype)
    model.set_input_embeddings(embedding)
    model.set_output_embeddings(TiedHead(embedding))
    # There are no weights to tie: `tie_weights` of transformers reads this attribute.
    vars(model)[_TIED] = None
    return embedding


def freeze_model(model: Any) -> None:
    """Replace a model's text embedding by a plain one with the same logits, and tie its head.

    Then the model is as if it had never had another: ``save_pretrained`` writes what plain
    ``transformers`` reads.

    Raises:
        TypeError: the model has no text embedding.
    """
    embedding = model.get_input_embeddings()
    if not isinstance(embedding, TextEmbedding):
        raise TypeError(
            "expected a model with a text embedding, as use_text_embedding makes it, found one "
            f"with {type(embedding).__name__}"
        )
    plain = embedding.freeze()
    head = nn.Linear(embedding.width, embedding.rows, bias=False, device="meta")
    head.weight = plain.weight
    model.set_input_embeddings(plain)
    model.set_output_embeddings(head)
    vars(model).pop(_TIED, None)  # that of the class counts again
