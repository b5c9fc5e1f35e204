//! What only the embedded broker has: files, settings of its own, and an end that tests can bring.

mod groups;
mod restart;
mod settings;
mod speed;
mod transactions;
