//! The `pyflink` package that programs import, carried inside the binary.

use std::path::Path;

use crate::Error;

macro_rules! files {
    ($($path:literal),* $(,)?) => {
        &[$(($path, include_str!(concat!("../shim/", $path)))),*]
    };
}

const FILES: &[(&str, &str)] = files![
    "weir_boot.py",
    "pyflink/__init__.py",
    "pyflink/_host.py",
    "pyflink/version.py",
    "pyflink/common/__init__.py",
    "pyflink/common/configuration.py",
    "pyflink/common/job.py",
    "pyflink/datastream/__init__.py",
    "pyflink/datastream/environment.py",
    "pyflink/datastream/stream_execution_environment.py",
    "pyflink/table/__init__.py",
    "pyflink/table/environment.py",
    "pyflink/table/environment_settings.py",
    "pyflink/table/expressions.py",
    "pyflink/table/result.py",
    "pyflink/table/settings.py",
    "pyflink/table/statement_set.py",
    "pyflink/table/table.py",
    "pyflink/table/table_config.py",
    "pyflink/table/table_environment.py",
    "pyflink/table/table_result.py",
    "pyflink/table/udf.py",
    "pyflink/table/window.py",
];

/// Writes the package below `folder`.
pub(crate) fn write(folder: &Path) -> Result<(), Error> {
    for (path, text) in FILES {
        let to = folder.join(path);
        let parent = to.parent().expect("every file has a folder");
        std::fs::create_dir_all(parent).map_err(Error::io("making the pyflink folder"))?;
        std::fs::write(&to, text).map_err(Error::io("writing the pyflink package"))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    #[test]
    fn every_file_of_the_package_is_carried() {
        let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("shim");
        let mut found = Vec::new();
        let mut folders = vec![root.clone()];
        while let Some(folder) = folders.pop() {
            for entry in std::fs::read_dir(folder).unwrap() {
                let path = entry.unwrap().path();
                if path.is_dir() {
                    folders.push(path);
                } else if path.extension().is_some_and(|e| e == "py") {
                    found.push(path.strip_prefix(&root).unwrap().display().to_string());
                }
            }
        }
        found.sort();
        let mut carried: Vec<String> = super::FILES.iter().map(|f| f.0.to_owned()).collect();
        carried.sort();
        assert_eq!(found, carried);
    }
}
