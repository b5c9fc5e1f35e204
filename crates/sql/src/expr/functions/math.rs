//! Functions of doubles, and the numbers that come from nowhere.

use super::text::entries;
use super::{Binding, Body, Entry, Nulls, Param, Signature};

use Nulls::{Called, Strict};
use Param::Double;

pub(super) const ENTRIES: &[Entry] = entries! {
    ["POWER"] => [Double, Double], 0, Strict, Body::Double(|r| Some(r.double(0).powf(r.double(1))));
    ["SQRT"] => [Double], 0, Strict, Body::Double(|r| Some(r.double(0).sqrt()));
    ["EXP"] => [Double], 0, Strict, Body::Double(|r| Some(r.double(0).exp()));
    ["LN"] => [Double], 0, Strict, Body::Double(|r| Some(r.double(0).ln()));
    ["LOG10"] => [Double], 0, Strict, Body::Double(|r| Some(r.double(0).log10()));
    ["LOG2"] => [Double], 0, Strict,
        Body::Double(|r| Some(r.double(0).ln() / std::f64::consts::LN_2));
    ["LOG"] => [Double, Double], 1, Strict, Body::Double(|r| {
        Some(if r.len() > 1 { r.double(1).ln() / r.double(0).ln() } else { r.double(0).ln() })
    });
    ["SIN"] => [Double], 0, Strict, Body::Double(|r| Some(r.double(0).sin()));
    ["COS"] => [Double], 0, Strict, Body::Double(|r| Some(r.double(0).cos()));
    ["TAN"] => [Double], 0, Strict, Body::Double(|r| Some(r.double(0).tan()));
    ["COT"] => [Double], 0, Strict, Body::Double(|r| Some(1.0 / r.double(0).tan()));
    ["ASIN"] => [Double], 0, Strict, Body::Double(|r| Some(r.double(0).asin()));
    ["ACOS"] => [Double], 0, Strict, Body::Double(|r| Some(r.double(0).acos()));
    ["ATAN"] => [Double], 0, Strict, Body::Double(|r| Some(r.double(0).atan()));
    ["ATAN2"] => [Double, Double], 0, Strict,
        Body::Double(|r| Some(r.double(0).atan2(r.double(1))));
    ["SINH"] => [Double], 0, Strict, Body::Double(|r| Some(r.double(0).sinh()));
    ["COSH"] => [Double], 0, Strict, Body::Double(|r| Some(r.double(0).cosh()));
    ["TANH"] => [Double], 0, Strict, Body::Double(|r| Some(r.double(0).tanh()));
    ["DEGREES"] => [Double], 0, Strict, Body::Double(|r| Some(r.double(0).to_degrees()));
    ["RADIANS"] => [Double], 0, Strict, Body::Double(|r| Some(r.double(0).to_radians()));
    ["PI"] => [], 0, Called, Body::Double(|_| Some(std::f64::consts::PI));
    ["E"] => [], 0, Called, Body::Double(|_| Some(std::f64::consts::E));
};
