//! `weir app list`, `describe`, `create`, `update`, `delete`.

use std::io::{IsTerminal, Write};
use std::path::{Path, PathBuf};

use reqwest::Method;
use serde_json::{Value, json};

use super::code::Code;
use super::session::{Error, Session, application, text, time};
use super::table::{Table, fields};
use crate::client::Body;

/// Options of `weir app describe`.
#[derive(Debug, clap::Args)]
pub(super) struct Describe {
    /// Name of the application
    name: String,
}

/// Options of `weir app create`.
#[derive(Debug, clap::Args)]
pub(super) struct Create {
    /// JSON file with a CreateApplication request
    file: PathBuf,
    /// The program: a zip file, a SQL script (.sql), a Python file (.py) or a folder with main.py
    #[arg(long)]
    code: Option<PathBuf>,
}

/// Options of `weir app update`.
#[derive(Debug, clap::Args)]
#[command(group = clap::ArgGroup::new("change").required(true).multiple(true))]
pub(super) struct Update {
    /// Name of the application
    name: String,
    /// JSON file with an UpdateApplication request
    #[arg(group = "change")]
    file: Option<PathBuf>,
    /// The program: a zip file, a SQL script (.sql), a Python file (.py) or a folder with main.py
    #[arg(long, group = "change")]
    code: Option<PathBuf>,
    /// Number of subtasks
    #[arg(long, group = "change")]
    parallelism: Option<u32>,
    /// Wait until a running application runs again
    #[arg(long)]
    wait: bool,
}

/// Options of `weir app delete`.
#[derive(Debug, clap::Args)]
pub(super) struct Delete {
    /// Name of the application
    name: String,
    /// Do not ask
    #[arg(long)]
    yes: bool,
}

pub(super) async fn list(session: &Session) -> Result<(), Error> {
    let list = "ApplicationSummaries";
    let answer = session.pages("/v1/applications", "", list).await?;
    session.show(&answer, |answer| {
        let mut table = Table::new(&["NAME", "STATUS", "VERSION", "RUNTIME"]);
        for it in answer[list].as_array().into_iter().flatten() {
            table.row(vec![
                text(&it["ApplicationName"]),
                text(&it["ApplicationStatus"]),
                text(&it["ApplicationVersionId"]),
                text(&it["RuntimeEnvironment"]),
            ]);
        }
        table.text("there are no applications; `weir app create FILE.json` makes one")
    });
    Ok(())
}

pub(super) async fn describe(session: &Session, arguments: &Describe) -> Result<(), Error> {
    let answer = session.client.get(&application(&arguments.name)).await?;
    session.show(&answer, |answer| in_words(&answer["ApplicationDetail"]));
    Ok(())
}

fn in_words(detail: &Value) -> String {
    let configuration = &detail["ApplicationConfigurationDescription"];
    let flink = &configuration["FlinkApplicationConfigurationDescription"];
    let parallelism = &flink["ParallelismConfigurationDescription"];
    let checkpoints = &flink["CheckpointConfigurationDescription"];
    let code = &configuration["ApplicationCodeConfigurationDescription"];
    let restore =
        &configuration["RunConfigurationDescription"]["ApplicationRestoreConfigurationDescription"];
    let snapshots = &configuration["ApplicationSnapshotConfigurationDescription"];
    let mut words = fields(&[
        ("Name", text(&detail["ApplicationName"])),
        ("Description", text(&detail["ApplicationDescription"])),
        ("ARN", text(&detail["ApplicationARN"])),
        ("Status", text(&detail["ApplicationStatus"])),
        ("Version", text(&detail["ApplicationVersionId"])),
        ("Runtime", text(&detail["RuntimeEnvironment"])),
        ("Created", time(&detail["CreateTimestamp"])),
        ("Updated", time(&detail["LastUpdateTimestamp"])),
        ("Code", code_in_words(code)),
        ("Parallelism", parallelism_in_words(parallelism)),
        ("Checkpoints", checkpoints_in_words(checkpoints)),
        ("Snapshots", switch(snapshots["SnapshotsEnabled"].as_bool())),
        ("Started with", text(&restore["ApplicationRestoreType"])),
        ("Snapshot", text(&restore["SnapshotName"])),
    ]);
    words.push_str(&run_in_words(&detail["Weir"]));
    let groups = &configuration["EnvironmentPropertyDescriptions"]["PropertyGroupDescriptions"];
    if groups.as_array().is_some_and(|groups| !groups.is_empty()) {
        words.push('\n');
        words.push_str(&super::properties::groups_in_words(groups));
    }
    words
}

