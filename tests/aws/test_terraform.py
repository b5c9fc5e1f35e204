"""The calls of Terraform's `aws_kinesisanalyticsv2_application`, in its order and with its checks."""

import datetime
import unittest

import clients
from clients import await_operation, await_status, describe

NAME = "terraformed"
LOGS = "arn:aws:logs:us-east-1:000000000000:log-group:weir:log-stream:{}"


class Terraform(unittest.TestCase):
    def setUp(self):
        self.boto = clients.boto(validates=False)

    def settle(self, answer, pending, targets):
        """Waits as Terraform does: for the operation if there is one, then for the status."""
        operation = answer.get("OperationId")
        if operation:
            ended = await_operation(self.boto, NAME, operation)
            self.assertEqual(ended["OperationStatus"], "SUCCESSFUL", ended)
        status = describe(self.boto, NAME)["ApplicationStatus"]
        target = status if status in targets else targets[0]
        return await_status(self.boto, NAME, [pending], target)

    def test_a_resource_from_create_to_destroy(self):
        boto = self.boto
        # Create: description and tags are always there.
        made = clients.create(boto, NAME, ApplicationDescription="", Tags=[])
        state = {"arn": made["ApplicationARN"], "version": made["ApplicationVersionId"]}
        created = made["CreateTimestamp"].astimezone(datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")
        self.assertEqual(describe(boto, NAME)["ApplicationStatus"], "READY")
        started = boto.start_application(ApplicationName=NAME, RunConfiguration={})
        self.settle(started, "STARTING", ["RUNNING"])
        self.read(state, running=True)

        # Update: sub-resources first, each with the version that the call before gave.
        added = boto.add_application_cloud_watch_logging_option(
            ApplicationName=NAME,
            CurrentApplicationVersionId=state["version"],
            CloudWatchLoggingOption={"LogStreamARN": LOGS.format("one")},
        )
        self.bumped(state, added)
        logging = added["CloudWatchLoggingOptionDescriptions"][0]["CloudWatchLoggingOptionId"]
        self.assertEqual(logging, "2.1")
        self.settle(added, "UPDATING", ["READY", "RUNNING"])
        added = boto.add_application_vpc_configuration(
            ApplicationName=NAME,
            CurrentApplicationVersionId=state["version"],
            VpcConfiguration={"SubnetIds": ["subnet-1"], "SecurityGroupIds": ["sg-1", "sg-2"]},
        )
        self.bumped(state, added)
        vpc = added["VpcConfigurationDescription"]["VpcConfigurationId"]
        self.assertEqual(vpc, "3.1")
        self.settle(added, "UPDATING", ["READY", "RUNNING"])
        updated = boto.update_application(
            ApplicationName=NAME,
            CurrentApplicationVersionId=state["version"],
            ApplicationConfigurationUpdate={
                "FlinkApplicationConfigurationUpdate": {
                    "ParallelismConfigurationUpdate": {
                        "ConfigurationTypeUpdate": "CUSTOM", "AutoScalingEnabledUpdate": False,
                        "ParallelismPerKPUUpdate": 2, "ParallelismUpdate": 2,
                    }
                }
            },
            CloudWatchLoggingOptionUpdates=[
                {"CloudWatchLoggingOptionId": logging, "LogStreamARNUpdate": LOGS.format("two")}
            ],
            RunConfigurationUpdate={"FlinkRunConfiguration": {"AllowNonRestoredState": False}},
            RuntimeEnvironmentUpdate="FLINK-1_19",
            ServiceExecutionRoleUpdate=clients.ROLE + "-2",
        )
        self.bumped(state, updated["ApplicationDetail"])
        self.settle(updated, "UPDATING", ["READY", "RUNNING"])
        detail = self.read(state, running=True)
        self.assertEqual(detail["RuntimeEnvironment"], "FLINK-1_19")
        self.assertEqual(detail["CloudWatchLoggingOptionDescriptions"],
            [{"CloudWatchLoggingOptionId": logging, "LogStreamARN": LOGS.format("two")}])
        vpcs = detail["ApplicationConfigurationDescription"]["VpcConfigurationDescriptions"]
        self.assertEqual(vpcs[0]["SubnetIds"], ["subnet-1"])

        # Tags, then stop.
        boto.tag_resource(ResourceARN=state["arn"], Tags=[{"Key": "k", "Value": "v"}])
        boto.untag_resource(ResourceARN=state["arn"], TagKeys=["k"])
        stopped = boto.stop_application(ApplicationName=NAME, Force=False)
        self.settle(stopped, "STOPPING", ["READY"])
        detail = self.read(state, running=False)

        # In READY, sub-resource changes have no operation to wait for.
        removed = boto.delete_application_vpc_configuration(
            ApplicationName=NAME, CurrentApplicationVersionId=state["version"], VpcConfigurationId=vpc
        )
        self.assertNotIn("OperationId", removed)
        self.bumped(state, removed)
        self.settle(removed, "UPDATING", ["READY"])
        removed = boto.delete_application_cloud_watch_logging_option(
            ApplicationName=NAME, CurrentApplicationVersionId=state["version"], CloudWatchLoggingOptionId=logging
        )
        self.assertNotIn("OperationId", removed)
        self.bumped(state, removed)
        cleared = boto.update_application(
            ApplicationName=NAME,
            CurrentApplicationVersionId=state["version"],
            ApplicationConfigurationUpdate={
                "ApplicationCodeConfigurationUpdate": {
                    "CodeContentUpdate": {"TextContentUpdate": clients.SCRIPT.replace("${generator:rows}", "5")}
                },
                "EnvironmentPropertyUpdates": {"PropertyGroups": []},
            },
        )
        self.bumped(state, cleared["ApplicationDetail"])
        detail = self.read(state, running=False)
        configuration = detail["ApplicationConfigurationDescription"]
        self.assertNotIn("EnvironmentPropertyDescriptions", configuration)
        self.assertNotIn("VpcConfigurationDescriptions", configuration)
        self.assertEqual(detail["CloudWatchLoggingOptionDescriptions"], [])

        # Destroy, while it runs: one call with the time as it was kept, to the second.
        started = boto.start_application(ApplicationName=NAME, RunConfiguration={})
        self.settle(started, "STARTING", ["RUNNING"])
        at = datetime.datetime.strptime(created, "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=datetime.timezone.utc)
        boto.delete_application(ApplicationName=NAME, CreateTimestamp=at)
        clients.await_gone(boto, NAME)

    def bumped(self, state, answer):
        state["version"] += 1
        self.assertEqual(answer["ApplicationVersionId"], state["version"])

    def read(self, state, running):
        """DescribeApplication and ListTagsForResource, and what the acceptance tests expect of them."""
        detail = describe(self.boto, NAME)
        self.assertEqual(self.boto.list_tags_for_resource(ResourceARN=state["arn"])["Tags"], [])
        self.assertEqual(detail["ApplicationVersionId"], state["version"])
        self.assertNotIn("ApplicationDescription", detail)
        configuration = detail["ApplicationConfigurationDescription"]
        self.assertEqual("RunConfigurationDescription" in configuration, running)
        return detail

    def test_the_defaults_that_the_acceptance_tests_assert(self):
        made = clients.create(self.boto, "defaults", ApplicationConfiguration=None)
        self.assertEqual(made["ApplicationConfigurationDescription"], {
            "FlinkApplicationConfigurationDescription": {
                "CheckpointConfigurationDescription": {
                    "ConfigurationType": "DEFAULT", "CheckpointingEnabled": True,
                    "CheckpointInterval": 60000, "MinPauseBetweenCheckpoints": 5000,
                },
                "MonitoringConfigurationDescription": {
                    "ConfigurationType": "DEFAULT", "MetricsLevel": "APPLICATION", "LogLevel": "INFO",
                },
                "ParallelismConfigurationDescription": {
                    "ConfigurationType": "DEFAULT", "Parallelism": 1, "ParallelismPerKPU": 1,
                    "CurrentParallelism": 1, "AutoScalingEnabled": True,
                },
            },
            "ApplicationSnapshotConfigurationDescription": {
                "SnapshotsEnabled": True,
            },
            "ApplicationSystemRollbackConfigurationDescription": {"RollbackEnabled": False},
            "ApplicationEncryptionConfigurationDescription": {"KeyType": "AWS_OWNED_KEY"},
        })
        self.assertEqual(made["CloudWatchLoggingOptionDescriptions"], [])
        self.assertEqual(made["ApplicationMode"], "STREAMING")
        window = made["ApplicationMaintenanceConfigurationDescription"]
        changed = self.boto.update_application_maintenance_configuration(
            ApplicationName="defaults",
            ApplicationMaintenanceConfigurationUpdate={"ApplicationMaintenanceWindowStartTimeUpdate": "22:30"},
        )
        self.assertEqual(changed["ApplicationMaintenanceConfigurationDescription"], {
            "ApplicationMaintenanceWindowStartTime": "22:30", "ApplicationMaintenanceWindowEndTime": "06:30",
        })
        self.boto.update_application_maintenance_configuration(
            ApplicationName="defaults",
            ApplicationMaintenanceConfigurationUpdate={
                "ApplicationMaintenanceWindowStartTimeUpdate": window["ApplicationMaintenanceWindowStartTime"]
            },
        )
        after = describe(self.boto, "defaults")
        self.assertEqual(after["ApplicationMaintenanceConfigurationDescription"], window)
        self.assertEqual(after["ApplicationVersionId"], 1)
        clients.delete(self.boto, "defaults")
