"""Every error of the model that an installation can bring about, at the operation that has it."""

import datetime
import unittest

import clients
import service
from clients import create, describe, refused, start

ARN = "arn:aws:kinesisanalytics:us-east-1:000000000000:application/{}"


class Errors(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.boto = clients.boto(validates=False)
        create(cls.boto, "still")
        create(cls.boto, "moving")
        start(cls.boto, "moving")

    @classmethod
    def tearDownClass(cls):
        clients.delete(cls.boto, "still")
        clients.delete(cls.boto, "moving")

    def test_an_application_that_is_not_there(self):
        boto = self.boto
        at = datetime.datetime.now(datetime.timezone.utc)
        never = {"ApplicationName": "never"}
        message = refused(self, "ResourceNotFoundException", boto.describe_application, **never)
        self.assertIn("does not exist", message)
        for call, more in [
            (boto.start_application, {}),
            (boto.stop_application, {}),
            (boto.update_application, {"CurrentApplicationVersionId": 1}),
            (boto.rollback_application, {"CurrentApplicationVersionId": 1}),
            (boto.delete_application, {"CreateTimestamp": at}),
            (boto.create_application_snapshot, {"SnapshotName": "s"}),
            (boto.describe_application_snapshot, {"SnapshotName": "s"}),
            (boto.delete_application_snapshot, {"SnapshotName": "s", "SnapshotCreationTimestamp": at}),
            (boto.list_application_snapshots, {}),
            (boto.list_application_versions, {}),
            (boto.describe_application_version, {"ApplicationVersionId": 1}),
            (boto.list_application_operations, {}),
            (boto.describe_application_operation, {"OperationId": "97T1oEUnhqeg"}),
        ]:
            refused(self, "ResourceNotFoundException", call, **never, **more)
        refused(self, "ResourceNotFoundException", boto.list_tags_for_resource, ResourceARN=ARN.format("never"))
        tag = {"ResourceARN": ARN.format("never"), "Tags": [{"Key": "k", "Value": "v"}]}
        refused(self, "ResourceNotFoundException", boto.tag_resource, **tag)

    def test_what_an_application_does_not_have(self):
        boto = self.boto
        for call, more in [
            (boto.describe_application_snapshot, {"SnapshotName": "never"}),
            (boto.describe_application_version, {"ApplicationVersionId": 9}),
            (boto.describe_application_operation, {"OperationId": "never"}),
        ]:
            refused(self, "ResourceNotFoundException", call, ApplicationName="still", **more)

    def test_wrong_states(self):
        boto = self.boto
        message = refused(self, "ResourceInUseException", boto.start_application, ApplicationName="moving")
        self.assertEqual(message, "Application cannot be started in 'RUNNING' state")
        message = refused(self, "ResourceInUseException", boto.stop_application, ApplicationName="still")
        self.assertEqual(message, "Application cannot be Stopped in 'READY' state")
        message = refused(self, "ResourceInUseException", create, client=boto, name="still")
        self.assertEqual(message, "Application 'still' already exists.")
        snapshot = {"ApplicationName": "still", "SnapshotName": "s"}
        message = refused(self, "InvalidRequestException", boto.create_application_snapshot, **snapshot)
        self.assertIn("still is in READY status. Snapshot creation is only allowed", message)
        refused(self, "ResourceInUseException", boto.rollback_application,
            ApplicationName="still", CurrentApplicationVersionId=1)

    def test_snapshots(self):
        boto = self.boto
        named = {"ApplicationName": "moving", "SnapshotName": "twice"}
        boto.create_application_snapshot(**named)
        message = refused(self, "ResourceInUseException", boto.create_application_snapshot, **named)
        self.assertEqual(message, "Provided Snapshot name twice already exists for application moving")

        def made():
            return boto.describe_application_snapshot(**named)["SnapshotDetails"]

        service.until("the snapshot", lambda: made()["SnapshotStatus"] == "READY")
        other = made()["SnapshotCreationTimestamp"] + datetime.timedelta(seconds=2)
        delete = {**named, "SnapshotCreationTimestamp": other}
        message = refused(self, "InvalidArgumentException", boto.delete_application_snapshot, **delete)
        self.assertIn("has a different SnapshotCreationTimestamp", message)

    def test_the_thousand_and_first_snapshot(self):
        clients.WEIR.sql(
            """INSERT INTO snapshots (application_id, name, status, version, runtime)
               SELECT id, 'filler-' || n, 'FAILED', 1, 'FLINK-1_20'
                 FROM applications, generate_series(1, 1000) n WHERE name = 'moving'"""
        )
        try:
            named = {"ApplicationName": "moving", "SnapshotName": "one-more"}
            refused(self, "LimitExceededException", self.boto.create_application_snapshot, **named)
        finally:
            clients.WEIR.sql("DELETE FROM snapshots WHERE name LIKE 'filler-%'")

    def test_stale_versions_and_times(self):
        boto = self.boto
        detail = describe(boto, "still")
        for stale in [{"CurrentApplicationVersionId": 7}, {"ConditionalToken": "stale"},
                      {"CurrentApplicationVersionId": 1, "ConditionalToken": "stale"}]:
            message = refused(self, "ConcurrentModificationException", boto.update_application,
                ApplicationName="still", **stale)
            self.assertIn("does not match the most recent version", message)
        refused(self, "InvalidArgumentException", boto.update_application, ApplicationName="still")
        other = detail["CreateTimestamp"] + datetime.timedelta(seconds=1)
        message = refused(self, "ConcurrentModificationException", boto.delete_application,
            ApplicationName="still", CreateTimestamp=other)
        self.assertIn("has a different create timestamp", message)

    def test_code_that_is_not_valid(self):
        code = clients.configuration("CREATE TABLE t (a INT) WITH ('connector' = 'blackhole'); INSERT INTO t SELEC 1;")
        refused(self, "CodeValidationException", create, client=self.boto, name="wrong", ApplicationConfiguration=code)
        location = {"BucketARN": "arn:aws:s3:::sensor-output", "FileKey": "never.zip"}
        s3 = {"ApplicationCodeConfiguration": {
            "CodeContentType": "ZIPFILE", "CodeContent": {"S3ContentLocation": location}}}
        message = refused(self, "InvalidArgumentException", create,
            client=self.boto, name="wrong", ApplicationConfiguration=s3)
        self.assertIn("Please check the role provided or validity of S3 location you provided", message)

    def test_what_cannot_start(self):
        boto = self.boto
        create(boto, "empty", ApplicationConfiguration=None)
        refused(self, "InvalidApplicationConfigurationException", boto.start_application, ApplicationName="empty")
        clients.delete(boto, "empty")
        custom = {"ApplicationRestoreType": "RESTORE_FROM_CUSTOM_SNAPSHOT", "SnapshotName": "never"}
        message = refused(self, "InvalidArgumentException", boto.start_application,
            ApplicationName="still", RunConfiguration={"ApplicationRestoreConfiguration": custom})
        self.assertEqual(message, "The snapshot name never provided for restore configuration does not exist.")

    def test_tags(self):
        boto = self.boto
        many = [{"Key": "k{}".format(n), "Value": ""} for n in range(51)]
        refused(self, "TooManyTagsException", create, client=boto, name="tagged", Tags=many)
        refused(self, "TooManyTagsException", boto.tag_resource, ResourceARN=ARN.format("still"), Tags=many)
        twice = [{"Key": "k", "Value": "1"}, {"Key": "k", "Value": "2"}]
        message = refused(self, "InvalidArgumentException", create, client=boto, name="tagged", Tags=twice)
        self.assertIn("duplicate tag key", message)
        reserved = [{"Key": "aws:k", "Value": "v"}]
        refused(self, "InvalidArgumentException", boto.tag_resource, ResourceARN=ARN.format("still"), Tags=reserved)

    def test_sql_only_operations(self):
        boto = self.boto
        one = {"ApplicationName": "still", "CurrentApplicationVersionId": 1}
        refused(self, "UnsupportedOperationException", boto.delete_application_output, **one, OutputId="1.1")
        refused(self, "UnsupportedOperationException", boto.delete_application_reference_data_source,
            **one, ReferenceId="1.1")
        refused(self, "UnsupportedOperationException", boto.delete_application_input_processing_configuration,
            **one, InputId="1.1")
        refused(self, "ConcurrentModificationException", boto.delete_application_output,
            ApplicationName="still", CurrentApplicationVersionId=5, OutputId="1.1")
        refused(self, "ResourceNotFoundException", boto.delete_application_output,
            ApplicationName="never", CurrentApplicationVersionId=1, OutputId="1.1")
        refused(self, "UnsupportedOperationException", boto.discover_input_schema,
            ServiceExecutionRole=clients.ROLE, ResourceARN="arn:aws:kinesis:us-east-1:0:stream/s")

    def test_values_that_only_the_server_checks(self):
        boto = self.boto
        groups = lambda *groups: {"EnvironmentProperties": {"PropertyGroups": list(groups)}}
        group = lambda map, id="g": {"PropertyGroupId": id, "PropertyMap": map}
        for change in [
            {"name": "a b!"}, {"name": "n" * 129},
            {"name": "a", "ApplicationDescription": "d" * 1025},
            {"name": "a", "ApplicationMode": "BATCH"},
            {"name": "a", "ApplicationConfiguration": groups(group({}))},
            {"name": "a", "ApplicationConfiguration": groups(group({"k": "v" * 2049}))},
            {"name": "a", "ApplicationConfiguration": groups(group({str(n): "v" for n in range(51)}))},
            {"name": "a", "ApplicationConfiguration": groups(*[group({"k": "v"}, str(n)) for n in range(51)])},
        ]:
            refused(self, "InvalidArgumentException", create, client=boto, **change)
        unknown = dict(ApplicationName="a", RuntimeEnvironment="FLINK-9_9", ServiceExecutionRole=clients.ROLE)
        refused(self, "InvalidArgumentException", boto.create_application, **unknown)
        for wrong in [{"Limit": 0}, {"Limit": 51}, {"NextToken": "no name!"}]:
            refused(self, "InvalidArgumentException", boto.list_applications, **wrong)
        for call in [boto.list_application_versions, boto.list_application_operations,
                     boto.list_application_snapshots]:
            for wrong in [{"Limit": 0}, {"Limit": 51}, {"NextToken": "garbage"}]:
                refused(self, "InvalidArgumentException", call, ApplicationName="still", **wrong)
