//! The proleptic Gregorian calendar over days since 1970.

/// Milliseconds of a day.
pub(crate) const DAY_MS: i64 = 86_400_000;

/// Year, month (1 to 12) and day (1 to 31) of a day.
#[inline]
pub(crate) fn civil(days: i64) -> (i64, u32, u32) {
    // Years start in March here, so that the leap day is the last of its year.
    let z = days + 719_468;
    let era = z.div_euclid(146_097);
    let day_of_era = z.rem_euclid(146_097);
    let year_of_era =
        (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted = (5 * day_of_year + 2) / 153;
    let day = (day_of_year - (153 * shifted + 2) / 5 + 1) as u32;
    let month = (if shifted < 10 { shifted + 3 } else { shifted - 9 }) as u32;
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    (year, month, day)
}

/// Days since 1970 of a date; a day beyond the month runs on.
#[inline]
pub(crate) fn days(year: i64, month: u32, day: u32) -> i64 {
    let year = year - i64::from(month <= 2);
    let era = year.div_euclid(400);
    let year_of_era = year.rem_euclid(400);
    let month = i64::from(month);
    let shifted = if month > 2 { month - 3 } else { month + 9 };
    let day_of_year = (153 * shifted + 2) / 5 + i64::from(day) - 1;
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    era * 146_097 + day_of_era - 719_468
}

/// Whether February has 29 days.
pub(crate) fn is_leap(year: i64) -> bool {
    year % 4 == 0 && (year % 100 != 0 || year % 400 == 0)
}

/// Days of a month.
pub(crate) fn month_length(year: i64, month: u32) -> u32 {
    match month {
        2 => 28 + u32::from(is_leap(year)),
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// The same day `months` later, or the last of a shorter month.
pub(crate) fn add_months(date: i64, months: i64) -> i64 {
    let (year, month, day) = civil(date);
    let count = year * 12 + i64::from(month) - 1 + months;
    let (year, month) = (count.div_euclid(12), count.rem_euclid(12) as u32 + 1);
    days(year, month, day.min(month_length(year, month)))
}

/// [`add_months`] for milliseconds since 1970; the time of day stays.
pub(crate) fn add_months_ms(ms: i64, months: i64) -> i64 {
    add_months(ms.div_euclid(DAY_MS), months) * DAY_MS + ms.rem_euclid(DAY_MS)
}

/// Whole months from `from` to `to` (days); the last of a shorter month counts as reached.
fn months_between_days(from: i64, to: i64) -> i64 {
    if to < from {
        return -months_between_days(to, from);
    }
    let ((y0, m0, _), (y1, m1, _)) = (civil(from), civil(to));
    let months = (y1 - y0) * 12 + i64::from(m1) - i64::from(m0);
    if add_months(from, months) > to { months - 1 } else { months }
}

/// Whole months from `from` to `to` (milliseconds), as TIMESTAMPDIFF counts them.
pub(crate) fn months_between(from: i64, to: i64) -> i64 {
    let (from_day, to_day) = (from.div_euclid(DAY_MS), to.div_euclid(DAY_MS));
    let months = months_between_days(from_day, to_day);
    let reached = add_months(from_day, months) == to_day;
    if reached && to.rem_euclid(DAY_MS) < from.rem_euclid(DAY_MS) { months - 1 } else { months }
}

/// Day of the week, Monday is 1.
pub(crate) fn iso_day_of_week(days: i64) -> i64 {
    (days + 3).rem_euclid(7) + 1
}

/// Day of the year, from 1.
pub(crate) fn day_of_year(date: i64) -> i64 {
    let (year, _, _) = civil(date);
    date - days(year, 1, 1) + 1
}

/// ISO year and week: the week that holds the year's first Thursday is week 1.
pub(crate) fn iso_week(date: i64) -> (i64, i64) {
    let thursday = date + 4 - iso_day_of_week(date);
    let (year, _, _) = civil(thursday);
    (year, (thursday - days(year, 1, 1)) / 7 + 1)
}

#[cfg(test)]
mod tests {
    use super::{add_months, civil, days, iso_week, months_between};

    #[test]
    fn days_and_dates_agree() {
        for day in (-1_000_000..1_000_000).step_by(97) {
            let (y, m, d) = civil(day);
            assert_eq!(days(y, m, d), day);
        }
        assert_eq!(civil(0), (1970, 1, 1));
        assert_eq!(civil(-719_528), (0, 1, 1));
        assert_eq!(civil(19_782), (2024, 2, 29));
    }

    #[test]
    fn months_stop_at_the_end() {
        assert_eq!(civil(add_months(days(2024, 1, 31), 1)), (2024, 2, 29));
        assert_eq!(civil(add_months(days(2024, 2, 29), -12)), (2023, 2, 28));
        let ms = |y, m, d| days(y, m, d) * super::DAY_MS;
        assert_eq!(months_between(ms(2024, 1, 31), ms(2024, 2, 29)), 1);
        assert_eq!(months_between(ms(2021, 1, 3), ms(2020, 12, 3) + 1), -1);
        assert_eq!(iso_week(days(2021, 1, 3)), (2020, 53));
        assert_eq!(iso_week(days(2024, 12, 31)), (2025, 1));
    }
}
