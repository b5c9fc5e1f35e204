//! What customers ask at random.

use std::time::Duration;

use control::{
    Change, CreateApplication, DeleteApplication, RollbackApplication, Seen, StartApplication,
    UpdateApplication,
};
use model::configuration::{
    ConfigurationType, FlinkChange, ParallelismChange, RestoreWish, RunConfiguration,
};

use super::{
    reference::{App, Version, Wish},
    story::Story,
};
use crate::world::{name, request, snapshot, sql};

fn parallel(number: u32) -> FlinkChange {
    let change = ParallelismChange {
        configuration_type: Some(ConfigurationType::Custom),
        parallelism: Some(i64::from(number)),
        ..ParallelismChange::default()
    };
    FlinkChange { parallelism: Some(change), ..FlinkChange::default() }
}

fn wished(wish: &Wish) -> RunConfiguration {
    let restore = match wish {
        Wish::Skip => RestoreWish::Skip,
        Wish::Latest => RestoreWish::LatestSnapshot,
        Wish::Named(name) => RestoreWish::Snapshot { name: snapshot(name) },
    };
    RunConfiguration { restore, allow_non_restored_state: false }
}

impl Story {
    pub(super) async fn create(&mut self, app: &'static str) {
        let number = u32::try_from(1 + self.random.below(4)).unwrap();
        let (snapshots, rollback) = (!self.random.one_in(5), self.random.one_in(2));
        let code = match self.random.below(8) {
            0 => None,
            1 => Some("SELEC 1"),
            _ => Some("SELECT 1"),
        };
        self.tell(format!(
            "{app}: create, parallelism {number}, snapshots {snapshots}, rollback {rollback}, code \
             {code:?}"
        ));
        let change = Change {
            code: code.map(sql),
            flink: parallel(number),
            snapshots_enabled: Some(snapshots),
            rollback_enabled: Some(rollback),
            ..Change::default()
        };
        let command = CreateApplication { change, ..request(app) };
        let answer = self.world.control.create(command).await;
        let found = answer.map(|_| ()).map_err(|error| error.code().to_string());
        let expected = match (self.apps.contains_key(app), code) {
            (true, _) => Err("ResourceInUseException"),
            (false, Some("SELEC 1")) => Err("CodeValidationException"),
            (false, _) => Ok(()),
        };
        assert_eq!(found, expected.map_err(str::to_owned));
        let created = App::new(Version {
            parallelism: number,
            snapshots,
            rollback,
            code: code.is_some(),
            from: None,
            to: None,
            ran: false,
            rolled_back: false,
        });
        let became = if found.is_ok() { Some(created) } else { self.apps.get(app).cloned() };
        self.keep(app, became).await;
    }

    fn wish(&mut self, app: &str) -> Wish {
        let names: Vec<String> = self
            .apps
            .get(app)
            .map(|app| app.snapshots.iter().map(|it| it.name.clone()).collect())
            .unwrap_or_default();
        match self.random.below(6) {
            0 => Wish::Skip,
            1 => Wish::Named(self.random.pick(&names).cloned().unwrap_or("none".to_owned())),
            2 if self.random.one_in(4) => Wish::Named("none".to_owned()),
            _ => Wish::Latest,
        }
    }

    pub(super) async fn start(&mut self, app: &'static str) {
        let wish = self.wish(app);
        let control = self.world.control.clone();
        let run_configuration = wished(&wish);
        let command = StartApplication { name: name(app), run_configuration };
        let real = async move { control.start(command).await };
        self.command(app, format!("start {wish:?}"), real, |it| it.start(wish)).await;
    }

    pub(super) async fn stop(&mut self, app: &'static str, force: bool) {
        let control = self.world.control.clone();
        let name = name(app);
        let real = async move {
            if force { control.force_stop(&name).await } else { control.stop(&name).await }
        };
        let model = |it: &mut App| if force { it.force_stop() } else { it.stop() };
        self.command(app, format!("stop, force {force}"), real, model).await;
    }

    /// The version to show, and whether it is the present one.
    fn seen(&mut self, app: &str) -> (Seen, bool) {
        let present = self.apps.get(app).map_or(1, |it| it.version);
        let stale = self.random.one_in(8);
        let version = if stale { present + 1 } else { present };
        let version = Some(version.try_into().unwrap());
        (Seen::Match { version, token: None }, !stale)
    }

