//! Results as real Flink gave them (the conformance cases name the rows), whichever way they are
//! computed: at once, from merged states, with values taken back.

use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, AsArray, BooleanArray, Date32Array, Decimal128Array, Float32Array,
    Float64Array, Int8Array, Int16Array, Int32Array, Int64Array, StringArray,
    Time32MillisecondArray, TimestampMicrosecondArray,
};
use arrow::datatypes::{DataType, Int32Type, TimeUnit};

use super::{
    Accumulator, AggregateCall, AggregateFunction as F, accumulator, retractable_accumulator,
    return_type,
};

fn call(function: F, distinct: bool) -> AggregateCall {
    let arguments = if function == F::CountStar { vec![] } else { vec![0] };
    AggregateCall { function, arguments, filter: None, distinct }
}

fn array(of: impl Array + 'static) -> ArrayRef {
    Arc::new(of)
}

fn decimals(values: Vec<Option<i128>>, precision: u8, scale: i8) -> ArrayRef {
    array(Decimal128Array::from(values).with_precision_and_scale(precision, scale).unwrap())
}

fn add(to: &mut dyn Accumulator, groups: &[u32], values: &ArrayRef, from: usize, to_row: usize) {
    let part = [values.slice(from, to_row - from)];
    to.update(&groups[from..to_row], &part, None).unwrap();
}

/// Row `i` of `values` goes to group `groups[i]`; group `n` must give row `n` of `want`.
#[track_caller]
fn check_call(call: &AggregateCall, groups: &[u32], values: &ArrayRef, want: &ArrayRef) {
    let types = [values.data_type().clone()];
    assert_eq!(&return_type(&call.function, &types).unwrap(), want.data_type());
    let all: Vec<u32> = (0_u32..).take(want.len()).collect();
    for make in [accumulator, retractable_accumulator] {
        let fresh = || {
            let mut made = make(call, &types).unwrap();
            made.resize(want.len());
            made
        };
        for split in [0, 1, groups.len() / 2, groups.len()] {
            let (mut one, mut other) = (fresh(), fresh());
            add(&mut *one, groups, values, 0, split);
            add(&mut *other, groups, values, split, groups.len());
            one.merge(&all, &other.state(&all).unwrap()).unwrap();
            assert_eq!(&one.finish(&all).unwrap(), want, "{call:?} split at {split}");
            one.clear(&all);
            let empty = fresh().finish(&all).unwrap();
            assert_eq!(&one.finish(&all).unwrap(), &empty, "{call:?} cleared");
            assert!(one.size() < 10_000);
        }
    }
    // What is added at the end and taken back again leaves no trace. (FIRST_VALUE and its sisters
    // lose the earliest of equal values, so they get another test.)
    if !matches!(call.function, F::FirstValue | F::LastValue | F::ListAgg(_)) {
        let mut made = retractable_accumulator(call, &types).unwrap();
        made.resize(want.len());
        add(&mut *made, groups, values, 0, groups.len());
        add(&mut *made, groups, values, 0, groups.len());
        made.retract(groups, std::slice::from_ref(values), None).unwrap();
        assert_eq!(&made.finish(&all).unwrap(), want, "{call:?} with values taken back");
    }
    let mut plain = accumulator(call, &types).unwrap();
    plain.resize(want.len());
    let masked: BooleanArray = groups.iter().map(|_| None::<bool>).collect();
    plain.update(groups, std::slice::from_ref(values), Some(&masked)).unwrap();
    let mut empty = accumulator(call, &types).unwrap();
    empty.resize(want.len());
    assert_eq!(&plain.finish(&all).unwrap(), &empty.finish(&all).unwrap(), "{call:?} filtered");
}

#[track_caller]
fn check(function: F, groups: &[u32], values: ArrayRef, want: ArrayRef) {
    check_call(&call(function, false), groups, &values, &want);
}

