//! UpdateApplicationMaintenanceConfiguration.

use model::{
    ids::ApplicationName,
    invalid::Invalid,
    lifecycle::{Command, admit},
};
use store::NewEvent;

use crate::{
    Control,
    audit::Audit,
    detail::{MaintenanceWindow, window},
    error::{Error, Result},
};

impl Control {
    /// Sets the minute at which the eight hours of an application's maintenance window begin, as
    /// `HH:MM` in UTC. No new version.
    ///
    /// # Errors
    /// It is no such time; the application is neither READY nor RUNNING.
    pub async fn set_maintenance_window(
        &self,
        name: &ApplicationName,
        start: &str,
    ) -> Result<MaintenanceWindow> {
        check_time(start)?;
        let mut tx = self.store.begin().await?;
        let mut application = Self::locked(&mut tx, name).await?;
        admit(application.status, Command::ConfigureMaintenance)?;
        let before = application.maintenance_window_start.clone();
        if !tx.set_maintenance_window(&mut application, start).await? {
            return Err(Error::Overtaken(name.clone()));
        }
        let window = window(start);
        let event = NewEvent {
            kind: "MaintenanceWindowChanged",
            message: &format!("maintenance window is {} to {} UTC", window.start, window.end),
            version: application.version,
            attempt: None,
        };
        tx.insert_event(application.id, &event).await?;
        let audit = Audit::of(Command::ConfigureMaintenance.as_str(), name).changed(
            "maintenance_window_start",
            before,
            start,
        );
        self.audit(&mut tx, audit).await?;
        tx.commit().await?;
        Ok(window)
    }
}

/// Refuses what does not match `([01][0-9]|2[0-3]):[0-5][0-9]`.
fn check_time(text: &str) -> Result<(), Invalid> {
    let number = |digits: &str| -> Option<u8> {
        let plain = digits.len() == 2 && digits.bytes().all(|b| b.is_ascii_digit());
        plain.then(|| digits.parse().ok()).flatten()
    };
    let time = text
        .split_once(':')
        .and_then(|(hour, minute)| Some(number(hour)? < 24 && number(minute)? < 60));
    if time == Some(true) {
        return Ok(());
    }
    Err(Invalid::new(
        "ApplicationMaintenanceWindowStartTimeUpdate",
        "must be a time of day from `00:00` to `23:59`",
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_start_is_a_time_of_day() {
        for good in ["00:00", "09:30", "19:59", "23:59"] {
            assert_eq!(check_time(good), Ok(()), "{good}");
        }
        for wrong in ["", "24:00", "23:60", "9:30", "09:3", "0930", "09:30:00", "+9:30", "09:-1"] {
            assert!(check_time(wrong).is_err(), "{wrong}");
        }
    }
}
