//! What is measured.

use std::path::Path;

/// One query; `{SOURCE}` and `{OUT}` are filled in.
pub(super) struct Query {
    pub(super) name: &'static str,
    sql: &'static str,
}

const SINK: &str = "'connector' = 'filesystem', 'format' = 'json', 'path' = '{OUT}";

pub(super) const QUERIES: &[Query] = &[
    Query {
        name: "pass-through",
        sql: "CREATE TABLE o (sensor_id STRING, temperature BIGINT, event_time TIMESTAMP(3))
              WITH ('connector' = 'blackhole');
              INSERT INTO o SELECT sensor_id, temperature, event_time FROM events;",
    },
    Query {
        name: "tumble",
        sql: "CREATE TABLE o (sensor_id STRING, ws TIMESTAMP(3), we TIMESTAMP(3), a BIGINT)
              WITH ({SINK}/tumble');
              INSERT INTO o SELECT sensor_id, window_start, window_end, AVG(temperature)
              FROM TABLE(TUMBLE(TABLE events, DESCRIPTOR(event_time), INTERVAL '60' SECOND))
              GROUP BY sensor_id, window_start, window_end;",
    },
    Query {
        name: "alerts",
        sql: "CREATE TABLE o (sensor_id STRING, ws TIMESTAMP(3), n BIGINT) WITH ({SINK}/alerts');
              INSERT INTO o SELECT sensor_id, TUMBLE_START(event_time, INTERVAL '30' SECOND), COUNT(*)
              FROM events WHERE temperature > 30
              GROUP BY sensor_id, TUMBLE(event_time, INTERVAL '30' SECOND) HAVING COUNT(*) > 3;",
    },
    Query {
        name: "hop",
        sql: "CREATE TABLE o (sensor_id STRING, ws TIMESTAMP(3), we TIMESTAMP(3), a BIGINT)
              WITH ({SINK}/hop');
              INSERT INTO o SELECT sensor_id, window_start, window_end, AVG(temperature)
              FROM TABLE(HOP(TABLE events, DESCRIPTOR(event_time), INTERVAL '10' SECOND, INTERVAL '5' MINUTE))
              GROUP BY sensor_id, window_start, window_end;",
    },
    Query {
        name: "sensor-alerts",
        sql: "CREATE TABLE alerts (sensor_id STRING, ws TIMESTAMP(3), n BIGINT) WITH ({SINK}/both-alerts');
              CREATE TABLE averages (sensor_id STRING, ws TIMESTAMP(3), a DOUBLE,
                `year` BIGINT, `month` BIGINT, `day` BIGINT, `hour` BIGINT)
              PARTITIONED BY (`year`, `month`, `day`, `hour`) WITH ({SINK}/both-averages');
              EXECUTE STATEMENT SET BEGIN
              INSERT INTO alerts SELECT sensor_id, TUMBLE_START(event_time, INTERVAL '30' SECOND), COUNT(*)
              FROM events WHERE temperature > 30
              GROUP BY sensor_id, TUMBLE(event_time, INTERVAL '30' SECOND) HAVING COUNT(*) > 3;
              INSERT INTO averages SELECT sensor_id, ws, a, YEAR(ws), MONTH(ws), DAYOFMONTH(ws), HOUR(ws)
              FROM (SELECT sensor_id, TUMBLE_START(event_time, INTERVAL '60' SECOND) AS ws,
                           AVG(CAST(temperature AS DOUBLE)) AS a
                    FROM events GROUP BY sensor_id, TUMBLE(event_time, INTERVAL '60' SECOND));
              END;",
    },
];

impl Query {
    pub(super) fn script(&self, source: &str, out: &Path) -> String {
        let sql = self.sql.replace("{SINK}", SINK).replace("{OUT}", &out.display().to_string());
        format!("{source}\n{sql}")
    }
}

pub(super) fn file_source(file: &Path) -> String {
    source(&format!("'connector' = 'filesystem', 'path' = '{}'", file.display()))
}

pub(super) fn kafka_source(servers: &str) -> String {
    source(&format!(
        "'connector' = 'kafka', 'topic' = '{}', 'properties.bootstrap.servers' = '{servers}',
         'scan.startup.mode' = 'earliest-offset', 'scan.bounded.mode' = 'latest-offset'",
        super::data::TOPIC
    ))
}

fn source(connector: &str) -> String {
    format!(
        "CREATE TABLE events (sensor_id STRING, temperature BIGINT, event_time TIMESTAMP(3),
           WATERMARK FOR event_time AS event_time - INTERVAL '2' SECOND
         ) WITH ({connector}, 'format' = 'json', 'json.timestamp-format.standard' = 'ISO-8601');"
    )
}
