//! `weir app logging`, `vpc` and `maintenance`: what an application keeps for AWS's tools.

use clap::Subcommand;
use reqwest::Method;
use serde_json::{Value, json};

use super::session::{Error, Session, application, encoded, text};
use crate::client::Body;

/// Options of `weir app logging`.
#[derive(Debug, clap::Args)]
pub(super) struct Logging {
    /// Name of the application
    name: String,
    #[command(subcommand)]
    action: LoggingAction,
}

#[derive(Debug, Subcommand)]
enum LoggingAction {
    /// Add a logging option; a running application is restarted
    Add {
        /// ARN of a CloudWatch log stream
        log_stream_arn: String,
    },
    /// Delete a logging option; a running application is restarted
    Delete {
        /// Its id, for example 2.1
        id: String,
    },
}

/// Options of `weir app vpc`.
#[derive(Debug, clap::Args)]
pub(super) struct Vpc {
    /// Name of the application
    name: String,
    #[command(subcommand)]
    action: VpcAction,
}

#[derive(Debug, Subcommand)]
enum VpcAction {
    /// Add a VPC configuration; a running application is restarted
    Add {
        /// Ids of subnets
        #[arg(long, required = true, value_delimiter = ',')]
        subnets: Vec<String>,
        /// Ids of security groups
        #[arg(long, required = true, value_delimiter = ',')]
        security_groups: Vec<String>,
    },
    /// Delete a VPC configuration; a running application is restarted
    Delete {
        /// Its id, for example 2.1
        id: String,
    },
}

/// Options of `weir app maintenance`.
#[derive(Debug, clap::Args)]
pub(super) struct Maintenance {
    /// Name of the application
    name: String,
    /// Start of its eight hours, HH:MM in UTC
    start: String,
}

pub(super) async fn logging(session: &Session, arguments: &Logging) -> Result<(), Error> {
    let all = format!("{}/logging-options", application(&arguments.name));
    let (answer, done) = match &arguments.action {
        LoggingAction::Add { log_stream_arn } => {
            let request = json!({ "CloudWatchLoggingOption": { "LogStreamARN": log_stream_arn } });
            let answer = session.client.post(&all, request).await?;
            let id = text(
                &answer["CloudWatchLoggingOptionDescriptions"][0]["CloudWatchLoggingOptionId"],
            );
            (answer, format!("logging option {id} is added"))
        }
        LoggingAction::Delete { id } => {
            let path = format!("{all}/{}", encoded(id));
            let answer = session.client.call(Method::DELETE, &path, Body::Nothing).await?;
            (answer, format!("logging option {id} is deleted"))
        }
    };
    told(session, &arguments.name, &answer, &done);
    Ok(())
}

pub(super) async fn vpc(session: &Session, arguments: &Vpc) -> Result<(), Error> {
    let all = format!("{}/vpc-configurations", application(&arguments.name));
    let (answer, done) = match &arguments.action {
        VpcAction::Add { subnets, security_groups } => {
            let vpc = json!({ "SubnetIds": subnets, "SecurityGroupIds": security_groups });
            let request = json!({ "VpcConfiguration": vpc });
            let answer = session.client.post(&all, request).await?;
            let id = text(&answer["VpcConfigurationDescription"]["VpcConfigurationId"]);
            (answer, format!("VPC configuration {id} is added"))
        }
        VpcAction::Delete { id } => {
            let path = format!("{all}/{}", encoded(id));
            let answer = session.client.call(Method::DELETE, &path, Body::Nothing).await?;
            (answer, format!("VPC configuration {id} is deleted"))
        }
    };
    told(session, &arguments.name, &answer, &done);
    Ok(())
}

fn told(session: &Session, name: &str, answer: &Value, done: &str) {
    let version = &answer["ApplicationVersionId"];
    session.done(answer, &format!("{done}; {name} has version {version}"));
}

pub(super) async fn maintenance(session: &Session, arguments: &Maintenance) -> Result<(), Error> {
    let Maintenance { name, start } = arguments;
    let request = json!({ "ApplicationMaintenanceConfigurationUpdate": {
        "ApplicationMaintenanceWindowStartTimeUpdate": start,
    } });
    let path = format!("{}/maintenance-window", application(name));
    let answer = session.client.put(&path, Body::Json(request)).await?;
    let window = &answer["ApplicationMaintenanceConfigurationDescription"];
    let start = text(&window["ApplicationMaintenanceWindowStartTime"]);
    let end = text(&window["ApplicationMaintenanceWindowEndTime"]);
    session.done(&answer, &format!("maintenance window of {name} is {start} to {end} UTC"));
    Ok(())
}
