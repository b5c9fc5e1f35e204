//! One file per command.

pub(crate) mod api;
pub(crate) mod app;
pub(crate) mod bench;
pub(crate) mod chaos;
pub(crate) mod demo;
pub(crate) mod dev;
pub(crate) mod job;
pub(crate) mod key;
pub(crate) mod python_sandbox;
pub(crate) mod run;
pub(crate) mod service;
pub(crate) mod worker;
