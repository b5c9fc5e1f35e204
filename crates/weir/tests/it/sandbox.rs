//! What a user's Python program can reach from inside the sandbox: nothing but its own.

use std::sync::{Arc, Mutex};

use model::protocol::PropertyGroups;
use python::program::{Spec, run};
use python::sandbox::Isolation;

/// Runs `main.py` in the sandbox and returns what it printed.
fn printed_by(main: &str, properties: &PropertyGroups) -> Vec<String> {
    use std::io::Write;

    let scratch = tempfile::tempdir().unwrap();
    let path = scratch.path().join("code.zip");
    let mut zip = zip::ZipWriter::new(std::fs::File::create(&path).unwrap());
    zip.start_file("main.py", zip::write::SimpleFileOptions::default()).unwrap();
    zip.write_all(main.as_bytes()).unwrap();
    zip.finish().unwrap();
    std::fs::write(scratch.path().join("neighbour.txt"), "secret").unwrap();
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
fn a_program_reaches_nothing_else() {
    let attempts = r#"
import os, socket, subprocess
def attempt(name, f):
    try:
        f()
        print(name, "REACHED")
    except Exception as e:
        print(name, "refused")
def connect():
    s = socket.socket(); s.settimeout(2); s.connect(("127.0.0.1", 5432))
attempt("network", connect)
attempt("shadow", lambda: open("/etc/shadow").read())
attempt("other processes", lambda: open("/proc/1/environ").read() if os.readlink("/proc/1/exe").find("python") < 0 else 1 / 0)
attempt("neighbours", lambda: open("NEIGHBOUR").read())
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
            "network refused",
            "shadow refused",
            "other processes refused",
            "neighbours refused",
            "home refused",
            "write refused",
            "own code refused",
            "mount refused",
            "uid is 0 False",
            "environment []"
        ]
    );
}
