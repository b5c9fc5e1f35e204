//! What goes wrong, and at which call.

use std::fmt::{self, Display};
use std::str::FromStr;

/// What may strike a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Fault {
    /// The process dies before it.
    Killed,
    /// It takes effect, then the process dies.
    KilledAfter,
    /// It takes effect twice: an answer was lost and the client tried again.
    Twice,
    /// It takes effect, but the caller hears of no answer.
    Lost,
    /// It fails and has no effect.
    Refused,
    /// It takes longer than a checkpoint may.
    Slow,
    /// A report stays with the worker until the job waits for an answer to a later one.
    Late,
    /// The broker has aborted the transaction, because it took too long.
    Aborted,
    /// The process is paused and its lease expires: another attempt begins.
    Paused,
    /// The other process that lives goes on, and this one waits.
    Switched,
    /// The customer stops the application by force; the process is killed.
    Stopped,
}
use Fault::*;

const LETTERS: &[(Fault, char)] = &[
    (Killed, 'k'),
    (KilledAfter, 'K'),
    (Twice, '2'),
    (Lost, 't'),
    (Refused, 'f'),
    (Slow, 'w'),
    (Late, 'l'),
    (Aborted, 'o'),
    (Paused, 'p'),
    (Switched, 's'),
    (Stopped, 'h'),
];

/// Faults by the number of the call they strike, in order.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Schedule(pub(super) Vec<(usize, Fault)>);

impl Schedule {
    pub(super) fn at(&self, step: usize) -> Option<Fault> {
        self.0.iter().find(|(at, _)| *at == step).map(|(_, fault)| *fault)
    }

    /// The last call that is struck.
    pub(super) fn last(&self) -> Option<usize> {
        self.0.last().map(|(step, _)| *step)
    }

    #[must_use]
    pub(super) fn with(&self, step: usize, fault: Fault) -> Self {
        let mut more = self.clone();
        more.0.push((step, fault));
        more
    }

    /// Number of faults. Whoever is paused goes on some time: the first moment is free.
    pub(super) fn cost(&self) -> usize {
        let mut paused = false;
        let mut cost = 0;
        for (_, fault) in &self.0 {
            let free = *fault == Switched && std::mem::take(&mut paused);
            paused |= *fault == Paused;
            cost += usize::from(!free);
        }
        cost
    }

    /// A number that has nothing to do with its length or place: for choosing some.
    pub(super) fn hash(&self) -> u64 {
        self.0.iter().fold(0xcbf2_9ce4_8422_2325, |hash, (step, fault)| {
            let word = (*step as u64) << 8 | *fault as u64;
            let mixed = (hash ^ word).wrapping_mul(0x9e37_79b9_7f4a_7c15);
            mixed ^ (mixed >> 29)
        })
    }
}

impl Display for Schedule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, (step, fault)) in self.0.iter().enumerate() {
            let letter = LETTERS.iter().find(|(it, _)| it == fault).map_or('?', |(_, it)| *it);
            write!(f, "{}{step}{letter}", if index > 0 { "," } else { "" })?;
        }
        Ok(())
    }
}

impl FromStr for Schedule {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let parse = |word: &str| {
            let letter = word.chars().last()?;
            let fault = LETTERS.iter().find(|(_, it)| *it == letter)?.0;
            Some((word[..word.len() - letter.len_utf8()].parse().ok()?, fault))
        };
        let words = text.split(',').filter(|word| !word.is_empty());
        let faults = words.map(|word| parse(word).ok_or_else(|| format!("what is `{word}`?")));
        Ok(Self(faults.collect::<Result<_, _>>()?))
    }
}

#[test]
fn a_schedule_is_read_as_it_is_written() {
    let text = "3k,17t,40p,55s,60s";
    let schedule: Schedule = text.parse().unwrap();
    assert_eq!(schedule.to_string(), text);
    assert_eq!((schedule.cost(), schedule.last(), schedule.at(17)), (4, Some(60), Some(Lost)));
    "3x".parse::<Schedule>().unwrap_err();
}
