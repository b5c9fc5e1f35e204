use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use embedded::kafka::{Broker, Options};
use futures::StreamExt;
use rdkafka::Offset;
use rdkafka::producer::{FutureProducer, FutureRecord};

use crate::any_kafka::LOOPBACK;
use crate::eventually;
use crate::kafka::{PATIENCE, Rig, config, numbers, send_numbers, take};

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_lost_over_a_restart_and_numbering_goes_on() {
    let dir = tempfile::tempdir().unwrap();
    for round in 0..3 {
        let rig = Rig::own(dir.path()).await;
        if round == 0 {
            rig.create_topic("t", 1).await;
        }
        send_numbers(&rig.producer(), "t", round * 1_000..(round + 1) * 1_000).await;
        rig.stop().await;
    }
    let rig = Rig::own(dir.path()).await;
    let taken = take(&rig.reader("t", 0, Offset::Offset(500)), 2_500);
    assert_eq!(numbers(&taken), (500..3_000).collect::<Vec<_>>());
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unfinished_batch_at_the_end_of_a_log_is_cut_off() {
    let dir = tempfile::tempdir().unwrap();
    let rig = Rig::own(dir.path()).await;
    rig.create_topic("t", 1).await;
    let producer = rig.producer();
    send_numbers(&producer, "t", 0..10).await;
    let log = dir.path().join("topics/t/0.log");
    let whole = log.metadata().unwrap().len();
    send_numbers(&producer, "t", 10..20).await;
    rig.stop().await;

    let torn = log.metadata().unwrap().len() - 1;
    File::options().write(true).open(&log).unwrap().set_len(torn).unwrap();
    let rig = Rig::own(dir.path()).await;
    assert!(log.metadata().unwrap().len() >= whole);
    let kept = rig.reader("t", 0, Offset::Beginning);
    let (_, end) = rdkafka::consumer::Consumer::fetch_watermarks(&kept, "t", 0, PATIENCE).unwrap();
    assert!((10..20).contains(&end));
    send_numbers(&rig.producer(), "t", end..30).await;
    assert_eq!(numbers(&take(&kept, 30)), (0..30).collect::<Vec<_>>());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_broker_on_the_same_folder_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let rig = Rig::own(dir.path()).await;
    let error = Broker::start(dir.path(), LOOPBACK, Options::default()).await.unwrap_err();
    assert!(error.to_string().contains("in use by another broker"), "{error}");
    rig.stop().await;
    Rig::own(dir.path()).await.stop().await;
}

/// Not a test of its own: the process that the next test kills.
#[tokio::test(flavor = "multi_thread")]
async fn host_for_the_next_test() {
    let Some(dir) = crate::host_folder() else { return };
    let address = fs::read_to_string(dir.join("listen")).unwrap().parse().unwrap();
    let broker = Broker::start(&dir.join("kafka"), address, Options::default()).await.unwrap();
    fs::write(dir.join("ready"), broker.bootstrap_servers()).unwrap();
    std::future::pending::<()>().await;
}

/// Starts a broker on `kafka` below `dir` in a process of its own.
pub(super) fn spawn_host(dir: &Path) -> std::process::Child {
    let _ = fs::remove_file(dir.join("ready"));
    let host = Command::new(std::env::current_exe().unwrap())
        .args(["kafka::own::restart::host_for_the_next_test", "--exact"])
        .arg(format!("--skip=dir:{}", dir.display()))
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    let ready: PathBuf = dir.join("ready");
    eventually("the broker of the other process is ready", || {
        fs::read_to_string(&ready).is_ok_and(|text| !text.is_empty())
    });
    host
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_acknowledged_survives_kill_9_while_an_idempotent_producer_writes() {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("listen"), LOOPBACK.to_string()).unwrap();
    let mut host = spawn_host(dir.path());
    let servers = fs::read_to_string(dir.path().join("ready")).unwrap();
    // The same port again after each kill, so that the producer finds the broker.
    fs::write(dir.path().join("listen"), &servers).unwrap();

    let producer: FutureProducer = config(&servers)
        .set("enable.idempotence", "true")
        .set("reconnect.backoff.max.ms", "100")
        .set("batch.num.messages", "20")
        .create()
        .unwrap();
    let (mut sent, mut acknowledged) = (0_i64, 0_i64);
    for round in 1..=3 {
        let texts: Vec<String> = (sent..sent + 2_000).map(|n| n.to_string()).collect();
        sent += 2_000;
        let (some, enough) = tokio::sync::oneshot::channel();
        let mut some = Some(some);
        let mut deliveries = futures::stream::FuturesUnordered::new();
        for text in &texts {
            let record = FutureRecord::<str, str>::to("t").partition(0).payload(text);
            deliveries.push(producer.send(record, PATIENCE));
        }
        let all = async {
            let mut results = Vec::new();
            while let Some(result) = deliveries.next().await {
                results.push(result);
                if results.len() >= 300 {
                    some.take().map(|some| some.send(()));
                }
            }
            results
        };
        let kill = async {
            if round < 3 {
                enough.await.unwrap();
                host.kill().unwrap();
                host.wait().unwrap();
                host = spawn_host(dir.path());
            }
        };
        let (results, ()) = futures::future::join(all, kill).await;
        for result in results {
            result.unwrap();
            acknowledged += 1;
        }
    }
    assert_eq!(acknowledged, sent);
    host.kill().unwrap();
    host.wait().unwrap();

    let rig = Rig::own(&dir.path().join("kafka")).await;
    let taken = take(&rig.reader("t", 0, Offset::Beginning), usize::try_from(sent).unwrap());
    assert_eq!(numbers(&taken), (0..sent).collect::<Vec<_>>(), "once each, in order");
}