/// sum_avg_types
#[test]
fn sums_keep_the_type_and_wrap() {
    let groups = [0, 0, 1, 1, 2, 2, 2, 3];
    let sum = |values, want| check(F::Sum, &groups, values, want);
    sum(
        array(Int8Array::from(vec![
            Some(100),
            Some(100),
            Some(-128),
            Some(-1),
            Some(1),
            Some(1),
            Some(1),
            None,
        ])),
        array(Int8Array::from(vec![Some(-56), Some(127), Some(3), None])),
    );
    sum(
        array(Int16Array::from(vec![32000, 32000, -32768, -1, 2, 2, 2, 0])),
        array(Int16Array::from(vec![-1536, 32767, 6, 0])),
    );
    sum(
        array(Int32Array::from(vec![i32::MAX, 1, i32::MIN, -1, 3, 3, 3, 0])),
        array(Int32Array::from(vec![i32::MIN, i32::MAX, 9, 0])),
    );
    sum(
        array(Int64Array::from(vec![i64::MAX, 1, i64::MIN, -1, 4, 4, 4, 0])),
        array(Int64Array::from(vec![i64::MIN, i64::MAX, 12, 0])),
    );
    sum(
        decimals([99_999, 99_999, -1, -2, 1000, 1001, 1001, 0].map(Some).to_vec(), 5, 3),
        decimals([199_998, -3, 3002, 0].map(Some).to_vec(), 38, 3),
    );
    sum(
        array(Float32Array::from(vec![1.5, 2.5, -1.5, 0.25, 0.5, 0.5, 0.5, 0.0])),
        array(Float32Array::from(vec![4.0, -1.25, 1.5, 0.0])),
    );
}

#[test]
fn double_sums_add_in_order() {
    let values = array(Float64Array::from(vec![0.1, 0.2]));
    let mut sum = accumulator(&call(F::Sum, false), &[DataType::Float64]).unwrap();
    sum.resize(1);
    sum.update(&[0, 0], &[values], None).unwrap();
    let want: ArrayRef = array(Float64Array::from(vec![0.300_000_000_000_000_04]));
    assert_eq!(&sum.finish(&[0]).unwrap(), &want);
}

/// avg_bigint_truncates, sum_avg_types
#[test]
fn averages_of_integers_cut_towards_zero() {
    let groups = [0, 0, 1, 1, 1, 2, 3];
    check(
        F::Avg,
        &groups,
        array(Int8Array::from(vec![Some(1), Some(2), Some(-1), Some(-2), Some(-2), None, Some(3)])),
        array(Int8Array::from(vec![Some(1), Some(-1), None, Some(3)])),
    );
    check(
        F::Avg,
        &[0, 0, 1, 1, 2, 2],
        array(Int64Array::from(vec![
            9_000_000_000,
            9_000_000_001,
            -3,
            -4,
            // The sum of BIGINTs wraps.
            i64::MAX,
            1,
        ])),
        array(Int64Array::from(vec![9_000_000_000, -3, i64::MIN / 2])),
    );
    // That of INTs does not.
    check(
        F::Avg,
        &[0, 0],
        array(Int32Array::from(vec![i32::MAX, i32::MAX])),
        array(Int32Array::from(vec![i32::MAX])),
    );
}

#[test]
fn averages_of_decimals_round_half_up_at_scale_six_or_more() {
    check(
        F::Avg,
        &[0, 0, 0, 1, 1, 2],
        decimals(vec![Some(1000), Some(1001), Some(1001), Some(-1), Some(-2), None], 5, 3),
        decimals(vec![Some(1_000_667), Some(-1500), None], 38, 6),
    );
    check(
        F::Avg,
        &[0, 0, 1, 1],
        decimals(vec![Some(1), Some(2), Some(-1), Some(-2)], 20, 8),
        decimals(vec![Some(2), Some(-2)], 38, 8),
    );
}

#[test]
fn averages_of_floats() {
    check(
        F::Avg,
        &[0, 0, 0],
        array(Float32Array::from(vec![-1.5, 0.25, 0.25])),
        array(Float32Array::from(vec![-0.333_333_34])),
    );
    check(
        F::Avg,
        &[0, 0],
        array(Float64Array::from(vec![1.25, 2.5])),
        array(Float64Array::from(vec![1.875])),
    );
}

#[test]
fn a_decimal_sum_that_does_not_fit_is_null() {
    let most = 10_i128.pow(38) - 1;
    let mut sum = accumulator(&call(F::Sum, false), &[DataType::Decimal128(38, 0)]).unwrap();
    sum.resize(1);
    sum.update(&[0, 0, 0], &[decimals(vec![Some(most); 3], 38, 0)], None).unwrap();
    assert!(sum.finish(&[0]).unwrap().is_null(0));
}

#[test]
fn counts() {
    let values = array(StringArray::from(vec![Some("x"), None, Some("x"), Some("y")]));
    let want = array(Int64Array::from(vec![2, 1, 0]));
    check(F::Count, &[0, 0, 0, 1], ArrayRef::clone(&values), want);
    let want = array(Int64Array::from(vec![2, 0]));
    check_call(&call(F::Count, true), &[0, 0, 0, 0], &values, &want);
    let mut star = accumulator(&call(F::CountStar, false), &[]).unwrap();
    star.resize(2);
    let filter = BooleanArray::from(vec![Some(true), None, Some(false)]);
    star.update(&[1, 1, 1], &[], Some(&filter)).unwrap();
    let want: ArrayRef = array(Int64Array::from(vec![0, 1]));
    assert_eq!(&star.finish(&[0, 1]).unwrap(), &want);
}

