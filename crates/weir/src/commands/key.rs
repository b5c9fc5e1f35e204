//! `weir key`: who may use the API. Speaks to the database, since it must work before any key is there.

use std::process::ExitCode;
use std::time::Duration;

use clap::{Subcommand, ValueEnum};
use control::{Caller, Control, CreateKey, CreatedKey, Key, MasterKeys, Reencrypted};
use model::access::{KeyKind, Role};
use model::protocol::{S3Settings, Storage};
use serde_json::{Value, json};

use crate::commands::app::table::Table;
use crate::control_plane;
use crate::settings::{Database, Master, Quotas, Restarts};
use crate::terminal::print;

type Error = Box<dyn std::error::Error + Send + Sync>;

/// Options of `weir key`.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    #[command(flatten)]
    database: Database,
    /// Print JSON
    #[arg(long, global = true)]
    json: bool,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Make a key; its secret is shown now and never again
    Create(Create),
    /// List all keys
    List,
    /// End keys; API servers notice within five seconds
    Revoke {
        /// Ids of keys
        #[arg(required = true)]
        ids: Vec<String>,
    },
    /// Encrypt the secrets of all access keys with the newest (the first) of the master keys, so that
    /// the others can be taken away
    ReEncrypt {
        #[command(flatten)]
        master: Master,
    },
}

