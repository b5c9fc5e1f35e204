//! A small broker that speaks Kafka's protocol, for development, the demo and tests.
//!
//! One node, one file per partition, record batches stored as they come. It implements what it
//! advertises, transactions included, and refuses the rest: there are no static group members, no
//! newer group protocol, no retention and no access control.
//!
//! From the inside out: `log` is one partition's file, `catalog` the topics, `offsets` and
//! `identity` what else is kept; `group` is a consumer group as a state machine and `coordinator`
//! its clock; `transaction` is a transactional id as a state machine, `transactions` remembers all
//! of them and `settling` ends what was decided; `api` answers requests, one file per family; `connection` reads and writes frames;
//! `broker` ties them to a listening socket.

mod api;
mod broker;
mod catalog;
mod connection;
mod coordinator;
mod group;
mod identity;
mod journal;
mod log;
mod offsets;
mod partition;
mod settings;
mod settling;
mod transaction;
mod transactions;

pub use self::broker::{Broker, Options};
