//! Why an expression cannot be built.

/// A call, operator or literal that does not fit its arguments. The binder adds line and column.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CallError {
    /// There is no function of this name.
    #[error("there is no function `{name}`{}", hint(.suggestion.as_deref()))]
    UnknownFunction {
        /// The name as it was written.
        name: String,
        /// A function with a similar name.
        suggestion: Option<String>,
    },
    /// The function or operator does not take these arguments.
    #[error("{message}")]
    WrongArguments {
        /// Names the given types and those that would be taken.
        message: String,
    },
}

impl CallError {
    /// Arguments that do not fit, in one sentence.
    pub fn wrong(message: impl Into<String>) -> Self {
        Self::WrongArguments { message: message.into() }
    }
}

fn hint(suggestion: Option<&str>) -> String {
    suggestion.map_or_else(String::new, |name| format!(", did you mean `{name}`?"))
}
