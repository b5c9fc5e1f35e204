-- Alerts and averages from sensor telemetry: the same job as ../sensor-alerts/main.py.
--
-- A reference such as ${consumer.config.0:topic} stands for the value of that key in that property
-- group of the application. Weir puts it in before the script is parsed, and refuses the script
-- when the group or the key is missing.

CREATE TABLE sensor_telemetry (
    sensor_id STRING,
    temperature BIGINT,
    event_time TIMESTAMP(3),
    WATERMARK FOR event_time AS event_time - INTERVAL '5' SECOND
) WITH (
    'connector' = 'kafka',
    'topic' = '${consumer.config.0:topic}',
    'properties.bootstrap.servers' = '${consumer.config.0:bootstrap.servers}',
    'properties.group.id' = '${consumer.config.0:group.id}',
    'scan.startup.mode' = 'earliest-offset',
    'format' = 'json',
    'json.timestamp-format.standard' = 'ISO-8601'
);

CREATE TABLE sensor_alerts (
    sensor_id STRING,
    window_start TIMESTAMP(3),
    window_end TIMESTAMP(3),
    high_readings BIGINT
) WITH (
    'connector' = 'kafka',
    'topic' = '${producer.config.0:alert.topic}',
    'properties.bootstrap.servers' = '${producer.config.0:bootstrap.servers}',
    'format' = 'json',
    'json.timestamp-format.standard' = 'ISO-8601',
    'sink.delivery-guarantee' = 'exactly-once',
    'sink.transactional-id-prefix' = 'sensor-alerts'
);

CREATE TABLE sensor_averages (
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
    'path' = 's3a://${producer.config.0:output.bucket}/${producer.config.0:output.prefix}/',
    'format' = 'json',
    'json.timestamp-format.standard' = 'ISO-8601',
    'sink.partition-commit.policy.kind' = 'success-file'
);

EXECUTE STATEMENT SET
BEGIN

INSERT INTO sensor_alerts
SELECT sensor_id, window_start, window_end, COUNT(*) AS high_readings
FROM TABLE(TUMBLE(TABLE sensor_telemetry, DESCRIPTOR(event_time), INTERVAL '30' SECOND))
WHERE temperature > ${producer.config.0:alert.threshold}
GROUP BY sensor_id, window_start, window_end
HAVING COUNT(*) > ${producer.config.0:alert.more.than};

INSERT INTO sensor_averages
SELECT sensor_id, window_start, AVG(CAST(temperature AS DOUBLE)), COUNT(*),
       YEAR(window_start), MONTH(window_start), DAYOFMONTH(window_start), HOUR(window_start)
FROM TABLE(TUMBLE(TABLE sensor_telemetry, DESCRIPTOR(event_time), INTERVAL '60' SECOND))
GROUP BY sensor_id, window_start, window_end;

END;
