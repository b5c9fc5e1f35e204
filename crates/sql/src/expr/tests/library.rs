//! Functions called by name.

use std::sync::Arc;

use engine::clock::ManualClock;

use super::{check, check_type, value_in};
use crate::expr::Session;

#[test]
fn unknown_names_and_wrong_arguments_are_refused() {
    let session = Session::default();
    assert!(value_in(&session, "FROBNICATE(1)").starts_with("refused: unknown function"));
    let near = crate::expr::call(&session, "uper", Vec::new()).unwrap_err().to_string();
    assert_eq!(near, "there is no function `uper`, did you mean `UPPER`?");
    let wrong = value_in(&session, "UPPER(1)");
    assert!(wrong.contains("`UPPER` cannot be applied to arguments of type (INT)"), "{wrong}");
    assert!(wrong.contains("it takes UPPER(STRING)"), "{wrong}");
}

#[test]
fn texts() {
    check("SUBSTRING('hello', 0, 2)", "he");
    check("SUBSTRING('hello', -3)", "llo");
    check("SUBSTRING('hello', 9)", "");
    check("SUBSTRING('hello', 1, -1)", "NULL");
    check("TRIM(TRAILING 'xy' FROM 'axyxy')", "a");
    check("LPAD('hi', 5, '')", "NULL");
    check("OVERLAY('abcdef' PLACING 'X' FROM 3)", "abXdef");
    check("OVERLAY('abc' PLACING 'XYZ' FROM 2)", "aXYZ");
    check("LOCATE('o', 'foo boo', 4)", "6");
    check("INITCAP('hello wORLD')", "Hello World");
    check("TRANSLATE('abcabc', 'ab', 'x')", "xcxc");
    check("SPLIT_INDEX('a,b,c', ',', 1)", "b");
    check("CONCAT_WS(',', 'a', CAST(NULL AS STRING), 'b')", "a,b");
    check("CONCAT('a', CAST(NULL AS STRING))", "NULL");
    check("STR_TO_MAP('k1=v1,k2=v2')['k2']", "v2");
    check("ELT(2, 'a', 'b')", "b");
    check("SPLIT('a,b', ',')", "[a, b]");
    check("ASCII('Ä')", "-61");
    check("'abc' LIKE 'a%'", "TRUE");
    check("'a%c' LIKE 'a!%%' ESCAPE '!'", "TRUE");
    check("'abc' LIKE '%b'", "FALSE");
    check("'a' || 'b' || 'c'", "abc");
    check("CHAR_LENGTH('日本')", "2");
    check("STARTSWITH('abc', 'ab')", "TRUE");
}

#[test]
fn regular_expressions() {
    check("REGEXP_EXTRACT('foothebar', 'foo(.*?)(bar)', 2)", "bar");
    check("REGEXP_EXTRACT('abc', 'z')", "NULL");
    check("REGEXP_REPLACE('foobar', 'oo|ar', '$1')", "f$1b$1");
    check("REGEXP('abc', 'b')", "TRUE");
    check("REGEXP('abc', '')", "FALSE");
    check("REGEXP_COUNT('abcabc', 'b')", "2");
    check("REGEXP_EXTRACT('é1 x', '\\w+')", "1");
    check("REGEXP_EXTRACT('a.c', '\\Q.\\Ec')", ".c");
    check(
        "REGEXP('a', '(?<=x)a')",
        "refused: `(?<=x)a` is no regular expression that can be run: look-around, including \
         look-ahead and look-behind, is not supported",
    );
    check("'abc' SIMILAR TO 'a(b|c)%'", "TRUE");
}

