use std::collections::BTreeMap;

use super::*;

#[track_caller]
fn checkpoint(change: CheckpointChange, to: &FlinkConfiguration) -> CheckpointConfiguration {
    let change = FlinkChange { checkpoint: Some(change), ..FlinkChange::default() };
    change.apply(to).unwrap().checkpoint
}

#[test]
fn custom_with_one_member_keeps_the_other_defaults() {
    let change = CheckpointChange {
        configuration_type: Some(ConfigurationType::Custom),
        checkpoint_interval: Some(10_000),
        ..CheckpointChange::default()
    };
    let found = checkpoint(change, &FlinkConfiguration::default());
    assert_eq!(found.checkpoint_interval, 10_000);
    assert_eq!(found.min_pause_between_checkpoints, 5_000);
    assert!(found.checkpointing_enabled);
}

#[test]
fn default_forces_the_defaults_and_custom_can_go_back() {
    let custom = FlinkConfiguration {
        checkpoint: CheckpointConfiguration {
            configuration_type: ConfigurationType::Custom,
            checkpointing_enabled: false,
            checkpoint_interval: 1,
            min_pause_between_checkpoints: 0,
        },
        ..FlinkConfiguration::default()
    };
    let back = CheckpointChange {
        configuration_type: Some(ConfigurationType::Default),
        checkpoint_interval: Some(7),
        ..CheckpointChange::default()
    };
    assert_eq!(checkpoint(back, &custom), CheckpointConfiguration::default());
    let ignored = CheckpointChange { checkpoint_interval: Some(7), ..CheckpointChange::default() };
    let kept = checkpoint(ignored, &FlinkConfiguration::default());
    assert_eq!(kept, CheckpointConfiguration::default());
}

#[test]
fn values_outside_their_limits_are_refused() {
    let refused =
        |change: FlinkChange| change.apply(&FlinkConfiguration::default()).unwrap_err().to_string();
    let parallelism = |parallelism, per_kpu| FlinkChange {
        parallelism: Some(ParallelismChange {
            configuration_type: Some(ConfigurationType::Custom),
            parallelism,
            parallelism_per_kpu: per_kpu,
            auto_scaling_enabled: None,
        }),
        ..FlinkChange::default()
    };
    assert_eq!(refused(parallelism(Some(0), None)), "`Parallelism` must be 1 to 256, not 0");
    assert_eq!(refused(parallelism(None, Some(9))), "`ParallelismPerKPU` must be 1 to 8, not 9");
    let pause =
        CheckpointChange { min_pause_between_checkpoints: Some(-1), ..CheckpointChange::default() };
    assert_eq!(
        refused(FlinkChange { checkpoint: Some(pause), ..FlinkChange::default() }),
        "`MinPauseBetweenCheckpoints` must be at least 0, not -1"
    );
}

#[test]
fn kpus_are_rounded_up() {
    let kpus = |parallelism, per_kpu| {
        ParallelismConfiguration {
            parallelism,
            parallelism_per_kpu: per_kpu,
            ..ParallelismConfiguration::default()
        }
        .kpus()
    };
    assert_eq!((kpus(1, 1), kpus(5, 4), kpus(8, 4)), (1, 2, 2));
}

#[test]
fn property_groups_have_the_aws_quotas() {
    let map = |entries: usize| -> BTreeMap<String, String> {
        (0..entries).map(|n| (format!("k{n}"), "v".to_owned())).collect()
    };
    let groups = |count: usize| -> crate::protocol::PropertyGroups {
        (0..count).map(|n| (format!("g{n}"), map(1))).collect()
    };
    assert_eq!(check_groups(&groups(50)), Ok(()));
    assert!(check_groups(&groups(51)).is_err());
    assert_eq!(check_group("g", &map(50)), Ok(()));
    assert!(check_group("g", &map(51)).is_err());
    assert!(check_group("g", &map(0)).is_err());
    assert!(check_group("a group", &map(1)).is_err());
    let long = BTreeMap::from([("key".to_owned(), "v".repeat(2049))]);
    assert_eq!(
        check_group("g", &long).unwrap_err().to_string(),
        "`PropertyMap` value of `key` in `g` must be 1 to 2048 characters long, but has 2049 \
         characters"
    );
}

#[test]
fn the_main_file_is_named_by_the_run_options() {
    let mut groups = crate::protocol::PropertyGroups::new();
    assert_eq!(python_main_file(&groups), "main.py");
    let options = BTreeMap::from([("python".to_owned(), "src/job.py".to_owned())]);
    groups.insert(PYTHON_RUN_OPTIONS.to_owned(), options);
    assert_eq!(python_main_file(&groups), "src/job.py");
}

