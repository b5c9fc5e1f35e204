//! The story that Weir must always tell, end to end, with the real binary and its own services.

use std::process::Command;

#[test]
fn the_demo_loses_and_doubles_nothing() {
    tell(&[]);
}

#[test]
fn the_demo_told_in_sql_loses_and_doubles_nothing() {
    tell(&["--sql"]);
}

fn tell(more: &[&str]) {
    let folder = tempfile::tempdir().unwrap();
    let told = Command::new(crate::weir())
        .args(["demo", "--exit", "--minutes", "5", "--data-dir"])
        .arg(folder.path())
        .args(more)
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&told.stderr);
    assert!(told.status.success(), "{said}");
    assert!(said.contains("Not one window was lost or doubled"), "{said}");
}
