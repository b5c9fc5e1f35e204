//! No method without a test.

use std::{collections::BTreeSet, fs, path::Path};

fn sources(folder: &str) -> Vec<String> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join(folder);
    fs::read_dir(folder)
        .unwrap()
        .map(|entry| fs::read_to_string(entry.unwrap().path()).unwrap())
        .collect()
}

#[test]
fn every_store_method_is_called_by_a_test() {
    let tests = sources("tests/it").concat();
    let methods: BTreeSet<String> = sources("src")
        .iter()
        .flat_map(|text| text.split("pub async fn ").skip(1))
        .filter_map(|rest| rest.split('(').next().map(str::to_owned))
        .collect();
    assert!(methods.len() > 50, "the search for methods found only {}", methods.len());
    let missing: Vec<&String> = methods
        .iter()
        .filter(|name| {
            !tests.contains(&format!(".{name}(")) && !tests.contains(&format!("::{name}("))
        })
        .collect();
    assert!(missing.is_empty(), "no test calls {missing:?}");
}
