//! One database for each test, and the shortest way to rows in it.

use belfry::entropy::Entropy;
use belfry::id::{AttemptId, VerificationId};
use belfry::number::Number;
use belfry::secret::Digits;
use belfry::store::{NewAttempt, NewVerification, Store, StoreOptions};
use belfry::time::{Duration, UnixMillis};
use belfry::verify::attempt::Origin;
use belfry::verify::destination::Destination;
use belfry::verify::keys::SecretKeys;
use belfry::verify::verification::{Channel, Status, Verification};
use std::collections::BTreeMap;

/// The moment every test begins.
pub const NOW: UnixMillis = UnixMillis(1_795_514_400_000);
/// The service of every test that needs only one.
pub const SERVICE: &str = "panel-login";

/// `NOW` moved by `millis`.
pub fn at(millis: i64) -> UnixMillis {
    UnixMillis(NOW.0 + millis)
}

/// A store on a database of its own, with its keys and its randomness.
pub struct World {
    pub store: Store,
    pub keys: SecretKeys,
    pub entropy: Entropy,
    pub url: String,
    /// Where a SQLite file lies.
    pub folder: Option<tempfile::TempDir>,
}

impl World {
    /// A fresh SQLite file.
    pub async fn on_sqlite() -> World {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let url = file_url(&folder);
        World::on(url, Some(folder)).await
    }

    /// A fresh PostgreSQL database.
    pub async fn on_postgres() -> World {
        World::on(super::postgres::new_database().await, None).await
    }

    async fn on(url: String, folder: Option<tempfile::TempDir>) -> World {
        let mut entropy = Entropy::from_seed(1);
        let store = Store::open(&url, &StoreOptions::default()).await.expect("opens");
        let keys = SecretKeys::generate(&mut entropy);
        store.bind_secret_keys(&keys).await.expect("the first keys");
        World { store, keys, entropy, url, folder }
    }

    /// A pending verification of `number`, not yet stored.
    pub fn new_verification(&mut self, number: &str) -> NewVerification {
        let id = VerificationId::new(NOW, &mut self.entropy);
        let number = Number::parse(number, None).expect(number);
        let destination = Destination { number: number.clone(), extension: None };
        NewVerification {
            destination_index: self.keys.destination_index(&destination),
            number_index: self.keys.number_index(&number),
            verification: Verification {
                id,
                service: SERVICE.to_owned(),
                entity: Some("user_42".to_owned()),
                purpose: "login".parse().expect("purpose"),
                channel: Channel::Call,
                status: Status::Pending,
                destination: Some(self.keys.seal(&destination, id, &mut self.entropy)),
                masked: number.masked(),
                line: number.line().as_str().to_owned(),
                locale: "nl-BE".to_owned(),
                locale_used: "en".to_owned(),
                code_length: 6,
                human_check_digits: 1,
                code: None,
                checks_used: 0,
                checks_max: 5,
                sends_used: 1,
                sends_max: 5,
                metadata: BTreeMap::from([("panel".to_owned(), "eu1".to_owned())]),
                created_at: NOW,
                expires_at: NOW.plus(Duration::from_secs(300)),
                resend_after: None,
                ended_at: None,
            },
        }
    }

    /// A stored pending verification of `number`.
    pub async fn pending(&mut self, number: &str) -> Verification {
        let new = self.new_verification(number);
        let mut tx = self.store.write().await.expect("a write");
        assert!(tx.insert_verification(&new).await.expect("inserted"));
        tx.commit().await.expect("committed");
        new.verification
    }

    /// A stored pending verification whose valid code is `code`.
    pub async fn pending_with_code(&mut self, number: &str, code: &str) -> Verification {
        let verification = self.pending(number).await;
        let code = Digits::parse(code).expect(code);
        let mac = self.keys.code_mac(verification.code_context(), &code);
        let mut tx = self.store.write().await.expect("a write");
        assert!(tx.store_code(verification.id, &mac).await.expect("stored"));
        tx.commit().await.expect("committed");
        verification
    }

    /// The first attempt of `verification`, due now, not yet stored.
    pub fn new_attempt(&mut self, verification: VerificationId) -> NewAttempt {
        NewAttempt {
            id: AttemptId::new(NOW, &mut self.entropy),
            verification,
            send: 1,
            origin: Origin::Request,
            created_at: NOW,
            due_at: NOW,
        }
    }

    /// A stored queued attempt of `verification`, due now.
    pub async fn queued(&mut self, verification: VerificationId) -> NewAttempt {
        let new = self.new_attempt(verification);
        let mut tx = self.store.write().await.expect("a write");
        assert!(tx.insert_attempt(&new).await.expect("inserted").is_some());
        tx.commit().await.expect("committed");
        new
    }

    /// The stored verification as it is now.
    pub async fn read(&self, id: VerificationId) -> Verification {
        let mut tx = self.store.read().await.expect("a read");
        tx.verification(SERVICE, id).await.expect("read").expect("it is there")
    }
}

/// The address of the database file in `folder`.
pub fn file_url(folder: &tempfile::TempDir) -> String {
    format!("sqlite:{}", folder.path().join("belfry.db").display())
}
