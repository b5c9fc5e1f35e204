//! `properties.*`: the Java client's configuration in librdkafka's words.
//!
//! What librdkafka knows is passed on, what only steers Java is dropped, what cannot be done is refused
//! by name while the program is planned.

use std::collections::BTreeMap;

use rdkafka::ClientConfig;
use rdkafka::error::KafkaError;

/// Which kind of client is configured.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Role {
    Consumer,
    Producer,
}

/// Properties that mean nothing to us: classes, Java's own tuning, and what the connector decides.
const DROPPED: &[&str] = &[
    "key.deserializer",
    "value.deserializer",
    "key.serializer",
    "value.serializer",
    "enable.auto.commit",
    "auto.commit.interval.ms",
    "auto.offset.reset",
    "max.poll.records",
    "max.poll.interval.ms",
    "max.block.ms",
    "partition.assignment.strategy",
    "partition.discovery.interval.ms",
    "commit.offsets.on.checkpoint",
    "register.consumer.metrics",
    "client.id.prefix",
    "group.instance.id",
    "exclude.internal.topics",
    "default.api.timeout.ms",
    "allow.auto.create.topics",
    "auto.include.jmx.reporter",
    "enable.metrics.push",
    "metric.reporters",
    "metrics.num.samples",
    "metrics.recording.level",
    "metrics.sample.window.ms",
    "ssl.protocol",
    "ssl.enabled.protocols",
    "ssl.provider",
    "ssl.secure.random.implementation",
    "ssl.trustmanager.algorithm",
    "ssl.keymanager.algorithm",
    "sasl.login.refresh.buffer.seconds",
    "sasl.login.refresh.min.period.seconds",
    "sasl.login.refresh.window.factor",
    "sasl.login.refresh.window.jitter",
    "zookeeper.connect",
];

/// The same setting by another name.
const RENAMED: &[(&str, &str)] = &[
    ("fetch.max.wait.ms", "fetch.wait.max.ms"),
    ("max.partition.fetch.bytes", "fetch.message.max.bytes"),
    ("max.request.size", "message.max.bytes"),
    ("delivery.timeout.ms", "message.timeout.ms"),
    ("receive.buffer.bytes", "socket.receive.buffer.bytes"),
    ("send.buffer.bytes", "socket.send.buffer.bytes"),
    ("ssl.truststore.certificates", "ssl.ca.pem"),
    ("ssl.keystore.certificate.chain", "ssl.certificate.pem"),
    ("ssl.keystore.key", "ssl.key.pem"),
    ("sasl.mechanisms", "sasl.mechanism"),
];

/// Why a property is refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Refusal {
    /// Name without `properties.`.
    pub(super) key: String,
    /// What would be right.
    pub(super) why: String,
}

fn refuse<T>(key: &str, why: impl Into<String>) -> Result<T, Refusal> {
    Err(Refusal { key: key.to_owned(), why: why.into() })
}

/// librdkafka's configuration; every property is checked.
pub(super) fn translate(
    given: &BTreeMap<String, String>,
    role: Role,
) -> Result<BTreeMap<String, String>, Refusal> {
    let mut out = BTreeMap::new();
    if given.get("bootstrap.servers").is_none_or(|servers| servers.trim().is_empty()) {
        return refuse("bootstrap.servers", "name the brokers, such as `broker:9092`");
    }
    for (key, value) in given {
        let Some(name) = kept(key, value)? else { continue };
        match name {
            "sasl.jaas.config" => jaas(value, &mut out)?,
            "sasl.mechanism" => {
                mechanism(key, value)?;
                out.insert(name.to_owned(), value.clone());
            }
            "ssl.truststore.location" => trust_store(key, value, given, &mut out)?,
            "ssl.keystore.location" => key_store(key, value, given, &mut out)?,
            "ssl.keystore.password"
            | "ssl.key.password"
            | "ssl.truststore.password"
            | "ssl.truststore.type"
            | "ssl.keystore.type" => {}
            "ssl.endpoint.identification.algorithm" => {
                let value = if value.is_empty() { "none" } else { value.as_str() };
                out.insert(name.to_owned(), value.to_owned());
            }
            "security.protocol" => {
                out.insert(name.to_owned(), value.to_ascii_lowercase());
            }
            "buffer.memory" => {
                let bytes: u64 =
                    value.parse().or_else(|_| refuse(key, "write a number of bytes"))?;
                let kib = (bytes / 1024).clamp(1, 2_097_151).to_string();
                out.insert("queue.buffering.max.kbytes".to_owned(), kib);
            }
            "client.dns.lookup" if value == "default" => {}
            "request.timeout.ms" if role == Role::Consumer => {
                out.insert("socket.timeout.ms".to_owned(), value.clone());
            }
            _ => {
                out.insert(name.to_owned(), value.clone());
            }
        }
    }
    for (key, value) in &out {
        known(key, value)?;
    }
    Ok(out)
}

