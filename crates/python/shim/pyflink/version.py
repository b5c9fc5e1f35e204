"""Version of the PyFlink face that programs see."""

__version__ = "1.20.0"
