use chrono::TimeDelta;
use control::{Error, PageRequest};
use model::{configuration::FlinkConfiguration, error_code::ErrorCode, lifecycle::Status};

use crate::world::{PATIENT, World, name, request};

#[tokio::test]
async fn a_new_application_is_ready_at_version_1_with_the_aws_defaults() {
    let world = World::new(PATIENT).await;
    let created = world.create("alerts").await;
    assert_eq!(created.arn, "arn:aws:kinesisanalytics:us-east-1:000000000000:application/alerts");
    assert_eq!(world.control.name_of_arn(&created.arn).unwrap(), name("alerts"));
    assert_eq!((created.status, created.version.get()), (Status::Ready, 1));
    assert_eq!(created.configuration.flink, FlinkConfiguration::default());
    assert!(created.configuration.snapshots_enabled);
    assert_eq!(created.version_updated_from, None);
    assert_eq!(created.run_configuration, None);
    assert_eq!(created.run, None);
    assert_eq!(created.maintenance_window.end, "11:00");
    assert_eq!(world.describe("alerts").await, created);
}

#[tokio::test]
async fn a_name_is_taken_once_and_free_again_after_deletion() {
    let world = World::new(PATIENT).await;
    let first = world.create("alerts").await;
    let taken = world.control.create(request("alerts")).await.unwrap_err();
    assert_eq!(taken.code(), ErrorCode::ResourceInUse);
    assert_eq!(taken.to_string(), "application `alerts` already exists");
    world.delete("alerts").await.unwrap();
    let gone = world.control.describe(&name("alerts")).await.unwrap_err();
    assert_eq!(gone.code(), ErrorCode::ResourceNotFound);
    let second = world.create("alerts").await;
    assert_ne!(first.id, second.id);
}

#[tokio::test]
async fn deletion_compares_the_creation_time_to_the_second() {
    let world = World::new(PATIENT).await;
    let created = world.create("alerts").await;
    let delete =
        |create_timestamp| control::DeleteApplication { name: name("alerts"), create_timestamp };
    let later = delete(created.created_at + TimeDelta::seconds(1));
    let refused = world.control.delete(later).await.unwrap_err();
    assert_eq!(refused.code(), ErrorCode::ConcurrentModification);
    let second = chrono::DateTime::from_timestamp(created.created_at.timestamp(), 0).unwrap();
    world.control.delete(delete(second)).await.unwrap();
}

#[tokio::test]
async fn lists_are_paged_by_name() {
    let world = World::new(PATIENT).await;
    for application in ["b", "A", "c"] {
        world.create(application).await;
    }
    let first = PageRequest::new(Some(2), None).unwrap();
    let page = world.control.list(&first).await.unwrap();
    let names: Vec<String> = page.items.iter().map(|item| item.name.to_string()).collect();
    assert_eq!(names, ["A", "b"]);
    let second = PageRequest::new(Some(2), page.next_token).unwrap();
    let page = world.control.list(&second).await.unwrap();
    assert_eq!(page.items[0].name, name("c"));
    assert_eq!((page.items.len(), page.next_token), (1, None));
}

#[tokio::test]
async fn values_that_break_a_rule_are_refused_before_anything_is_kept() {
    let world = World::new(PATIENT).await;
    let mut long = request("alerts");
    long.description = Some("d".repeat(1025));
    let mut role = request("alerts");
    role.change.service_execution_role = Some("role".to_owned());
    let mut group = request("alerts");
    group.change.properties.get_or_insert_default().insert("g".to_owned(), Default::default());
    let mut tags = request("alerts");
    tags.tags = (0..51).map(|n| (n.to_string(), String::new())).collect();
    for (wrong, code) in [
        (long, ErrorCode::InvalidArgument),
        (role, ErrorCode::InvalidArgument),
        (group, ErrorCode::InvalidArgument),
        (tags, ErrorCode::TooManyTags),
    ] {
        assert_eq!(world.control.create(wrong).await.unwrap_err().code(), code);
    }
    let missing = world.control.describe(&name("alerts")).await.unwrap_err();
    assert!(matches!(missing, Error::NoSuchApplication(_)), "{missing:?}");
}

#[tokio::test]
async fn tags_are_added_changed_and_removed_without_a_new_version() {
    let world = World::new(PATIENT).await;
    world.create("alerts").await;
    let alerts = name("alerts");
    let tags = |pairs: &[(&str, &str)]| {
        pairs.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect()
    };
    world.control.tag(&alerts, tags(&[("team", "a"), ("tier", "1")])).await.unwrap();
    world.control.tag(&alerts, tags(&[("team", "b")])).await.unwrap();
    world.control.untag(&alerts, vec!["tier".to_owned(), "none".to_owned()]).await.unwrap();
    assert_eq!(world.control.tags(&alerts).await.unwrap(), tags(&[("team", "b")]));
    let long = world.control.untag(&alerts, vec!["k".repeat(129)]).await.unwrap_err();
    assert_eq!(long.code(), ErrorCode::InvalidArgument);
    let reserved = world.control.tag(&alerts, tags(&[("aws:x", "")])).await.unwrap_err();
    assert_eq!(reserved.code(), ErrorCode::InvalidArgument);
    let many = (0..50).map(|n| (n.to_string(), String::new())).collect();
    let refused = world.control.tag(&alerts, many).await.unwrap_err();
    assert_eq!(refused.code(), ErrorCode::TooManyTags);
    assert_eq!(world.describe("alerts").await.version.get(), 1);
}

#[tokio::test]
async fn an_installation_has_a_most_of_applications_also_when_many_come_at_once() {
    let world = World::new(PATIENT).await;
    let control = world.with_applications(2).await;
    world.create("first").await;
    let requests = ["a", "b", "c"].map(|name| control.create(request(name)));
    let made = futures_of(requests).await;
    let refused: Vec<_> = made.into_iter().filter_map(Result::err).collect();
    assert_eq!(refused.len(), 2, "{refused:?}");
    for error in &refused {
        assert_eq!(error.code(), ErrorCode::LimitExceeded, "{error}");
    }
    world.delete("first").await.unwrap();
    control.create(request("again")).await.unwrap();
}

async fn futures_of<F: Future>(all: [F; 3]) -> [F::Output; 3] {
    let [a, b, c] = all;
    let (a, b, c) = tokio::join!(a, b, c);
    [a, b, c]
}
