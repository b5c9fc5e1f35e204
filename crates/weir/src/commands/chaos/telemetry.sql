-- What the chaos test runs: every record once in its window and once as it is, in Kafka and in S3.

CREATE TABLE telemetry (
    id BIGINT,
    sensor_id STRING,
    event_time TIMESTAMP(3),
    WATERMARK FOR event_time AS event_time - INTERVAL '5' SECOND
) WITH (
    'connector' = 'kafka',
    'topic' = '${source:topic}',
    'properties.bootstrap.servers' = '${source:servers}',
    'properties.group.id' = '${source:group}',
    'properties.isolation.level' = 'read_committed',
    'scan.startup.mode' = 'earliest-offset',
    'format' = 'json',
    'json.timestamp-format.standard' = 'ISO-8601'
);

CREATE TABLE windows_in_kafka (
    sensor_id STRING,
    window_start TIMESTAMP(3),
    records BIGINT,
    id_sum BIGINT,
    id_min BIGINT,
    id_max BIGINT,
    ids STRING,
    label STRING
) WITH (
    'connector' = 'kafka',
    'topic' = '${sink:windows.topic}',
    'properties.bootstrap.servers' = '${source:servers}',
    'sink.delivery-guarantee' = '${sink:guarantee}',
    'sink.transactional-id-prefix' = '${sink:windows.topic}',
    'format' = 'json',
    'json.timestamp-format.standard' = 'ISO-8601'
);

CREATE TABLE windows_in_s3 (
    sensor_id STRING,
    window_start TIMESTAMP(3),
    records BIGINT,
    id_sum BIGINT,
    id_min BIGINT,
    id_max BIGINT,
    ids STRING,
    label STRING,
    `minute` STRING
) PARTITIONED BY (`minute`) WITH (
    'connector' = 'filesystem',
    'path' = '${sink:path}/windows/',
    'format' = 'json',
    'json.timestamp-format.standard' = 'ISO-8601',
    'sink.partition-commit.trigger' = 'partition-time',
    'sink.partition-commit.delay' = '60 s',
    'partition.time-extractor.timestamp-pattern' = '$minute:00',
    'sink.partition-commit.policy.kind' = 'success-file'
);

CREATE TABLE records_in_kafka (id BIGINT) WITH (
    'connector' = 'kafka',
    'topic' = '${sink:records.topic}',
    'properties.bootstrap.servers' = '${source:servers}',
    'sink.delivery-guarantee' = '${sink:guarantee}',
    'sink.transactional-id-prefix' = '${sink:records.topic}',
    'format' = 'json'
);

CREATE TABLE records_in_s3 (id BIGINT, `block` BIGINT) PARTITIONED BY (`block`) WITH (
    'connector' = 'filesystem',
    'path' = '${sink:path}/records/',
    'format' = 'json'
);

CREATE VIEW windows AS
SELECT
    sensor_id,
    window_start,
    COUNT(*) AS records,
    SUM(id) AS id_sum,
    MIN(id) AS id_min,
    MAX(id) AS id_max,
    LISTAGG(CAST(id AS STRING)) AS ids
FROM TABLE(TUMBLE(TABLE telemetry, DESCRIPTOR(event_time), INTERVAL '${window:seconds}' SECOND))
GROUP BY sensor_id, window_start, window_end;

EXECUTE STATEMENT SET
BEGIN

INSERT INTO windows_in_kafka
SELECT sensor_id, window_start, records, id_sum, id_min, id_max, ids, '${sink:label}' FROM windows;

INSERT INTO windows_in_s3
SELECT
    sensor_id, window_start, records, id_sum, id_min, id_max, ids, '${sink:label}',
    DATE_FORMAT(window_start, 'yyyy-MM-dd HH:mm')
FROM windows;

INSERT INTO records_in_kafka SELECT id FROM telemetry;

INSERT INTO records_in_s3 SELECT id, id / 5000 FROM telemetry;

END;
