use std::time::Duration;

use chrono::TimeDelta;
use control::{
    Change, Claim, OperationFilter, OperationStatus, PageRequest, ScalingPolicy, Settings, Thought,
    Timing,
};
use model::{
    configuration::{ConfigurationType, FlinkChange, ParallelismChange},
    fault::Domain,
    lifecycle::Status,
    metrics::MetricSet,
};

use crate::world::{PATIENT, World, failure, name, request};

/// Two hot points or three cold ones decide; each run is looked at once.
const POLICY: ScalingPolicy = ScalingPolicy {
    cool_down: Duration::ZERO,
    up_points: 2,
    down_points: 3,
    lag_points: 2,
    ..ScalingPolicy::STANDARD
};

async fn world(policy: ScalingPolicy) -> World {
    let timing = Timing { metrics_period: Duration::from_secs(60), ..PATIENT };
    let settings = Settings { timing, scaling: policy, ..Settings::standard() };
    World::with_settings(settings).await
}

/// Lets some periods with this CPU and lag pass since the job runs, and the scaler look.
async fn look(world: &World, points: &[(f64, f64)]) {
    let detail = world.describe("alerts").await;
    let since = detail.run.unwrap().running_since.unwrap();
    let store = world.store().await;
    let mut tx = store.begin().await.unwrap();
    for (number, (cpu, lag)) in (1..).zip(points) {
        let at = since + TimeDelta::microseconds(number);
        let mut set = MetricSet::default();
        set.application.insert("containerCPUUtilization".to_owned(), *cpu);
        set.application.insert("records_lag_max".to_owned(), *lag);
        tx.insert_metric_points(at, &[(detail.id, set)]).await.unwrap();
    }
    tx.commit().await.unwrap();
    world.control.reconcile().await.unwrap();
}

async fn thought(world: &World) -> Thought {
    world.describe("alerts").await.run.unwrap().scaler.expect("the scaler has looked")
}

/// The newest operation.
async fn operation(world: &World) -> (String, OperationStatus, Option<String>) {
    let (filter, page) = (OperationFilter::default(), PageRequest::default());
    let page = world.control.list_operations(&name("alerts"), &filter, &page).await.unwrap();
    let newest = page.items.into_iter().next().unwrap();
    (newest.kind, newest.status, newest.failure)
}

/// Ends the job with the snapshot that it is asked for, and claims the next run.
async fn hand_over(world: &World, claim: &Claim, checkpoint: u64) -> Claim {
    let taken = world.stop_order().await;
    assert!(taken.starts_with("AUTOSCALING-alerts-"), "{taken}");
    world.checkpoint(&claim.job, checkpoint, Some(&taken)).await;
    let _ = world.control.job_finished(&claim.job, true).await.unwrap();
    assert_eq!(world.status("alerts").await, Status::Autoscaling);
    let next = world.claim().await;
    assert_eq!(next.restore.checkpoint(), Some(checkpoint));
    next
}

#[tokio::test]
async fn a_busy_application_is_doubled_and_an_idle_one_halved() {
    let world = world(POLICY).await;
    world.create("alerts").await;
    let first = world.run("alerts").await;
    world.checkpoint(&first.job, 1, None).await;
    look(&world, &[(80.0, 0.0), (90.0, 0.0)]).await;
    assert_eq!(world.status("alerts").await, Status::Autoscaling);
    assert_eq!(operation(&world).await.1, OperationStatus::InProgress);
    let began = "AutoscalingBegan".to_owned();
    assert!(world.events("alerts").await.contains(&began));
    assert_eq!(world.describe("alerts").await.current_parallelism, 1);

    let second = hand_over(&world, &first, 2).await;
    assert_eq!((second.parallelism, second.kpus, second.version), (2, 2, first.version));
    world.running(&second).await;
    let detail = world.describe("alerts").await;
    assert_eq!((detail.status, detail.current_parallelism), (Status::Running, 2));
    assert_eq!(detail.version, first.version);
    let scaling = detail.run.unwrap().scaling.unwrap();
    assert_eq!((scaling.from, scaling.to, scaling.failure), (1, 2, None));
    assert!(scaling.reason.starts_with("CPU was at least 80 %"), "{}", scaling.reason);
    let ended = ("AutoScaling".to_owned(), OperationStatus::Successful, None);
    assert_eq!(operation(&world).await, ended);

    look(&world, &[(5.0, 0.0), (1.0, 9.0), (5.0, 0.0)]).await;
    let third = hand_over(&world, &second, 3).await;
    assert_eq!(third.parallelism, 1);
    world.running(&third).await;
    // Never fewer than Parallelism.
    look(&world, &[(5.0, 0.0); 3]).await;
    assert_eq!(world.status("alerts").await, Status::Running);
    assert_eq!(thought(&world).await.verdict, "HOLD");
}