/// min_max_other_types
#[test]
fn extremes_of_all_types() {
    let groups = [0, 0, 0, 1, 0];
    let both = |values: ArrayRef, low: ArrayRef, high: ArrayRef| {
        check(F::Min, &groups, ArrayRef::clone(&values), low);
        check(F::Max, &groups, values, high);
    };
    both(
        array(StringArray::from(vec![Some("pear"), Some("Pear"), Some("päär"), None, None])),
        array(StringArray::from(vec![Some("Pear"), None])),
        array(StringArray::from(vec![Some("päär"), None])),
    );
    both(
        array(Date32Array::from(vec![Some(19782), Some(19722), Some(-365), None, None])),
        array(Date32Array::from(vec![Some(-365), None])),
        array(Date32Array::from(vec![Some(19782), None])),
    );
    both(
        array(Time32MillisecondArray::from(vec![Some(5), Some(3), Some(9), None, None])),
        array(Time32MillisecondArray::from(vec![Some(3), None])),
        array(Time32MillisecondArray::from(vec![Some(9), None])),
    );
    let zoned = |values: Vec<Option<i64>>| {
        array(TimestampMicrosecondArray::from(values).with_timezone("UTC"))
    };
    both(
        zoned(vec![Some(-1), Some(3), Some(9), None, None]),
        zoned(vec![Some(-1), None]),
        zoned(vec![Some(9), None]),
    );
    both(
        decimals(vec![Some(1500), Some(-1250), Some(100_000), None, None], 6, 3),
        decimals(vec![Some(-1250), None], 6, 3),
        decimals(vec![Some(100_000), None], 6, 3),
    );
    both(
        array(BooleanArray::from(vec![Some(true), Some(false), None, None, None])),
        array(BooleanArray::from(vec![Some(false), None])),
        array(BooleanArray::from(vec![Some(true), None])),
    );
    both(
        array(Float64Array::from(vec![Some(1.5), Some(-1.5), Some(0.0), None, None])),
        array(Float64Array::from(vec![Some(-1.5), None])),
        array(Float64Array::from(vec![Some(1.5), None])),
    );
}

/// first_last_listagg_collect
#[test]
fn first_last_and_lists_go_by_arrival_and_pass_over_nulls() {
    let numbers = || {
        let values = vec![None, Some(2), Some(3), Some(4), None, Some(9), None];
        array(Int32Array::from(values))
    };
    let groups = [0, 0, 0, 0, 0, 1, 2];
    check(F::FirstValue, &groups, numbers(), array(Int32Array::from(vec![Some(2), Some(9), None])));
    check(F::LastValue, &groups, numbers(), array(Int32Array::from(vec![Some(4), Some(9), None])));
    let texts =
        array(StringArray::from(vec![Some("x"), Some("y"), Some("x"), None, Some("x"), None]));
    let groups = [0, 0, 0, 0, 0, 1];
    let lists = |separator: &str, text: &str| {
        let list = F::ListAgg(separator.to_owned());
        let want = array(StringArray::from(vec![Some(text), None]));
        check(list, &groups, ArrayRef::clone(&texts), want);
    };
    lists(",", "x,y,x,x");
    lists(" / ", "x / y / x / x");
    let distinct = call(F::ListAgg(",".to_owned()), true);
    let want = array(StringArray::from(vec![Some("x,y"), None]));
    check_call(&distinct, &groups, &texts, &want);
}

#[test]
fn taking_back_removes_the_earliest_of_equal_values() {
    let values = array(StringArray::from(vec!["a", "b", "a", "c"]));
    for (function, want) in
        [(F::FirstValue, "b"), (F::LastValue, "a"), (F::ListAgg("-".to_owned()), "b-a")]
    {
        let mut made = retractable_accumulator(&call(function, false), &[DataType::Utf8]).unwrap();
        made.resize(1);
        made.update(&[0; 4], std::slice::from_ref(&values), None).unwrap();
        let back = array(StringArray::from(vec!["a", "c", "unknown"]));
        made.retract(&[0; 3], &[back], None).unwrap();
        let want: ArrayRef = array(StringArray::from(vec![want]));
        assert_eq!(&made.finish(&[0]).unwrap(), &want);
    }
}

