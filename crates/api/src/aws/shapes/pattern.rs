//! The patterns of the AWS model, as questions about characters.

/// What text may look like.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Pattern {
    /// `[a-zA-Z0-9_.-]+`
    Name,
    /// `[a-zA-Z0-9-_+/=]+`
    Token,
    /// `arn:.*`
    Arn,
    /// `([01][0-9]|2[0-3]):[0-5][0-9]`
    Time,
    /// `[^-\s<>&]*`
    Plain,
    /// `[a-zA-Z0-9/!-_.*'()]+`, where `!-_` is a range.
    Path,
    /// `^(?=^\$)(?=^\S+$).*$`
    RowPath,
    /// `UTF-8`
    Utf8,
    /// `[^\u0000-\u001F\u007F]*`
    Printable,
}

impl Pattern {
    pub(super) fn named(name: &str) -> Self {
        match name {
            "name" => Self::Name,
            "token" => Self::Token,
            "arn" => Self::Arn,
            "time" => Self::Time,
            "plain" => Self::Plain,
            "path" => Self::Path,
            "row-path" => Self::RowPath,
            "utf-8" => Self::Utf8,
            "printable" => Self::Printable,
            other => unreachable!("there is no pattern `{other}`"),
        }
    }

    pub(super) fn admits(self, text: &str) -> bool {
        let all = |allowed: fn(char) -> bool| text.chars().all(allowed);
        match self {
            Self::Name => all(|c| c.is_ascii_alphanumeric() || "_.-".contains(c)),
            Self::Token => all(|c| c.is_ascii_alphanumeric() || "-_+/=".contains(c)),
            Self::Arn => text.starts_with("arn:") && !text.contains(['\n', '\r']),
            Self::Time => time(text.as_bytes()),
            Self::Plain => all(|c| !c.is_whitespace() && !"-<>&".contains(c)),
            Self::Path => all(|c| c.is_ascii_alphanumeric() || ('!'..='_').contains(&c)),
            Self::RowPath => text.starts_with('$') && all(|c| !c.is_whitespace()),
            Self::Utf8 => text == "UTF-8",
            Self::Printable => all(|c| !c.is_ascii_control()),
        }
    }

    /// The rest of a sentence that begins with the member.
    pub(super) fn words(self) -> &'static str {
        match self {
            Self::Name => "may only contain letters, digits, `_`, `.` and `-`",
            Self::Token => "may only contain letters, digits, `-`, `_`, `+`, `/` and `=`",
            Self::Arn => "must start with `arn:`",
            Self::Time => "must be a time of day from `00:00` to `23:59`",
            Self::Plain => "must not contain blanks, `-`, `<`, `>` and `&`",
            Self::Path => "may only contain letters, digits and `/!-_.*'()`",
            Self::RowPath => "must start with `$` and contain no blank",
            Self::Utf8 => "must be `UTF-8`",
            Self::Printable => "must not contain control characters",
        }
    }
}

fn time(text: &[u8]) -> bool {
    let &[h, hh, b':', m, mm] = text else { return false };
    let digits = [h, hh, m, mm].iter().all(u8::is_ascii_digit);
    digits && (h < b'2' || (h == b'2' && hh < b'4')) && m < b'6'
}