/// librdkafka's name of a property; `None` = it is dropped.
fn kept<'a>(key: &'a str, value: &str) -> Result<Option<&'a str>, Refusal> {
    if DROPPED.contains(&key) {
        return Ok(None);
    }
    let says = |what: &str| value.to_ascii_lowercase().contains(what);
    match key {
        "sasl.client.callback.handler.class"
        | "sasl.login.class"
        | "sasl.login.callback.handler.class" => {
            if says("iam") {
                msk_iam(key)
            } else {
                refuse(key, "Java classes cannot be loaded")
            }
        }
        "interceptor.classes"
        | "partitioner.class"
        | "ssl.engine.factory.class"
        | "security.providers"
        | "socket.connection.setup.class" => refuse(key, "Java classes cannot be loaded"),
        "transactional.id" => refuse(key, "exactly-once delivery to Kafka is not available yet"),
        _ if key.starts_with("sasl.kerberos") => refuse(
            key,
            "Kerberos is not supported; use the mechanism PLAIN, SCRAM-SHA-256 or SCRAM-SHA-512",
        ),
        _ if key.starts_with("sasl.oauthbearer") => mechanism(key, "OAUTHBEARER").map(|()| None),
        _ => {
            let renamed = RENAMED.iter().find(|(java, _)| *java == key);
            Ok(Some(renamed.map_or(key, |(_, ours)| ours)))
        }
    }
}

fn msk_iam<T>(key: &str) -> Result<T, Refusal> {
    refuse(
        key,
        "MSK IAM authentication is not supported; use SASL/SCRAM (port 9096) or TLS client \
         certificates (port 9094)",
    )
}

fn mechanism(key: &str, value: &str) -> Result<(), Refusal> {
    match value {
        "PLAIN" | "SCRAM-SHA-256" | "SCRAM-SHA-512" => Ok(()),
        "AWS_MSK_IAM" => msk_iam(key),
        _ => refuse(key, "supported mechanisms: `PLAIN`, `SCRAM-SHA-256`, `SCRAM-SHA-512`"),
    }
}

/// `…LoginModule required username="u" password="p";`
fn jaas(value: &str, out: &mut BTreeMap<String, String>) -> Result<(), Refusal> {
    let key = "sasl.jaas.config";
    let module = value.split_whitespace().next().unwrap_or_default();
    if module.contains("IAMLoginModule") {
        return msk_iam(key);
    }
    if !module.ends_with("PlainLoginModule") && !module.ends_with("ScramLoginModule") {
        return refuse(key, "supported login modules: `PlainLoginModule`, `ScramLoginModule`");
    }
    for (java, ours) in [("username", "sasl.username"), ("password", "sasl.password")] {
        let Some(text) = quoted(value, java) else {
            return refuse(key, format!("`{java}=\"…\"` is missing"));
        };
        out.insert(ours.to_owned(), text);
    }
    Ok(())
}

/// The value of `name="…"` or `name='…'`, backslashes undone.
fn quoted(text: &str, name: &str) -> Option<String> {
    let mut rest = text;
    loop {
        let at = rest.find(name)?;
        let alone = rest[..at].chars().next_back().is_none_or(char::is_whitespace);
        rest = &rest[at + name.len()..];
        let Some(value) = rest.trim_start().strip_prefix('=').filter(|_| alone) else { continue };
        let mut chars = value.trim_start().chars();
        let quote = chars.next().filter(|c| matches!(c, '"' | '\''))?;
        let mut out = String::new();
        loop {
            match chars.next()? {
                '\\' => out.push(chars.next()?),
                c if c == quote => return Some(out),
                c => out.push(c),
            }
        }
    }
}

fn store_type<'a>(given: &'a BTreeMap<String, String>, key: &str, path: &str) -> &'a str {
    let declared = given.get(key).map(String::as_str);
    let ending = path.rsplit('.').next().unwrap_or_default().to_ascii_lowercase();
    declared.unwrap_or(match ending.as_str() {
        "pem" | "crt" | "cer" => "PEM",
        "p12" | "pfx" => "PKCS12",
        _ => "JKS",
    })
}

fn trust_store(
    key: &str,
    path: &str,
    given: &BTreeMap<String, String>,
    out: &mut BTreeMap<String, String>,
) -> Result<(), Refusal> {
    if !store_type(given, "ssl.truststore.type", path).eq_ignore_ascii_case("PEM") {
        let why = "only PEM trust stores can be read (`ssl.truststore.type` = `PEM`); convert it: \
                   keytool -importkeystore, then openssl pkcs12 -nokeys";
        return refuse(key, why);
    }
    out.insert("ssl.ca.location".to_owned(), path.to_owned());
    Ok(())
}