    pub(super) async fn update(&mut self, app: &'static str) {
        let (seen, right) = self.seen(app);
        let wish = self.wish(app);
        let number = u32::try_from(1 + self.random.below(4)).unwrap();
        let (on, kind) = (self.random.one_in(2), self.random.below(7));
        let (change, bad) = match kind {
            0 => (Change { snapshots_enabled: Some(on), ..Change::default() }, None),
            1 => (Change { rollback_enabled: Some(on), ..Change::default() }, None),
            2 => (Change { code: Some(sql("SELECT 2")), ..Change::default() }, None),
            3 => {
                let bad = Change { code: Some(sql("SELEC 2")), ..Change::default() };
                (bad, Some("CodeValidation"))
            }
            4 => (Change { flink: parallel(0), ..Change::default() }, Some("InvalidArgument")),
            5 => (Change { flink: parallel(number), ..Change::default() }, None),
            _ => (Change::default(), None),
        };
        let model = move |version: &mut Version| match kind {
            0 => version.snapshots = on,
            1 => version.rollback = on,
            2 => version.code = true,
            5 => version.parallelism = number,
            _ => {}
        };
        let command = UpdateApplication {
            name: name(app),
            seen,
            change,
            run_configuration: (wish != Wish::Latest).then(|| wished(&wish)),
        };
        let what = format!("update {kind} {on} {number}, wish {wish:?}, right version {right}");
        let control = self.world.control.clone();
        let real = async move { control.update(command).await };
        self.command(app, what, real, |it| it.update(right, bad, model, wish)).await;
    }

    pub(super) async fn change_properties(&mut self, app: &'static str) {
        let control = self.world.control.clone();
        let group = format!("group{}", self.random.below(3)).parse().unwrap();
        let entries = [("key".to_owned(), self.random.below(9).to_string())].into();
        let name = name(app);
        let real = async move { control.put_property_group(name, group, entries, Seen::Any).await };
        let model = |it: &mut App| it.update(true, None, |_| {}, Wish::Latest);
        self.command(app, "put a property group".to_owned(), real, model).await;
    }

    pub(super) async fn roll_back(&mut self, app: &'static str) {
        let (seen, right) = self.seen(app);
        let control = self.world.control.clone();
        let command = RollbackApplication { name: name(app), seen };
        let real = async move { control.rollback(command).await };
        self.command(app, format!("rollback, right version {right}"), real, |it| {
            it.rollback(right)
        })
        .await;
    }

    pub(super) async fn delete(&mut self, app: &'static str) {
        let right = !self.random.one_in(4);
        let detail = self.world.control.describe(&name(app)).await.ok();
        let created = detail.map(|it| it.created_at).unwrap_or_default();
        let create_timestamp = if right { created } else { created + Duration::from_secs(2) };
        let control = self.world.control.clone();
        let command = DeleteApplication { name: name(app), create_timestamp };
        let real = async move { control.delete(command).await };
        self.command(app, format!("delete, right time {right}"), real, |it| it.delete(right)).await;
    }

    pub(super) async fn take_snapshot(&mut self, app: &'static str) {
        let chosen = format!("mine{}", self.random.below(12));
        let control = self.world.control.clone();
        let (name, wanted) = (name(app), snapshot(&chosen));
        let real = async move { control.create_snapshot(&name, &wanted).await };
        self.command(app, format!("snapshot {chosen}"), real, |it| it.create_snapshot(&chosen))
            .await;
    }

    pub(super) async fn delete_snapshot(&mut self, app: &'static str) {
        let names: Vec<String> = self
            .apps
            .get(app)
            .map(|app| app.snapshots.iter().map(|it| it.name.clone()).collect())
            .unwrap_or_default();
        let chosen = self.random.pick(&names).cloned().unwrap_or("none".to_owned());
        let right = !self.random.one_in(5);
        let control = self.world.control.clone();
        let (name, wanted) = (name(app), snapshot(&chosen));
        let found = control.describe_snapshot(&name, &wanted).await.ok();
        let at = found.map(|it| it.created_at).unwrap_or_default();
        let at = if right { at } else { at + Duration::from_secs(2) };
        let real = async move { control.delete_snapshot(&name, &wanted, Some(at)).await };
        let what = format!("delete snapshot {chosen}, right time {right}");
        self.command(app, what, real, |it| it.delete_snapshot(&chosen, right)).await;
    }

    pub(super) async fn tag(&mut self, app: &'static str) {
        let control = self.world.control.clone();
        let (name, key) = (name(app), format!("key{}", self.random.below(4)));
        let put = self.random.one_in(2);
        let mine = key.clone();
        let real = async move {
            if put {
                control.tag(&name, [(mine, "value".to_owned())].into()).await
            } else {
                control.untag(&name, vec![mine]).await
            }
        };
        self.command(app, format!("tag {key}, put {put}"), real, |it| {
            if it.status == "DELETING" {
                return Err("ResourceInUse");
            }
            if put {
                it.tags.insert(key, "value".to_owned());
            } else {
                it.tags.remove(&key);
            }
            Ok(())
        })
        .await;
    }
}
