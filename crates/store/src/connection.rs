//! The pool and its transactions.

use std::time::Duration;

use chrono::{DateTime, Utc};
use sqlx::{Connection, PgPool, Postgres, Transaction, postgres::PgPoolOptions};

use crate::error::{Error, Result};

static MIGRATIONS: sqlx::migrate::Migrator = sqlx::migrate!("../../migrations");

/// A pool of connections to one Postgres database.
#[derive(Debug, Clone)]
pub struct Store {
    pub(crate) pool: PgPool,
}

/// A transaction. What it wrote is kept by [`Tx::commit`] and undone when it is dropped.
#[derive(Debug)]
pub struct Tx {
    pub(crate) inner: Transaction<'static, Postgres>,
}

impl Store {
    /// Connects to `postgres://…` with at most `connections` connections; whoever listens
    /// ([`Store::wake`]) takes one of them for good.
    ///
    /// # Errors
    /// The URL is wrong or the database does not answer within ten seconds.
    pub async fn connect(url: &str, connections: u32) -> Result<Self> {
        let pool = PgPoolOptions::new()
            .max_connections(connections)
            .acquire_timeout(Duration::from_secs(10))
            .connect(url)
            .await
            .map_err(Error::Database)?;
        Ok(Self { pool })
    }

    /// Creates a database on the server of `url` unless it is there; for private servers.
    ///
    /// # Errors
    /// The name has other characters than `a-z`, `0-9` and `_`, or the server does not answer.
    pub async fn create_database(url: &str, name: &str) -> Result<()> {
        let plain = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_';
        if name.is_empty() || !name.bytes().all(plain) {
            let problem = "has other characters than a-z, 0-9 and _".into();
            return Err(Error::Database(sqlx::Error::Configuration(problem)));
        }
        let mut connection = sqlx::PgConnection::connect(url).await?;
        let there: Option<i32> = sqlx::query_scalar("SELECT 1 FROM pg_database WHERE datname = $1")
            .bind(name)
            .fetch_optional(&mut connection)
            .await?;
        if there.is_none() {
            let mut create = sqlx::QueryBuilder::<Postgres>::new("CREATE DATABASE ");
            create.push(name).build().execute(&mut connection).await?;
        }
        connection.close().await?;
        Ok(())
    }

    /// Brings the schema up to date. Several processes may do so at once.
    ///
    /// # Errors
    /// A migration fails, or the database was migrated by a newer Weir.
    pub async fn migrate(&self) -> Result<()> {
        MIGRATIONS.run(&self.pool).await?;
        Ok(())
    }

    /// Begins a transaction.
    ///
    /// # Errors
    /// The database does not answer.
    pub async fn begin(&self) -> Result<Tx> {
        Ok(Tx { inner: self.pool.begin().await? })
    }

    /// Asks the database for nothing, to know that it answers.
    ///
    /// # Errors
    /// It does not.
    pub async fn ping(&self) -> Result<()> {
        sqlx::query("SELECT 1").execute(&self.pool).await?;
        Ok(())
    }

    /// Closes all connections after what they are doing.
    pub async fn close(&self) {
        self.pool.close().await;
    }
}

impl Tx {
    /// Keeps what was written.
    ///
    /// # Errors
    /// The database does not answer; whether the writes were kept is then unknown.
    pub async fn commit(self) -> Result<()> {
        self.inner.commit().await?;
        Ok(())
    }

    /// The database's time at the start of this transaction.
    ///
    /// # Errors
    /// The database does not answer.
    pub async fn now(&mut self) -> Result<DateTime<Utc>> {
        Ok(sqlx::query_scalar("SELECT now()").fetch_one(&mut *self.inner).await?)
    }
}
