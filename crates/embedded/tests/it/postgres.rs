use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use embedded::postgres::{Options, Postgres};

use crate::eventually;

/// Starts a server that does not wait for the disk, which may be busy with other tests.
async fn start(dir: &Path) -> embedded::Result<Postgres> {
    Postgres::start_with(dir, Options { fsync: false, ..Options::default() }).await
}

fn psql(server: &Postgres) -> Command {
    let beside = server.bin_dir().map(|bin| bin.join("psql")).filter(|psql| psql.exists());
    let mut command = Command::new(beside.unwrap_or_else(|| PathBuf::from("psql")));
    command.args(["--no-psqlrc", "--tuples-only", "--no-align", server.url(), "-c"]);
    command
}

/// Runs one statement and gives what psql prints.
fn query(server: &Postgres, statement: &str) -> String {
    let output = psql(server).arg(statement).output().expect("psql is installed with postgres");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

fn is_alive(pid: u32) -> bool {
    Path::new(&format!("/proc/{pid}/cwd")).read_link().is_ok()
}

fn kill(pid: u32, signal: &str) {
    let status = Command::new("kill").args([signal, &pid.to_string()]).status().unwrap();
    assert!(status.success());
}

#[tokio::test]
async fn data_survives_stop_and_start_and_the_url_stays() {
    let dir = tempfile::tempdir().unwrap();
    let mut server = Postgres::start(dir.path()).await.unwrap();
    assert_eq!(query(&server, "SELECT 40 + 2"), "42");
    assert_eq!(query(&server, "SHOW fsync"), "on");
    assert_eq!(query(&server, "SHOW listen_addresses"), "");
    query(&server, "CREATE TABLE kept AS SELECT 'this' AS word");
    let url = server.url().to_owned();

    server.restart().await.unwrap();
    assert_eq!(query(&server, "SELECT word FROM kept"), "this");
    let pid = server.pid().unwrap();
    server.stop().await.unwrap();
    assert!(!is_alive(pid));

    let server = start(dir.path()).await.unwrap();
    assert_eq!(server.url(), url);
    assert_eq!(query(&server, "SELECT word FROM kept"), "this");
    let pid = server.pid().unwrap();
    drop(server);
    assert!(!is_alive(pid), "dropping ends it");
}

#[tokio::test]
async fn committed_rows_survive_a_kill_and_its_lock_files_do_not_matter() {
    let dir = tempfile::tempdir().unwrap();
    let server = start(dir.path()).await.unwrap();
    query(&server, "CREATE TABLE kept (n int)");
    query(&server, "INSERT INTO kept SELECT generate_series(1, 1000)");
    let pid = server.pid().unwrap();
    kill(pid, "-KILL");
    eventually("the server is gone", || !is_alive(pid));
    drop(server);

    // The number in the lock file now belongs to a program that lives: this test.
    let lock = dir.path().join("data/postmaster.pid");
    let stale = fs::read_to_string(&lock).unwrap();
    let ours = stale.replacen(&pid.to_string(), &std::process::id().to_string(), 1);
    fs::write(&lock, ours).unwrap();

    let server = start(dir.path()).await.unwrap();
    assert_eq!(query(&server, "SELECT count(*) FROM kept"), "1000");
    server.stop().await.unwrap();
}

#[tokio::test]
async fn a_folder_too_deep_for_a_socket_works_too() {
    let dir = tempfile::tempdir().unwrap();
    let deep = dir.path().join("a-rather-long-name-of-a-folder".repeat(4));
    let server = start(&deep).await.unwrap();
    assert_eq!(query(&server, "SELECT 1"), "1");
    server.stop().await.unwrap();
}

#[tokio::test]
async fn other_databases_have_urls_too_and_tcp_is_there_when_asked_for() {
    let dir = tempfile::tempdir().unwrap();
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let options = Options { tcp_port: Some(port), fsync: false, ..Options::default() };
    let server = Postgres::start_with(dir.path(), options).await.unwrap();
    query(&server, "CREATE DATABASE another");
    let output = psql(&server)
        .args(["SELECT 1", "-c", &format!("\\c {}", server.database_url("another"))])
        .args(["-c", "SELECT current_database()"])
        .output()
        .unwrap();
    assert!(String::from_utf8_lossy(&output.stdout).trim().ends_with("another"));
    assert!(std::net::TcpStream::connect(("127.0.0.1", port)).is_ok());
    server.stop().await.unwrap();
}

#[tokio::test]
async fn a_second_server_on_the_same_folder_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let first = start(dir.path()).await.unwrap();
    let error = start(dir.path()).await.unwrap_err().to_string();
    assert!(error.contains("in use by another server (process"), "{error}");
    assert_eq!(query(&first, "SELECT 1"), "1");
    first.stop().await.unwrap();
}

/// Not a test of its own: the process that the next test kills.
#[tokio::test]
async fn host_for_the_next_test() {
    let Some(dir) = crate::host_folder() else { return };
    let server = start(&dir).await.unwrap();
    fs::write(dir.join("pid"), server.pid().unwrap().to_string()).unwrap();
    std::future::pending::<()>().await;
}

#[tokio::test]
async fn the_server_ends_with_a_process_that_is_killed() {
    let dir = tempfile::tempdir().unwrap();
    let mut host = Command::new(std::env::current_exe().unwrap())
        .args(["postgres::host_for_the_next_test", "--exact"])
        .arg(format!("--skip=dir:{}", dir.path().display()))
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    let mut pid = None;
    eventually("the host has started a server", || {
        pid = fs::read_to_string(dir.path().join("pid")).ok().and_then(|text| text.parse().ok());
        pid.is_some()
    });
    let pid = pid.unwrap();
    assert!(is_alive(pid));
    host.kill().unwrap();
    host.wait().unwrap();
    // A start on the same folder waits for the orphan to end.
    let server = start(dir.path()).await.unwrap();
    assert!(!is_alive(pid));
    server.stop().await.unwrap();
}
