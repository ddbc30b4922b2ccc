//! API keys, and the secret keys a database was used with.

use super::world::{NOW, SERVICE, World, at};
use belfry::entropy::Entropy;
use belfry::id::KeyId;
use belfry::store::{ApiKey, KeyKind, StoreError};
use belfry::verify::keys::SecretKeys;
use std::collections::BTreeSet;

conformance! {
    an_api_key_is_found_by_its_hash_until_it_is_revoked
    a_wrong_secret_key_is_noticed_at_once
    a_rotated_secret_key_is_taken_and_no_longer_missed
}

async fn an_api_key_is_found_by_its_hash_until_it_is_revoked(mut world: World) {
    let key = ApiKey {
        id: KeyId::new(NOW, &mut world.entropy),
        service: SERVICE.to_owned(),
        kind: KeyKind::Live,
        scopes: ["verifications:read", "verifications:write"].map(str::to_owned).into(),
        created_at: NOW,
    };
    let bare = ApiKey {
        id: KeyId::new(NOW, &mut world.entropy),
        kind: KeyKind::Test,
        scopes: BTreeSet::new(),
        ..key.clone()
    };
    let mut tx = world.store.write().await.expect("a write");
    tx.insert_api_key(&key, &[7; 32]).await.expect("inserted");
    tx.insert_api_key(&bare, &[8; 32]).await.expect("inserted");
    assert_eq!(tx.api_key(&[7; 32]).await.expect("asked"), Some(key.clone()));
    assert_eq!(tx.api_key(&[8; 32]).await.expect("asked"), Some(bare));
    assert_eq!(tx.api_key(&[9; 32]).await.expect("asked"), None);
    assert!(tx.revoke_api_key(key.id, at(1)).await.expect("revoked"));
    assert!(!tx.revoke_api_key(key.id, at(2)).await.expect("asked"), "once");
    assert_eq!(tx.api_key(&[7; 32]).await.expect("asked"), None);
}

async fn a_wrong_secret_key_is_noticed_at_once(world: World) {
    assert!(world.store.knows_secret_keys().await.expect("asked"));
    world.store.bind_secret_keys(&world.keys).await.expect("the same keys");
    let other = SecretKeys::generate(&mut Entropy::from_seed(99));
    let refused = world.store.bind_secret_keys(&other).await.expect_err("other keys");
    assert!(matches!(refused, StoreError::WrongKey { version: 1 }), "{refused}");
    world.store.bind_secret_keys(&world.keys).await.expect("nothing was changed");
}

async fn a_rotated_secret_key_is_taken_and_no_longer_missed(world: World) {
    let text = format!("{}2 {}\n", *world.keys.to_text(), "ab".repeat(32));
    let rotated = SecretKeys::parse(&text).expect("two versions");
    world.store.bind_secret_keys(&rotated).await.expect("a further version");
    let refused = world.store.bind_secret_keys(&world.keys).await.expect_err("version 2 is gone");
    assert!(matches!(refused, StoreError::MissingKey { version: 2 }), "{refused}");
}
