//! Tells control how a job ended.

use std::time::Duration;

use control::{Control, JobKey};
use model::protocol::Failure;
use tokio_util::sync::CancellationToken;

/// Pause before the end of a job is told again to a database that did not answer.
const TELL_AGAIN: Duration = Duration::from_millis(200);

/// What is told of a job that has not spoken for itself.
pub(crate) enum Ending {
    Failed(Failure),
    Gone(String),
    Silent(Duration),
    /// It was told to end at once, did not, and was killed.
    Deaf,
    /// Its worker ends; `finished`: it has taken a last checkpoint for that.
    Left {
        finished: bool,
    },
}

/// Tells control of a job's end, again and again while the database does not answer: until then the
/// run counts as held and nobody starts it again. Once the lease is over (`kill`) others find it
/// without a word.
pub(crate) async fn tell_end(
    control: &Control,
    job: &JobKey,
    kill: &CancellationToken,
    ending: &Ending,
) {
    loop {
        let told = match ending {
            Ending::Failed(failure) => control.job_failed(job, failure).await,
            Ending::Gone(how) => control.job_gone(job, how).await,
            Ending::Deaf => {
                control.job_gone(job, "it was told to end, did not, and was killed").await
            }
            Ending::Silent(silence) => control.job_silent(job, *silence).await,
            Ending::Left { finished } => control.job_left(job, *finished).await,
        };
        let Err(error) = told else { return };
        tracing::warn!(application = %job.application, %error, "the end of a job could not be told");
        tokio::select! {
            () = kill.cancelled() => return,
            () = tokio::time::sleep(TELL_AGAIN) => {}
        }
    }
}
