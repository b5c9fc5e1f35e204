//! The AWS JSON 1.1 door: what the AWS SDKs, the AWS CLI and Terraform speak, at `POST /`.
//!
//! [`door`] reads a request's target and holds its body against the operation's shape; the operation
//! calls the same use case as its REST endpoint; `shapes` cuts the answer to what AWS clients know.
//! [`operations`] is the table of contents.

mod applications;
mod configuration;
mod door;
mod enhanced;
mod history;
mod legacy;
mod lifecycle;
mod operations;
mod refusal;
mod shapes;
mod snapshots;
mod tags;

pub(crate) use door::{door, panicked};
pub(crate) use operations::least_role;