fn switch(on: Option<bool>) -> String {
    on.map_or("", |on| if on { "enabled" } else { "disabled" }).to_owned()
}

fn code_in_words(code: &Value) -> String {
    if code.is_null() {
        return "none yet".to_owned();
    }
    let content = &code["CodeContentDescription"];
    let place = &content["S3ApplicationCodeLocationDescription"];
    let mut words = format!(
        "{}, {} bytes, MD5 {}",
        text(&code["CodeContentType"]),
        content["CodeSize"],
        text(&content["CodeMD5"])
    );
    if !place.is_null() {
        words.push_str(&format!(", {} {}", text(&place["BucketARN"]), text(&place["FileKey"])));
    }
    words
}

fn checkpoints_in_words(checkpoints: &Value) -> String {
    if checkpoints["CheckpointingEnabled"] == true {
        format!("every {} ms", checkpoints["CheckpointInterval"])
    } else {
        "disabled".to_owned()
    }
}

fn run_in_words(run: &Value) -> String {
    if run.is_null() {
        return String::new();
    }
    let failure = &run["Failure"];
    let failed = match failure["Message"].as_str() {
        Some(message) => {
            format!("{}: {message} ({})", text(&failure["Domain"]), time(&failure["At"]))
        }
        None => String::new(),
    };
    let checkpoint = &run["LatestCheckpoint"];
    let checkpoint = match checkpoint["CheckpointId"].as_u64() {
        Some(id) => format!(
            "{id}, {} bytes of state, {}",
            checkpoint["StateBytes"],
            time(&checkpoint["RecordedAt"])
        ),
        None => String::new(),
    };
    let fields = fields(&[
        ("Job", text(&run["JobPhase"])),
        ("Health", health_in_words(&run["Health"])),
        ("Version", text(&run["ApplicationVersionId"])),
        ("Attempt", format!("{} ({} restarts)", run["Attempt"], run["Restarts"])),
        ("Started from", text(&run["RestoredFrom"])),
        ("Running since", time(&run["RunningSince"])),
        ("Next attempt", time(&run["NextAttemptAt"])),
        ("Waits for room", text(&run["WaitingFor"])),
        ("Autoscaling", autoscaling_in_words(&run["Autoscaling"])),
        ("Worker", text(&run["Worker"])),
        ("Checkpoint", checkpoint),
        ("Last failure", failed),
        ("Traceback", text(&failure["Traceback"])),
    ]);
    format!("\n{fields}")
}

fn parallelism_in_words(parallelism: &Value) -> String {
    let (wanted, present) = (&parallelism["Parallelism"], &parallelism["CurrentParallelism"]);
    if wanted == present {
        return text(wanted);
    }
    format!("{wanted}, now {present}")
}

fn autoscaling_in_words(autoscaling: &Value) -> String {
    let decision = &autoscaling["Decision"];
    match decision["Verdict"].as_str() {
        Some(verdict) => format!("{verdict}: {}", text(&decision["Reason"])),
        None => String::new(),
    }
}

fn health_in_words(health: &Value) -> String {
    let condition = text(&health["Condition"]);
    match health["FailuresInRow"].as_u64() {
        Some(count) if count > 0 => format!("{condition} ({count} failures in a row)"),
        _ => condition,
    }
}

pub(super) async fn create(session: &Session, arguments: &Create) -> Result<(), Error> {
    let mut request = read_json(&arguments.file)?;
    if let Some(path) = &arguments.code {
        let code = Code::read(path)?;
        let kind = code.content_type();
        let (member, value) = code.member();
        let code = json!({ "CodeContentType": kind, "CodeContent": { member: value } });
        *member_of(&mut request, &["ApplicationConfiguration", "ApplicationCodeConfiguration"])? =
            code;
    }
    let answer = session.client.post("/v1/applications", request).await?;
    let detail = &answer["ApplicationDetail"];
    let (name, status) = (text(&detail["ApplicationName"]), text(&detail["ApplicationStatus"]));
    session.done(&answer, &format!("created {name}: {status}"));
    Ok(())
}

