//! Fills the worker's port for copies: S3 by way of `job::kept`.

use std::sync::Arc;

use control::{Copied, CopyProblem, CopyWork};
use job::kept::{Copies, Kept, Place, Problem};
use model::protocol::Storage;
use tokio::runtime::Handle;

/// Copies between the installation's bucket and others that are reached with the same credentials.
pub(crate) fn copier(storage: &Storage, runtime: Handle) -> worker::Copy {
    let copies = Copies::open(storage, runtime);
    Arc::new(move |work| {
        let place = |bucket: &str, folder: &str| Place {
            bucket: bucket.to_owned(),
            folder: folder.to_owned(),
        };
        let done = match work {
            CopyWork::Keep { manifest, folder } => copies.keep(manifest, folder),
            CopyWork::Export { manifest, about, bucket, to } => {
                copies.export(manifest, about, &place(bucket, to))
            }
            CopyWork::Import { bucket, from, folder } => {
                copies.import(&place(bucket, from), folder)
            }
        };
        done.map(copied).map_err(problem)
    })
}

fn copied(kept: Kept) -> Copied {
    let Kept { manifest, checkpoint, state_bytes, runtime } = kept;
    Copied { manifest, checkpoint, state_bytes, runtime }
}

fn problem(problem: Problem) -> CopyProblem {
    CopyProblem { code: problem.code(), message: problem.to_string(), passes: problem.passes() }
}
