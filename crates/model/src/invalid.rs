//! A value that breaks a rule of the AWS model.

/// Says which field is wrong and what would be right; for the customer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{field}` {problem}")]
pub struct Invalid {
    /// AWS member name, for example `ApplicationName`.
    pub field: &'static str,
    /// What is wrong and what is allowed, as the rest of a sentence about the field.
    pub problem: String,
}

impl Invalid {
    /// A violation of the rule of one field.
    pub fn new(field: &'static str, problem: impl Into<String>) -> Self {
        Self { field, problem: problem.into() }
    }
}

/// Refuses text whose length in characters lies outside `least..=most`, or with a NUL character
/// (the database cannot keep one).
///
/// # Errors
/// Names the field, its length and the limits.
pub fn check_length(
    field: &'static str,
    text: &str,
    least: usize,
    most: usize,
) -> Result<(), Invalid> {
    if text.contains('\0') {
        return Err(Invalid::new(field, "must not contain a NUL character"));
    }
    let length = text.chars().count();
    if (least..=most).contains(&length) {
        return Ok(());
    }
    Err(Invalid::new(
        field,
        format!("must be {least} to {most} characters long, but has {length} characters"),
    ))
}

/// Refuses text with a character outside `[a-zA-Z0-9_.-]`, the pattern of AWS names and ids.
///
/// # Errors
/// Names the field and quotes the first character that is not allowed.
pub fn check_name_characters(field: &'static str, text: &str) -> Result<(), Invalid> {
    let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '.' | '-');
    match text.chars().find(|&c| !allowed(c)) {
        None => Ok(()),
        Some(found) => Err(Invalid::new(
            field,
            format!(
                "may only contain letters, digits, `_`, `.` and `-`, but contains `{}`",
                found.escape_debug()
            ),
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn length_counts_characters_not_bytes() {
        assert_eq!(check_length("Key", "äöü", 1, 3), Ok(()));
        assert!(check_length("Key", "a\0b", 1, 3).is_err());
        assert_eq!(
            check_length("Key", "", 1, 3).unwrap_err().to_string(),
            "`Key` must be 1 to 3 characters long, but has 0 characters"
        );
    }

    #[test]
    fn the_first_foreign_character_is_quoted() {
        assert_eq!(
            check_name_characters("ApplicationName", "a b!").unwrap_err().to_string(),
            "`ApplicationName` may only contain letters, digits, `_`, `.` and `-`, but contains ` `"
        );
    }
}
