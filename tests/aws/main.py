"""Starts Weir with private services, runs the tests beside this file against it, and says how many passed."""

import pathlib
import sys
import unittest

import clients
import service

HERE = pathlib.Path(__file__).parent


def main():
    loader = unittest.TestLoader()
    loader.testNamePatterns = ["*{}*".format(name) for name in sys.argv[1:]] or None
    with service.Weir() as weir:
        clients.WEIR = weir
        suite = loader.discover(str(HERE), "test_*.py", str(HERE))
        result = unittest.TextTestRunner(verbosity=2).run(suite)
    failed = len(result.failures) + len(result.errors)
    print(
        "tests/aws/run: {} passed, {} failed; {} answers held against the model".format(
            result.testsRun - failed, failed, clients.CHECKED.answers
        ),
        file=sys.stderr,
    )
    return 0 if result.wasSuccessful() and result.testsRun else 1


if __name__ == "__main__":
    sys.exit(main())
