//! What a user's Python program can reach from inside the sandbox: nothing but its own.

use std::net::TcpListener;
use std::os::linux::net::SocketAddrExt;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::{SocketAddr, UnixListener};
use std::path::Path;
use std::process::Command;
use std::sync::{Arc, Mutex};

use model::protocol::PropertyGroups;
use python::program::{Spec, properties_json, run};
use python::sandbox::Isolation;
use serde_json::{Value, json};

use crate::support::{Installation, configuration, zip_file};

/// Runs `main.py` in the sandbox and returns what it printed.
fn printed_by(main: &str, properties: &PropertyGroups) -> Vec<String> {
    use std::io::Write;

    let scratch = tempfile::tempdir().unwrap();
    let path = scratch.path().join("code.zip");
    let mut zip = zip::ZipWriter::new(std::fs::File::create(&path).unwrap());
    zip.start_file("main.py", zip::write::SimpleFileOptions::default()).unwrap();
    zip.write_all(main.as_bytes()).unwrap();
    zip.finish().unwrap();
    let prints = Arc::new(Mutex::new(Vec::new()));
    let heard = Arc::clone(&prints);
    run(
        &Spec {
            zip: &path,
            properties,
            scratch: scratch.path(),
            interpreter: &python::interpreter::find(None).unwrap(),
            isolation: &Isolation::Sandboxed { launcher: crate::weir().into() },
        },
        &mut |_| Ok(String::new()),
        move |line| heard.lock().unwrap().push(line),
    )
    .unwrap_or_else(|error| panic!("{error}: {:?}", prints.lock().unwrap()));
    std::mem::take(&mut *prints.lock().unwrap())
}

#[test]
fn a_program_sees_its_properties_and_runs_statements() {
    let group = [("topic".to_owned(), "telemetry".to_owned())].into();
    let lines = printed_by(
        "import json\nfrom pyflink.table import *\n\
         print(json.load(open('/etc/flink/application_properties.json'))[0]['PropertyMap']['topic'])\n\
         TableEnvironment.create(EnvironmentSettings.in_streaming_mode()).execute_sql('SELECT 1')\n\
         open('/tmp/own', 'w').write('x'); print(open('/tmp/own').read())",
        &[("consumer.config.0".to_owned(), group)].into(),
    );
    assert_eq!(lines, ["telemetry", "x"]);
}

#[test]
fn a_program_has_no_rights_beyond_its_own() {
    let attempts = r#"
import os, socket, subprocess
def attempt(name, f):
    try:
        f()
        print(name, "REACHED")
    except Exception as e:
        print(name, "refused")
# Neither belongs to a network namespace: the machine's host, and the kernel's ciphers.
attempt("host", lambda: socket.socket(socket.AF_VSOCK, socket.SOCK_STREAM))
attempt("kernel", lambda: socket.socket(socket.AF_ALG, socket.SOCK_SEQPACKET))
attempt("shadow", lambda: open("/etc/shadow").read())
attempt("home", lambda: os.listdir("/root"))
attempt("write", lambda: open("/usr/x", "w"))
attempt("own code", lambda: open("main.py", "a"))
attempt("mount", lambda: subprocess.run(["mount", "-t", "tmpfs", "x", "/tmp"], check=True, capture_output=True))
print("uid is 0", os.getuid() == 0)
print("environment", sorted(k for k in os.environ if "SECRET" in k or "KEY" in k or "DATABASE" in k))
"#;
    let lines = printed_by(attempts, &PropertyGroups::default());
    assert_eq!(
        lines,
        [
            "host refused",
            "kernel refused",
            "shadow refused",
            "home refused",
            "write refused",
            "own code refused",
            "mount refused",
            "uid is 0 False",
            "environment []"
        ]
    );
}

/// Tries what a program must not reach, and prints what it could. Outside of the sandbox it can all
/// of it, but for the last.
const ATTEMPTS: &str = r#"
import ctypes, json, os, socket, sys
path = sys.argv[1] if len(sys.argv) > 1 else "/etc/flink/application_properties.json"
there = json.load(open(path))[0]["PropertyMap"]
worker = int(there["worker"])

def connect(family, address):
    with socket.socket(family, socket.SOCK_STREAM) as connection:
        connection.settimeout(2)
        connection.connect(address)
        return True

def processes():
    return [pid for pid in os.listdir("/proc") if pid.isdigit() and int(pid) != os.getpid()]

def anywhere(file, wanted):
    """Whether that file of any process, its own included, has the text."""
    for pid in processes() + ["self", "1", str(worker)]:
        try:
            with open(f"/proc/{pid}/{file}", "rb") as content:
                if wanted.encode() in content.read(1 << 20):
                    return True
        except OSError:
            pass

def write(path):
    open(path, "w").close()
    os.remove(path)
    return True

def seize():
    return ctypes.CDLL(None).ptrace(0x4206, worker, 0, 0) == 0