#[test]
fn collect_counts_values() {
    let values = array(StringArray::from(vec![Some("x"), Some("y"), Some("x"), None, Some("x")]));
    for make in [accumulator, retractable_accumulator] {
        let mut made = make(&call(F::Collect, false), &[DataType::Utf8]).unwrap();
        made.resize(2);
        made.update(&[0, 0, 0, 1, 0], std::slice::from_ref(&values), None).unwrap();
        let mut merged = make(&call(F::Collect, false), &[DataType::Utf8]).unwrap();
        merged.resize(2);
        merged.merge(&[0, 1], &made.state(&[0, 1]).unwrap()).unwrap();
        let found = merged.finish(&[0, 1]).unwrap();
        let maps = found.as_map();
        assert_eq!(maps.value_length(0), 2);
        assert_eq!(maps.value_length(1), 0);
        assert!(!maps.is_null(1));
        let keys: Vec<_> = maps.keys().as_string::<i32>().iter().flatten().collect();
        assert_eq!(keys, ["x", "y"]);
        assert_eq!(maps.values().as_primitive::<Int32Type>().values().to_vec(), [3, 1]);
    }
}

/// stddev_variance
#[test]
fn spreads() {
    let groups = [0, 0, 0, 1, 2, 0, 3, 3];
    let numbers = || {
        array(Int64Array::from(vec![
            Some(2),
            Some(5),
            Some(11),
            Some(3),
            None,
            None,
            Some(-4),
            Some(4),
        ]))
    };
    let want = |values: Vec<Option<i64>>| array(Int64Array::from(values));
    check(F::StddevPop, &groups, numbers(), want(vec![Some(3), Some(0), None, Some(4)]));
    check(F::VarSamp, &groups, numbers(), want(vec![Some(21), None, None, Some(32)]));
    let values = array(Float64Array::from(vec![
        Some(2.5),
        Some(4.25),
        Some(9.0),
        Some(7.0),
        None,
        None,
        Some(-1.5),
        Some(1.5),
    ]));
    for (function, want) in [
        (F::StddevPop, [Some(2.746_209_508_880_68), Some(0.0), None, Some(1.5)]),
        (F::StddevSamp, [Some(3.363_406_011_768_427_5), None, None, Some(2.121_320_343_559_642_6)]),
        (F::VarPop, [Some(7.541_666_666_666_667), Some(0.0), None, Some(2.25)]),
        (F::VarSamp, [Some(11.3125), None, None, Some(4.5)]),
    ] {
        let mut made = accumulator(&call(function, false), &[DataType::Float64]).unwrap();
        made.resize(4);
        made.update(&groups, std::slice::from_ref(&values), None).unwrap();
        let found = made.finish(&[0, 1, 2, 3]).unwrap();
        let found = found.as_primitive::<arrow::datatypes::Float64Type>();
        for (found, want) in found.iter().zip(want) {
            match (found, want) {
                (Some(found), Some(want)) => assert!((found - want).abs() < 1e-12, "{found}"),
                (found, want) => assert_eq!(found, want),
            }
        }
    }
    // Squares of small integers wrap in their own type: 100 * 100 is 16 in a TINYINT.
    check(
        F::VarPop,
        &[0],
        array(Int8Array::from(vec![100])),
        array(Int8Array::from(vec![Some(0)])),
    );
}

#[test]
fn distinct_sums_add_each_value_once() {
    let values = array(Int64Array::from(vec![Some(5), Some(5), None, Some(7), Some(5)]));
    let want = array(Int64Array::from(vec![12, 5]));
    check_call(&call(F::Sum, true), &[0, 0, 0, 0, 1], &values, &want);
    let want = array(Int64Array::from(vec![5, 5]));
    check_call(&call(F::Min, true), &[0, 0, 0, 0, 1], &values, &want);
}

#[test]
fn what_does_not_fit_is_refused_by_name() {
    for (function, types) in [
        (F::Sum, vec![DataType::Utf8]),
        (F::Sum, vec![]),
        (F::Avg, vec![DataType::Boolean]),
        (F::Max, vec![DataType::Binary]),
        (F::ListAgg(String::new()), vec![DataType::Int64]),
        (F::VarPop, vec![DataType::Timestamp(TimeUnit::Microsecond, None)]),
        (F::CountStar, vec![DataType::Int64]),
    ] {
        let error = return_type(&function, &types).unwrap_err().to_string();
        assert!(error.contains(super::name(&function)), "{error}");
        let call = AggregateCall { function, arguments: vec![], filter: None, distinct: false };
        assert!(accumulator(&call, &types).is_err());
    }
}
