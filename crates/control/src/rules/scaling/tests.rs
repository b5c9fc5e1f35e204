use super::*;

const POLICY: ScalingPolicy = ScalingPolicy::STANDARD;
const MINUTE: Duration = Duration::from_secs(60);
const START: i64 = 1_700_000_000;

fn at(minute: i64) -> DateTime<Utc> {
    DateTime::from_timestamp(START + 60 * minute, 0).unwrap()
}

/// Points of the minutes from 1 on.
fn points(values: impl IntoIterator<Item = (f64, f64)>) -> Vec<Point> {
    (1..)
        .zip(values)
        .map(|(minute, (cpu, lag))| Point {
            at: at(minute),
            cpu_percent: Some(cpu),
            lag_records: Some(lag),
        })
        .collect()
}

/// With ParallelismPerKPU 2, Parallelism 2 and at most 16 KPUs.
fn advice(present: u32, points: &[Point]) -> (Verdict, String) {
    let configuration = ParallelismConfiguration {
        parallelism: 2,
        parallelism_per_kpu: 2,
        ..ParallelismConfiguration::default()
    };
    let minutes = i64::try_from(points.len()).unwrap().max(60);
    // The points end now.
    let shift = TimeDelta::minutes(minutes - i64::try_from(points.len()).unwrap());
    let points: Vec<Point> = points.iter().map(|it| Point { at: it.at + shift, ..*it }).collect();
    let scene = Scene {
        now: at(minutes),
        period: MINUTE,
        running_since: at(0),
        configuration: &configuration,
        present,
        most_kpus: 16,
        points: &points,
    };
    advise(&scene, &POLICY)
}

#[track_caller]
fn check(present: u32, values: Vec<(f64, f64)>, want: Verdict) {
    let (verdict, why) = advice(present, &points(values));
    assert_eq!(verdict, want, "{why}");
}

#[test]
fn high_cpu_for_fifteen_minutes_doubles_up_to_the_quota() {
    check(2, vec![(75.0, 0.0); 15], Verdict::Up(4));
    check(2, vec![(75.0, 0.0); 14], Verdict::Hold);
    check(2, vec![(74.9, 0.0); 15], Verdict::Hold);
    let mut dip = vec![(90.0, 0.0); 15];
    dip[7].0 = 50.0;
    check(2, dip, Verdict::Hold);
    check(24, vec![(90.0, 0.0); 15], Verdict::Up(32));
    check(32, vec![(90.0, 0.0); 15], Verdict::Blocked);
}

#[test]
fn low_cpu_for_six_hours_halves_rounded_up_but_not_below_parallelism() {
    check(9, vec![(9.9, 0.0); 360], Verdict::Down(5));
    check(3, vec![(9.9, 0.0); 360], Verdict::Down(2));
    check(2, vec![(9.9, 0.0); 360], Verdict::Hold);
    check(8, vec![(9.9, 0.0); 359], Verdict::Hold);
    check(8, vec![(10.0, 0.0); 360], Verdict::Hold);
}

#[test]
fn nothing_is_taken_away_while_the_sources_lag_behind() {
    let mut lagging = vec![(1.0, 0.0); 360];
    lagging[100].1 = POLICY.noticeable_lag;
    check(8, lagging, Verdict::Hold);
}

#[test]
fn lag_that_rises_or_stays_high_doubles() {
    let lag = |values: [f64; 5]| values.map(|lag| (20.0, lag)).to_vec();
    check(2, lag([10e3, 12e3, 15e3, 20e3, 30e3]), Verdict::Up(4));
    // It may be large, but it is being worked off.
    check(2, lag([5e6, 4e6, 3e6, 2e6, 1.5e6]), Verdict::Hold);
    check(2, lag([5e6, 5e6, 5.1e6, 4.9e6, 5e6]), Verdict::Up(4));
    // Neither much nor long.
    check(2, lag([1.0, 2.0, 4.0, 8.0, 16.0]), Verdict::Hold);
    check(2, lag([20e3, 21e3, 20e3, 21e3, 21e3]), Verdict::Hold);
    let (_, why) = advice(2, &points(lag([10e3, 12e3, 15e3, 20e3, 30e3])));
    assert!(why.contains("from 10000 to 30000 records behind"), "{why}");
}

#[test]
fn gaps_and_old_points_prove_nothing() {
    let mut gap = points(vec![(90.0, 0.0); 15]);
    for point in &mut gap[..5] {
        point.at -= TimeDelta::minutes(10);
    }
    assert_eq!(advice(2, &gap).0, Verdict::Hold);
    let old: Vec<Point> = points(vec![(90.0, 0.0); 15])
        .into_iter()
        .map(|it| Point { at: it.at - TimeDelta::minutes(5), ..it })
        .collect();
    assert_eq!(advice(2, &old).0, Verdict::Hold);
    assert_eq!(advice(2, &[]), (Verdict::Hold, "nothing is known of it yet".to_owned()));
}

#[test]
fn it_waits_after_a_start_and_says_nothing_where_it_is_switched_off() {
    let on = ParallelismConfiguration::default();
    let off = ParallelismConfiguration { auto_scaling_enabled: false, ..on.clone() };
    let points = points(vec![(90.0, 0.0); 20]);
    let now = |configuration| {
        let scene = Scene {
            now: at(20),
            period: MINUTE,
            running_since: at(20) - TimeDelta::seconds(1),
            configuration,
            present: 1,
            most_kpus: 64,
            points: &points,
        };
        advise(&scene, &POLICY).0
    };
    assert_eq!(now(&on), Verdict::CoolingDown);
    assert_eq!(now(&off), Verdict::Off);
}

#[test]
fn an_update_keeps_what_the_service_chose_unless_it_names_a_parallelism() {
    let after = |present, named, parallelism, auto_scaling_enabled| {
        let configuration = ParallelismConfiguration {
            parallelism,
            auto_scaling_enabled,
            ..ParallelismConfiguration::default()
        };
        parallelism_after(present, named, &configuration, 64)
    };
    assert_eq!(after(8, false, 2, true), 8);
    assert_eq!(after(8, true, 2, true), 2);
    assert_eq!(after(8, false, 2, false), 2);
    assert_eq!(after(1, false, 2, true), 2);
    assert_eq!(after(100, false, 2, true), 64);
}