attempts = {
    "tcp": lambda: connect(socket.AF_INET, ("127.0.0.1", int(there["port"]))),
    "unix socket": lambda: connect(socket.AF_UNIX, there["folder"] + "/socket"),
    "abstract socket": lambda: connect(socket.AF_UNIX, "\0" + there["abstract"]),
    "processes": lambda: processes(),
    "environment": lambda: anywhere("environ", there["secret"]),
    "command lines": lambda: anywhere("cmdline", "--database-url"),
    "roots": lambda: anywhere("root" + there["folder"] + "/file", "somebody else's"),
    "signal": lambda: os.kill(worker, 0) is None,
    "file": lambda: open(there["folder"] + "/file").read(),
    "folder": lambda: os.listdir(there["folder"]),
    "write": lambda: write(there["folder"] + "/new"),
    "applications": lambda: [files for _, _, files in os.walk(there["applications"]) if files],
    "trace": seize,
}
for name, action in attempts.items():
    try:
        reached = action()
    except OSError:
        reached = False
    print(name, "REACHED" if reached else "refused")
"#;

/// What [`ATTEMPTS`] tries, in its order.
const TRIED: [&str; 13] = [
    "tcp",
    "unix socket",
    "abstract socket",
    "processes",
    "environment",
    "command lines",
    "roots",
    "signal",
    "file",
    "folder",
    "write",
    "applications",
    "trace",
];

/// A program that runs as long as it may.
const ENDLESS: &str = r#"
from pyflink.table import *
t = TableEnvironment.create(EnvironmentSettings.in_streaming_mode())
t.execute_sql("CREATE TABLE a (x BIGINT) WITH ('connector' = 'datagen', 'rows-per-second' = '1')")
t.execute_sql("CREATE TABLE b (x BIGINT) WITH ('connector' = 'blackhole')")
t.execute_sql("INSERT INTO b SELECT x FROM a")
"#;

#[test]
fn a_program_reaches_nothing_of_the_machine_it_runs_on() {
    let weir = Installation::start("hostile");
    let worker = weir.start_worker("worker");
    // Files of another application lie on the worker's disk.
    let zip = |main: &str| zip_file(&[("main.py", main)]);
    let neighbour = weir.application("neighbour");
    neighbour.create(&configuration(&zip(ENDLESS), "ZIPFILE", &[]));
    neighbour.start();
    neighbour.await_status("RUNNING");

    // Not in /tmp, which programs have of their own; and nobody is kept from it by its mode.
    let folder = tempfile::tempdir_in("/var/tmp").unwrap();
    let open = |path: &Path, mode| {
        std::fs::set_permissions(path, PermissionsExt::from_mode(mode)).unwrap();
    };
    open(folder.path(), 0o777);
    let file = folder.path().join("file");
    std::fs::write(&file, "somebody else's").unwrap();
    let socket = folder.path().join("socket");
    let _unix = UnixListener::bind(&socket).unwrap();
    open(&socket, 0o777);
    let name = format!("weir-test-{}", fastrand::u64(..));
    let address = SocketAddr::from_abstract_name(&name).unwrap();
    let _abstract = UnixListener::bind_addr(&address).unwrap();
    let tcp = TcpListener::bind("127.0.0.1:0").unwrap();
    let there = [
        ("worker", worker.pid().to_string()),
        ("folder", folder.path().display().to_string()),
        ("abstract", name),
        ("port", tcp.local_addr().unwrap().port().to_string()),
        ("secret", crate::support::SECRET_KEY.to_owned()),
        ("applications", weir.folder().join("worker").display().to_string()),
    ];
    let there = there.map(|(key, value)| (key.to_owned(), value));

    // Each attempt would succeed if nothing kept it from it.
    let group = [("there".to_owned(), there.clone().into_iter().collect())].into();
    let properties = folder.path().join("properties.json");
    std::fs::write(&properties, properties_json(&group)).unwrap();
    let python = python::interpreter::find(None).unwrap();
    let mut free = Command::new(python.executable);
    let free = free.args(["-c", ATTEMPTS]).arg(properties).output().unwrap();
    let said = String::from_utf8_lossy(&free.stdout);
    let expected = TRIED.map(|name| format!("{name} REACHED"));
    let lines: Vec<&str> = said.lines().collect();
    assert_eq!(lines[..12], expected[..12], "{}", String::from_utf8_lossy(&free.stderr));

    let map: serde_json::Map<String, Value> =
        there.into_iter().map(|(key, value)| (key, value.into())).collect();
    let group = json!({ "PropertyGroupId": "there", "PropertyMap": map });
    let application = weir.application("hostile");
    application.create(&configuration(&zip(ATTEMPTS), "ZIPFILE", &[group]));
    application.start();
    let expected = TRIED.map(|name| format!("{name} refused"));
    // It has no INSERT.
    application.await_status("READY");
    let logged = application.logged();
    let tried = |line: &&String| TRIED.iter().any(|name| line.starts_with(name));
    assert_eq!(
        logged.iter().filter(tried).collect::<Vec<_>>(),
        expected.iter().collect::<Vec<_>>()
    );
    assert_eq!(neighbour.weir()["Attempt"], 1);
}