fn key_store(
    key: &str,
    path: &str,
    given: &BTreeMap<String, String>,
    out: &mut BTreeMap<String, String>,
) -> Result<(), Refusal> {
    let password = |name: &str| given.get(name).cloned();
    match store_type(given, "ssl.keystore.type", path).to_ascii_uppercase().as_str() {
        "PEM" => {
            out.insert("ssl.certificate.location".to_owned(), path.to_owned());
            out.insert("ssl.key.location".to_owned(), path.to_owned());
            let secret = password("ssl.key.password");
            out.extend(secret.map(|secret| ("ssl.key.password".to_owned(), secret)));
            Ok(())
        }
        "PKCS12" => {
            out.insert("ssl.keystore.location".to_owned(), path.to_owned());
            let secret = password("ssl.keystore.password");
            out.extend(secret.map(|secret| ("ssl.keystore.password".to_owned(), secret)));
            Ok(())
        }
        _ => refuse(key, "only PEM and PKCS12 key stores can be read (`ssl.keystore.type`)"),
    }
}

/// Asks librdkafka whether it takes one property. Values are never repeated: they may be secret.
fn known(key: &str, value: &str) -> Result<(), Refusal> {
    let mut config = ClientConfig::new();
    config.set(key, value);
    match config.create_native_config() {
        Ok(_) => Ok(()),
        Err(KafkaError::ClientConfig(code, ..)) if format!("{code:?}").contains("UNKNOWN") => {
            refuse(
                key,
                "this property is not known; leave it out, or use a property of Kafka's Java client \
             or of librdkafka",
            )
        }
        Err(KafkaError::ClientConfig(_, text, ..)) => {
            refuse(key, text.replace(value, "…").trim_end_matches('.'))
        }
        Err(error) => refuse(key, error.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn given(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
        let brokers = [("bootstrap.servers", "b:9092")];
        brokers.iter().chain(pairs).map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect()
    }

    #[track_caller]
    fn becomes(pairs: &[(&str, &str)], want: &[(&str, &str)]) {
        let got = translate(&given(pairs), Role::Consumer).unwrap();
        assert_eq!(got, given(want));
    }

    #[track_caller]
    fn refused(pairs: &[(&str, &str)], part: &str) {
        let refusal = translate(&given(pairs), Role::Consumer).unwrap_err();
        assert!(refusal.why.contains(part), "{refusal:?}");
    }

    #[test]
    fn javas_words_become_ours() {
        becomes(
            &[
                ("key.deserializer", "org.apache.kafka.common.serialization.ByteArrayDeserializer"),
                ("auto.offset.reset", "earliest"),
                ("max.partition.fetch.bytes", "100000"),
                ("group.id", "g"),
                ("queued.min.messages", "7"),
            ],
            &[
                ("fetch.message.max.bytes", "100000"),
                ("group.id", "g"),
                ("queued.min.messages", "7"),
            ],
        );
        becomes(
            &[
                ("security.protocol", "SASL_SSL"),
                ("sasl.mechanism", "SCRAM-SHA-512"),
                (
                    "sasl.jaas.config",
                    r#"org.apache.kafka.common.security.scram.ScramLoginModule required username="u" password="p\"q";"#,
                ),
                ("ssl.truststore.location", "/ca.pem"),
                ("ssl.truststore.password", "x"),
                ("ssl.endpoint.identification.algorithm", ""),
            ],
            &[
                ("security.protocol", "sasl_ssl"),
                ("sasl.mechanism", "SCRAM-SHA-512"),
                ("sasl.username", "u"),
                ("sasl.password", "p\"q"),
                ("ssl.ca.location", "/ca.pem"),
                ("ssl.endpoint.identification.algorithm", "none"),
            ],
        );
    }

    #[test]
    fn what_cannot_be_done_is_refused_by_name() {
        refused(&[("sasl.mechanism", "AWS_MSK_IAM")], "MSK IAM");
        refused(
            &[("sasl.jaas.config", "software.amazon.msk.auth.iam.IAMLoginModule required;")],
            "MSK IAM",
        );
        refused(&[("sasl.mechanism", "GSSAPI")], "supported mechanisms");
        refused(&[("ssl.truststore.location", "/kafka.client.truststore.jks")], "PEM");
        refused(&[("interceptor.classes", "a.B")], "Java classes");
        refused(&[("bootstrap.serverz", "b")], "not known");
        refused(&[("fetch.min.bytes", "many")], "");
        refused(&[("bootstrap.servers", "")], "name the brokers");
        let secret = given(&[("sasl.jaas.config", "x.PlainLoginModule required username=\"u\";")]);
        let refusal = translate(&secret, Role::Producer).unwrap_err();
        assert_eq!(refusal.key, "sasl.jaas.config");
        assert!(refusal.why.contains("password"), "{refusal:?}");
    }
}
