//! Runs real Python programs against the recording `pyflink` package, without the sandbox (the
//! sandbox needs the binary and is tested with it).

#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

use std::io::Write;
use std::sync::{Arc, Mutex};

use model::protocol::PropertyGroups;
use python::program::{Request, Spec, run};
use python::sandbox::Isolation;
use python::{Error, interpreter};

struct Ran {
    result: Result<(), Error>,
    requests: Vec<Request>,
    prints: Vec<String>,
}

fn zip_of(files: &[(&str, &str)]) -> Vec<u8> {
    let mut zip = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    for (name, text) in files {
        zip.start_file(*name, zip::write::SimpleFileOptions::default()).unwrap();
        zip.write_all(text.as_bytes()).unwrap();
    }
    zip.finish().unwrap().into_inner()
}

/// Runs the program; statements that contain `wrong` are refused.
fn run_zip(zip: &[u8], properties: &PropertyGroups) -> Ran {
    let scratch = tempfile::tempdir().unwrap();
    let path = scratch.path().join("code.zip");
    std::fs::write(&path, zip).unwrap();
    let prints = Arc::new(Mutex::new(Vec::new()));
    let mut requests = Vec::new();
    let result = run(
        &Spec {
            zip: &path,
            properties,
            scratch: scratch.path(),
            interpreter: &interpreter::find(None).unwrap(),
            isolation: &Isolation::Unsandboxed,
        },
        &mut |request| {
            let refused = matches!(&request, Request::ExecuteSql { sql } if sql.contains("wrong"));
            requests.push(request);
            if refused {
                Err("line 1, column 8: no".to_owned())
            } else {
                Ok("(a STRING)".to_owned())
            }
        },
        {
            let prints = Arc::clone(&prints);
            move |line| prints.lock().unwrap().push(line)
        },
    );
    let prints = prints.lock().unwrap().clone();
    Ran { result, requests, prints }
}

fn groups(id: &str, pairs: &[(&str, &str)]) -> PropertyGroups {
    let map = pairs.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
    [(id.to_owned(), map)].into()
}

#[test]
fn a_program_as_aws_users_write_it_is_recorded_in_order() {
    let main = r#"
import json, os
from pyflink.table import EnvironmentSettings, StreamTableEnvironment, StatementSet
from pyflink.table.window import Tumble
from pyflink.table.expressions import lit, col

settings = EnvironmentSettings.new_instance().in_streaming_mode().use_blink_planner().build()
t_env = StreamTableEnvironment.create(environment_settings=settings)
statements = t_env.create_statement_set()
PATH = "/etc/flink/application_properties.json"
assert os.path.isfile(PATH)
with open(PATH, "r") as f:
    props = json.loads(f.read())
topic = [p for p in props if p["PropertyGroupId"] == "consumer.config.0"][0]["PropertyMap"]["topic"]
t_env.get_config().get_configuration().set_string("parallelism.default", "2")
t_env.execute_sql("CREATE TABLE a (topic '%s')" % topic)
t_env.create_temporary_view("v", t_env.sql_query("SELECT 1"))
statements.add_insert_sql("INSERT INTO x SELECT 1")
result = statements.execute()
print(result.get_job_client().get_job_status())
result.wait()
"#;
    let ran = run_zip(
        &zip_of(&[("main.py", main)]),
        &groups("consumer.config.0", &[("topic", "telemetry")]),
    );
    ran.result.unwrap();
    assert_eq!(ran.prints, ["2"]);
    assert_eq!(
        ran.requests,
        [
            Request::Config { key: "parallelism.default".into(), value: "2".into() },
            Request::ExecuteSql { sql: "CREATE TABLE a (topic 'telemetry')".into() },
            Request::Schema { sql: "SELECT 1".into() },
            Request::View { name: "v".into(), sql: "SELECT 1".into() },
            Request::StatementSet { inserts: vec!["INSERT INTO x SELECT 1".into()] },
        ]
    );
}

#[test]
fn an_exception_arrives_with_the_programs_own_traceback() {
    let main = "from helper import go\nprint('before')\ngo()\n";
    let helper = "def go():\n    raise ValueError('bad setting')\n";
    let ran =
        run_zip(&zip_of(&[("main.py", main), ("helper.py", helper)]), &PropertyGroups::default());
    let Err(Error::Program { message, traceback }) = ran.result else { panic!("{:?}", ran.result) };
    assert_eq!(message, "ValueError: bad setting");
    let traceback = traceback.unwrap();
    assert!(traceback.contains("main.py\", line 3"), "{traceback}");
    assert!(traceback.contains("helper.py\", line 2"), "{traceback}");
    assert!(!traceback.contains("weir_boot"), "{traceback}");
    assert_eq!(ran.prints, ["before"]);
}

#[test]
fn a_refused_statement_is_raised_where_it_was_made() {
    let main = "from pyflink.table import *\nt = TableEnvironment.create(EnvironmentSettings.in_streaming_mode())\nt.execute_sql('wrong')\n";
    let ran = run_zip(&zip_of(&[("main.py", main)]), &PropertyGroups::default());
    let Err(Error::Program { message, traceback }) = ran.result else { panic!("{:?}", ran.result) };
    assert_eq!(message, "TableException: line 1, column 8: no");
    assert!(traceback.unwrap().contains("main.py\", line 3"));
}

#[test]
fn what_is_not_supported_is_refused_by_name() {
    for (line, name) in [
        ("Table('SELECT 1').select('a')", "Table.select"),
        ("DataTypes.STRING()", "DataTypes.STRING"),
        ("from pyflink.table.udf import udf; udf(1)", "pyflink.table.udf.udf"),
        ("EnvironmentSettings.in_batch_mode()", "in_batch_mode"),
        ("TableEnvironment().create_temporary_function('f', 1)", "create_temporary_function"),
        ("import pyflink.datastream as d; d.DataStream", "pyflink.datastream.DataStream"),
    ] {
        let main = format!("from pyflink.table import *\n{line}\n");
        let ran = run_zip(&zip_of(&[("main.py", &main)]), &PropertyGroups::default());
        let Err(Error::Program { message, .. }) = ran.result else { panic!("{line}") };
        assert!(message.starts_with("NotSupportedError: "), "{message}");
        assert!(message.contains(name), "{message}");
    }
}

#[test]
fn bad_archives_are_refused_with_what_to_do() {
    let none = PropertyGroups::default();
    let refused = |zip: &[u8], properties: &PropertyGroups, said: &str| {
        let ran = run_zip(zip, properties);
        let Err(Error::Archive(message)) = ran.result else { panic!("{:?}", ran.result) };
        assert!(message.contains(said), "{message}");
        assert!(ran.requests.is_empty());
    };
    refused(b"PK not a zip", &none, "not a readable zip");
    refused(&zip_of(&[("other.py", "")]), &none, "no `main.py`");
    refused(&zip_of(&[("../main.py", "")]), &none, "outside");
    refused(&zip_of(&[("/main.py", "")]), &none, "outside");
    let options = groups("kinesis.analytics.flink.run.options", &[("python", "app/start.py")]);
    refused(&zip_of(&[("main.py", "")]), &options, "no `app/start.py`");
    let ran = run_zip(&zip_of(&[("app/start.py", "print(1)")]), &options);
    ran.result.unwrap();
    assert_eq!(ran.prints, ["1"]);
}
