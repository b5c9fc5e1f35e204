"""Snapshots that belong to the account, from their creation by way of a bucket to another application."""

import unittest

import clients
import service
from clients import create, refused, start

ARN = "arn:aws:kinesisanalytics:us-east-1:000000000000:snapshot/{}"
BUCKET = "arn:aws:s3:::sensor-output"
ENHANCED = {
    **clients.configuration(),
    "ApplicationSnapshotConfiguration": {"SnapshotsEnabled": True, "SnapshotMode": "ENHANCED_SNAPSHOTS"},
}


class Enhanced(unittest.TestCase):
    def test_a_snapshot_outlives_its_application(self):
        boto = self.boto = clients.boto()
        create(boto, "donor", ApplicationConfiguration=ENHANCED)
        start(boto, "donor")
        begun = boto.create_snapshot(
            ApplicationName="donor", SnapshotName="kept", SnapshotDescription="by boto3",
            Tags=[{"Key": "team", "Value": "a"}],
        )
        self.assertEqual((begun["SnapshotArn"], begun["SnapshotStatus"]), (ARN.format("kept"), "CREATING"))
        self.ended("kept", begun, "CreateSnapshot", "SUCCESSFUL")
        clients.delete(boto, "donor")

        details = boto.describe_snapshot(SnapshotName="kept")["SnapshotInfoDetails"]
        self.assertEqual((details["SnapshotStatus"], details["SnapshotDescription"]), ("READY", "by boto3"))
        source = details["SnapshotSourceDescription"]["SourceApplicationDescription"]
        self.assertEqual(source["ApplicationName"], "donor")
        self.assertEqual(boto.list_tags_for_resource(ResourceARN=ARN.format("kept"))["Tags"],
            [{"Key": "team", "Value": "a"}])
        boto.tag_resource(ResourceARN=ARN.format("kept"), Tags=[{"Key": "kept", "Value": "long"}])
        boto.untag_resource(ResourceARN=ARN.format("kept"), TagKeys=["team"])
        self.assertEqual(boto.list_tags_for_resource(ResourceARN=ARN.format("kept"))["Tags"],
            [{"Key": "kept", "Value": "long"}])

        exported = boto.export_snapshot(SnapshotName="kept", ExportDestinationConfiguration={
            "DestinationType": "S3", "ExportRoleArn": clients.ROLE,
            "DestinationS3PrefixLocation": {"BucketARN": BUCKET, "KeyPrefix": "exports"},
        })
        self.ended("kept", exported, "ExportSnapshot", "SUCCESSFUL")
        folder = "exports/" + exported["SnapshotOperationId"]
        imported = boto.import_snapshot(SnapshotName="back", ImportSourceConfiguration=self.source(folder))
        self.ended("back", imported, "ImportSnapshot", "SUCCESSFUL")
        nothing = boto.import_snapshot(SnapshotName="nothing", ImportSourceConfiguration=self.source("nowhere"))
        failed = self.ended("nothing", nothing, "ImportSnapshot", "FAILED")
        self.assertTrue(failed["SnapshotOperationFailureDetails"]["ErrorInfo"]["ErrorString"])

        self.lists()
        create(boto, "heir", ApplicationConfiguration=ENHANCED)
        restore = {"ApplicationRestoreType": "RESTORE_FROM_CUSTOM_SNAPSHOT", "SnapshotArn": ARN.format("back")}
        running = start(boto, "heir", ApplicationRestoreConfiguration=restore)
        wish = running["ApplicationConfigurationDescription"]["RunConfigurationDescription"]
        self.assertEqual(wish["ApplicationRestoreConfigurationDescription"], restore)
        clients.stop(boto, "heir", Force=True)
        clients.delete(boto, "heir")
        for name in ["kept", "back", "nothing"]:
            self.delete(name)

    def source(self, folder):
        return {
            "SourceType": "S3", "ImportRoleArn": clients.ROLE,
            "SourceS3PrefixLocation": {"BucketARN": BUCKET, "KeyPrefix": folder},
        }

    def ended(self, name, begun, kind, status):
        """The details of an operation once it has ended, which must be with a status."""

        def look():
            found = self.boto.describe_snapshot_operation(
                SnapshotName=name, SnapshotOperationId=begun["SnapshotOperationId"]
            )["SnapshotOperationInfoDetails"]
            return found if found["SnapshotOperationStatus"] != "IN_PROGRESS" else None

        details = service.until("the end of {}".format(kind), look)
        self.assertEqual((details["SnapshotOperation"], details["SnapshotOperationStatus"]), (kind, status), details)
        return details

    def lists(self):
        boto = self.boto
        names = lambda **only: {it["SnapshotName"] for it in boto.list_snapshots(**only)["SnapshotInfoList"]}
        self.assertLessEqual({"kept", "back", "nothing"}, names())
        self.assertEqual(names(SnapshotStatus="FAILED"), {"nothing"})
        first = boto.list_snapshots(Limit=1)
        second = boto.list_snapshots(Limit=1, NextToken=first["NextToken"])
        self.assertNotEqual(first["SnapshotInfoList"], second["SnapshotInfoList"])
        kinds = [it["SnapshotOperation"] for it in
            boto.list_snapshot_operations(SnapshotName="kept")["SnapshotOperationInfoList"]]
        self.assertEqual(kinds, ["ExportSnapshot", "CreateSnapshot"])

    def delete(self, name):
        at = self.boto.describe_snapshot(SnapshotName=name)["SnapshotInfoDetails"]["SnapshotCreationTimestamp"]
        self.boto.delete_snapshot(SnapshotName=name, SnapshotCreationTimestamp=at)

        def gone():
            try:
                return self.boto.describe_snapshot(SnapshotName=name)["SnapshotInfoDetails"]["SnapshotStatus"] == "GONE"
            except self.boto.exceptions.ResourceNotFoundException:
                return True

        service.until("the end of {}".format(name), gone)

    def test_what_is_refused(self):
        boto = clients.boto(validates=False)
        create(boto, "plain")
        never = {"SnapshotName": "never"}
        for call, more in [
            (boto.describe_snapshot, {}),
            (boto.list_snapshot_operations, {}),
            (boto.describe_snapshot_operation, {"SnapshotOperationId": "97T1oEUnhqeg"}),
            (boto.delete_snapshot, {"SnapshotCreationTimestamp": 1700000000}),
        ]:
            refused(self, "ResourceNotFoundException", call, **never, **more)
        refused(self, "ResourceNotFoundException", boto.create_snapshot, ApplicationName="never", **never)
        refused(self, "InvalidArgumentException", boto.create_snapshot, ApplicationName="plain", SnapshotName="a/b")
        refused(self, "InvalidArgumentException", boto.import_snapshot, **never)
        refused(self, "InvalidArgumentException", boto.export_snapshot, **never)
        refused(self, "InvalidArgumentException", boto.list_snapshots, SnapshotStatus="GONE")
        tag = {"ResourceARN": ARN.format("never"), "Tags": [{"Key": "k"}]}
        refused(self, "ResourceNotFoundException", boto.tag_resource, **tag)
        clients.delete(boto, "plain")
