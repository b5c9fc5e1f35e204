use std::io::{Cursor, Write};

use control::{Change, Error, NewCode, NewContent, Program, S3Change};
use model::{
    configuration::{CodeContentType, S3Location},
    error_code::ErrorCode,
};
use zip::write::SimpleFileOptions;

use crate::world::{PATIENT, World, name, request, sql};

fn archive(entries: &[&str]) -> Vec<u8> {
    let mut writer = zip::ZipWriter::new(Cursor::new(Vec::new()));
    for entry in entries {
        writer.start_file(*entry, SimpleFileOptions::default()).unwrap();
        writer.write_all(b"print()").unwrap();
    }
    writer.finish().unwrap().into_inner()
}

fn zip_code(entries: &[&str]) -> NewCode {
    NewCode {
        content_type: Some(CodeContentType::Zipfile),
        content: NewContent::Zip(archive(entries)),
    }
}

#[tokio::test]
async fn a_typo_in_a_script_is_told_with_line_and_column() {
    let world = World::new(PATIENT).await;
    let mut typo = request("alerts");
    typo.change.code = Some(sql("CREATE TABLE t (a INT);\nINSERT INTO t SELEC 1"));
    let refused = world.control.create(typo).await.unwrap_err();
    assert_eq!(refused.code(), ErrorCode::CodeValidation);
    assert_eq!(refused.to_string(), "the SQL script is not valid: line 2, column 15: unknown word");
    assert_eq!(refused.diagnostics().len(), 1);
}

#[tokio::test]
async fn a_zip_is_kept_once_and_given_to_the_worker() {
    let world = World::new(PATIENT).await;
    let mut python = request("alerts");
    python.change.code = Some(zip_code(&["main.py"]));
    let created = world.control.create(python).await.unwrap();
    let code = created.configuration.code.unwrap();
    assert_eq!((code.sha256.len(), code.md5.len()), (64, 32));
    world.start("alerts").await;
    let claim = world.claim().await;
    assert_eq!(claim.program, Program::Zip { sha256: code.sha256.clone() });
    let bytes = world.control.artifact(&code.sha256).await.unwrap().unwrap();
    assert_eq!(bytes, archive(&["main.py"]));
    assert_eq!(bytes.len() as u64, code.size);
}

#[tokio::test]
async fn broken_zips_and_zips_without_main_are_refused() {
    let world = World::new(PATIENT).await;
    let mut broken = request("alerts");
    broken.change.code = Some(NewCode {
        content_type: Some(CodeContentType::Zipfile),
        content: NewContent::Zip(b"no zip".to_vec()),
    });
    let mut mainless = request("alerts");
    mainless.change.code = Some(zip_code(&["job.py"]));
    for wrong in [broken, mainless] {
        let refused = world.control.create(wrong).await.unwrap_err();
        assert_eq!(refused.code(), ErrorCode::CodeValidation, "{refused}");
    }
    let mut named = request("alerts");
    named.change.code = Some(zip_code(&["job.py"]));
    let options = [("python".to_owned(), "job.py".to_owned())].into();
    named
        .change
        .properties
        .get_or_insert_default()
        .insert("kinesis.analytics.flink.run.options".to_owned(), options);
    world.control.create(named).await.unwrap();
}

#[tokio::test]
async fn the_kind_of_code_must_fit_its_content() {
    let world = World::new(PATIENT).await;
    let mut wrong = request("alerts");
    wrong.change.code = Some(NewCode {
        content_type: Some(CodeContentType::Plaintext),
        content: NewContent::Zip(archive(&["main.py"])),
    });
    let refused = world.control.create(wrong).await.unwrap_err();
    assert_eq!(
        refused.to_string(),
        "`ZipFileContent` needs `CodeContentType` `ZIPFILE`, not `PLAINTEXT`"
    );
}

#[tokio::test]
async fn code_in_s3_is_read_when_it_is_given_and_never_again() {
    let world = World::new(PATIENT).await;
    let put = |key: &str, text: &str| {
        let place = ("code".to_owned(), key.to_owned());
        world.objects.0.lock().unwrap().insert(place, text.as_bytes().to_vec());
    };
    put("a.sql", "SELECT 1");
    let location = S3Location::new("arn:aws:s3:::code".to_owned(), "a.sql".to_owned(), None);
    let mut from_s3 = request("alerts");
    from_s3.change.code = Some(NewCode {
        content_type: Some(CodeContentType::Plaintext),
        content: NewContent::S3(location.unwrap()),
    });
    world.control.create(from_s3).await.unwrap();
    put("a.sql", "SELECT 2");
    put("b.sql", "SELECT 3");
    let script = async || {
        let code = world.describe("alerts").await.configuration.code.unwrap();
        match code.program {
            model::configuration::Program::Sql { text } => text,
            model::configuration::Program::Zip => panic!("a script was given"),
        }
    };
    assert_eq!(script().await, "SELECT 1");
    let kept = world.describe("alerts").await.configuration.code.unwrap();
    assert_eq!(kept.s3_version.as_deref(), Some("v7"));
    assert_eq!(kept.s3_etag.as_deref(), Some("etag of 8 bytes"));
    let change = |change| Change {
        code: Some(NewCode { content_type: None, content: NewContent::S3Change(change) }),
        ..Change::default()
    };
    world.update("alerts", change(S3Change::default())).await;
    assert_eq!(script().await, "SELECT 2");
    let other = S3Change { file_key: Some("b.sql".to_owned()), ..S3Change::default() };
    world.update("alerts", change(other)).await;
    assert_eq!(script().await, "SELECT 3");
    let missing = S3Change { file_key: Some("c.sql".to_owned()), ..S3Change::default() };
    let refused = world
        .control
        .update(control::UpdateApplication {
            name: name("alerts"),
            seen: control::Seen::Any,
            change: change(missing),
            run_configuration: None,
        })
        .await
        .unwrap_err();
    assert_eq!(refused.code(), ErrorCode::InvalidArgument);
    assert!(refused.to_string().contains("specified fileKey: c.sql"), "{refused}");
}

#[tokio::test]
async fn changed_properties_are_checked_against_the_script() {
    let world = World::new(PATIENT).await;
    let mut topics = request("alerts");
    topics.change.code = Some(sql("SELECT '${topics:in}'"));
    let entries = [("in".to_owned(), "input".to_owned())];
    topics.change.properties.get_or_insert_default().insert("topics".to_owned(), entries.into());
    world.control.create(topics).await.unwrap();
    let alerts = name("alerts");
    let group = "topics".parse().unwrap();
    let refused = world
        .control
        .delete_property_group(alerts.clone(), group, control::Seen::Any)
        .await
        .unwrap_err();
    assert!(matches!(refused, Error::Script(_)), "{refused:?}");
    let unknown = "topic".parse().unwrap();
    let refused =
        world.control.delete_property_group(alerts, unknown, control::Seen::Any).await.unwrap_err();
    assert_eq!(refused.code(), ErrorCode::ResourceNotFound);
    assert_eq!(
        refused.to_string(),
        "application `alerts` has no property group `topic`; it has `topics`"
    );
}