#[tokio::test]
async fn an_update_resets_the_parallelism_only_if_it_names_one() {
    let world = world(POLICY).await;
    world.create("alerts").await;
    let first = world.run("alerts").await;
    look(&world, &[(20.0, 20e3), (20.0, 40e3)]).await;
    let second = hand_over(&world, &first, 1).await;
    world.running(&second).await;
    let property = ("group".to_owned(), [("key".to_owned(), "value".to_owned())].into());
    let change = Change { properties: Some([property].into()), ..Change::default() };
    world.update("alerts", change).await;
    world.checkpoint(&second.job, 2, Some(&world.stop_order().await)).await;
    let _ = world.control.job_finished(&second.job, true).await.unwrap();
    let third = world.claim().await;
    assert_eq!((third.version.get(), third.parallelism), (2, 2));
    world.running(&third).await;

    let named = ParallelismChange {
        configuration_type: Some(ConfigurationType::Custom),
        parallelism: Some(1),
        ..ParallelismChange::default()
    };
    let flink = FlinkChange { parallelism: Some(named), ..FlinkChange::default() };
    world.update("alerts", Change { flink, ..Change::default() }).await;
    world.checkpoint(&third.job, 3, Some(&world.stop_order().await)).await;
    let _ = world.control.job_finished(&third.job, true).await.unwrap();
    assert_eq!(world.claim().await.parallelism, 1);
}

#[tokio::test]
async fn without_snapshots_or_when_one_fails_it_goes_on_from_the_latest_checkpoint() {
    let world = world(POLICY).await;
    let new = request("alerts");
    let change = Change { snapshots_enabled: Some(false), ..new.change };
    let command = control::CreateApplication { change, ..request("alerts") };
    world.control.create(command).await.unwrap();
    let first = world.run("alerts").await;
    world.checkpoint(&first.job, 4, None).await;
    look(&world, &[(80.0, 0.0); 2]).await;
    assert_eq!(world.orders().await, ["cancel"]);
    let _ = world.control.job_finished(&first.job, true).await.unwrap();
    let second = world.claim().await;
    assert_eq!((second.parallelism, second.restore.checkpoint()), (2, Some(4)));
    world.running(&second).await;

    world.update("alerts", Change { snapshots_enabled: Some(true), ..Change::default() }).await;
    let _ = world.control.job_finished(&second.job, true).await.unwrap();
    let third = world.claim().await;
    world.running(&third).await;
    world.checkpoint(&third.job, 5, None).await;
    look(&world, &[(80.0, 0.0); 2]).await;
    let asked = world.stop_order().await;
    let told = world.control.checkpoint_failed(&third.job, 6, Some(&asked), "no space").await;
    let _ = told.unwrap();
    let _ = world.control.job_finished(&third.job, true).await.unwrap();
    let fourth = world.claim().await;
    assert_eq!((fourth.parallelism, fourth.restore.checkpoint()), (4, Some(5)));
}

