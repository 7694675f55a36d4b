"""The codec "eqinfo" of Zarr arrays of version 3."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from zarr.abc.codec import BytesBytesCodec

from eqinfo.container.adapters.numcodecs import EqinfoCodec

if TYPE_CHECKING:
    from typing_extensions import Self, Unpack
    from zarr.core.array_spec import ArraySpec
    from zarr.core.buffer import Buffer

    from eqinfo.container.settings import CompressOptions


@dataclass(frozen=True)
class EqinfoZarrCodec(BytesBytesCodec):
    """A compressor of `zarr.create_array`, which zarr finds by its entry point.

    Raises:
        TypeError, ValueError: as `EqinfoCodec`, whose arguments it takes.
    """

    is_fixed_size = False
    codec: EqinfoCodec

    def __init__(self, model: str | None = None, **options: Unpack[CompressOptions]) -> None:
        object.__setattr__(self, "codec", EqinfoCodec(model, **options))

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> Self:
        """Return the codec that the metadata of an array describe."""
        return cls(**data.get("configuration", {}))

    def to_dict(self) -> dict[str, Any]:
        """Return what the metadata of an array say of the codec."""
        configuration = self.codec.get_config()
        return {"name": configuration.pop("id"), "configuration": configuration}

    async def _encode_single(self, chunk_bytes: Buffer, chunk_spec: ArraySpec) -> Buffer:
        data = await asyncio.to_thread(self.codec.encode, chunk_bytes.as_numpy_array())
        return chunk_spec.prototype.buffer.from_bytes(data)

    async def _decode_single(self, chunk_bytes: Buffer, chunk_spec: ArraySpec) -> Buffer:
        data = await asyncio.to_thread(self.codec.decode, chunk_bytes.as_numpy_array())
        return chunk_spec.prototype.buffer.from_bytes(data)

    def compute_encoded_size(self, input_byte_length: int, chunk_spec: ArraySpec) -> int:
        """Raise NotImplementedError: the size depends on the data."""
        raise NotImplementedError
