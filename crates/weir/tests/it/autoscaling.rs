//! The service changes the parallelism of a job that runs, and no result is lost or doubled.

use serde_json::Value;

use crate::support::{Feeder, Installation, eventually, sums};

/// A quarter of an hour of high CPU, which nobody waits for here: what was measured meanwhile, and since
/// when the job runs.
const BUSY: &str = r#"
BEGIN;
UPDATE runs SET running_since = now() - interval '16 minutes', scaler = NULL
 WHERE ended_at IS NULL AND parallelism = 1 AND desired = 'RUN';
DELETE FROM metric_points;
INSERT INTO metric_points (application_id, at, points)
SELECT id, now() - n * interval '1 minute', '{"application": {"containerCPUUtilization": 91}}'
  FROM applications, generate_series(0, 14) AS n;
COMMIT;
"#;

#[test]
fn a_busy_job_gets_another_subtask_and_loses_nothing() {
    let weir = Installation::start("autoscaling");
    let _worker = weir.start_worker("worker");
    let feeder = Feeder::start(weir.topic("autoscaling", 2));
    let application = weir.application("autoscaling");
    application.create_sums("autoscaling", 5);
    application.start();
    application.await_status("RUNNING");
    application.await_checkpoint(1);
    eventually("first results", || {
        let results = application.results();
        if results.is_empty() { Err(application.weir()) } else { Ok(()) }
    });
    let parallelism = |detail: &Value| {
        let flink = &detail["ApplicationConfigurationDescription"]["FlinkApplicationConfigurationDescription"]
            ["ParallelismConfigurationDescription"];
        (flink["Parallelism"].as_u64().unwrap(), flink["CurrentParallelism"].as_u64().unwrap())
    };
    assert_eq!(parallelism(&application.describe()), (1, 1));

    let detail = eventually("it runs with two subtasks", || {
        let detail = application.describe();
        if parallelism(&detail).1 == 2 && detail["ApplicationStatus"] == "RUNNING" {
            return Ok(detail);
        }
        if detail["ApplicationStatus"] == "RUNNING" {
            weir.query(BUSY);
        }
        Err(detail)
    });
    assert_eq!(parallelism(&detail), (1, 2), "{detail:#}");
    // No new version, as on AWS.
    assert_eq!(detail["ApplicationVersionId"], 1, "{detail:#}");
    let tells = &detail["Weir"];
    assert_eq!(tells["Kpus"], 2, "{tells:#}");
    assert!(tells["RestoredCheckpointId"].is_u64(), "{tells:#}");
    let operations = application.get("/operations");
    let newest = &operations["ApplicationOperationInfoList"][0];
    assert_eq!(newest["Operation"], "AutoScaling", "{operations:#}");
    assert_eq!(newest["OperationStatus"], "SUCCESSFUL", "{operations:#}");
    let events = application.get("/events")["Events"].to_string();
    let reason = "parallelism changes from 1 to 2: CPU was at least 91 % in 15 periods";
    assert_eq!(events.matches(reason).count(), 1, "{events}");
    let reached = tells["RestoredCheckpointId"].as_u64().unwrap();
    application.await_checkpoint(reached + 1);
    // It cools down now.
    assert_eq!(application.weir()["Autoscaling"]["Decision"]["Verdict"], "COOLING_DOWN");
    application.must_end_with(&sums(&feeder.finish(), 5));
}
