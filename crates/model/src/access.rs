//! Who may do what.

use crate::text_enum::text_enum;

text_enum!(
    /// What the holder of a key may do; each role contains those before it.
    Role, "Role" {
        /// Reads everything but the audit log and the keys.
        Viewer = "viewer",
        /// Also starts, stops, takes snapshots, rolls back, tags and edits property groups.
        Operator = "operator",
        /// Everything.
        Admin = "admin",
    }
);

text_enum!(
    /// What a key proves itself with.
    KeyKind, "KeyKind" {
        /// A bearer token.
        Api = "api",
        /// A signature by AWS's Signature Version 4.
        Access = "access",
    }
);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_role_contains_those_before_it() {
        assert!(Role::Viewer < Role::Operator && Role::Operator < Role::Admin);
    }
}
