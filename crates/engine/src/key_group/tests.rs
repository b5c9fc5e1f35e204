use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, BinaryArray, BooleanArray, Date32Array, Decimal128Array,
    DurationMillisecondArray, Float32Array, Float64Array, Int8Array, Int16Array, Int32Array,
    Int32Builder, Int64Array, IntervalYearMonthArray, LargeStringArray, ListArray, MapBuilder,
    NullArray, StringArray, StringBuilder, StructArray, Time32MillisecondArray,
    TimestampMicrosecondArray, TimestampNanosecondArray, new_null_array,
};
use arrow::buffer::NullBuffer;
use arrow::datatypes::{DataType, Field, Int64Type};

use super::{key_groups, key_hashes};
use crate::state::KEY_GROUPS;

fn hashes(column: impl Array + 'static) -> Vec<u64> {
    key_hashes(&[Arc::new(column)]).unwrap()
}

#[track_caller]
fn check(column: impl Array + 'static, want: &[u64]) {
    let got = hashes(column);
    assert_eq!(got, want, "{got:#018x?}");
}

#[test]
fn the_hash_never_changes() {
    let text = vec![Some(""), Some("1"), Some("sensor-5"), Some("a longer key, über 8"), None];
    check(
        StringArray::from(text.clone()),
        &[
            0xAF77_7B1B_90B2_F427,
            0x4899_DE2C_5FF9_6C58,
            0x8C4F_D937_ABAD_F7B3,
            0x38CE_2985_01DD_F3BE,
            0x99B3_8C5D_C37B_66AB,
        ],
    );
    let bytes: Vec<Option<&[u8]>> = text.iter().map(|t| t.map(str::as_bytes)).collect();
    check(BinaryArray::from(bytes), &hashes(StringArray::from(text)));
    check(
        Int64Array::from(vec![0, 1, -1, i64::MAX, i64::MIN]),
        &[
            0xAF77_7B1B_90B2_F427,
            0x76B0_73F3_037B_9D3B,
            0x9966_535A_6BD3_F927,
            0xAD9F_FFF8_9F44_C200,
            0xA5D2_5500_7B15_6CD7,
        ],
    );
    check(BooleanArray::from(vec![true, false]), &[0x76B0_73F3_037B_9D3B, 0xAF77_7B1B_90B2_F427]);
    check(
        Float64Array::from(vec![0.0, 1.0, f64::NAN, f64::INFINITY]),
        &[
            0xAF77_7B1B_90B2_F427,
            0x1FDC_6635_8B7A_F9CE,
            0x82F6_6A10_5F4E_3F50,
            0x4FF8_D785_2CE9_C95B,
        ],
    );
    check(
        Decimal128Array::from(vec![0, 1, -1, i128::MAX]),
        &[
            0xF4DB_BB86_29F8_62AA,
            0x776F_E8B9_86DF_B986,
            0x8E4A_2803_C284_E135,
            0xA9F6_EFA4_22A2_B663,
        ],
    );
    check(Date32Array::from(vec![20_000]), &[0xE62C_1E81_222B_3517]);
    check(Time32MillisecondArray::from(vec![1_000]), &[0x4CD6_9916_CB40_1DA7]);
    check(TimestampMicrosecondArray::from(vec![1_700_000_000_000_000]), &[0xA0A9_F582_B868_ADFB]);
    check(
        TimestampNanosecondArray::from(vec![1_700_000_000_000_000_000]).with_timezone("UTC"),
        &[0xF780_E286_CFE2_9E0A],
    );
    check(DurationMillisecondArray::from(vec![5_000]), &[0x227B_03CA_AFE2_D25E]);
    check(IntervalYearMonthArray::from(vec![14]), &[0xA421_D10C_1D46_2518]);
    let lists = vec![Some(vec![Some(1), None]), Some(vec![]), None];
    check(
        ListArray::from_iter_primitive::<Int64Type, _, _>(lists),
        &[0xF527_96F3_BFBA_E863, 0xAF77_7B1B_90B2_F427, 0x99B3_8C5D_C37B_66AB],
    );
}

#[test]
fn integers_of_all_widths_hash_alike() {
    let want = hashes(Int64Array::from(vec![Some(-7), None, Some(0), Some(100)]));
    check(Int8Array::from(vec![Some(-7), None, Some(0), Some(100)]), &want);
    check(Int16Array::from(vec![Some(-7), None, Some(0), Some(100)]), &want);
    check(Int32Array::from(vec![Some(-7), None, Some(0), Some(100)]), &want);
}

