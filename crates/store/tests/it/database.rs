//! A fresh, migrated database for each test, on one server for the whole test binary.

use std::sync::{Arc, Weak};

use embedded::postgres::{Options, Postgres};
use store::Store;
use tokio::sync::Mutex;
use uuid::Uuid;

/// A database of its own for one test. The server ends with the last of them.
#[derive(Debug)]
pub(crate) struct Database {
    pub(crate) url: String,
    _server: Arc<Server>,
}

#[derive(Debug)]
struct Server {
    postgres: Postgres,
    // After the server, which is still running in it.
    _folder: tempfile::TempDir,
}

static SERVER: Mutex<Weak<Server>> = Mutex::const_new(Weak::new());

async fn server() -> Arc<Server> {
    let mut shared = SERVER.lock().await;
    if let Some(server) = shared.upgrade() {
        return server;
    }
    let folder = tempfile::tempdir().unwrap();
    let options = Options { fsync: false, max_connections: 200, ..Options::default() };
    let postgres = Postgres::start_with(folder.path(), options).await.unwrap();
    let server = Arc::new(Server { postgres, _folder: folder });
    *shared = Arc::downgrade(&server);
    server
}

/// Makes an empty database; gives its URL.
pub(crate) async fn empty() -> (Database, String) {
    let server = server().await;
    let name = format!("test_{}", Uuid::new_v4().simple());
    Store::create_database(server.postgres.url(), &name).await.unwrap();
    let url = server.postgres.database_url(&name);
    (Database { url: url.clone(), _server: server }, url)
}

/// Makes the database and a store on it.
pub(crate) async fn fresh() -> (Database, Store) {
    let (database, url) = empty().await;
    let store = Store::connect(&url, 5).await.unwrap();
    store.migrate().await.unwrap();
    (database, store)
}
