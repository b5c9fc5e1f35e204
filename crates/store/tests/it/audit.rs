use model::access::Role;
use serde_json::json;
use store::NewAudit;

use crate::database;

#[tokio::test]
async fn the_audit_log_is_read_newest_first_and_by_application() {
    let (_database, store) = database::fresh().await;
    let mut tx = store.begin().await.unwrap();
    let (before, after) = (json!({ "status": "READY" }), json!({ "status": "STARTING" }));
    for (action, application) in
        [("CreateApplication", Some("a")), ("CreateKey", None), ("StartApplication", Some("b"))]
    {
        let new = NewAudit {
            principal: "AKIA",
            role: Role::Operator,
            door: "rest",
            address: Some("10.0.0.1"),
            request_id: "r-1",
            action,
            outcome: "DONE",
            application,
            before: &before,
            after: &after,
        };
        tx.insert_audit(&new).await.unwrap();
    }
    let all = tx.list_audit(None, None, 10).await.unwrap();
    let actions: Vec<&str> = all.iter().map(|it| it.action.as_str()).collect();
    assert_eq!(actions, ["StartApplication", "CreateKey", "CreateApplication"]);
    assert_eq!((&all[0].before, &all[0].after), (&before, &after));
    assert_eq!((all[0].role, all[0].principal.as_str()), (Role::Operator, "AKIA"));
    let older = tx.list_audit(None, Some(all[0].id), 1).await.unwrap();
    assert_eq!(older, [all[1].clone()]);
    let of_a = tx.list_audit(Some("a"), None, 10).await.unwrap();
    assert_eq!(of_a, [all[2].clone()]);
}
