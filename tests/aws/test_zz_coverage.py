"""Looks back over all tests: this file is the last by name."""

import unittest

import clients


class Coverage(unittest.TestCase):
    """What all tests have seen together."""

    def test_every_error_was_provoked(self):
        model = clients.boto().meta.service_model
        modelled = {shape.name for name in model.operation_names for shape in model.operation_model(name).error_shapes}
        # These come from Kinesis streams and Lambda functions, which no Flink application reads this way.
        never = {"UnableToDetectSchemaException", "ResourceProvisionedThroughputExceededException"}
        # Only when Postgres or S3 is down; `crates/api/tests/it/aws.rs` does that.
        down = {"ServiceUnavailableException"}
        seen = {code for _, code in clients.CHECKED.errors}
        self.assertEqual(modelled - never - down - seen, set())
