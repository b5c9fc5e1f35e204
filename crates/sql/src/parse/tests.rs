//! Statements no stock dialect reads.

use super::{ColumnKind, Statement, parse_script};

/// The statements of a script, by what they are.
fn kinds(script: &str) -> Vec<&'static str> {
    let (statements, _) = parse_script(script).unwrap_or_else(|error| panic!("{error}"));
    let kind = |statement: &Statement| match statement {
        Statement::CreateTable(_) => "table",
        Statement::CreateView(_) => "view",
        Statement::Drop { .. } => "drop",
        Statement::Insert(_) => "insert",
        Statement::Query(_) => "query",
        Statement::Set { .. } => "set",
        Statement::Reset(_) => "reset",
        Statement::BeginSet => "begin",
        Statement::EndSet => "end",
        Statement::Ignored => "ignored",
    };
    statements.iter().map(|statement| kind(&statement.node)).collect()
}

#[track_caller]
fn refused(script: &str, expected: &str) {
    let error = parse_script(script).map(|_| ()).unwrap_err();
    assert_eq!(error.to_string(), expected);
}

#[test]
fn scripts_are_split_into_statements() {
    assert_eq!(
        kinds(
            "SET 'a.b' = 'c;d'; set a.b = 10 s; RESET; RESET 'a.b';
             USE CATALOG default_catalog; SHOW TABLES; DESCRIBE t;
             DROP TEMPORARY VIEW IF EXISTS v;
             EXECUTE STATEMENT SET BEGIN INSERT INTO t SELECT 1; END;
             BEGIN STATEMENT SET; INSERT INTO t VALUES (1); END"
        ),
        [
            "set", "set", "reset", "reset", "ignored", "ignored", "ignored", "drop", "begin",
            "insert", "end", "begin", "insert", "end"
        ]
    );
}

#[test]
fn tables_keep_the_text_of_their_types() {
    let script = "CREATE TABLE t (
        a ROW<x INT, `y z` ARRAY<MAP<STRING, DECIMAL(10, 2)>>> NOT NULL COMMENT 'c',
        b TIMESTAMP(3) WITH LOCAL TIME ZONE METADATA FROM 'timestamp' VIRTUAL,
        c AS CAST(a.x AS MULTISET<INT>),
        WATERMARK FOR b AS b - INTERVAL '1' SECOND,
        PRIMARY KEY (a) NOT ENFORCED
    ) COMMENT 'table' PARTITIONED BY (a) WITH ('k' = 'v')";
    let (mut statements, _) = parse_script(script).unwrap();
    let Statement::CreateTable(table) = statements.remove(0).node else { panic!("no table") };
    let texts: Vec<String> = table
        .columns
        .iter()
        .map(|column| match &column.kind {
            ColumnKind::Physical { type_text, not_null } => {
                format!("{} {not_null}", type_text.node)
            }
            ColumnKind::Metadata { type_text, key, is_virtual, .. } => {
                format!("{} {key:?} {is_virtual}", type_text.node)
            }
            ColumnKind::Computed { expression } => expression.to_string(),
        })
        .collect();
    assert!(texts[0].starts_with("ROW<") && texts[0].ends_with("true"), "{}", texts[0]);
    assert!(texts[0].contains("`y z`"), "{}", texts[0]);
    assert!(texts[1].starts_with("TIMESTAMP(3) WITH LOCAL TIME ZONE"), "{}", texts[1]);
    assert!(texts[1].ends_with("Some(\"timestamp\") true"), "{}", texts[1]);
    assert!(table.watermark.is_some() && table.primary_key.len() == 1);
    assert_eq!(table.partition_keys[0].node, "a");
    assert_eq!(table.options["k"].node, "v");
}

#[test]
fn special_calls_are_read() {
    for query in [
        "SELECT * FROM TABLE(SESSION(TABLE t PARTITION BY a, b, DESCRIPTOR(ts), INTERVAL '1' HOUR))",
        "SELECT * FROM TABLE(TUMBLE(DATA => TABLE t, TIMECOL => DESCRIPTOR(`at`), \
         SIZE => INTERVAL '1' HOUR, `OFFSET` => INTERVAL '-1' MINUTE))",
        "SELECT JSON_VALUE(j, '$.n' RETURNING INT DEFAULT -1 ON EMPTY NULL ON ERROR)",
        "SELECT JSON_QUERY(j, '$.n' WITH CONDITIONAL ARRAY WRAPPER EMPTY ARRAY ON ERROR)",
        "SELECT JSON_OBJECT(KEY 'a' VALUE 1, 'b' : 2 ABSENT ON NULL), JSON_OBJECT(), JSON_ARRAY()",
        "SELECT MAP['a', 1], ROW(1, 'x'), ARRAY[1, 2][1], TRY_CAST('1' AS INT), x IS NOT JSON ARRAY",
        "SELECT EXTRACT(ISODOW FROM ts), FLOOR(ts TO HOUR), TIMESTAMPDIFF(DAY, a, b)",
    ] {
        assert_eq!(kinds(query), ["query"], "{query}");
    }
}

#[test]
fn hints_belong_to_the_table_before_them() {
    assert_eq!(kinds("SELECT 1 FROM a.b /*+ OPTIONS('x' = 'y') */ AS t"), ["query"]);
    refused(
        "SELECT 1 FROM b AS t /*+ OPTIONS('x' = 'y') */",
        "line 1, column 22: a hint must stand directly behind a table name; write `FROM t /*+ \
         OPTIONS('key' = 'value') */`",
    );
    refused(
        "SELECT 1 FROM b /*+ BROADCAST(b) */",
        "line 1, column 17: hint `BROADCAST(b)` is not supported; only `/*+ OPTIONS('key' = \
         'value') */` is known",
    );
}

#[test]
fn what_is_not_supported_is_refused_by_name() {
    refused(
        "CREATE FUNCTION f AS 'm.f' LANGUAGE PYTHON",
        "line 1, column 1: CREATE FUNCTION is not supported: user-defined functions cannot be \
         run yet",
    );
    refused(
        "CREATE TABLE t (id INT PRIMARY KEY)",
        "line 1, column 35: a PRIMARY KEY must be declared NOT ENFORCED: tables are not owned by \
         the engine",
    );
    refused(
        "USE CATALOG hive",
        "line 1, column 13: there is no `hive`; only `default_catalog`.`default_database` is known",
    );
    refused(
        "SELECT a FROM (SELECT b FROM c WHERE) AS d",
        "line 1, column 37: cannot parse: expected an expression, found: )",
    );
}
