//! Which lines a log level lets through.

use super::LogLevel;

impl LogLevel {
    /// This level and those above it, by what lines call them.
    pub fn and_above(self) -> Vec<String> {
        let from = RISING.iter().skip_while(|level| **level != self);
        from.map(|level| level.as_str().to_owned()).collect()
    }

    /// Whether a line of that level is kept; one of a level that is unknown always is.
    pub fn lets_through(self, level: &str) -> bool {
        let place = |it: &LogLevel| RISING.iter().position(|level| level == it);
        let level = RISING.iter().find(|it| it.as_str() == level);
        level.is_none_or(|level| place(level) >= place(&self))
    }
}

const RISING: [LogLevel; 4] = [LogLevel::Debug, LogLevel::Info, LogLevel::Warn, LogLevel::Error];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_level_lets_those_above_through() {
        assert_eq!(LogLevel::Warn.and_above(), ["WARN", "ERROR"]);
        assert_eq!(LogLevel::Debug.and_above().len(), 4);
        assert!(LogLevel::Info.lets_through("INFO") && LogLevel::Info.lets_through("ERROR"));
        assert!(!LogLevel::Info.lets_through("DEBUG") && !LogLevel::Error.lets_through("WARN"));
        assert!(LogLevel::Error.lets_through("OFF THE SCALE"));
    }
}