pub(super) async fn update(session: &Session, arguments: &Update) -> Result<(), Error> {
    let name = &arguments.name;
    let mut request = match &arguments.file {
        Some(file) => read_json(file)?,
        None => json!({}),
    };
    let update = "ApplicationConfigurationUpdate";
    if let Some(path) = &arguments.code {
        let code = Code::read(path)?;
        let kind = code.content_type();
        let (member, value) = code.member();
        let member = format!("{member}Update");
        *member_of(&mut request, &[update, "ApplicationCodeConfigurationUpdate"])? = json!({
            "CodeContentTypeUpdate": kind,
            "CodeContentUpdate": { member: value },
        });
    }
    if let Some(parallelism) = arguments.parallelism {
        let flink = "FlinkApplicationConfigurationUpdate";
        let path = [update, flink, "ParallelismConfigurationUpdate"];
        let block = member_of(&mut request, &path)?;
        *member_of(block, &["ConfigurationTypeUpdate"])? = json!("CUSTOM");
        *member_of(block, &["ParallelismUpdate"])? = json!(parallelism);
    }
    let path = application(name);
    if request["CurrentApplicationVersionId"].is_null() && request["ConditionalToken"].is_null() {
        let present = session.client.get(&path).await?;
        request["CurrentApplicationVersionId"] =
            present["ApplicationDetail"]["ApplicationVersionId"].clone();
    }
    let answer = session.client.call(Method::PATCH, &path, Body::Json(request)).await?;
    changed(session, name, &answer, arguments.wait).await
}

/// Tells of an accepted change, when it is there if `wait` says so.
pub(super) async fn changed(
    session: &Session,
    name: &str,
    answer: &Value,
    wait: bool,
) -> Result<(), Error> {
    let detail = &answer["ApplicationDetail"];
    let status =
        if wait { session.wait(name, answer).await? } else { text(&detail["ApplicationStatus"]) };
    let version = &detail["ApplicationVersionId"];
    session.done(answer, &format!("{name} has version {version}: {status}"));
    Ok(())
}

pub(super) async fn delete(session: &Session, arguments: &Delete) -> Result<(), Error> {
    let name = &arguments.name;
    if !arguments.yes && !agreed(name)? {
        return Err("nothing was deleted".into());
    }
    let answer = session.client.call(Method::DELETE, &application(name), Body::Nothing).await?;
    session.done(&answer, &format!("{name} is being deleted"));
    Ok(())
}

/// Asks the person at the terminal.
fn agreed(name: &str) -> Result<bool, Error> {
    if !std::io::stdin().is_terminal() {
        return Err("say --yes to delete without being asked".into());
    }
    let mut screen = std::io::stderr().lock();
    write!(screen, "Delete `{name}` with its snapshots and history? [y/N] ")?;
    screen.flush()?;
    let mut answer = String::new();
    std::io::stdin().read_line(&mut answer)?;
    Ok(matches!(answer.trim().to_ascii_lowercase().as_str(), "y" | "yes"))
}

fn read_json(path: &Path) -> Result<Value, Error> {
    let text = std::fs::read_to_string(path)
        .map_err(|error| format!("cannot read {}: {error}", path.display()))?;
    let value: Value = serde_json::from_str(&text)
        .map_err(|error| format!("{} is not JSON: {error}", path.display()))?;
    if value.is_object() {
        return Ok(value);
    }
    Err(format!("{} is not a JSON object", path.display()).into())
}

/// The member at a path, made where it is not there.
fn member_of<'a>(value: &'a mut Value, path: &[&str]) -> Result<&'a mut Value, Error> {
    let mut at = value;
    for name in path {
        if at.is_null() {
            *at = json!({});
        }
        let object = at.as_object_mut();
        let object = object.ok_or_else(|| format!("the file has no object around `{name}`"))?;
        at = object.entry(*name).or_insert(Value::Null);
    }
    Ok(at)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn members_are_made_where_they_are_not_there() {
        let mut value = json!({ "a": { "b": 1 } });
        *member_of(&mut value, &["a", "c", "d"]).unwrap() = json!(2);
        assert_eq!(value, json!({ "a": { "b": 1, "c": { "d": 2 } } }));
        assert!(member_of(&mut value, &["a", "b", "c"]).is_err());
    }

    #[test]
    fn an_application_that_never_ran_is_described_in_words() {
        let words = in_words(&json!({
            "ApplicationName": "alerts", "ApplicationStatus": "READY", "ApplicationVersionId": 1,
            "ApplicationConfigurationDescription": { "EnvironmentPropertyDescriptions": {
                "PropertyGroupDescriptions": [
                    { "PropertyGroupId": "topics", "PropertyMap": { "in": "readings" } },
                ],
            } },
        }));
        assert_eq!(
            words,
            "Name:        alerts\nStatus:      READY\nVersion:     1\nCode:        none yet\n\
             Checkpoints: disabled\n\nGROUP   KEY  VALUE\ntopics  in   readings"
        );
    }
}
