"""Alerts and averages from sensor telemetry.

Reads readings from a Kafka topic. One query raises an alert when a sensor has more than three
readings above 30 degrees within 30 seconds; another writes each sensor's average of every minute
to S3, partitioned by hour.

Runs unchanged on Weir and on Apache Flink with PyFlink 1.11 to 1.20.
"""

import json
import os

from pyflink.table import EnvironmentSettings, StreamTableEnvironment

APPLICATION_PROPERTIES = "/etc/flink/application_properties.json"


def application_properties():
    if not os.path.isfile(APPLICATION_PROPERTIES):
        raise RuntimeError("a file at {} was not found".format(APPLICATION_PROPERTIES))
    with open(APPLICATION_PROPERTIES, "r") as file:
        return json.loads(file.read())


def property_map(properties, group_id):
    for group in properties:
        if group["PropertyGroupId"] == group_id:
            return group["PropertyMap"]
    raise RuntimeError("property group {} is missing".format(group_id))


def create_source(table, topic, servers, group, startup_mode):
    return """CREATE TABLE {0} (
        sensor_id STRING,
        temperature BIGINT,
        event_time TIMESTAMP(3),
        WATERMARK FOR event_time AS event_time - INTERVAL '5' SECOND
    ) WITH (
        'connector' = 'kafka',
        'topic' = '{1}',
        'properties.bootstrap.servers' = '{2}',
        'properties.group.id' = '{3}',
        'scan.startup.mode' = '{4}',
        'format' = 'json',
        'json.timestamp-format.standard' = 'ISO-8601'
    )""".format(table, topic, servers, group, startup_mode)


def create_alerts(table, topic, servers):
    return """CREATE TABLE {0} (
        sensor_id STRING,
        window_start TIMESTAMP(3),
        window_end TIMESTAMP(3),
        high_readings BIGINT
    ) WITH (
        'connector' = 'kafka',
        'topic' = '{1}',
        'properties.bootstrap.servers' = '{2}',
        'format' = 'json',
        'json.timestamp-format.standard' = 'ISO-8601',
        'sink.delivery-guarantee' = 'exactly-once',
        'sink.transactional-id-prefix' = 'sensor-alerts'
    )""".format(table, topic, servers)


def create_averages(table, bucket, prefix):
    return """CREATE TABLE {0} (
        sensor_id STRING,
        window_start TIMESTAMP(3),
        average_temperature DOUBLE,
        readings BIGINT,
        `year` BIGINT,
        `month` BIGINT,
        `day` BIGINT,
        `hour` BIGINT
    ) PARTITIONED BY (`year`, `month`, `day`, `hour`) WITH (
        'connector' = 'filesystem',
        'path' = 's3a://{1}/{2}/',
        'format' = 'json',
        'json.timestamp-format.standard' = 'ISO-8601',
        'sink.partition-commit.policy.kind' = 'success-file'
    )""".format(table, bucket, prefix)


def insert_alerts(target, source, threshold, more_than):
    return """INSERT INTO {0}
        SELECT sensor_id,
               TUMBLE_START(event_time, INTERVAL '30' SECOND) AS window_start,
               TUMBLE_END(event_time, INTERVAL '30' SECOND) AS window_end,
               COUNT(*) AS high_readings
        FROM {1}
        WHERE temperature > {2}
        GROUP BY sensor_id, TUMBLE(event_time, INTERVAL '30' SECOND)
        HAVING COUNT(*) > {3}""".format(target, source, threshold, more_than)


def insert_averages(target, source):
    return """INSERT INTO {0}
        SELECT sensor_id, window_start, average_temperature, readings,
               YEAR(window_start) AS `year`,
               MONTH(window_start) AS `month`,
               DAYOFMONTH(window_start) AS `day`,
               HOUR(window_start) AS `hour`
        FROM (
            SELECT sensor_id,
                   TUMBLE_START(event_time, INTERVAL '60' SECOND) AS window_start,
                   AVG(CAST(temperature AS DOUBLE)) AS average_temperature,
                   COUNT(*) AS readings
            FROM {1}
            GROUP BY sensor_id, TUMBLE(event_time, INTERVAL '60' SECOND)
        )""".format(target, source)


def main():
    settings = EnvironmentSettings.new_instance().in_streaming_mode().build()
    table_env = StreamTableEnvironment.create(environment_settings=settings)

    properties = application_properties()
    consumer = property_map(properties, "consumer.config.0")
    producer = property_map(properties, "producer.config.0")

    table_env.execute_sql(
        create_source(
            "sensor_telemetry",
            consumer["topic"],
            consumer["bootstrap.servers"],
            consumer["group.id"],
            consumer.get("scan.startup.mode", "earliest-offset"),
        )
    )
    table_env.execute_sql(
        create_alerts("sensor_alerts", producer["alert.topic"], producer["bootstrap.servers"])
    )
    table_env.execute_sql(
        create_averages("sensor_averages", producer["output.bucket"], producer["output.prefix"])
    )

    threshold = int(producer.get("alert.threshold", "30"))
    more_than = int(producer.get("alert.more.than", "3"))
    statements = table_env.create_statement_set()
    statements.add_insert_sql(
        insert_alerts("sensor_alerts", "sensor_telemetry", threshold, more_than)
    )
    statements.add_insert_sql(insert_averages("sensor_averages", "sensor_telemetry"))
    result = statements.execute()
    print("alerts above {} degrees, more than {}".format(threshold, more_than))
    print(result.get_job_client().get_job_status())


if __name__ == "__main__":
    main()
