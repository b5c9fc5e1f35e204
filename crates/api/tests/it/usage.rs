use serde_json::json;

use crate::world::World;

#[tokio::test]
async fn usage_is_listed_by_day_and_application() {
    let world = World::with_alerts().await;
    let claim = world.run_alerts().await;
    let none = world.api.get("/v1/usage").await.body(200);
    assert_eq!(none, json!({ "Usage": [] }));
    world.api.post("/v1/applications/alerts/stop", json!({ "Force": true })).await.body(202);
    let _ = world.control.job_finished(&claim.job, true).await.unwrap();
    let all = world.api.get("/v1/usage").await.body(200);
    let row = &all["Usage"][0];
    assert_eq!(row["ApplicationName"], "alerts");
    assert!(row["KpuSeconds"].as_f64().unwrap() > 0.0, "{row}");
    let day = row["Day"].as_str().unwrap();
    let path = format!("/v1/usage?from={day}&to={day}&application=alerts&Limit=1");
    assert_eq!(world.api.get(&path).await.body(200)["Usage"][0], *row);
    let other = world.api.get("/v1/usage?application=other").await.body(200);
    assert_eq!(other, json!({ "Usage": [] }));
    for wrong in ["from=yesterday", "to=2026-02-30", "from=2026-02-02&to=2026-02-01", "Limit=51"] {
        let refused = world.api.get(&format!("/v1/usage?{wrong}")).await;
        refused.refused(422, "InvalidArgumentException");
    }
}
