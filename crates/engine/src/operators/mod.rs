//! Operators of the engine, one per file.
