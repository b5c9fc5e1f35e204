//! What may be secret is told by no process, no log of an application and no audit entry, whatever goes
//! wrong and however much is logged.

use serde_json::{Value, json};

use crate::support::{Feeder, Installation, MASTER_KEY, SECRET_KEY, configuration, eventually};

const PROPERTY: &str = "m4rker-of-a-property";
const PASSWORD: &str = "m4rker-of-a-password";
const LITERAL: &str = "m4rker-of-a-literal";
const TAG: &str = "m4rker-of-a-tag";
const MARKERS: [&str; 4] = [PROPERTY, PASSWORD, LITERAL, TAG];

/// Says it may log in, where nobody asks.
const SASL: &str = "
CREATE TABLE a (x STRING) WITH (
    'connector' = 'kafka', 'topic' = 'secretive', 'format' = 'raw',
    'scan.startup.mode' = 'earliest-offset',
    'properties.bootstrap.servers' = 'SERVERS',
    'properties.security.protocol' = 'SASL_PLAINTEXT',
    'properties.sasl.mechanism' = 'PLAIN',
    'properties.sasl.jaas.config' = 'org.apache.kafka.common.security.plain.PlainLoginModule required username=\"me\" password=\"PASSWORD\";'
);
CREATE TABLE b (x STRING) WITH ('connector' = 'blackhole');
INSERT INTO b SELECT x FROM a;
";

fn group(id: &str, key: &str, value: &str) -> Value {
    json!({ "PropertyGroupId": id, "PropertyMap": { key: value } })
}

#[track_caller]
fn silent(told: &str, secrets: &[String], whose: &str) {
    for secret in secrets {
        let line = told.lines().find(|line| line.contains(secret.as_str()));
        assert_eq!(line, None, "{whose} tells `{secret}`");
    }
}

#[test]
fn no_process_log_or_audit_entry_tells_a_secret() {
    let environment = [("WEIR_MASTER_KEY", MASTER_KEY), ("WEIR_LOG", "trace")];
    let weir = Installation::start_with("secretive", &environment);
    let _worker = weir.start_worker("worker");
    let made = weir.create_key(&["--name", "both", "--role", "operator", "--kind", "both"]);
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let (access, bearer) = (text(&made[0]["SecretAccessKey"]), text(&made[1]["ApiKey"]));
    let mut secrets: Vec<String> = MARKERS.iter().map(|marker| (*marker).to_owned()).collect();
    secrets.extend([access, bearer.clone(), SECRET_KEY.to_owned(), MASTER_KEY.to_owned()]);

    let sasl = weir.application("sasl");
    let script = SASL.replace("SERVERS", &weir.services().kafka()).replace("PASSWORD", PASSWORD);
    sasl.create(&configuration(&json!({ "TextContent": script }), "PLAINTEXT", &[]));
    sasl.start();

    // It runs, is changed, and goes wrong after that.
    let feeder = Feeder::start(weir.topic("secretive", 1));
    let application = weir.application("secretive");
    let mut sums = application.sums("secretive", 5);
    let groups = sums["EnvironmentProperties"]["PropertyGroups"].as_array_mut().unwrap();
    groups[1]["PropertyMap"]["label"] = LITERAL.into();
    groups.push(group("db", "password", PROPERTY));
    let mut groups = groups.clone();
    sums["FlinkApplicationConfiguration"]["MonitoringConfiguration"] =
        json!({ "ConfigurationType": "CUSTOM", "LogLevel": "DEBUG", "MetricsLevel": "OPERATOR" });
    application.create(&sums);
    let tags = json!({ "Tags": { "team": TAG } });
    assert!(application.call("PUT", "/tags", &tags).status < 300);
    application.start();
    application.await_status("RUNNING");
    application.await_checkpoint(1);
    groups[1]["PropertyMap"]["path"] = "s3://there-is-no-such-bucket/x/".into();
    groups[3]["PropertyMap"]["password"] = format!("{PROPERTY}-2").into();
    let update = json!({
        "CurrentApplicationVersionId": 1,
        "ApplicationConfigurationUpdate": {
            "EnvironmentPropertyUpdates": { "PropertyGroups": groups },
        },
    });
    assert_eq!(application.call("PATCH", "", &update).status, 200);
    eventually("it has failed", || {
        let weir = application.weir();
        if weir["Failure"].is_object() { Ok(()) } else { Err(application.describe()) }
    });
    application.await_status("READY");

    eventually("it cannot log in", || {
        let logged = sasl.logged();
        if logged.iter().any(|line| line.contains("waiting for Kafka")) {
            Ok(())
        } else {
            Err(logged)
        }
    });
    sasl.stop(true);
    sasl.await_status("READY");

    // A refused script, a key that is none, and a signature that is wrong.
    let wrong = SASL.replace("blackhole", "nothing").replace("PASSWORD", PASSWORD);
    let wrong = configuration(&json!({ "TextContent": wrong }), "PLAINTEXT", &[]);
    let refused = weir.application("wrong").try_create(&wrong);
    assert_eq!(refused.status, 422, "{refused:?}");
    silent(&refused.body.to_string(), &secrets, "the refusal");
    let get = |key: &str, path: &str| {
        let authorization = format!("Bearer {key}");
        weir.call_with("GET", path, Vec::new(), ("authorization", &authorization)).0
    };
    for name in ["secretive", "sasl"] {
        let answer = get(&bearer, &format!("/v1/applications/{name}/events"));
        assert_eq!(answer.status, 200, "{answer:?}");
        silent(&answer.body.to_string(), &secrets, "an event");
    }
    assert_eq!(get(PASSWORD, "/v1/applications").status, 401);

    feeder.finish();
    for application in [&application, &sasl] {
        let logged = application.logged();
        assert!(logged.len() > 3, "{logged:?}");
        silent(&logged.join("\n"), &secrets, "the log");
        silent(&application.get("/operations").to_string(), &secrets, "an operation");
    }
    let audit = weir.get("/v1/audit?limit=1000")["AuditEntries"].to_string();
    assert!(audit.contains("password") && audit.contains("***"), "{audit}");
    // Tags are no secrets.
    let untagged: Vec<String> = secrets.iter().filter(|secret| *secret != TAG).cloned().collect();
    silent(&audit, &untagged, "an audit entry");
    for name in ["api", "worker"] {
        let said = weir.log(name);
        assert!(said.contains("TRACE") && said.contains("secretive"), "{name} logs too little");
        silent(&said, &secrets, name);
    }
}
