//! Removes what nothing needs any more from the object store.

use std::sync::Arc;
use std::time::Duration;

use control::Control;
use tokio_util::sync::CancellationToken;

use crate::Options;

/// Time between two cleanings.
const CLEAN_EVERY: Duration = Duration::from_secs(30);

/// Folders removed in one cleaning.
const CLEANED_AT_ONCE: i64 = 50;

/// Applications whose checkpoint folders are looked at in one cleaning.
const LOOKED_AT_ONCE: i64 = 10;

/// Cleans now and then until `stop`.
pub(crate) async fn clean(control: Control, options: Options, stop: CancellationToken) {
    loop {
        tokio::select! {
            () = stop.cancelled() => return,
            () = tokio::time::sleep(CLEAN_EVERY) => {}
        }
        if let Err(error) = clean_once(&control, &options).await {
            tracing::warn!(%error, "cleaning did not succeed");
        }
    }
}

async fn clean_once(control: &Control, options: &Options) -> control::Result<()> {
    find_orphans(control, options).await?;
    let garbage = control.cleanup(CLEANED_AT_ONCE).await?;
    let remove = Arc::clone(&options.remove_folder);
    let removed = tokio::task::spawn_blocking(move || {
        let mut removed = Vec::new();
        for folder in garbage {
            match remove(&folder.folder) {
                Ok(()) => removed.push(folder.id),
                Err(error) => {
                    tracing::warn!(folder = folder.folder, %error, "garbage is left");
                }
            }
        }
        removed
    });
    let removed = removed.await.unwrap_or_default();
    control.garbage_removed(&removed).await
}

/// Looks for folders of checkpoints that were never recorded.
async fn find_orphans(control: &Control, options: &Options) -> control::Result<()> {
    for place in control.folders_to_look_at(LOOKED_AT_ONCE).await? {
        let list = Arc::clone(&options.list_folders);
        let folder = place.folder.clone();
        let found = tokio::task::spawn_blocking(move || list(&folder)).await;
        match found {
            Ok(Ok(found)) => {
                let orphans = control.folders_found(&place, found).await?;
                if orphans > 0 {
                    let folder = place.folder;
                    tracing::info!(folder, orphans, "checkpoints that were never recorded");
                }
            }
            Ok(Err(error)) => tracing::warn!(folder = place.folder, %error, "not looked at"),
            Err(error) => tracing::error!(folder = place.folder, %error, "not looked at"),
        }
    }
    Ok(())
}
