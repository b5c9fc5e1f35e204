//! Operators, types and casts.

use super::{check, check_type};

#[test]
fn integers_keep_their_type_and_wrap() {
    check("7 / 2", "3");
    check("-7 / 2", "-3");
    check("-7 % 3", "-1");
    check("2147483647 + 1", "-2147483648");
    check("CAST(100 AS TINYINT) + CAST(100 AS TINYINT)", "-56");
    check_type("CAST(1 AS SMALLINT) * CAST(1 AS TINYINT)", "SMALLINT NOT NULL");
    check("1 / 0", "error: division by zero, keep zero divisors out with WHERE, CASE or NULLIF");
    check("1e0 / 0", "Infinity");
    check(
        "MOD(-7, 0)",
        "error: division by zero, keep zero divisors out with WHERE, CASE or NULLIF",
    );
}

#[test]
fn decimals_have_flinks_sizes() {
    check_type("7 / 2.0", "DECIMAL(17, 6) NOT NULL");
    check("7 / 2.0", "3.500000");
    check("1.0 / 3", "0.333333333333");
    check_type("1.5 + 2", "DECIMAL(12, 1) NOT NULL");
    check_type(
        "CAST(1 AS DECIMAL(38, 10)) * CAST(1 AS DECIMAL(38, 10))",
        "DECIMAL(38, 6) NOT NULL",
    );
    check("CAST(123456 AS DECIMAL(5, 2))", "NULL");
    check("CAST(1.005 AS DECIMAL(5, 2))", "1.01");
    check("CAST(-1.005 AS DECIMAL(5, 2))", "-1.01");
    check("1.5 * 2e0", "3.0");
    check("CAST(99999999999999999999999999999999999999 AS DECIMAL(38, 0)) + 1", "NULL");
    check("CAST(0.1e0 AS DECIMAL(10, 5))", "0.10000");
}

#[test]
fn casts_follow_java() {
    check("CAST(3000000000 AS INT)", "-1294967296");
    check("CAST(1e10 AS INT)", "2147483647");
    check("CAST(1e10 AS TINYINT)", "-1");
    check("CAST(2.9 AS INT)", "2");
    check("CAST('12.345' AS INT)", "12");
    check("CAST('+5' AS INT)", "5");
    check("TRY_CAST('1e3' AS INT)", "NULL");
    check("CAST('x' AS INT)", "error: cannot cast `x` to INT, use TRY_CAST to get NULL instead");
    check("CAST('YES' AS BOOLEAN)", "TRUE");
    check("TRY_CAST('off' AS BOOLEAN)", "NULL");
    check("CAST('abcdef' AS VARCHAR(3))", "abc");
    check("CAST('ab' AS CHAR(4)) || '|'", "ab  |");
    check("CAST('ab' AS CHAR(4)) = 'ab'", "FALSE");
    check("CAST(TRUE AS INT)", "1");
    check("CAST(0 AS BOOLEAN)", "FALSE");
    check("CAST(TIMESTAMP '2024-02-29 01:02:03.456' AS TIMESTAMP(1))", "2024-02-29 01:02:03.4");
    check("CAST(MAP['a', 1] AS STRING)", "{a=1}");
    check("CAST(ROW(1, 'x', CAST(NULL AS INT)) AS STRING)", "(1, x, NULL)");
    check("CAST(ARRAY[1, 2] AS ARRAY<STRING>)", "[1, 2]");
    check("CAST(INTERVAL '1 02:03' DAY TO MINUTE AS STRING)", "+1 02:03:00.000");
    check(
        "CAST(1 AS TIMESTAMP(3))",
        "refused: CAST from INT NOT NULL to TIMESTAMP(3) is not possible, use \
         TO_TIMESTAMP_LTZ(value, 0) for seconds or (value, 3) for milliseconds",
    );
}

