//! `weir app`: the client of the REST API, tables for people and JSON for pipes.
//!
//! **Start at**: [`run`], then `session.rs`; the other files are one family of commands each.

mod applications;
mod code;
mod dashboard;
mod enhanced;
mod history;
mod lifecycle;
mod logs;
mod observation;
mod parts;
mod properties;
mod session;
mod snapshots;
pub(crate) mod table;
mod usage;
mod waiting;

use std::process::ExitCode;

use clap::Subcommand;

use self::session::{Error, Session};

/// Options of `weir app`.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// URL of the API
    #[arg(long, env = "WEIR_API", default_value = "http://127.0.0.1:8088", global = true)]
    api: String,
    /// Key to show, where the API asks for one; `weir key create` makes it
    #[arg(long, env = "WEIR_API_KEY", hide_env_values = true, global = true)]
    api_key: Option<String>,
    /// Print the API's answers as JSON
    #[arg(long, global = true)]
    json: bool,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// List all applications
    List,
    /// Tell all of an application
    Describe(applications::Describe),
    /// Create an application from a file
    Create(applications::Create),
    /// Change an application; a running one goes on from a snapshot
    Update(applications::Update),
    /// Delete an application with its snapshots and history
    Delete(applications::Delete),
    /// Read and change property groups
    Properties(properties::Properties),
    /// Add and delete logging options, which are kept and shown
    Logging(parts::Logging),
    /// Add and delete VPC configurations, which are kept and shown
    Vpc(parts::Vpc),
    /// Set when an application's maintenance window begins
    Maintenance(parts::Maintenance),
    /// Start an application
    Start(lifecycle::Start),
    /// Stop an application, with a snapshot
    Stop(lifecycle::Stop),
    /// Go back to the version that ran before, from its last snapshot
    Rollback(lifecycle::Rollback),
    /// List, take and delete snapshots
    Snapshots(snapshots::Snapshots),
    /// List, take, copy and delete enhanced snapshots, which outlive their applications
    Enhanced(enhanced::Enhanced),
    /// List the versions of an application
    Versions(history::List),
    /// List what was asked of an application and what became of it
    Operations(history::List),
    /// List what has happened to an application
    Events(history::List),
    /// Read an application's log
    Logs(logs::Logs),
    /// Tell the counters of an application's present run
    Metrics(observation::Named),
    /// Explain why the windows of an application have not fired yet
    Waiting(observation::Named),
    /// Tell the KPU-seconds that applications took, by day
    Usage(usage::Usage),
    /// Tell the operators of an application's present run
    Graph(observation::Named),
    /// Print a URL that shows a running application in a browser; open it within three minutes
    Dashboard(dashboard::Dashboard),
}

pub(crate) fn run(arguments: Arguments) -> Result<ExitCode, Error> {
    let session = Session::new(&arguments.api, arguments.api_key.as_deref(), arguments.json);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        match arguments.command {
            Command::List => applications::list(&session).await,
            Command::Describe(it) => applications::describe(&session, &it).await,
            Command::Create(it) => applications::create(&session, &it).await,
            Command::Update(it) => applications::update(&session, &it).await,
            Command::Delete(it) => applications::delete(&session, &it).await,
            Command::Properties(it) => properties::run(&session, it).await,
            Command::Logging(it) => parts::logging(&session, &it).await,
            Command::Vpc(it) => parts::vpc(&session, &it).await,
            Command::Maintenance(it) => parts::maintenance(&session, &it).await,
            Command::Start(it) => lifecycle::start(&session, &it).await,
            Command::Stop(it) => lifecycle::stop(&session, &it).await,
            Command::Rollback(it) => lifecycle::rollback(&session, &it).await,
            Command::Snapshots(it) => snapshots::run(&session, &it).await,
            Command::Enhanced(it) => enhanced::run(&session, &it).await,
            Command::Versions(it) => history::versions(&session, &it).await,
            Command::Operations(it) => history::operations(&session, &it).await,
            Command::Events(it) => history::events(&session, &it).await,
            Command::Logs(it) => logs::run(&session, &it).await,
            Command::Metrics(it) => observation::metrics(&session, &it).await,
            Command::Waiting(it) => waiting::waiting(&session, &it).await,
            Command::Usage(it) => usage::usage(&session, &it).await,
            Command::Graph(it) => observation::graph(&session, &it).await,
            Command::Dashboard(it) => dashboard::dashboard(&session, &it).await,
        }
    })?;
    Ok(ExitCode::SUCCESS)
}
