//! What the customer does, and what he may expect.

/// What a run starts from at first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Wish {
    /// Nothing.
    Skip,
    /// The latest snapshot.
    Latest,
    /// This snapshot; the latest if it was never taken.
    Named(&'static str),
}

/// One run.
#[derive(Debug)]
pub(super) struct Life {
    pub(super) start: Wish,
    /// It is stopped, with a snapshot, when it has committed so many checkpoints; else it reads all.
    pub(super) stop_after: Option<usize>,
    /// A snapshot that is taken as soon as it runs.
    pub(super) snapshot: Option<&'static str>,
}

/// Several runs of one application. Nothing goes wrong in the last one, which reads the input to
/// its end.
#[derive(Debug)]
pub(super) struct Scenario {
    pub(super) name: &'static str,
    pub(super) runs: &'static [Life],
    /// Whether the customer may also stop it by force, at any call.
    pub(super) forced: bool,
    /// Number of records of the input.
    pub(super) records: usize,
}

const LAST: Life = Life { start: Wish::Latest, stop_after: None, snapshot: None };

/// The customer never gives anything up: every record is visible exactly once.
pub(super) static STEADY: Scenario = Scenario {
    name: "steady",
    runs: &[
        Life { start: Wish::Skip, stop_after: Some(2), snapshot: None },
        Life { start: Wish::Latest, stop_after: Some(1), snapshot: None },
        LAST,
    ],
    forced: false,
    records: 13,
};

/// He may stop it by force at any call, and then starts it from nothing: what was recorded before
/// is visible, and everything once more.
pub(super) static SKIPPED: Scenario = Scenario {
    name: "skipped",
    runs: &[
        Life { start: Wish::Skip, stop_after: Some(1), snapshot: None },
        Life { start: Wish::Skip, stop_after: Some(1), snapshot: None },
        LAST,
    ],
    forced: true,
    records: 7,
};

/// He may stop it by force at any call, and goes back to an older snapshot: what was recorded
/// after it is visible, and once more what comes after it.
pub(super) static OLDER: Scenario = Scenario {
    name: "older",
    runs: &[
        Life { start: Wish::Skip, stop_after: Some(2), snapshot: Some("old") },
        Life { start: Wish::Named("old"), stop_after: Some(1), snapshot: None },
        LAST,
    ],
    forced: true,
    records: 9,
};

pub(super) static ALL: [&Scenario; 3] = [&STEADY, &SKIPPED, &OLDER];
