//! LISTEN/NOTIFY: workers are woken when there is something to do.

use std::time::Duration;

use sqlx::postgres::PgListener;

use crate::{
    connection::{Store, Tx},
    error::Result,
};

/// The channel workers listen on.
const CHANNEL: &str = "weir_work";

/// Waits for notifications on a connection of its own.
#[derive(Debug)]
pub struct Wake {
    listener: PgListener,
}

impl Tx {
    /// Wakes everybody who waits, once the transaction is committed.
    ///
    /// # Errors
    /// The database does not answer.
    pub async fn notify(&mut self) -> Result<()> {
        sqlx::query("SELECT pg_notify($1, '')").bind(CHANNEL).execute(&mut *self.inner).await?;
        Ok(())
    }
}

impl Store {
    /// Begins to listen.
    ///
    /// # Errors
    /// The database does not answer.
    pub async fn wake(&self) -> Result<Wake> {
        let mut listener = PgListener::connect_with(&self.pool).await?;
        listener.listen(CHANNEL).await?;
        Ok(Wake { listener })
    }
}

impl Wake {
    /// Returns when there may be something to do: somebody notified (true), or `at_most` is over
    /// (false). Several notifications wake once. A lost connection is made anew; what was notified
    /// meanwhile is found by the next tick.
    ///
    /// # Errors
    /// The database does not answer.
    pub async fn wait(&mut self, at_most: Duration) -> Result<bool> {
        match tokio::time::timeout(at_most, self.listener.try_recv()).await {
            Err(_elapsed) => Ok(false),
            Ok(received) => {
                let _lost_connection_or_notification = received?;
                while self.listener.next_buffered().is_some() {}
                Ok(true)
            }
        }
    }
}
