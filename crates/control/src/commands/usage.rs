//! Usage, by application and day.

use chrono::{Days, NaiveDate};
use model::{
    ids::{ApplicationId, ApplicationName},
    invalid::Invalid,
};
use store::{Usage, UsageFilter};
use uuid::Uuid;

use crate::{
    Control,
    error::Result,
    page::{Page, PageRequest},
};

/// Days that are told when none are named.
const DAYS: u64 = 31;

/// Which usage is wanted.
#[derive(Debug, Clone, Default)]
pub struct UsageQuery {
    /// The first day, UTC; absent = a month before the last.
    pub from: Option<NaiveDate>,
    /// The last day, UTC; absent = today.
    pub to: Option<NaiveDate>,
    /// One application only; it may be gone.
    pub application: Option<ApplicationName>,
}

impl Control {
    /// A page of what applications took, by day. It is at most about a minute old.
    ///
    /// # Errors
    /// The first day is after the last.
    pub async fn usage(&self, query: &UsageQuery, page: &PageRequest) -> Result<Page<Usage>> {
        let mut tx = self.store.begin().await?;
        let to = match query.to {
            Some(to) => to,
            None => tx.now().await?.date_naive(),
        };
        let from =
            query.from.unwrap_or_else(|| to.checked_sub_days(Days::new(DAYS - 1)).unwrap_or(to));
        if from > to {
            return Err(Invalid::new("From", format!("must not be after To, {to}")).into());
        }
        let application = query.application.as_ref();
        let after = page.after_text().map(place).transpose()?;
        let filter = UsageFilter { from, to, application, after };
        let found = tx.list_usage(&filter, page.fetch()).await?;
        Ok(page.page(found, |it| format!("{}_{}", it.day, it.application.0)))
    }
}

fn place(token: &str) -> Result<(NaiveDate, ApplicationId), Invalid> {
    let parse = || {
        let (day, id) = token.split_once('_')?;
        Some((day.parse().ok()?, ApplicationId(id.parse::<Uuid>().ok()?)))
    };
    parse().ok_or_else(|| Invalid::new("NextToken", "is not one that this list gave"))
}