#[test]
fn comparisons_convert_their_sides() {
    check("1 < 1.5", "TRUE");
    check("1.50 = 1.5", "TRUE");
    check("'10' = 10", "TRUE");
    check("DATE '2024-01-01' = '2024-01-01'", "TRUE");
    check("DATE '2024-01-01' < TIMESTAMP '2024-01-01 00:00:01'", "TRUE");
    check("CAST('NaN' AS DOUBLE) = CAST('NaN' AS DOUBLE)", "FALSE");
    check("CAST('-0' AS DOUBLE) = 0", "TRUE");
    check("'P' < 'p'", "TRUE");
    check("NULL = 1", "NULL");
    check("NULL IS NOT DISTINCT FROM CAST(NULL AS INT)", "TRUE");
    check("ARRAY[1, 2] = ARRAY[1, 2]", "TRUE");
    check("ROW(1, 'a') = ROW(1, 'b')", "FALSE");
    check("INTERVAL '1' DAY > INTERVAL '23' HOUR", "TRUE");
}

#[test]
fn logic_has_three_values() {
    check("CAST(NULL AS BOOLEAN) AND FALSE", "FALSE");
    check("CAST(NULL AS BOOLEAN) OR FALSE", "NULL");
    check("NOT CAST(NULL AS BOOLEAN)", "NULL");
    check("CAST(NULL AS BOOLEAN) IS NOT FALSE", "TRUE");
    check("CAST(NULL AS BOOLEAN) IS UNKNOWN", "TRUE");
    check("3 NOT IN (1, NULL)", "NULL");
    check("1 IN (1, NULL)", "TRUE");
    check("5 BETWEEN 1 AND NULL", "NULL");
    check("5 NOT BETWEEN 6 AND 7", "TRUE");
}

#[test]
fn branches_are_evaluated_only_where_needed() {
    check("CASE WHEN 1 = 1 THEN 5 ELSE 1 / 0 END", "5");
    check("1 <> 1 AND 1 / 0 = 1", "FALSE");
    check("COALESCE(5, 1 / 0)", "5");
    check("IF(TRUE, 1, 1 / 0)", "1");
    check("CASE 3 WHEN 1 THEN 'a' END", "NULL");
    check_type("CASE WHEN TRUE THEN 1 ELSE 2.5 END", "DECIMAL(11, 1) NOT NULL");
    check_type("COALESCE(CAST(NULL AS INT), 1)", "INT NOT NULL");
    check("NULLIF(1, 1)", "NULL");
    check("GREATEST(1, 2.5, 2)", "2.5");
    check("LEAST(1, CAST(NULL AS INT))", "NULL");
}

#[test]
fn intervals_move_dates_and_times() {
    check("DATE '2024-01-31' + INTERVAL '1' MONTH", "2024-02-29");
    check("TIMESTAMP '2024-01-31 00:00:00' + INTERVAL '3' DAY", "2024-02-03 00:00:00");
    check("INTERVAL '1' HOUR + TIME '23:30:00'", "00:30:00");
    check("TIMESTAMP '2024-03-01 00:00:00.5' - INTERVAL '0.25' SECOND", "2024-03-01 00:00:00.25");
    check("INTERVAL '1' DAY * 2 + INTERVAL '12' HOUR", "+2 12:00:00.000");
    check("-INTERVAL '1-2' YEAR TO MONTH", "-1-02");
    check("TIMESTAMPADD(MONTH, 1, DATE '2024-01-31')", "2024-02-29");
    check("TIMESTAMPADD(HOUR, 25, TIMESTAMP '2024-01-31 00:00:00')", "2024-02-01 01:00:00");
    check("TIMESTAMPDIFF(MONTH, DATE '2024-01-31', DATE '2024-02-29')", "1");
}

#[test]
fn nested_values_are_taken_apart() {
    check("ARRAY[1, 2][2]", "2");
    check("ARRAY[1, 2][3]", "-1");
    check("ARRAY[1, CAST(NULL AS INT)][3]", "NULL");
    check("ARRAY[1, 2][0]", "refused: an array has no item 0, items are counted from 1");
    check("MAP['a', 1, 'b', 2]['b']", "2");
    check("MAP['a', 1]['z']", "NULL");
    check_type("MAP['a', 1]", "MAP<CHAR(1) NOT NULL, INT NOT NULL> NOT NULL");
    check_type("ROW(1, 'x')", "ROW<`EXPR$0` INT NOT NULL, `EXPR$1` CHAR(1) NOT NULL> NOT NULL");
}