#[tokio::test]
async fn a_change_whose_job_does_not_start_is_taken_back() {
    let world = world(POLICY).await;
    world.create("alerts").await;
    let first = world.run("alerts").await;
    look(&world, &[(80.0, 0.0); 2]).await;
    let second = hand_over(&world, &first, 1).await;
    let cause = failure(Domain::User, false, "too many subtasks");
    let _ = world.control.job_failed(&second.job, &cause).await.unwrap();
    assert_eq!(world.status("alerts").await, Status::Autoscaling);
    assert_eq!(operation(&world).await.1, OperationStatus::InProgress);
    let third = world.claim().await;
    assert_eq!((third.parallelism, third.restore.checkpoint()), (1, Some(1)));
    world.running(&third).await;
    assert_eq!(world.status("alerts").await, Status::Running);
    let (_, status, why) = operation(&world).await;
    let told = "the job did not start with parallelism 2 and goes back to 1: too many subtasks";
    assert_eq!((status, why.as_deref()), (OperationStatus::Failed, Some(told)));
    assert!(world.events("alerts").await.contains(&"AutoscalingFailed".to_owned()));

    // When the old parallelism does not work either, that is the end.
    look(&world, &[(80.0, 0.0); 2]).await;
    let fourth = hand_over(&world, &third, 2).await;
    let _ = world.control.job_failed(&fourth.job, &cause).await.unwrap();
    let fifth = world.claim().await;
    let _ = world.control.job_failed(&fifth.job, &cause).await.unwrap();
    assert_eq!(world.status("alerts").await, Status::Ready);
    let (_, status, why) = operation(&world).await;
    assert_eq!((status, why.as_deref()), (OperationStatus::Failed, Some("too many subtasks")));
}

#[tokio::test]
async fn a_change_may_be_stopped() {
    let world = world(POLICY).await;
    world.create("alerts").await;
    let first = world.run("alerts").await;
    look(&world, &[(80.0, 0.0); 2]).await;
    world.control.force_stop(&name("alerts")).await.unwrap();
    let _ = world.control.job_finished(&first.job, true).await.unwrap();
    assert_eq!(world.status("alerts").await, Status::Ready);
    let again = world.run("alerts").await;
    assert_eq!(again.parallelism, 1);
}

#[tokio::test]
async fn what_the_scaler_cannot_or_may_not_do_is_told() {
    let hot = [(80.0, 0.0); 2];
    let other = world(ScalingPolicy { cool_down: Duration::from_secs(600), ..POLICY }).await;
    other.create("alerts").await;
    other.run("alerts").await;
    look(&other, &hot).await;
    assert_eq!(thought(&other).await.verdict, "COOLING_DOWN");

    let world = world(POLICY).await;
    let sized = |parallelism, auto_scaling_enabled| {
        let change = ParallelismChange {
            configuration_type: Some(ConfigurationType::Custom),
            parallelism: Some(parallelism),
            auto_scaling_enabled: Some(auto_scaling_enabled),
            ..ParallelismChange::default()
        };
        FlinkChange { parallelism: Some(change), ..FlinkChange::default() }
    };
    let new = request("alerts");
    let change = Change { flink: sized(5, true), ..new.change };
    let command = control::CreateApplication { change, ..request("alerts") };
    world.control.create(command).await.unwrap();
    let claim = world.run("alerts").await;
    look(&world, &hot).await;
    let found = thought(&world).await;
    assert_eq!(found.verdict, "BLOCKED");
    let why = "but with 10 subtasks it needs 10 KPUs, workers offer 8 free of 8 on 1 worker";
    assert!(found.reason.contains(why), "{}", found.reason);

    world.update("alerts", Change { flink: sized(1, false), ..Change::default() }).await;
    world.checkpoint(&claim.job, 1, Some(&world.stop_order().await)).await;
    let _ = world.control.job_finished(&claim.job, true).await.unwrap();
    let next = world.claim().await;
    world.running(&next).await;
    look(&world, &hot).await;
    assert_eq!(world.status("alerts").await, Status::Running);
    assert_eq!(thought(&world).await.verdict, "OFF");
}
