//! The maintenance window of an application.

use axum::Json;
use control::Control;
use model::ids::ApplicationName;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::failure::{Failure, FailureBody};
use crate::request::{Body, Path};
use crate::server::Shared;
use crate::wire::detail::MaintenanceWindow;

/// AWS `UpdateApplicationMaintenanceConfigurationRequest`.
#[derive(Debug, Default, Deserialize, Serialize, ToSchema)]
#[serde(rename_all = "PascalCase", default)]
pub(crate) struct MaintenanceRequest {
    application_maintenance_configuration_update: MaintenanceUpdate,
}

/// AWS `ApplicationMaintenanceConfigurationUpdate`.
#[derive(Debug, Default, Deserialize, Serialize, ToSchema)]
#[serde(rename_all = "PascalCase", default)]
struct MaintenanceUpdate {
    /// `HH:MM` in UTC; the window ends eight hours later.
    application_maintenance_window_start_time_update: String,
}

/// AWS `UpdateApplicationMaintenanceConfigurationResponse`.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct MaintenanceAnswer {
    #[serde(rename = "ApplicationARN")]
    application_arn: String,
    application_maintenance_configuration_description: MaintenanceWindow,
}

impl MaintenanceRequest {
    /// Carries the request out.
    pub(crate) async fn carry_out(
        self,
        control: &Control,
        name: &ApplicationName,
    ) -> Result<MaintenanceAnswer, control::Error> {
        let update = self.application_maintenance_configuration_update;
        let start = update.application_maintenance_window_start_time_update;
        let window = control.set_maintenance_window(name, &start).await?;
        Ok(MaintenanceAnswer {
            application_arn: control.arn(name),
            application_maintenance_configuration_description: window.into(),
        })
    }
}

/// Sets when the maintenance window begins; no new version.
#[utoipa::path(put, path = "/v1/applications/{name}/maintenance-window", tag = "applications",
    operation_id = "UpdateApplicationMaintenanceConfiguration",
    params(("name" = String, Path, description = "Application name")), request_body = MaintenanceRequest,
    responses((status = 200, body = MaintenanceAnswer), (status = "4XX", body = FailureBody)))]
pub(super) async fn put(
    shared: Shared,
    Path(name): Path<String>,
    Body(request): Body<MaintenanceRequest>,
) -> Result<Json<MaintenanceAnswer>, Failure> {
    let name: ApplicationName = name.parse()?;
    Ok(Json(request.carry_out(&shared.control, &name).await?))
}
