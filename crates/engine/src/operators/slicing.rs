//! How windows are cut into slices: the arithmetic, on local milliseconds.
//!
//! A slice is the longest span that lies in the same windows all over; it is named by its end.
//! Every record is added to one slice only; a window's result is that of its slices together.

use std::ops::Range;

use super::local_time::LocalTime;
use super::window::WindowKind;

/// The slices and window ends of one kind of window.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Slicing {
    /// TUMBLE and HOP: windows of `size` start at every multiple of `slide` (plus `offset`).
    Aligned { slice: i64, size: i64, slide: i64, offset: i64 },
    /// CUMULATE: windows grow by `step` up to `max`.
    Growing { max: i64, step: i64, offset: i64 },
    /// The records bring their window's end along; it is a slice of its own.
    Attached,
}

fn floor(at: i64, step: i64, offset: i64) -> i64 {
    let steps = at.saturating_sub(offset).div_euclid(step);
    steps.saturating_mul(step).saturating_add(offset)
}

fn greatest_common_divisor(mut a: i64, mut b: i64) -> i64 {
    while b != 0 {
        (a, b) = (b, a % b);
    }
    a
}

impl Slicing {
    /// `None` for sessions, which have no slices. The kind must have been checked.
    pub(crate) fn of(kind: WindowKind) -> Option<Self> {
        match kind {
            WindowKind::Tumble { size_ms: size, offset_ms: offset } => {
                Some(Self::Aligned { slice: size, size, slide: size, offset })
            }
            WindowKind::Hop { size_ms: size, slide_ms: slide, offset_ms: offset } => {
                let slice = greatest_common_divisor(size, slide);
                Some(Self::Aligned { slice, size, slide, offset })
            }
            WindowKind::Cumulate { max_ms: max, step_ms: step, offset_ms: offset } => {
                Some(Self::Growing { max, step, offset })
            }
            WindowKind::Session { .. } => None,
        }
    }

    /// Whether a slice can be in several windows.
    pub(crate) fn overlapping(self) -> bool {
        match self {
            Self::Aligned { size, slide, .. } => size > slide,
            Self::Growing { max, step, .. } => max > step,
            Self::Attached => false,
        }
    }

    /// The slice of a local time (or of an attached window's end).
    #[inline]
    pub(crate) fn slice(self, at: i64) -> i64 {
        match self {
            Self::Aligned { slice: step, offset, .. } | Self::Growing { step, offset, .. } => {
                floor(at, step, offset).saturating_add(step)
            }
            Self::Attached => at,
        }
    }

    /// The local times (or ends) that fall into a slice.
    pub(crate) fn span(self, slice: i64) -> Range<i64> {
        match self {
            Self::Aligned { slice: step, .. } | Self::Growing { step, .. } => {
                slice.saturating_sub(step)..slice
            }
            Self::Attached => slice..slice.saturating_add(1),
        }
    }

    /// Start of the window that ends at `end`; unknown for attached windows.
    pub(crate) fn start(self, end: i64) -> Option<i64> {
        match self {
            Self::Aligned { size, .. } => Some(end.saturating_sub(size)),
            Self::Growing { max, offset, .. } => Some(floor(end.saturating_sub(1), max, offset)),
            Self::Attached => None,
        }
    }

    /// End of the first window that holds a slice; beyond [`Self::last_end`] if none does.
    pub(crate) fn first_end(self, slice: i64) -> i64 {
        match self {
            Self::Aligned { size, slide, offset, .. } => {
                let before = slice.saturating_sub(size).saturating_sub(1);
                floor(before, slide, offset).saturating_add(slide).saturating_add(size)
            }
            Self::Growing { .. } | Self::Attached => slice,
        }
    }

    /// End of the last window that holds a slice.
    pub(crate) fn last_end(self, slice: i64) -> i64 {
        match self {
            Self::Aligned { slice: step, size, slide, offset } => {
                floor(slice.saturating_sub(step), slide, offset).saturating_add(size)
            }
            Self::Growing { max, offset, .. } => {
                floor(slice.saturating_sub(1), max, offset).saturating_add(max)
            }
            Self::Attached => slice,
        }
    }

    /// The slices of the window that ends at `end`, as a range of slice ends.
    pub(crate) fn slices(self, end: i64) -> Range<i64> {
        let from = self.start(end).unwrap_or(end.saturating_sub(1));
        from.saturating_add(1)..end.saturating_add(1)
    }

