//! What the migrations make, as a reviewer reads it.

use std::{fmt::Write, path::Path};

use sqlx::Connection;

use crate::database;

async fn lines(connection: &mut sqlx::PgConnection, query: &'static str) -> Vec<(String, String)> {
    sqlx::query_as(query).fetch_all(connection).await.unwrap()
}

#[tokio::test]
async fn the_schema_is_the_checked_in_one() {
    let (database, _store) = database::fresh().await;
    let mut connection = sqlx::PgConnection::connect(&database.url).await.unwrap();
    let columns = lines(
        &mut connection,
        "SELECT table_name::text,
                concat_ws(' ', column_name, udt_name,
                          CASE is_nullable WHEN 'NO' THEN 'NOT NULL' END,
                          'DEFAULT ' || column_default,
                          CASE is_identity WHEN 'YES' THEN 'IDENTITY' END)
           FROM information_schema.columns
          WHERE table_schema = 'public' AND table_name <> '_sqlx_migrations'
          ORDER BY table_name COLLATE \"C\", ordinal_position",
    )
    .await;
    let constraints = lines(
        &mut connection,
        "SELECT c.conrelid::regclass::text,
                'CONSTRAINT ' || c.conname || ' ' || pg_get_constraintdef(c.oid)
           FROM pg_constraint c
           JOIN pg_namespace n ON n.oid = c.connamespace
          WHERE n.nspname = 'public' AND c.contype IN ('p', 'u', 'f', 'c')
            AND c.conrelid <> '_sqlx_migrations'::regclass
          ORDER BY c.conname COLLATE \"C\"",
    )
    .await;
    let indexes = lines(
        &mut connection,
        "SELECT tablename::text, indexdef
           FROM pg_indexes
          WHERE schemaname = 'public' AND tablename <> '_sqlx_migrations'
            AND indexname NOT IN (SELECT conname FROM pg_constraint)
          ORDER BY indexname COLLATE \"C\"",
    )
    .await;
    let mut text = String::from("-- What the migrations make; written by a test of `store`.\n");
    let mut table = "";
    for (of, column) in &columns {
        if of != table {
            writeln!(text, "\n{of}").unwrap();
            table = of;
        }
        writeln!(text, "    {column}").unwrap();
        let last = columns.iter().rfind(|(other, _)| other == of).unwrap();
        if last.1 == *column {
            for (_, rule) in constraints.iter().chain(&indexes).filter(|(other, _)| other == of) {
                writeln!(text, "    {rule}").unwrap();
            }
        }
    }
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../migrations/golden/schema.txt");
    #[expect(clippy::disallowed_methods, reason = "goldens are rewritten on demand")]
    if std::env::var("UPDATE").is_ok() {
        std::fs::write(&path, &text).unwrap();
    }
    let expected = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(expected == text, "{} is stale: rerun with UPDATE=1", path.display());
}

#[tokio::test]
async fn several_processes_may_migrate_at_once() {
    let (database, store) = database::fresh().await;
    let other = store::Store::connect(&database.url, 2).await.unwrap();
    let (one, two) = tokio::join!(store.migrate(), other.migrate());
    one.unwrap();
    two.unwrap();
    other.ping().await.unwrap();
    other.close().await;
    assert!(other.ping().await.is_err());
}

#[tokio::test]
async fn databases_are_created_once_and_only_with_plain_names() {
    let (database, _store) = database::fresh().await;
    for _ in 0..2 {
        store::Store::create_database(&database.url, "weir_beside").await.unwrap();
    }
    assert!(store::Store::create_database(&database.url, "a; DROP TABLE b").await.is_err());
}

#[tokio::test]
async fn many_processes_may_migrate_an_empty_database_at_once() {
    let (_database, url) = database::empty().await;
    let mut migrating = tokio::task::JoinSet::new();
    for _ in 0..8 {
        let url = url.clone();
        migrating.spawn(async move {
            let store = store::Store::connect(&url, 2).await.unwrap();
            store.migrate().await.unwrap();
            store.begin().await.unwrap().now().await.unwrap();
        });
    }
    migrating.join_all().await;
}
