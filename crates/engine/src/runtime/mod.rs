//! Runs a stream graph on threads: subtask loops, exchange, barriers, metrics.
