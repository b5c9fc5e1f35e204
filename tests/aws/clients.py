"""boto3 and the AWS CLI, with an endpoint URL and credentials, and what the tests do with them all the time."""

import contextlib
import io
import json
import zipfile

import boto3
import botocore.config
import botocore.exceptions
from awscli.clidriver import create_clidriver

import checked
import service

CHECKED = checked.Checked()
# The Weir that `main.py` started.
WEIR = None

ROLE = "arn:aws:iam::000000000000:role/weir"

SCRIPT = """
CREATE TABLE readings (
    sensor_id INT, event_time TIMESTAMP(3),
    WATERMARK FOR event_time AS event_time - INTERVAL '1' SECOND
) WITH (
    'connector' = 'datagen', 'rows-per-second' = '${generator:rows}',
    'fields.sensor_id.min' = '1', 'fields.sensor_id.max' = '3'
);
CREATE TABLE counts (sensor_id INT, window_start TIMESTAMP(3), readings BIGINT) WITH ('connector' = 'blackhole');
INSERT INTO counts SELECT sensor_id, window_start, COUNT(*)
FROM TABLE(TUMBLE(TABLE readings, DESCRIPTOR(event_time), INTERVAL '5' SECOND))
GROUP BY sensor_id, window_start, window_end;
"""


def boto(validates=True):
    """A client that does not try again, so that every error is seen; SDKs of other languages do not validate."""
    session = boto3.session.Session(
        aws_access_key_id=WEIR.key[0], aws_secret_access_key=WEIR.key[1], region_name="us-east-1"
    )
    config = botocore.config.Config(retries={"total_max_attempts": 1}, parameter_validation=validates)
    client = session.client("kinesisanalyticsv2", endpoint_url=WEIR.url, config=config)
    CHECKED.watch(client.meta.events)
    return client


def cli(*arguments):
    """What `aws kinesisanalyticsv2 …` prints, read; its status must be 0."""
    status, out, err = cli_raw(*arguments)
    if status != 0:
        raise AssertionError("aws {}: {}".format(" ".join(arguments), err))
    return json.loads(out) if out.strip() else {}


def cli_raw(*arguments):
    """The CLI in this process: status, standard output, standard error."""
    driver = create_clidriver()
    driver.session.set_credentials(*WEIR.key)
    driver.session.set_config_variable("region", "us-east-1")
    CHECKED.watch(driver.session)
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        status = driver.main(["--endpoint-url", WEIR.url, "--output", "json", "kinesisanalyticsv2", *arguments])
    return status, out.getvalue(), err.getvalue()


def refused(test, code, call, **arguments):
    """The message of a call that must be refused with a code."""
    with test.assertRaises(botocore.exceptions.ClientError) as raised:
        call(**arguments)
    error = raised.exception.response["Error"]
    test.assertEqual(error["Code"], code, error["Message"])
    return error["Message"]


def configuration(script=SCRIPT, rows="20"):
    """A script with its property group, checkpointing every second."""
    return {
        "ApplicationCodeConfiguration": {
            "CodeContentType": "PLAINTEXT",
            "CodeContent": {"TextContent": script},
        },
        "EnvironmentProperties": {
            "PropertyGroups": [{"PropertyGroupId": "generator", "PropertyMap": {"rows": rows}}]
        },
    }


def create(client, name, **more):
    request = {"ApplicationConfiguration": configuration(), **more}
    request = {key: value for key, value in request.items() if value is not None}
    made = client.create_application(
        ApplicationName=name, RuntimeEnvironment="FLINK-1_20", ServiceExecutionRole=ROLE, **request
    )
    return made["ApplicationDetail"]


def describe(client, name):
    return client.describe_application(ApplicationName=name)["ApplicationDetail"]


def await_operation(client, name, operation):
    """The operation's details once it has ended."""

    def look():
        found = client.describe_application_operation(ApplicationName=name, OperationId=operation)
        details = found["ApplicationOperationInfoDetails"]
        return details if details["OperationStatus"] != "IN_PROGRESS" else None

    return service.until("the end of the operation", look)


def await_status(client, name, pending, target):
    """The detail once the status is the target; any status but the pending ones on the way is wrong."""

    def look():
        detail = describe(client, name)
        status = detail["ApplicationStatus"]
        if status == target:
            return detail
        if status not in pending:
            raise AssertionError("{} is {} on the way to {}".format(name, status, target))
        return None

    return service.until("status {}".format(target), look)


def await_gone(client, name):
    def look():
        try:
            status = describe(client, name)["ApplicationStatus"]
        except client.exceptions.ResourceNotFoundException:
            return True
        if status != "DELETING":
            raise AssertionError("{} is {} while it is deleted".format(name, status))
        return False

    service.until("the end of {}".format(name), look)


def start(client, name, **run_configuration):
    operation = client.start_application(ApplicationName=name, RunConfiguration=run_configuration)["OperationId"]
    ended = await_operation(client, name, operation)
    if ended["OperationStatus"] != "SUCCESSFUL":
        raise AssertionError("start: {}".format(ended))
    return await_status(client, name, ["STARTING"], "RUNNING")


def stop(client, name, **more):
    operation = client.stop_application(ApplicationName=name, **more)["OperationId"]
    ended = await_operation(client, name, operation)
    if ended["OperationStatus"] != "SUCCESSFUL":
        raise AssertionError("stop: {}".format(ended))
    return await_status(client, name, ["STOPPING", "FORCE_STOPPING"], "READY")


def delete(client, name):
    at = describe(client, name)["CreateTimestamp"]
    client.delete_application(ApplicationName=name, CreateTimestamp=at)
    await_gone(client, name)


def zipped(path):
    """A zip file with one file at its top."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.write(path, "main.py")
    return packed.getvalue()
