//! Enums with the spelling that AWS and our database use.

/// Defines a field-less enum with `ALL`, `as_str`, `Display`, `FromStr` (error: [`Invalid`]) and a
/// serde form that is the same text.
///
/// [`Invalid`]: crate::invalid::Invalid
macro_rules! text_enum {
    ($(#[$doc:meta])* $type:ident, $field:literal { $($(#[$note:meta])* $variant:ident = $text:literal,)+ }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[derive(serde::Serialize, serde::Deserialize)]
        pub enum $type {
            $($(#[$note])* #[serde(rename = $text)] $variant,)+
        }

        impl $type {
            /// Every value, in the order of the declaration.
            pub const ALL: &[Self] = &[$(Self::$variant),+];

            /// The text AWS uses for it.
            pub fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $text),+ }
            }
        }

        impl std::fmt::Display for $type {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.pad(self.as_str())
            }
        }

        impl std::str::FromStr for $type {
            type Err = $crate::invalid::Invalid;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                match text {
                    $($text => Ok(Self::$variant),)+
                    _ => Err($crate::invalid::Invalid::new($field, format!(
                        "must be one of {}, not `{}`",
                        [$($text),+].map(|t| format!("`{t}`")).join(", "),
                        text.chars().take(100).collect::<String>().escape_debug(),
                    ))),
                }
            }
        }
    };
}

pub(crate) use text_enum;
