"""The example program, a PyFlink zip, with the AWS CLI."""

import json
import pathlib
import subprocess
import sys
import tempfile
import os
import unittest

import clients
import service
from clients import cli, cli_raw

EXAMPLE = pathlib.Path(__file__).parents[2] / "examples" / "sensor-alerts" / "main.py"
NAME = ["--application-name", "from-the-cli"]

TOPICS = """
CREATE TABLE one (sensor_id STRING, temperature BIGINT, event_time TIMESTAMP(3))
WITH ('connector' = 'datagen', 'number-of-rows' = '1');
CREATE TABLE telemetry (sensor_id STRING, temperature BIGINT, event_time TIMESTAMP(3)) WITH (
    'connector' = 'kafka', 'topic' = 'sensor-telemetry', 'properties.bootstrap.servers' = '$servers',
    'format' = 'json', 'json.timestamp-format.standard' = 'ISO-8601');
CREATE TABLE alerts (sensor_id STRING) WITH (
    'connector' = 'kafka', 'topic' = 'sensor-alerts', 'properties.bootstrap.servers' = '$servers',
    'format' = 'json');
EXECUTE STATEMENT SET BEGIN
INSERT INTO telemetry SELECT sensor_id, temperature, event_time FROM one;
INSERT INTO alerts SELECT sensor_id FROM one;
END;
"""


class Cli(unittest.TestCase):
    def test_the_example_runs_from_a_zip(self):
        self.make_topics()
        with tempfile.TemporaryDirectory() as folder:
            packed = pathlib.Path(folder, "code.zip")
            packed.write_bytes(clients.zipped(EXAMPLE))
            # The shorthand is the CLI's only way to give a file inside a structure.
            code = "{{CodeContentType=ZIPFILE,CodeContent={{ZipFileContent@=fileb://{}}}}}".format(packed)
            properties = ",".join(
                "{{PropertyGroupId={},PropertyMap={{{}}}}}".format(
                    group["PropertyGroupId"],
                    ",".join("{}={}".format(key, value) for key, value in group["PropertyMap"].items()),
                )
                for group in self.groups("3")
            )
            made = cli("create-application", *NAME, "--runtime-environment", "FLINK-1_20",
                "--service-execution-role", clients.ROLE, "--application-configuration",
                "ApplicationCodeConfiguration={},EnvironmentProperties={{PropertyGroups=[{}]}}".format(code, properties))
        detail = made["ApplicationDetail"]
        self.assertEqual(detail["ApplicationStatus"], "READY")
        code = detail["ApplicationConfigurationDescription"]["ApplicationCodeConfigurationDescription"]
        self.assertEqual(code["CodeContentType"], "ZIPFILE")
        self.assertNotIn("ZipFileContent", code["CodeContentDescription"])

        cli("start-application", *NAME, "--run-configuration",
            "ApplicationRestoreConfiguration={ApplicationRestoreType=SKIP_RESTORE_FROM_SNAPSHOT}")
        self.until("STARTING", "RUNNING")
        cli("create-application-snapshot", *NAME, "--snapshot-name", "by-hand")
        service.until("the snapshot", lambda: self.snapshot()["SnapshotStatus"] == "READY")
        updated = cli("update-application", *NAME, "--current-application-version-id", "1",
            "--application-configuration-update",
            json.dumps({"EnvironmentPropertyUpdates": {"PropertyGroups": self.groups("5")}}))
        self.assertEqual(updated["ApplicationDetail"]["ApplicationVersionId"], 2)
        self.until("UPDATING", "RUNNING")
        cli("stop-application", *NAME)
        self.until("STOPPING", "READY")
        cli("start-application", *NAME, "--run-configuration",
            "ApplicationRestoreConfiguration={ApplicationRestoreType=RESTORE_FROM_CUSTOM_SNAPSHOT,SnapshotName=by-hand}")
        self.until("STARTING", "RUNNING")
        cli("stop-application", *NAME, "--force")
        self.until("FORCE_STOPPING", "READY")

        snapshots = cli("list-application-snapshots", *NAME)["SnapshotSummaries"]
        self.assertEqual(len(snapshots), 3)
        operations = cli("list-application-operations", *NAME)["ApplicationOperationInfoList"]
        self.assertEqual([it["OperationStatus"] for it in operations], ["SUCCESSFUL"] * 5)
        described = cli("describe-application-operation", *NAME, "--operation-id", operations[0]["OperationId"])
        self.assertEqual(described["ApplicationOperationInfoDetails"]["Operation"], "StopApplication")
        self.assertEqual(len(cli("list-application-versions", *NAME)["ApplicationVersionSummaries"]), 2)
        arn = detail["ApplicationARN"]
        cli("tag-resource", "--resource-arn", arn, "--tags", "Key=team,Value=a")
        self.assertEqual(cli("list-tags-for-resource", "--resource-arn", arn)["Tags"], [{"Key": "team", "Value": "a"}])

        # The CLI prints times as AWS answers them, and takes them back.
        cli("delete-application", *NAME, "--create-timestamp", str(detail["CreateTimestamp"]))
        status, _, error = cli_raw("describe-application", *NAME)
        self.assertNotEqual(status, 0)
        self.assertIn("ResourceNotFoundException", error)

    def test_the_command_itself_needs_an_endpoint_and_credentials(self):
        key, secret = clients.WEIR.key
        environment = {
            "PATH": os.environ["PATH"], "HOME": "/nonexistent",
            "AWS_ENDPOINT_URL": clients.WEIR.url, "AWS_DEFAULT_REGION": "us-east-1",
            "AWS_ACCESS_KEY_ID": key, "AWS_SECRET_ACCESS_KEY": secret,
        }
        command = [sys.executable, "-m", "awscli", "kinesisanalyticsv2", "list-applications", "--output", "json"]
        told = subprocess.run(command, env=environment, capture_output=True, text=True)
        self.assertEqual(told.returncode, 0, told.stderr)
        self.assertIn("ApplicationSummaries", json.loads(told.stdout))

    def make_topics(self):
        """The broker makes a topic when a record is sent to it."""
        script = TOPICS.replace("$servers", clients.WEIR.kafka)
        with tempfile.NamedTemporaryFile("w", suffix=".sql") as file:
            file.write(script)
            file.flush()
            told = subprocess.run([os.environ["WEIR"], "run", file.name], capture_output=True, text=True)
        self.assertEqual(told.returncode, 0, told.stderr)

    def groups(self, more_than):
        servers = clients.WEIR.kafka
        return [
            {"PropertyGroupId": "consumer.config.0", "PropertyMap": {
                "bootstrap.servers": servers, "topic": "sensor-telemetry", "group.id": "cli"}},
            {"PropertyGroupId": "producer.config.0", "PropertyMap": {
                "bootstrap.servers": servers, "alert.topic": "sensor-alerts", "alert.threshold": "30",
                "alert.more.than": more_than, "output.bucket": "sensor-output", "output.prefix": "cli"}},
        ]

    def snapshot(self):
        return cli("describe-application-snapshot", *NAME, "--snapshot-name", "by-hand")["SnapshotDetails"]

    def until(self, pending, target):
        def look():
            status = cli("describe-application", *NAME)["ApplicationDetail"]["ApplicationStatus"]
            self.assertIn(status, [pending, target])
            return status == target

        service.until(target, look)
