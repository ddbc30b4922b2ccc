//! Whose key is it. And making keys, shown once.
//!
//! Keys are 256 random bits, so their plain SHA-256 is all that has to be kept: it cannot be
//! searched, and looking it up tells nothing about how close a wrong key was.

use super::act::Actor;
use super::error::ActError;
use super::{Caller, Gateway, Scope};
use crate::entropy::Entropy;
use crate::id::KeyId;
use crate::secret::Redacted;
use crate::store::{ApiKey, KeyKind};
use crate::time::UnixMillis;
use serde_json::json;
use sha2::{Digest, Sha256};
use std::collections::BTreeSet;

const LIVE: &str = "vk_live_";
const TEST: &str = "vk_test_";
/// Nothing longer is a key of ours.
const KEY_CHARS_MAX: usize = 128;

impl Gateway {
    /// The caller behind a bearer token; `None` if it is no key in force of a configured service.
    ///
    /// # Errors
    /// [`ActError`]: nobody can be told apart now.
    pub async fn authenticate(&self, token: &str) -> Result<Option<Caller>, ActError> {
        let ours = token.starts_with(LIVE) || token.starts_with(TEST);
        if !ours || token.len() > KEY_CHARS_MAX {
            return Ok(None);
        }
        let found = self.0.store.read().await?.api_key(&Sha256::digest(token).into()).await?;
        let Some(key) = found.filter(|key| self.0.services.contains_key(&key.service)) else {
            return Ok(None);
        };
        Ok(Some(Caller {
            service: key.service,
            key: key.id,
            scopes: key.scopes.iter().filter_map(|word| word.parse().ok()).collect(),
            live: key.kind == KeyKind::Live,
        }))
    }

    /// Makes a key for a service. The text exists nowhere else and cannot be shown again.
    ///
    /// # Errors
    /// [`ActError`]: no key was made, or there is no such service.
    pub async fn create_key(
        &self,
        now: UnixMillis,
        entropy: &mut Entropy,
        service: &str,
        scopes: &BTreeSet<Scope>,
        live: bool,
    ) -> Result<(KeyId, Redacted<String>), ActError> {
        self.service(service)?;
        let (prefix, kind) = if live { (LIVE, KeyKind::Live) } else { (TEST, KeyKind::Test) };
        let text = format!("{prefix}{}", entropy.token::<32>());
        let key = ApiKey {
            id: KeyId::new(now, entropy),
            service: service.to_owned(),
            kind,
            scopes: scopes.iter().map(|scope| scope.as_str().to_owned()).collect(),
            created_at: now,
        };
        let mut act = self.act(now, entropy, Actor::Operator).await?;
        act.tx.insert_api_key(&key, &Sha256::digest(&text).into()).await?;
        let detail = json!({ "kind": kind.as_str(), "scopes": key.scopes });
        act.audit(service, "key.create", &key.id, detail).await?;
        act.commit().await?;
        Ok((key.id, Redacted::new(text)))
    }
}
