//! What is said about wrong programs, and where.

use std::collections::BTreeMap;
use std::sync::Arc;

use sql::{Session, StatementOutcome};

use crate::cases::plan;
use crate::declared::Declared;

const TABLES: &str = "\
CREATE TABLE t (id INT, s STRING, ts TIMESTAMP(3), WATERMARK FOR ts AS ts)
WITH ('connector' = 'filesystem', 'path' = '/t', 'format' = 'json');
CREATE TABLE o (id INT, s STRING) WITH ('connector' = 'filesystem', 'format' = 'json');
";

/// The message for a statement that begins at line 4, column 1.
#[track_caller]
fn check(statement: &str, expected: &str) {
    let error = plan(&format!("{TABLES}{statement}")).map(|_| ()).unwrap_err();
    assert_eq!(error.to_string(), expected);
}

#[test]
fn unknown_names() {
    check("INSERT INTO o SELECT ident, s FROM t", "line 4, column 22: unknown column `ident`");
    check(
        "INSERT INTO o\n  SELECT idd, s FROM t",
        "line 5, column 10: unknown column `idd`; did you mean `id`?",
    );
    check(
        "INSERT INTO o SELECT id, s FROM tt",
        "line 4, column 33: unknown table `tt`; did you mean `t`?",
    );
    check(
        "INSERT INTO oo SELECT id, s FROM t",
        "line 4, column 13: unknown table `oo`; did you mean `o`?",
    );
    check(
        "INSERT INTO o SELECT x.id, s FROM t AS y",
        "line 4, column 22: unknown table or column `x`",
    );
}

#[test]
fn syntax() {
    check(
        "INSERT INTO o SELECT id, s WHERE FROM t",
        "line 4, column 34: cannot parse: expected an expression, found: FROM",
    );
    check(
        "INSERT INTO o SELECT id, s FROM (\n  SELECT id, s FROM t WHERE\n)",
        "line 6, column 1: cannot parse: expected an expression, found: )",
    );
    check(
        "EXPLAIN SELECT 1",
        "line 4, column 1: EXPLAIN is not supported; the planned graph of an application is \
         shown by the service",
    );
}

#[test]
fn windows() {
    check(
        "INSERT INTO o SELECT 1, s FROM t GROUP BY s, TUMBLE(CAST(ts AS TIMESTAMP(3)), \
         INTERVAL '1' MINUTE)",
        "line 4, column 58: `CAST(ts AS TIMESTAMP(3))` is not a time attribute, and windows need \
         one; declare WATERMARK FOR a column of the table, or a column AS PROCTIME(); CAST and \
         functions make a plain timestamp of it",
    );
    check(
        "INSERT INTO o SELECT 1, s FROM TABLE(HOP(TABLE t, DESCRIPTOR(ts), INTERVAL '2' \
         SECOND, INTERVAL '3' SECOND)) GROUP BY s, window_start, window_end",
        "line 4, column 38: the size of a HOP window function must be a multiple of its slide; \
         GROUP BY HOP(rowtime, slide, size) takes any size",
    );
}

#[test]
fn nothing_to_do() {
    let error = plan(TABLES).map(|_| ()).unwrap_err();
    assert!(error.message.contains("has no INSERT"), "{error}");
    check(
        "SELECT id FROM t",
        "line 4, column 1: the result of this query goes nowhere; write INSERT INTO sink SELECT …",
    );
}

#[test]
fn places_are_those_before_substitution() {
    let groups = model::protocol::PropertyGroups::from([(
        "g".to_owned(),
        BTreeMap::from([("path".to_owned(), "/a/very/long/path/indeed".to_owned())]),
    )]);
    let script = "CREATE TABLE t (id INT) WITH ('connector' = 'x', 'path' = '${g:path}', 1)";
    let mut session = Session::new(Arc::new(Declared), [("a", "b")]).unwrap();
    let error = session.execute_with_properties(script, &groups).unwrap_err();
    assert_eq!((error.line, error.column), (1, script.find('1').unwrap() as u64 + 1));
}

#[test]
fn one_statement_at_a_time() {
    let mut session = Session::new(Arc::new(Declared), BTreeMap::<String, String>::new()).unwrap();
    for statement in TABLES.split_inclusive(';').filter(|text| text.contains("CREATE")) {
        assert_eq!(session.execute_statement(statement).unwrap(), StatementOutcome::Done);
    }
    session.create_view("v", "SELECT id * 2 AS twice, s FROM t").unwrap();
    let columns = session.schema_of("SELECT * FROM v").unwrap();
    let columns: Vec<_> = columns.iter().map(|c| format!("{} {}", c.name, c.sql_type)).collect();
    assert_eq!(columns, ["twice INT", "s STRING"]);
    let outcome = session.execute_statement("INSERT INTO o SELECT * FROM v").unwrap();
    assert_eq!(outcome, StatementOutcome::Inserted { table: "o".to_owned() });
    assert_eq!(session.inserts(), 1);
}

#[test]
fn over_windows() {
    check(
        "INSERT INTO o SELECT COUNT(*) OVER (ORDER BY id), s FROM t",
        "line 4, column 46: `id` is not a time attribute, and OVER windows must be ordered by one; \
         declare WATERMARK FOR a column of the table, or a column AS PROCTIME(); CAST and \
         functions make a plain timestamp of it",
    );
    check(
        "INSERT INTO o SELECT COUNT(*) OVER (ORDER BY ts DESC), s FROM t",
        "line 4, column 46: an OVER window can only be ordered in ascending order; leave DESC out",
    );
    check(
        "INSERT INTO o SELECT SUM(id) OVER (ORDER BY ts), MAX(s) OVER (ORDER BY ts ROWS 2 \
         PRECEDING) FROM t",
        "line 4, column 50: all OVER calls of a SELECT must be computed on the same window; put \
         the other calls into a query of their own",
    );
    check(
        "INSERT INTO o SELECT SUM(id) OVER (ORDER BY ts ROWS BETWEEN 1 PRECEDING AND 1 FOLLOWING), \
         s FROM t",
        "line 4, column 22: OVER windows end with CURRENT ROW: FOLLOWING is not supported",
    );
    check(
        "INSERT INTO o SELECT LAG(id) OVER (ORDER BY ts), s FROM t",
        "line 4, column 22: `LAG` OVER a window is not supported yet; aggregates are, and \
         ROW_NUMBER() with a filter on its result in the query around",
    );
}
