"""The codecs of blocks, one module per codec."""