#[test]
fn stored_configurations_of_the_first_format_are_still_read() {
    let stored = include_str!("../../tests/golden/configuration-v1.json");
    let read: ApplicationConfiguration = serde_json::from_str(stored).unwrap();
    assert_eq!(read.flink.parallelism.parallelism, 4);
    assert!(!read.snapshots_enabled);
    let Some(code) = &read.code else { panic!("the code is missing") };
    assert_eq!(code.content_type(), CodeContentType::Zipfile);
    assert_eq!(code.s3.as_ref().map(S3Location::bucket), Some("code"));
    let bare: ApplicationConfiguration =
        serde_json::from_str(r#"{"runtime":"FLINK-1_20"}"#).unwrap();
    assert_eq!(bare, ApplicationConfiguration::new("FLINK-1_20".parse().unwrap()));
}

#[test]
fn stored_configurations_of_the_second_format_are_read_and_written_the_same() {
    let stored = include_str!("../../tests/golden/configuration-v2.json");
    let read: ApplicationConfiguration = serde_json::from_str(stored).unwrap();
    assert_eq!(read.snapshot_mode(), SnapshotMode::Enhanced);
    assert_eq!(read.encryption.key_id(), Some("alias/weir"));
    assert_eq!(read.logging_options[0].id.as_str(), "2.1");
    assert_eq!(read.vpc_configurations[0].subnet_ids, ["subnet-1", "subnet-2"]);
    let written: serde_json::Value = serde_json::to_value(&read).unwrap();
    assert_eq!(written, serde_json::from_str::<serde_json::Value>(stored).unwrap());
}

fn version(number: i64) -> crate::ids::VersionId {
    number.try_into().unwrap()
}

#[test]
fn sub_resources_are_numbered_by_the_version_they_came_with() {
    let mut configuration = ApplicationConfiguration::new("FLINK-1_20".parse().unwrap());
    let mut change = |changes, number| {
        change_sub_resources(&mut configuration, changes, version(number)).map(|()| {
            let options = configuration.logging_options.iter();
            let vpcs = configuration.vpc_configurations.iter();
            let options: Vec<String> =
                options.map(|it| format!("{} {}", it.id, it.log_stream_arn)).collect();
            let vpcs: Vec<String> =
                vpcs.map(|it| format!("{} {:?}", it.id, it.subnet_ids)).collect();
            (options, vpcs)
        })
    };
    let add = |arn: &str| SubResourceChange::AddLoggingOption { log_stream_arn: arn.to_owned() };
    let add_vpc = SubResourceChange::AddVpc {
        subnet_ids: vec!["subnet-1".to_owned()],
        security_group_ids: vec!["sg-1".to_owned()],
    };
    let both = change(vec![add("arn:a"), add_vpc], 1).unwrap();
    assert_eq!(both, (vec!["1.1 arn:a".to_owned()], vec![r#"1.1 ["subnet-1"]"#.to_owned()]));
    let id = |text: &str| text.parse::<crate::ids::SubResourceId>().unwrap();
    let updated = change(
        vec![
            SubResourceChange::UpdateLoggingOption {
                id: id("1.1"),
                log_stream_arn: Some("arn:b".to_owned()),
            },
            SubResourceChange::UpdateVpc {
                id: id("1.1"),
                subnet_ids: Some(vec!["subnet-2".to_owned()]),
                security_group_ids: None,
            },
        ],
        2,
    );
    let expected = (vec!["1.1 arn:b".to_owned()], vec![r#"1.1 ["subnet-2"]"#.to_owned()]);
    assert_eq!(updated.unwrap(), expected);
    change(vec![SubResourceChange::DeleteLoggingOption { id: id("1.1") }], 3).unwrap();
    let again = change(vec![add("arn:c")], 4).unwrap();
    assert_eq!(again.0, ["4.1 arn:c"]);
    let missing = change(vec![SubResourceChange::DeleteVpc { id: id("9.1") }], 5).unwrap_err();
    let expected = SubResourceProblem::Missing { field: "VpcConfigurationId", id: id("9.1") };
    assert_eq!(missing, expected);
    let second = change(vec![add("arn:d")], 5).unwrap_err();
    let SubResourceProblem::Invalid(invalid) = second else { panic!("{second:?}") };
    assert!(invalid.problem.contains("currently supports only 1 logging option"), "{invalid}");
}

#[test]
fn a_vpc_has_an_id_that_stays_with_its_first_subnet() {
    let vpc = |subnets: &[&str]| {
        VpcConfiguration {
            id: "1.1".parse().unwrap(),
            subnet_ids: subnets.iter().map(|&id| id.to_owned()).collect(),
            security_group_ids: Vec::new(),
        }
        .vpc_id()
    };
    assert_eq!(vpc(&["subnet-1", "subnet-2"]), vpc(&["subnet-2", "subnet-1"]));
    assert_eq!(vpc(&["subnet-1"]), vpc(&["subnet-1", "subnet-2"]));
    assert_ne!(vpc(&["subnet-1"]), vpc(&["subnet-2"]));
    assert_eq!(vpc(&["subnet-1"]).len(), "vpc-0123456789abcdef0".len());
}