#[test]
fn numbers() {
    check("ROUND(2.5e0)", "3.0");
    check("ROUND(-2.5e0)", "-3.0");
    check("ROUND(1.005e0, 2)", "1.01");
    check("ROUND(12.345, -1)", "10");
    check_type("ROUND(CAST(1 AS DECIMAL(10, 3)), 1)", "DECIMAL(9, 1) NOT NULL");
    check("ROUND(1250, -2)", "1300");
    check("TRUNCATE(-1.999e0, 2)", "-1.99");
    check("CEIL(-0.4e0)", "-0.0");
    check("FLOOR(-1.5)", "-2");
    check("SIGN(-1.5)", "-1.0");
    check("ABS(-5)", "5");
    check("POWER(2, 10)", "1024.0");
    check("LOG(2, 8)", "3.0");
    check("BIN(5)", "101");
    check("HEX(255)", "FF");
    check("PI()", "3.141592653589793");
    check("RAND_INTEGER(1)", "0");
    check("RAND(1) = RAND(1)", "TRUE");
    check("CHAR_LENGTH(UUID())", "36");
}

#[test]
fn encodings() {
    check("MD5('flink')", "68c03a76152dc53fdd2c7c7ab07f2721");
    check("SHA2('flink', 1)", "NULL");
    check("TO_BASE64('hello')", "aGVsbG8=");
    check("CAST(UNHEX('616263') AS STRING)", "abc");
    check("URL_DECODE(URL_ENCODE('a b/ü'))", "a b/ü");
    check("DECODE(ENCODE('ä', 'UTF-16BE'), 'UTF-16BE')", "ä");
    check("PARSE_URL('http://u@h.org:80/p/a?x=1#frag', 'AUTHORITY')", "u@h.org:80");
    check("PARSE_URL('http://h.org/p?x=1', 'FILE')", "/p?x=1");
    check("PARSE_URL('nonsense', 'HOST')", "NULL");
}

#[test]
fn json() {
    check("JSON_VALUE('{\"a\": 1.50}', '$.a')", "1.50");
    check(
        "JSON_VALUE('{\"a\": 1}', '$.b' ERROR ON ERROR)",
        "error: JSON_VALUE: there is nothing at `$.b` in `{\"a\": 1}`",
    );
    check("JSON_QUERY('{\"b\": 1, \"a\": [2]}', '$')", "{\"a\":[2],\"b\":1}");
    check(
        "JSON_OBJECT('b' VALUE 1, 'a' VALUE JSON_ARRAY(1, NULL, 'x'))",
        "{\"a\":[1,\"x\"],\"b\":1}",
    );
    check(
        "JSON_STRING(ROW(1.50, TIMESTAMP '2024-01-02 03:04:05.6'))",
        "{\"EXPR$0\":1.5,\"EXPR$1\":\"2024-01-02T03:04:05.6\"}",
    );
    check("JSON_EXISTS('{\"a\": 1}', '$.a')", "TRUE");
    check("CAST(NULL AS STRING) IS JSON", "FALSE");
    check("JSON_UNQUOTE(JSON_QUOTE('a\"b'))", "a\"b");
}

#[test]
fn collections() {
    check("CARDINALITY(ARRAY[1, 2])", "2");
    check("ARRAY_CONTAINS(ARRAY['a', 'b'], 'b')", "TRUE");
    check("ARRAY_POSITION(ARRAY[1, 2], 2)", "2");
    check("ARRAY_DISTINCT(ARRAY[1, 2, 1])", "[1, 2]");
    check("ARRAY_REVERSE(ARRAY[1, 2])", "[2, 1]");
    check("ARRAY_SORT(ARRAY[3, 1, 2])", "[1, 2, 3]");
    check("ARRAY_SORT(ARRAY[3, 1, CAST(NULL AS INT)], FALSE)", "[3, 1, NULL]");
    check("ARRAY_SLICE(ARRAY[1, 2, 3, 4], 2, 3)", "[2, 3]");
    check("ARRAY_SLICE(ARRAY[1, 2, 3, 4], -2)", "[3, 4]");
    check("ARRAY_REMOVE(ARRAY[1, 2, 1], 1)", "[2]");
    check("ARRAY_APPEND(ARRAY[1], 2)", "[1, 2]");
    check("ARRAY_PREPEND(ARRAY[1], 2)", "[2, 1]");
    check("ARRAY_UNION(ARRAY[1, 2], ARRAY[2, 3])", "[1, 2, 3]");
    check("ARRAY_EXCEPT(ARRAY[1, 2, 2], ARRAY[2])", "[1, 2]");
    check("ARRAY_INTERSECT(ARRAY[1, 2, 2], ARRAY[2])", "[2]");
    check("ARRAY_CONCAT(ARRAY[1], ARRAY[2], ARRAY[1])", "[1, 2, 1]");
    check("ARRAY_CONCAT(ARRAY[ARRAY[1]], ARRAY[ARRAY[2]])", "[[1], [2]]");
    check("ARRAY_MAX(ARRAY[1, 3, 2])", "3");
    check("ARRAY_JOIN(ARRAY['a', 'b'], '-')", "a-b");
    check("ELEMENT(ARRAY[7])", "7");
    check("MAP_KEYS(MAP['a', 1])", "[a]");
    check("MAP_VALUES(MAP['a', 1])", "[1]");
    check("MAP_ENTRIES(MAP['a', 1])", "[(a, 1)]");
    check("MAP_FROM_ARRAYS(ARRAY['a', 'b'], ARRAY[1, 2])", "{a=1, b=2}");
    check("MAP_UNION(MAP['a', 1, 'b', 2], MAP['b', 3])", "{a=1, b=3}");
    check("TYPEOF(CAST(1.5 AS DECIMAL(10, 2)))", "DECIMAL(10, 2) NOT NULL");
    check("IS_DIGIT('12')", "TRUE");
}

