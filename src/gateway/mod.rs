//! The acts of the product, one verb a file: what a request or the end of a call changes.
//!
//! Each act takes `now` and [`Entropy`](crate::entropy::Entropy) as arguments and writes in one
//! transaction: the change, its audit entry, its events. What is to happen outside the database is
//! said through [`CallControl`], after the transaction; nothing depends on its being heard.
//!
//! Leaves out: limits across verifications, workflow steps, factors, deliveries, webhooks.

mod act;
mod authenticate;
mod caller;
mod cancel;
mod check;
mod dispatch;
mod error;
mod idempotency;
mod key_file;
mod observe;
mod read;
mod ready;
mod service;
mod settle;
mod start;
mod sweep;
mod view;
mod wish;

pub use crate::store::Cursor;
pub use caller::{Caller, ParseScopeError, Scope};
pub use dispatch::LEASE;
pub use error::{ActError, CancelError, CheckError, ReadError, StartError};
pub use idempotency::{Begun, Claim, IdempotencyKey, ParseIdempotencyKeyError};
pub use idempotency::{Remember, StoredAnswer};
pub use key_file::{KeyFileError, load_or_create};
pub use read::{PageRequest, VerificationPage};
pub use service::Service;
pub use start::Started;
pub use sweep::Swept;
pub use view::{AttemptSummary, AttemptView, CheckView, VerificationView};
pub use wish::StartRequest;

use crate::id::AttemptId;
use crate::store::Store;
use crate::time::UnixMillis;
use crate::verify::keys::SecretKeys;
use std::collections::BTreeMap;
use std::sync::Arc;

/// What the acts tell the part that places calls. Both return at once.
pub trait CallControl: Send + Sync {
    /// A call may wait: dispatch soon.
    fn wake(&self);

    /// End this call, if it is up here. Harmless when it is not.
    fn cancel(&self, attempt: AttemptId);
}

/// What a gateway is made of.
pub struct Parts {
    /// Where everything is kept.
    pub store: Store,
    /// The keys that are not kept there.
    pub keys: SecretKeys,
    /// The services by name.
    pub services: BTreeMap<String, Service>,
    /// The part that places calls.
    pub calls: Arc<dyn CallControl>,
}

/// All acts. Cheap to clone; clones share everything.
#[derive(Clone)]
pub struct Gateway(Arc<Inner>);

struct Inner {
    store: Store,
    keys: SecretKeys,
    services: BTreeMap<String, Service>,
    calls: Arc<dyn CallControl>,
    ready_at: tokio::sync::Mutex<Option<UnixMillis>>,
}

impl Gateway {
    /// A gateway of these parts.
    pub fn new(parts: Parts) -> Self {
        let Parts { store, keys, services, calls } = parts;
        let ready_at = tokio::sync::Mutex::new(None);
        Gateway(Arc::new(Inner { store, keys, services, calls, ready_at }))
    }

    /// Where everything is kept.
    pub fn store(&self) -> &Store {
        &self.0.store
    }

    fn service(&self, name: &str) -> Result<&Service, ActError> {
        self.0.services.get(name).ok_or_else(|| ActError::UnknownService(name.to_owned()))
    }
}
