//! A minute of `weir chaos`: whatever dies, every record is counted once.

use std::process::Command;

#[test]
fn a_minute_of_chaos_loses_and_doubles_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let ran = Command::new(crate::weir())
        .args(["chaos", "--minutes", "1", "--every", "2", "--applications", "2", "--seed", "7"])
        .args(["--json", "--data-dir"])
        .arg(folder.path())
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&ran.stderr);
    let report: serde_json::Value = serde_json::from_slice(&ran.stdout)
        .unwrap_or_else(|error| panic!("no report: {error}\n{said}"));

    assert!(ran.status.success(), "{report:#}\n{said}");
    let faults = report["faults"].as_object().unwrap();
    let happened: u64 = faults.values().map(|count| count.as_u64().unwrap()).sum();
    assert!(happened >= 15, "{report:#}");
    for kind in ["kill-", "pause-", "s3-"] {
        assert!(faults.keys().any(|name| name.starts_with(kind)), "no {kind}: {report:#}");
    }
    let sinks = report["sinks"].as_array().unwrap();
    assert_eq!(sinks.len(), 8, "{report:#}");
    for sink in sinks {
        assert!(sink["once"].as_u64().unwrap() > 0, "{report:#}");
        assert_eq!(sink["once"], sink["expected"], "{report:#}");
    }
    assert!(report["windows"].as_u64().unwrap() > 100, "{report:#}");
}