#[test]
fn dates_and_times() {
    check("YEAR(DATE '2024-02-29')", "2024");
    check("EXTRACT(WEEK FROM DATE '2021-01-03')", "53");
    check("EXTRACT(DOW FROM DATE '2024-03-03')", "1");
    check("FLOOR(TIMESTAMP '2024-02-29 13:14:15' TO WEEK)", "2024-02-25 00:00:00");
    check("CEIL(DATE '2024-02-29' TO MONTH)", "2024-03-01");
    check("DATE_FORMAT('2024-02-29 01:02:03', 'yyyy/MM/dd HH-mm')", "2024/02/29 01-02");
    check(
        "DATE_FORMAT(TIMESTAMP '2024-02-29 00:00:00', 'yyyy-MM-dd\"T\"b')",
        "refused: the date pattern `yyyy-MM-dd\"T\"b` has an unknown letter `T`",
    );
    check("TO_TIMESTAMP('20240229 010203', 'yyyyMMdd HHmmss')", "2024-02-29 01:02:03.000");
    check("TO_TIMESTAMP('2024-02-29', 'yyyy-MM-dd')", "2024-02-29 00:00:00.000");
    check("TO_TIMESTAMP('29 Feb 2024 3 PM', 'd MMM yyyy h a')", "2024-02-29 15:00:00.000");
    check("TO_DATE('2024.03.01', 'yyyy.MM.dd')", "2024-03-01");
    check("TO_DATE('nonsense')", "NULL");
    check("FROM_UNIXTIME(0)", "1970-01-01 00:00:00");
    check("UNIX_TIMESTAMP('1970-01-02 00:00:00')", "86400");
    check("UNIX_TIMESTAMP('nonsense')", "-9223372036854775808");
    check("TO_TIMESTAMP_LTZ(1.5e0, 0)", "1970-01-01 00:00:01.500");
    check("CONVERT_TZ('1970-01-01 00:00:00', 'UTC', 'America/Los_Angeles')", "1969-12-31 16:00:00");
}

#[test]
fn the_clock_is_a_parameter() {
    let clock = Arc::new(ManualClock::at(1_710_054_000_123));
    let session = Session { zone: "America/New_York".parse().unwrap(), clock };
    let check = |sql: &str, want: &str| assert_eq!(value_in(&session, sql), want, "{sql}");
    check("CURRENT_DATE", "2024-03-10");
    check("NOW()", "2024-03-10 03:00:00.123");
    check("CAST(LOCALTIMESTAMP AS TIMESTAMP(0))", "2024-03-10 03:00:00");
    check("PROCTIME()", "2024-03-10 03:00:00.123");
    check("UNIX_TIMESTAMP()", "1710054000");
    check("FLOOR(NOW() TO HOUR)", "2024-03-10 03:00:00.000");
}
