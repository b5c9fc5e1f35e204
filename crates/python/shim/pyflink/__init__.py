"""The SQL face of PyFlink, recorded for Weir.

A program that uses `pyflink.table` through SQL runs unmodified: its statements are handed to the
host, which plans and runs them. What Weir does not support raises `NotSupportedError` by name.
"""
