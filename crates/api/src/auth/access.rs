//! Whether callers must say who they are.

use control::MasterKeys;

/// Who may ask.
#[derive(Debug, Clone)]
pub enum Access {
    /// Everybody on this machine, for everything; only on loopback.
    Development,
    /// Who has a key. Access keys (SigV4) need the master keys of the installation.
    Keys(Option<MasterKeys>),
}