#[test]
fn equal_floats_hash_alike() {
    let other_nan = f64::from_bits(0xFFF8_0000_0000_0001);
    let got = hashes(Float64Array::from(vec![0.0, -0.0, f64::NAN, other_nan, 1.5]));
    assert_eq!(got[0], got[1]);
    assert_eq!(got[2], got[3]);
    check(Float32Array::from(vec![0.0, -0.0, f32::NAN, -f32::NAN, 1.5]), &got);
}

#[test]
fn a_slice_hashes_like_its_rows() {
    let strings: StringArray = (0..100).map(|i| (i % 7 != 0).then(|| format!("k{i}"))).collect();
    let lists = ListArray::from_iter_primitive::<Int64Type, _, _>(
        (0..100_i64).map(|i| (i % 5 != 0).then(|| (0..i % 4).map(move |k| Some(i * k)))),
    );
    let columns: Vec<ArrayRef> = vec![Arc::new(strings), Arc::new(lists)];
    let whole = key_groups(&columns).unwrap();
    let slices: Vec<ArrayRef> = columns.iter().map(|c| c.slice(33, 40)).collect();
    assert_eq!(key_groups(&slices).unwrap(), whole[33..73]);
}

#[test]
fn nulls_hash_alike_whatever_lies_below_them() {
    let nulls = NullBuffer::from(vec![false, false, true]);
    let got = hashes(Int64Array::new(vec![1, 2, 3].into(), Some(nulls.clone())));
    assert_eq!(got[0], got[1]);
    assert_ne!(got[0], got[2]);
    assert_eq!(hashes(NullArray::new(1))[0], got[0]);
    let field = Arc::new(Field::new("a", DataType::Int64, true));
    let rows = StructArray::new(
        vec![field].into(),
        vec![Arc::new(Int64Array::from(vec![1, 2, 3]))],
        Some(nulls),
    );
    let got = hashes(rows);
    assert_eq!(got[0], got[1]);
}

#[test]
fn the_order_of_a_map_does_not_count() {
    let mut maps = MapBuilder::new(None, StringBuilder::new(), Int32Builder::new());
    for entries in [[("a", 1), ("b", 2)], [("b", 2), ("a", 1)], [("a", 2), ("b", 1)]] {
        for (key, value) in entries {
            maps.keys().append_value(key);
            maps.values().append_value(value);
        }
        maps.append(true).unwrap();
    }
    let got = hashes(maps.finish());
    assert_eq!(got[0], got[1]);
    assert_ne!(got[0], got[2]);
}

#[test]
fn column_order_and_text_bounds_count() {
    let a: ArrayRef = Arc::new(StringArray::from(vec!["ab", "a"]));
    let b: ArrayRef = Arc::new(StringArray::from(vec!["c", "bc"]));
    let forth = key_hashes(&[a.clone(), b.clone()]).unwrap();
    let back = key_hashes(&[b, a]).unwrap();
    assert_ne!(forth[0], forth[1]);
    assert_ne!(forth, back);
}

#[test]
fn groups_are_evenly_filled() {
    for column in [
        Arc::new(Int64Array::from_iter_values(0..128_000)) as ArrayRef,
        Arc::new(Int64Array::from_iter_values((0..128_000).map(|i| i * 1024))),
        Arc::new(StringArray::from_iter_values((0..128_000).map(|i| format!("sensor-{i}")))),
    ] {
        let mut counts = [0_u32; KEY_GROUPS as usize];
        for group in key_groups(&[column]).unwrap() {
            counts[usize::from(group)] += 1;
        }
        let (least, most) = (counts.iter().min().unwrap(), counts.iter().max().unwrap());
        assert!(*least > 850 && *most < 1150, "{least}..{most}");
    }
}

#[test]
fn what_is_no_key_is_refused() {
    assert!(key_groups(&[]).unwrap().is_empty());
    let large: ArrayRef = Arc::new(LargeStringArray::from(vec!["x"]));
    let error = key_groups(&[large]).unwrap_err();
    assert_eq!(error.message, "no key can be made of a column of type `LargeUtf8`");
    let uneven: [ArrayRef; 2] =
        [new_null_array(&DataType::Int64, 1), new_null_array(&DataType::Int64, 2)];
    assert!(key_groups(&uneven).is_err());
}
