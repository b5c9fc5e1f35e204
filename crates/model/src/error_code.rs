//! The AWS exception names: stable, few, documented.

use crate::text_enum::text_enum;

text_enum!(
    /// What kind of refusal a customer gets. `errors/<Code>.md` says for each what it means and
    /// what to do.
    ErrorCode, "ErrorCode" {
        /// Your code or query is not valid.
        CodeValidation = "CodeValidationException",
        /// Somebody else changed it first.
        ConcurrentModification = "ConcurrentModificationException",
        /// A defect of ours.
        InternalFailure = "InternalFailure",
        /// The configuration does not allow this.
        InvalidApplicationConfiguration = "InvalidApplicationConfigurationException",
        /// A value is not valid.
        InvalidArgument = "InvalidArgumentException",
        /// The request does not fit the operation, or the operation the state.
        InvalidRequest = "InvalidRequestException",
        /// A quota is used up.
        LimitExceeded = "LimitExceededException",
        /// The application or name is in use.
        ResourceInUse = "ResourceInUseException",
        /// There is no such thing.
        ResourceNotFound = "ResourceNotFoundException",
        /// Try again later; nothing was changed.
        ServiceUnavailable = "ServiceUnavailableException",
        /// More than fifty tags.
        TooManyTags = "TooManyTagsException",
        /// Not supported here.
        UnsupportedOperation = "UnsupportedOperationException",
    }
);

impl ErrorCode {
    /// The page that explains the code, in Markdown.
    pub fn page(self) -> &'static str {
        match self {
            Self::CodeValidation => include_str!("../errors/CodeValidationException.md"),
            Self::ConcurrentModification => {
                include_str!("../errors/ConcurrentModificationException.md")
            }
            Self::InternalFailure => include_str!("../errors/InternalFailure.md"),
            Self::InvalidApplicationConfiguration => {
                include_str!("../errors/InvalidApplicationConfigurationException.md")
            }
            Self::InvalidArgument => include_str!("../errors/InvalidArgumentException.md"),
            Self::InvalidRequest => include_str!("../errors/InvalidRequestException.md"),
            Self::LimitExceeded => include_str!("../errors/LimitExceededException.md"),
            Self::ResourceInUse => include_str!("../errors/ResourceInUseException.md"),
            Self::ResourceNotFound => include_str!("../errors/ResourceNotFoundException.md"),
            Self::ServiceUnavailable => include_str!("../errors/ServiceUnavailableException.md"),
            Self::TooManyTags => include_str!("../errors/TooManyTagsException.md"),
            Self::UnsupportedOperation => {
                include_str!("../errors/UnsupportedOperationException.md")
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_has_a_page_with_a_cause_and_a_cure() {
        for &code in ErrorCode::ALL {
            let page = code.page();
            assert!(page.starts_with(&format!("# {code}\n")), "{code}");
            assert!(page.contains("\n## Cause\n"), "{code}");
            assert!(page.contains("\n## What to do\n"), "{code}");
        }
    }

    #[test]
    fn no_page_is_left_without_a_code() {
        let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("errors");
        for entry in std::fs::read_dir(folder).unwrap() {
            let name = entry.unwrap().file_name().into_string().unwrap();
            let code = name.strip_suffix(".md").unwrap().parse::<ErrorCode>();
            assert!(code.is_ok(), "{name}");
        }
    }
}
