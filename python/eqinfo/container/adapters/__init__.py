"""The container as a compression of other libraries: fsspec, numcodecs and zarr.

Each module needs its library, and is imported by nothing else in the package.
"""
