"""The container of compressed files (.eqi), defined in docs/format.md.

`api` has the public functions, and `push` the public classes for data in pieces. Writing uses
`settings`, `writer` and `writable`; reading uses `reader` from beginning to end, `push_reader` for
what has come so far, and `index` and `readable` for random access. `header`, `block` and `trailer`
are the parts of a file, and `compact` is the form of small data. `block_codecs` code the data of a
block, with a `dictionary` where there is one. `adapters` make the container a compression of other
libraries. `token_file` has files of tokens (.eqt).
"""
