//! What can be seen of an application, as text: of the real one and of the reference model's.

use std::fmt::Write;

use control::{Control, PageRequest};
use model::{configuration::RestoreWish, error_code::ErrorCode, ids::ApplicationName};

use super::reference::{App, Next, Wish};

/// Most entries of a history that are compared, the newest.
const MOST: usize = 50;

pub(super) struct Seen {
    pub(super) text: String,
    pub(super) status: String,
    /// Names of the snapshots, oldest first.
    pub(super) names: Vec<String>,
    pub(super) newest_event: i64,
}

/// All that Describe and the lists tell; nothing if there is no such application.
pub(super) async fn observe(control: &Control, name: &ApplicationName) -> Option<Seen> {
    let page = || PageRequest::new(Some(50), None).unwrap();
    let detail = match control.describe(name).await {
        Ok(detail) => detail,
        Err(error) => {
            assert_eq!(error.code(), ErrorCode::ResourceNotFound, "{error}");
            return None;
        }
    };
    let number = |version: Option<model::ids::VersionId>| version.map(|it| it.get());
    let wish = detail.run_configuration.as_ref().map(|it| match &it.restore {
        RestoreWish::Skip => "skip".to_owned(),
        RestoreWish::LatestSnapshot => "latest".to_owned(),
        RestoreWish::Snapshot { name } => name.to_string(),
        RestoreWish::Enhanced { arn, .. } => arn.clone(),
    });
    let mut text = String::new();
    writeln!(
        text,
        "{} v{} from {:?} rolled back {:?} to {:?} parallelism {} wish {wish:?}",
        detail.status,
        detail.version,
        number(detail.version_updated_from),
        number(detail.version_rolled_back_from),
        number(detail.version_rolled_back_to),
        detail.current_parallelism,
    )
    .unwrap();
    if let Some(run) = detail.run.filter(|run| run.ended_at.is_none()) {
        let restored = run.restore.and_then(|it| it.checkpoint());
        let up = run.running_since.is_some();
        writeln!(text, "run v{} attempt {} from {restored:?} up {up}", run.version, run.attempt)
            .unwrap();
    }
    for version in control.list_versions(name, &page()).await.unwrap().items {
        write!(text, "{}:{} ", version.version, version.status.as_str()).unwrap();
    }
    text.push('\n');
    let filter = control::OperationFilter::default();
    for operation in control.list_operations(name, &filter, &page()).await.unwrap().items {
        let versions = operation.versions.map(|(from, to)| (from.get(), to.get()));
        let rollback = operation.rollback.is_some();
        write!(text, "{} {} {versions:?} {rollback}; ", operation.kind, operation.status).unwrap();
    }
    text.push('\n');
    let mut names = Vec::new();
    let mut asked = page();
    loop {
        let found = control.list_snapshots(name, &asked).await.unwrap();
        for it in found.items {
            names.push(it.name.to_string());
            writeln!(text, "{} {} v{} {:?}", it.name, it.status, it.version, it.checkpoint)
                .unwrap();
        }
        let Some(token) = found.next_token else { break };
        asked = PageRequest::new(Some(50), Some(token)).unwrap();
    }
    writeln!(text, "{:?}", control.tags(name).await.unwrap()).unwrap();
    let newest = PageRequest::new(Some(1), None).unwrap();
    let events = control.events(name, &newest).await.unwrap();
    let newest_event = events.items[0].id;
    Some(Seen { text, status: detail.status.to_string(), names, newest_event })
}

impl App {
    /// The same of the reference model.
    pub(super) fn text(&self) -> String {
        let present = self.present();
        let wish = |next: &Next| match &next.wish {
            Wish::Skip => "skip".to_owned(),
            Wish::Latest => "latest".to_owned(),
            Wish::Named(name) => name.clone(),
        };
        let shown = self.run.as_ref().map(|run| wish(run.successor.as_ref().unwrap_or(&run.next)));
        let parallelism = self.run.as_ref().map_or(present.parallelism, |it| it.next.parallelism);
        let mut text = String::new();
        writeln!(
            text,
            "{} v{} from {:?} rolled back {:?} to {:?} parallelism {parallelism} wish {shown:?}",
            self.status,
            self.version,
            present.from,
            present.to.and(present.from),
            present.to,
        )
        .unwrap();
        if let Some(run) = &self.run {
            let (version, attempt, up) = (run.next.version, run.attempt, run.running);
            let restored = run.began.flatten();
            writeln!(text, "run v{version} attempt {attempt} from {restored:?} up {up}").unwrap();
        }
        for (number, version) in self.versions.iter().rev().take(MOST) {
            let status = match (version.rolled_back, *number == self.version) {
                (true, _) => "ROLLED_BACK",
                (false, true) => self.status,
                (false, false) => "READY",
            };
            write!(text, "{number}:{status} ").unwrap();
        }
        text.push('\n');
        for it in self.operations.iter().rev().take(MOST) {
            write!(text, "{} {} {:?} {}; ", it.kind, it.status, it.versions, it.rollback).unwrap();
        }
        text.push('\n');
        for it in &self.snapshots {
            writeln!(text, "{} {} v{} {:?}", it.name, it.status, it.version, it.checkpoint)
                .unwrap();
        }
        writeln!(text, "{:?}", self.tags).unwrap();
        text
    }

    /// Learns the names that the service gave to snapshots.
    pub(super) fn learn(&mut self, names: &[String]) {
        for (at, name) in names.iter().enumerate() {
            let Some(mine) = self.snapshots.get_mut(at) else { return };
            if mine.name.ends_with('-') && name.starts_with(&mine.name) {
                let old = std::mem::replace(&mut mine.name, name.clone());
                for run in self.run.iter_mut().chain(&mut self.before) {
                    if run.stop.as_ref() == Some(&old) {
                        run.stop = Some(name.clone());
                    }
                    for next in std::iter::once(&mut run.next).chain(&mut run.successor) {
                        if next.wish == Wish::Named(old.clone()) {
                            next.wish = Wish::Named(name.clone());
                        }
                    }
                }
            }
        }
    }

    /// A steady application has nothing in progress, a transient one exactly one operation.
    pub(super) fn check(&self) {
        let open = self.operations.iter().filter(|it| it.status == "IN_PROGRESS").count();
        let steady = ["READY", "RUNNING", "DELETING"].contains(&self.status);
        assert_eq!(open, usize::from(!steady), "{}", self.text());
    }
}
