//! Merging and aligning channels.

use std::sync::Arc;
use std::time::Duration;

use arrow::array::Int64Array;
use crossbeam_channel::{Sender, never, unbounded};

use super::harness::rows;
use crate::batch::StreamElement::{EndOfInput, Idle};
use crate::batch::{Barrier, Batch, StreamElement, Watermark};
use crate::runtime::cancellation::{Cancellation, Halt};
use crate::runtime::gate::{Arrival, Gate, Inlet};

struct Inputs {
    gate: Gate,
    cancellation: Arc<Cancellation>,
    senders: Vec<Sender<StreamElement>>,
}

impl Inputs {
    fn new(count: usize) -> Self {
        Self::related(&(0..count).collect::<Vec<_>>())
    }

    /// Channels with these numbers are siblings.
    fn related(siblings: &[usize]) -> Self {
        let (senders, receivers): (Vec<_>, Vec<_>) = siblings.iter().map(|_| unbounded()).unzip();
        let inlets = receivers.into_iter().zip(siblings).enumerate();
        let inlets = inlets.map(|(input, (receiver, siblings))| Inlet {
            receiver,
            input,
            siblings: (0, *siblings),
        });
        let cancellation = Arc::new(Cancellation::new(None));
        let gate = Gate::new(inlets, Arc::clone(&cancellation));
        Self { gate, cancellation, senders }
    }

    /// Sends one element, answers with everything that arrives of it.
    fn send(&mut self, channel: usize, element: StreamElement) -> String {
        self.senders[channel].send(element).unwrap();
        self.arrivals()
    }

    fn arrivals(&mut self) -> String {
        let mut all = Vec::new();
        loop {
            match self.gate.next(&never::<()>(), Some(Duration::ZERO)).unwrap() {
                Arrival::Nothing => break,
                Arrival::End => {
                    all.push("end".to_owned());
                    break;
                }
                Arrival::Batch { input, batch } => {
                    let watermarks =
                        batch.watermarks.map(|w| format!(" {:?}", w.values().to_vec()));
                    all.push(format!("{input}:{}{}", batch.rows.num_rows(), watermarks.unwrap()));
                }
                Arrival::Watermark(Watermark(i64::MAX)) => all.push("w max".to_owned()),
                Arrival::Watermark(watermark) => all.push(format!("w {}", watermark.0)),
                Arrival::Idle(idle) => all.push(format!("idle {idle}")),
                Arrival::Barrier(barrier) => all.push(format!("barrier {}", barrier.id)),
            }
        }
        all.join("; ")
    }
}

fn watermark(value: i64) -> StreamElement {
    StreamElement::Watermark(Watermark(value))
}

fn barrier(id: u64, stop: bool) -> StreamElement {
    StreamElement::Barrier(Barrier { id, stop })
}

fn records(watermarks: &[i64]) -> StreamElement {
    let records: Vec<_> = watermarks.iter().map(|_| (0, 0, 0)).collect();
    let watermarks = Some(Int64Array::from(watermarks.to_vec()));
    StreamElement::Batch(Batch { watermarks, ..Batch::of(rows(&records)) })
}

#[test]
fn the_watermark_is_the_lowest_and_never_goes_back() {
    let mut it = Inputs::new(2);
    assert_eq!(it.send(0, watermark(10)), "");
    assert_eq!(it.send(1, watermark(7)), "w 7");
    assert_eq!(it.send(1, watermark(5)), "");
    assert_eq!(it.send(1, watermark(20)), "w 10");
    assert_eq!(it.send(0, watermark(i64::MAX)), "w 20");
    assert_eq!(it.send(0, EndOfInput), "");
    assert_eq!(it.send(1, watermark(i64::MAX)), "w max");
    assert_eq!(it.send(1, EndOfInput), "end");
}

#[test]
fn records_get_the_watermark_in_force_here() {
    let mut it = Inputs::new(2);
    assert_eq!(it.send(0, records(&[1, 9])), format!("0:2 [{0}, {0}]", i64::MIN));
    assert_eq!(it.send(0, watermark(9)), "");
    assert_eq!(it.send(1, watermark(5)), "w 5");
    // Channel 0 stands at 9: channel 1's own watermarks count up to there, not below 5.
    assert_eq!(it.send(1, records(&[3, 5, 6, 12])), "1:4 [5, 5, 6, 9]");
    assert_eq!(it.send(0, Idle(true)), "");
    assert_eq!(it.send(1, records(&[6, 12])), "1:2 [6, 12]");
}

#[test]
fn one_channel_passes_as_it_is() {
    let mut it = Inputs::new(1);
    assert_eq!(it.send(0, watermark(5)), "w 5");
    assert_eq!(it.send(0, records(&[3, 8])), "0:2 [3, 8]");
}

#[test]
fn idle_channels_are_left_out_until_they_have_caught_up() {
    let mut it = Inputs::new(2);
    assert_eq!(it.send(0, watermark(3)), "");
    assert_eq!(it.send(1, Idle(true)), "w 3");
    assert_eq!(it.send(0, watermark(30)), "w 30");
    assert_eq!(it.send(1, Idle(false)), "");
    assert_eq!(it.send(1, watermark(10)), "");
    // Not held back by a channel that lags behind what was said already.
    assert_eq!(it.send(0, watermark(40)), "w 40");
    assert_eq!(it.send(1, watermark(50)), "");
    assert_eq!(it.send(0, watermark(60)), "w 50");
}

