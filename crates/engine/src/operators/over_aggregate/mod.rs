//! `agg(…) OVER (PARTITION BY … ORDER BY time ROWS|RANGE BETWEEN … PRECEDING AND CURRENT ROW)`.
//!
//! **Is for**: one output record per input record, with aggregates over the records before it.
//! **Must not**: know windows that end elsewhere than at the current record.
//! **Start at**: [`OverAggregate`]; `sorting` puts records into time order, `frames` aggregates
//! them, `rows` holds records until they are wanted.

mod frames;
mod rows;
mod sorting;

use std::sync::Arc;

use arrow::datatypes::{Field, Schema};

use self::frames::Frames;
use self::sorting::Sorting;
use super::groups::GroupPlan;
use super::window::{TimeAttribute, fields_of};
use crate::aggregate::{AggregateCall, call_type};
use crate::batch::SchemaRef;
use crate::operator::{Operator, OperatorContext, OperatorFactory};
use crate::{Error, Result};

/// What a frame counts in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum FrameKind {
    /// Records, one after the other; those of equal times in order of arrival.
    Rows,
    /// Time: records of one time are peers, each sees all of them.
    Range,
}

/// Where a frame begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Preceding {
    /// With the first record of the key.
    Unbounded,
    /// So many records before the current one (with [`FrameKind::Rows`]).
    Rows(u64),
    /// So many milliseconds before the current record's time, inclusive (with
    /// [`FrameKind::Range`]).
    IntervalMs(i64),
}

/// The records an aggregate is over; a frame ends with the current record.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Frame {
    /// What it counts in.
    pub kind: FrameKind,
    /// Where it begins.
    pub preceding: Preceding,
}

/// Aggregates over the records before each record, as Flink's `OverAggregate`; append-only.
///
/// By event time records wait until the watermark has reached their time and come out in time
/// order; a record whose time the watermark has reached before it is late. By processing time
/// they come out at once. Output columns: the input's, then the aggregates.
#[derive(Debug, Clone)]
pub struct OverAggregate {
    input: SchemaRef,
    partition: Vec<usize>,
    time: TimeAttribute,
    frame: Frame,
    aggregates: Vec<(AggregateCall, String)>,
    /// The input columns that frames need: keys, time, arguments; at least one.
    needed: Vec<usize>,
    schema: SchemaRef,
}

impl OverAggregate {
    /// Checks the parts and derives the output schema.
    ///
    /// Refuses (as the user's error) a RANGE of an interval over processing time.
    pub fn new(
        input: SchemaRef,
        partition: Vec<usize>,
        time: TimeAttribute,
        frame: Frame,
        aggregates: Vec<(AggregateCall, String)>,
    ) -> Result<Self> {
        check(frame, time)?;
        let mut fields: Vec<_> = input.fields().iter().cloned().collect();
        for (call, name) in &aggregates {
            fields.push(Arc::new(Field::new(name, call_type(call, &input)?, true)));
        }
        let mut needed = partition.clone();
        if let TimeAttribute::Event { column } = time {
            needed.push(column);
        }
        for (call, _) in &aggregates {
            needed.extend(call.arguments.iter().copied().chain(call.filter));
        }
        if needed.is_empty() {
            // A batch without columns has no length.
            needed.push(0);
        }
        needed.sort_unstable();
        needed.dedup();
        fields_of(&input, &needed)?;
        let schema = Arc::new(Schema::new(fields));
        Ok(Self { input, partition, time, frame, aggregates, needed, schema })
    }

    /// Schema of the needed columns.
    fn needed_schema(&self) -> Result<SchemaRef> {
        Ok(Arc::new(Schema::new(fields_of(&self.input, &self.needed)?)))
    }

    /// Index of an input column among the needed ones.
    fn among_needed(&self, column: usize) -> Result<usize> {
        let at = self.needed.binary_search(&column);
        at.map_err(|_| Error::internal(format!("column {column} is not among the needed ones")))
    }

    /// Keys and calls over the needed columns.
    fn plan(&self) -> Result<GroupPlan> {
        let moved = |columns: &[usize]| -> Result<Vec<usize>> {
            columns.iter().map(|&column| self.among_needed(column)).collect()
        };
        let call = |(call, name): &(AggregateCall, String)| {
            let arguments = moved(&call.arguments)?;
            let filter = call.filter.map(|filter| self.among_needed(filter)).transpose()?;
            Ok((AggregateCall { arguments, filter, ..call.clone() }, name.clone()))
        };
        let calls = self.aggregates.iter().map(call).collect::<Result<Vec<_>>>()?;
        let plan = GroupPlan::new(&self.needed_schema()?, &moved(&self.partition)?, &calls)?;
        Ok(match self.frame.preceding {
            Preceding::Unbounded => plan,
            Preceding::Rows(_) | Preceding::IntervalMs(_) => plan.retractable(),
        })
    }
}

fn check(frame: Frame, time: TimeAttribute) -> Result<()> {
    match (frame.kind, frame.preceding) {
        (_, Preceding::Unbounded) | (FrameKind::Rows, Preceding::Rows(_)) => Ok(()),
        (FrameKind::Range, Preceding::IntervalMs(ms)) if ms < 0 => {
            Err(Error::user("an OVER window cannot begin after its current row"))
        }
        (FrameKind::Range, Preceding::IntervalMs(_)) if time == TimeAttribute::Processing => {
            Err(Error::user(
                "RANGE of an interval over processing time is not supported: use ROWS, or event \
                 time",
            ))
        }
        (FrameKind::Range, Preceding::IntervalMs(_)) => Ok(()),
        (FrameKind::Rows, Preceding::IntervalMs(_)) | (FrameKind::Range, Preceding::Rows(_)) => {
            Err(Error::internal("ROWS are counted in rows and RANGE in time"))
        }
    }
}

impl OperatorFactory for OverAggregate {
    fn schema(&self) -> SchemaRef {
        SchemaRef::clone(&self.schema)
    }

    fn create(&self, context: &OperatorContext) -> Result<Box<dyn Operator>> {
        let frames = Frames::new(self)?;
        Ok(Box::new(Sorting::new(self.clone(), frames, context)))
    }

    fn fingerprint(&self) -> String {
        let groups = self.plan().map_or_else(|error| error.to_string(), |plan| plan.fingerprint());
        let types: Vec<String> =
            self.input.fields().iter().map(|field| field.data_type().to_string()).collect();
        let (kind, preceding) = (self.frame.kind, self.frame.preceding);
        format!(
            "over {kind:?} from {preceding:?} by {:?} of columns [{}], kept {:?} by {:?}, {groups}",
            self.time,
            types.join(", "),
            self.needed,
            self.partition
        )
    }
}