    /// The first window end later than `at`.
    fn end_after(self, at: i64) -> i64 {
        let (step, anchor) = match self {
            Self::Aligned { size, slide, offset, .. } => (slide, offset.saturating_add(size)),
            Self::Growing { step, offset, .. } => (step, offset),
            Self::Attached => (1, 0),
        };
        floor(at, step, anchor).saturating_add(step)
    }

    /// Distance between window ends.
    pub(crate) fn step(self) -> i64 {
        match self {
            Self::Aligned { slide, .. } => slide,
            Self::Growing { step, .. } => step,
            Self::Attached => 1,
        }
    }

    /// The first window end that has not fired at `progress`, whether or not it has records.
    pub(crate) fn unfired(self, local: &mut LocalTime, progress: i64) -> i64 {
        if progress == i64::MIN {
            return i64::MIN;
        }
        let at = local.local(progress);
        let mut end = self.end_after(at.saturating_add(1));
        if !local.even() && end < i64::MAX {
            // The clock may have been changed between here and the end.
            while local.trigger(end) <= progress {
                end = end.saturating_add(self.step());
            }
            while local.trigger(end.saturating_sub(self.step())) > progress {
                end = end.saturating_sub(self.step());
            }
        }
        end
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Windows by their definition: all `[start, end)` that hold `at`.
    fn windows(kind: WindowKind, at: i64) -> Vec<(i64, i64)> {
        let mut found = Vec::new();
        for index in -2000..2000 {
            match kind {
                WindowKind::Tumble { size_ms, offset_ms } => {
                    let start = index * size_ms + offset_ms;
                    found.push((start, start + size_ms));
                }
                WindowKind::Hop { size_ms, slide_ms, offset_ms } => {
                    let start = index * slide_ms + offset_ms;
                    found.push((start, start + size_ms));
                }
                WindowKind::Cumulate { max_ms, step_ms, offset_ms } => {
                    let start = index * max_ms + offset_ms;
                    found.extend((1..=max_ms / step_ms).map(|n| (start, start + n * step_ms)));
                }
                WindowKind::Session { .. } => {}
            }
        }
        found.retain(|(start, end)| (*start..*end).contains(&at));
        found
    }

    #[track_caller]
    fn check(kind: WindowKind) {
        let slicing = Slicing::of(kind).unwrap();
        for at in -130..130 {
            let slice = slicing.slice(at);
            assert!(slicing.span(slice).contains(&at), "{kind:?} at {at}");
            let want = windows(kind, at);
            let mut found = Vec::new();
            let mut end = slicing.first_end(slice);
            while end <= slicing.last_end(slice) {
                assert!(slicing.slices(end).contains(&slice), "{kind:?} at {at}");
                found.push((slicing.start(end).unwrap(), end));
                end += slicing.step();
            }
            assert_eq!(found, want, "{kind:?} at {at}");
        }
    }

    #[test]
    fn slices_make_up_the_windows() {
        for offset_ms in [0, 3, -7] {
            check(WindowKind::Tumble { size_ms: 10, offset_ms });
            for (size_ms, slide_ms) in [(10, 10), (30, 10), (25, 10), (6, 4), (4, 10), (9, 10)] {
                check(WindowKind::Hop { size_ms, slide_ms, offset_ms });
            }
            check(WindowKind::Cumulate { max_ms: 40, step_ms: 10, offset_ms });
            check(WindowKind::Cumulate { max_ms: 10, step_ms: 10, offset_ms });
        }
    }

    #[test]
    fn the_next_end_to_fire_is_the_first_whose_last_millisecond_is_ahead() {
        let kind = WindowKind::Hop { size_ms: 25, slide_ms: 10, offset_ms: 3 };
        let slicing = Slicing::of(kind).unwrap();
        let mut local = LocalTime::new(None);
        for progress in -50..50 {
            let end = slicing.unfired(&mut local, progress);
            assert_eq!((end - 25 - 3).rem_euclid(10), 0);
            assert!(end - 1 > progress && end - 11 <= progress, "{end} at {progress}");
        }
    }

    #[test]
    fn the_ends_of_time_do_not_overflow() {
        let kind = WindowKind::Hop { size_ms: 25, slide_ms: 10, offset_ms: 3 };
        let slicing = Slicing::of(kind).unwrap();
        for at in [i64::MIN, i64::MIN + 1, i64::MAX - 1, i64::MAX] {
            let slice = slicing.slice(at);
            let _ = (slicing.first_end(slice), slicing.last_end(slice), slicing.slices(slice));
            let _ = slicing.unfired(&mut LocalTime::new(None), at);
        }
    }
}