#[test]
fn all_idle_is_idle() {
    let mut it = Inputs::new(2);
    assert_eq!(it.send(0, watermark(3)), "");
    assert_eq!(it.send(1, watermark(8)), "w 3");
    assert_eq!(it.send(1, Idle(true)), "");
    // Nobody holds back what channel 1 had already said.
    assert_eq!(it.send(0, Idle(true)), "w 8; idle true");
    assert_eq!(it.send(1, Idle(false)), "idle false");
    assert_eq!(it.send(1, watermark(9)), "w 9");
}

#[test]
fn an_end_does_not_speak_for_an_idle_channel() {
    let mut it = Inputs::new(2);
    assert_eq!(it.send(1, watermark(8)), "");
    assert_eq!(it.send(1, Idle(true)), "");
    assert_eq!(it.send(0, watermark(i64::MAX)), "w 8; idle true");
    assert_eq!(it.send(0, EndOfInput), "");
    assert_eq!(it.send(1, Idle(false)), "idle false");
    assert_eq!(it.send(1, watermark(i64::MAX)), "w max");
}

#[test]
fn a_channel_with_the_barrier_waits_for_the_others() {
    let mut it = Inputs::new(3);
    let low = i64::MIN;
    assert_eq!(it.send(0, barrier(1, false)), "");
    assert_eq!(it.send(0, records(&[low])), "");
    assert_eq!(it.send(1, records(&[low])), format!("1:1 [{low}]"));
    assert_eq!(it.send(1, barrier(1, false)), "");
    assert_eq!(it.send(1, EndOfInput), "");
    assert_eq!(it.send(2, records(&[low])), format!("2:1 [{low}]"));
    assert_eq!(it.send(2, barrier(1, false)), format!("barrier 1; 0:1 [{low}]"));
}

#[test]
fn an_ended_channel_counts_as_aligned() {
    let mut it = Inputs::new(2);
    assert_eq!(it.send(0, barrier(1, false)), "");
    assert_eq!(it.send(1, EndOfInput), "barrier 1");
    assert_eq!(it.send(0, barrier(2, false)), "barrier 2");
}

#[test]
fn event_time_stands_still_after_a_stop_barrier() {
    let mut it = Inputs::new(2);
    assert_eq!(it.send(0, watermark(3)), "");
    assert_eq!(it.send(1, watermark(8)), "w 3");
    assert_eq!(it.send(0, barrier(1, true)), "");
    assert_eq!(it.send(0, EndOfInput), "");
    assert_eq!(it.send(1, barrier(1, true)), "barrier 1");
    assert_eq!(it.send(1, EndOfInput), "end");
}

#[test]
fn two_barriers_at_once_are_a_defect() {
    let mut it = Inputs::new(2);
    it.send(0, barrier(1, false));
    it.senders[1].send(barrier(2, false)).unwrap();
    let halt = it.gate.next(&never::<()>(), None).unwrap_err();
    assert!(matches!(halt, Halt::Failed(error) if error.message.contains("barrier 2 met 1")));
}

#[test]
fn waiting_ends_when_somebody_else_speaks() {
    let mut it = Inputs::new(2);
    let (speak, also) = unbounded();
    speak.send(()).unwrap();
    assert!(matches!(it.gate.next(&also, None), Ok(Arrival::Nothing)));
    it.cancellation.cancel();
    assert!(matches!(it.gate.next(&also, None), Err(Halt::Cancelled)));
}

#[test]
fn a_sender_that_vanishes_is_no_end() {
    let mut it = Inputs::new(2);
    it.senders.clear();
    assert!(matches!(it.gate.next(&never::<()>(), None), Err(Halt::Cancelled)));
}

/// Subtasks of one operator come back from idleness together, but are not heard at once.
#[test]
fn a_sibling_that_still_says_idle_holds_the_watermark_back() {
    for (siblings, first) in [([0, 0, 1], "w 20"), ([0, 1, 2], "w 40")] {
        let mut it = Inputs::related(&siblings);
        for channel in 0..3 {
            it.send(channel, watermark(10));
        }
        for channel in 0..2 {
            assert_eq!(it.send(channel, Idle(true)), "");
        }
        assert_eq!(it.send(2, Idle(true)), "idle true");
        assert_eq!(it.send(0, Idle(false)), "idle false");
        let early = it.send(0, watermark(40));
        let late = [it.send(1, Idle(false)), it.send(1, watermark(20))];
        let told = [vec![early], late.to_vec()].concat();
        let told: Vec<String> = told.into_iter().filter(|text| !text.is_empty()).collect();
        assert_eq!(told, [first], "{siblings:?}");
        // Of siblings that have ended nothing more is to come.
        it.send(1, Idle(true));
        it.send(0, watermark(50));
        it.send(1, EndOfInput);
        assert_eq!(it.send(0, watermark(60)), "w 60", "{siblings:?}");
    }
}