#[derive(Debug, clap::Args)]
struct Create {
    /// Whose it is, or what for
    #[arg(long)]
    name: String,
    /// What its holder may do
    #[arg(long, value_enum)]
    role: RoleName,
    /// Bearer key of the REST API, access key for AWS tools (SigV4), or one of each
    #[arg(long, value_enum, default_value_t = Kind::Api)]
    kind: Kind,
    /// How long it is good for, e.g. 90d, 12h or 30m; without it, until it is revoked
    #[arg(long, value_parser = time)]
    expires_in: Option<Duration>,
    #[command(flatten)]
    master: Master,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum RoleName {
    /// Reads everything but the audit log and the keys
    Viewer,
    /// Also starts, stops, takes snapshots, rolls back, tags and edits property groups
    Operator,
    /// Everything
    Admin,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Kind {
    Api,
    Access,
    Both,
}

pub(crate) fn run(arguments: Arguments) -> Result<ExitCode, Error> {
    let json = arguments.json;
    crate::runtime()?.block_on(async {
        let control = open(&arguments.database).await?;
        match arguments.command {
            Command::Create(create) => show(json, &made(&control, &create).await?),
            Command::List => {
                let keys = control.list_keys().await?;
                if json {
                    print(format!("{:#}", Value::from_iter(keys.iter().map(told))));
                } else {
                    print(table(&keys));
                }
            }
            Command::Revoke { ids } => {
                let mut revoked = Vec::new();
                for id in ids {
                    revoked.push(control.revoke_key(&id).await?);
                }
                if json {
                    print(format!("{:#}", Value::from_iter(revoked.iter().map(told))));
                } else {
                    revoked.iter().for_each(|key| print(format!("Key {} is revoked.", key.id)));
                }
            }
            Command::ReEncrypt { master } => {
                let master = master.keys()?.ok_or("give the master keys: WEIR_MASTER_KEY")?;
                let done = control.reencrypt_keys(&master).await?;
                let Reencrypted { rewritten, unchanged, unreadable } = done;
                if json {
                    print(format!("{:#}", json!({ "Rewritten": rewritten,
                        "Unchanged": unchanged, "Unreadable": unreadable })));
                } else {
                    print(format!(
                        "{rewritten} secrets are encrypted with the newest master key now, {unchanged} \
                         were, {unreadable} of revoked keys cannot be read."
                    ));
                }
            }
        }
        Ok(ExitCode::SUCCESS)
    })
}

/// The control plane, for whoever sits at this machine.
async fn open(database: &Database) -> Result<Control, Error> {
    // Nothing here asks S3.
    let storage =
        Storage { bucket: String::new(), prefix: String::new(), s3: S3Settings::default() };
    let control = control_plane::open(
        &database.database_url,
        &storage,
        &Restarts::default(),
        &Quotas::default(),
    )
    .await?;
    let user = nix::unistd::User::from_uid(nix::unistd::getuid()).ok().flatten();
    let user = user.map_or_else(|| nix::unistd::getuid().to_string(), |user| user.name);
    Ok(control.by(Caller::terminal(&user)))
}

async fn made(control: &Control, create: &Create) -> Result<Vec<CreatedKey>, Error> {
    let master: Option<MasterKeys> = create.master.keys()?;
    let kinds: &[KeyKind] = match create.kind {
        Kind::Api => &[KeyKind::Api],
        Kind::Access => &[KeyKind::Access],
        Kind::Both => &[KeyKind::Access, KeyKind::Api],
    };
    let mut made = Vec::new();
    for &kind in kinds {
        let command = CreateKey {
            kind,
            name: create.name.clone(),
            role: match create.role {
                RoleName::Viewer => Role::Viewer,
                RoleName::Operator => Role::Operator,
                RoleName::Admin => Role::Admin,
            },
            expires_in: create.expires_in,
        };
        made.push(control.create_key(command, master.as_ref()).await?);
    }
    Ok(made)
}

fn show(as_json: bool, made: &[CreatedKey]) {
    if as_json {
        let each = |made: &CreatedKey| {
            let mut key = told(&made.key);
            let member = match made.key.kind {
                KeyKind::Api => "ApiKey",
                KeyKind::Access => "SecretAccessKey",
            };
            key[member] = made.secret.reveal().into();
            key
        };
        print(format!("{:#}", Value::from_iter(made.iter().map(each))));
        return;
    }
    for made in made {
        let secret = made.secret.reveal();
        print(match made.key.kind {
            KeyKind::Api => format!("# {}\nexport WEIR_API_KEY={secret}", made.key.id),
            KeyKind::Access => format!(
                "export AWS_ACCESS_KEY_ID={}\nexport AWS_SECRET_ACCESS_KEY={secret}",
                made.key.id
            ),
        });
    }
    print("# Secrets are not shown again.");
}

fn told(key: &Key) -> Value {
    let text = |at: chrono::DateTime<chrono::Utc>| at.to_rfc3339();
    json!({
        "KeyId": key.id,
        "Kind": key.kind,
        "Name": key.name,
        "Role": key.role,
        "CreatedAt": text(key.created_at),
        "ExpiresAt": key.expires_at.map(text),
        "RevokedAt": key.revoked_at.map(text),
        "LastUsedAt": key.last_used_at.map(text),
    })
}

fn table(keys: &[Key]) -> String {
    let mut table = Table::new(&["KEY", "KIND", "NAME", "ROLE", "LAST USED", "STATE"]);
    let time = |at: chrono::DateTime<chrono::Utc>| at.format("%Y-%m-%d %H:%M UTC").to_string();
    let now = chrono::Utc::now();
    for key in keys {
        let state = match (key.revoked_at, key.expires_at) {
            (Some(at), _) => format!("revoked {}", time(at)),
            (None, Some(at)) if at <= now => format!("expired {}", time(at)),
            (None, Some(at)) => format!("until {}", time(at)),
            (None, None) => "good".to_owned(),
        };
        table.row(vec![
            key.id.clone(),
            key.kind.to_string(),
            key.name.clone(),
            key.role.to_string(),
            key.last_used_at.map_or_else(|| "never".to_owned(), time),
            state,
        ]);
    }
    table.text("There is no key yet: weir key create --name you --role admin")
}

/// `90d`, `12h`, `30m`.
fn time(text: &str) -> Result<Duration, String> {
    let wrong = || format!("`{text}` is no time like 90d, 12h or 30m");
    let unit = text.chars().last().ok_or_else(wrong)?;
    let seconds = match unit {
        'd' => 24 * 60 * 60,
        'h' => 60 * 60,
        'm' => 60,
        _ => return Err(wrong()),
    };
    let number: u64 = text[..text.len() - 1].parse().map_err(|_| wrong())?;
    number.checked_mul(seconds).map(Duration::from_secs).ok_or_else(wrong)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_read() {
        assert_eq!(time("2d"), Ok(Duration::from_secs(172_800)));
        assert_eq!(time("30m"), Ok(Duration::from_secs(1800)));
        for wrong in ["", "d", "12", "1w", "-1h", "1é"] {
            assert!(time(wrong).is_err(), "{wrong}");
        }
    }
}
