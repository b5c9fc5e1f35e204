//! Removes what nothing needs any more from the object store.

use std::sync::Arc;
use std::time::Duration;

use control::Control;
use tokio_util::sync::CancellationToken;

use crate::Options;

/// Time between two cleanings.
const CLEAN_EVERY: Duration = Duration::from_secs(30);

/// Time before the first: where workers do not live long, there must be cleanings, too.
const FIRST_AFTER: Duration = Duration::from_secs(5);

/// Folders removed before control is told of it.
const CLEANED_AT_ONCE: u8 = 50;

/// Applications whose checkpoint folders are looked at in one cleaning.
const LOOKED_AT_ONCE: i64 = 10;

/// Cleans now and then until `stop`.
pub(crate) async fn clean(control: Control, options: Options, stop: CancellationToken) {
    let mut pause = FIRST_AFTER;
    loop {
        tokio::select! {
            () = stop.cancelled() => return,
            () = tokio::time::sleep(pause) => {}
        }
        pause = CLEAN_EVERY;
        if let Err(error) = clean_all(&control, &options, &stop).await {
            tracing::warn!(%error, "cleaning did not succeed");
        }
    }
}

async fn clean_all(
    control: &Control,
    options: &Options,
    stop: &CancellationToken,
) -> control::Result<()> {
    find_orphans(control, options).await?;
    until_nothing_is_left(stop, || clean_some(control, options)).await
}

/// Cleans as long as it helps: many applications with frequent checkpoints retire more in half a
/// minute than is removed at once.
async fn until_nothing_is_left<F: Future<Output = control::Result<Cleaned>>>(
    stop: &CancellationToken,
    mut some: impl FnMut() -> F,
) -> control::Result<()> {
    while !stop.is_cancelled() {
        let cleaned = some().await?;
        if cleaned.removed == 0 || cleaned.found < usize::from(CLEANED_AT_ONCE) {
            break;
        }
    }
    Ok(())
}

/// How many folders were to be removed, and how many were.
#[derive(Debug, Clone, Copy)]
struct Cleaned {
    found: usize,
    removed: usize,
}

async fn clean_some(control: &Control, options: &Options) -> control::Result<Cleaned> {
    let garbage = control.cleanup(CLEANED_AT_ONCE.into()).await?;
    let found = garbage.len();
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
    control.garbage_removed(&removed).await?;
    Ok(Cleaned { found, removed: removed.len() })
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

#[cfg(test)]
mod tests {
    use std::cell::RefCell;

    use super::*;

    /// Cleans with these answers; gives those that were not asked for.
    async fn left_of(answers: &[(usize, usize)]) -> usize {
        let answers = RefCell::new(answers.iter());
        let some = || {
            let (found, removed) = *answers.borrow_mut().next().unwrap();
            std::future::ready(Ok(Cleaned { found, removed }))
        };
        until_nothing_is_left(&CancellationToken::new(), some).await.unwrap();
        answers.into_inner().len()
    }

    #[tokio::test]
    async fn cleaning_goes_on_until_nothing_is_left_or_nothing_helps() {
        assert_eq!(left_of(&[(0, 0)]).await, 0);
        assert_eq!(left_of(&[(50, 50), (50, 49), (7, 7)]).await, 0);
        assert_eq!(left_of(&[(50, 0), (50, 50)]).await, 1, "the object store is away");
    }
}
