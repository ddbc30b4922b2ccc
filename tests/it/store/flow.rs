//! The main flow, statement by statement.

use super::world::{NOW, SERVICE, World, at};
use belfry::id::{AuditId, EventId};
use belfry::reason::Reason;
use belfry::secret::Digits;
use belfry::store::{AuditEntry, Event};
use belfry::verify::attempt::{AttemptState, Delivery, Receipt};
use belfry::verify::event::EventKind;
use belfry::verify::verification::Status;

conformance! {
    a_verification_goes_from_request_to_approval
    every_column_reads_back
}

async fn a_verification_goes_from_request_to_approval(mut world: World) {
    let verification = world.pending("+3225805000").await;
    let attempt = world.queued(verification.id).await;
    assert_eq!(world.read(verification.id).await, verification);

    let mut tx = world.store.write().await.expect("a write");
    let claimed = tx.claim_attempts("node", NOW, at(10_000), 5).await.expect("claimed");
    assert_eq!(claimed.len(), 1);
    assert_eq!((claimed[0].id, claimed[0].ordinal, claimed[0].send), (attempt.id, 1, 1));
    assert_eq!(claimed[0].state, AttemptState::Dialing);
    let code = Digits::draw(6, &mut world.entropy);
    let mac = world.keys.code_mac(verification.code_context(), &code);
    assert!(tx.store_code(verification.id, &mac).await.expect("stored"));
    tx.set_trunk(attempt.id, "pbx").await.expect("named");
    tx.commit().await.expect("committed");

    let mut tx = world.store.write().await.expect("a write");
    let (from, to) = (AttemptState::Dialing, AttemptState::Ringing);
    assert!(tx.advance_attempt(attempt.id, from, to).await.expect("moved"));
    assert!(!tx.advance_attempt(attempt.id, from, to).await.expect("asked"), "once");
    let receipt = Receipt {
        delivery: Delivery::Full,
        readings: 2,
        last_digit_index: Some(3),
        sip_status: Some(200),
        q850_cause: Some(16),
        packets_sent: u64::from(u32::MAX) + 1,
        ..Receipt::of_lost_call(AttemptState::Playing)
    };
    let ended = tx.end_attempt(attempt.id, Reason::HungUp, &receipt, at(30_000)).await;
    assert!(ended.expect("ended"));
    tx.set_resend_after(verification.id, at(60_000)).await.expect("set");
    tx.commit().await.expect("committed");

    let mut tx = world.store.write().await.expect("a write");
    let counted = tx.count_check(SERVICE, verification.id, at(40_000)).await.expect("counted");
    let counted = counted.expect("it takes a check");
    assert_eq!(counted.code.as_ref(), Some(&mac));
    assert_eq!((counted.checks_used, counted.resend_after), (1, Some(at(60_000))));
    assert!(tx.consume_code(verification.id, &mac, at(40_000)).await.expect("consumed"));
    tx.commit().await.expect("committed");

    let approved = world.read(verification.id).await;
    assert_eq!((approved.status, approved.ended_at), (Status::Approved, Some(at(40_000))));
    assert_eq!((approved.code, approved.resend_after), (None, None));
    let mut tx = world.store.read().await.expect("a read");
    let attempts = tx.attempts(verification.id).await.expect("read");
    assert_eq!(attempts.len(), 1);
    assert_eq!(attempts[0].receipt, receipt);
    assert_eq!(attempts[0].reason, Some(Reason::HungUp));
    assert_eq!(
        (attempts[0].trunk.as_deref(), attempts[0].node.as_deref()),
        (Some("pbx"), Some("node"))
    );
}

async fn every_column_reads_back(mut world: World) {
    let mut new = world.new_verification("+3225805000");
    new.verification.entity = None;
    new.verification.metadata.clear();
    let mut tx = world.store.write().await.expect("a write");
    assert!(tx.insert_verification(&new).await.expect("inserted"));
    let read = tx.any_verification(new.verification.id).await.expect("read");
    assert_eq!(read, Some(new.verification.clone()));
    let sealed = new.verification.destination.expect("sealed");
    let opened = world.keys.unseal(&sealed, new.verification.id).expect("opens");
    assert_eq!(opened.number.expose(), "+3225805000");

    let attempt = world.new_attempt(new.verification.id);
    assert_eq!(tx.insert_attempt(&attempt).await.expect("inserted"), Some(1));
    let read = tx.attempt(attempt.id).await.expect("read").expect("it is there");
    assert_eq!((read.reason, read.lease_until, read.ended_at), (None, None, None));
    assert_eq!(tx.last_attempt(new.verification.id).await.expect("read"), Some(read));

    let event = Event {
        id: EventId::new(NOW, &mut world.entropy),
        service: SERVICE.to_owned(),
        verification: new.verification.id,
        attempt: Some(attempt.id),
        kind: EventKind::CallDialing,
        data: "{}".to_owned(),
        created_at: NOW,
    };
    tx.insert_event(&event).await.expect("inserted");
    assert_eq!(tx.events(new.verification.id).await.expect("read"), [event]);
    let entry = AuditEntry {
        id: AuditId::new(NOW, &mut world.entropy),
        service: None,
        actor: "operator".to_owned(),
        action: "key.create".to_owned(),
        subject: "key_1".to_owned(),
        detail: "{}".to_owned(),
        created_at: NOW,
    };
    tx.append_audit(&entry).await.expect("appended");
    assert_eq!(tx.audit_of("key_1").await.expect("read"), [entry]);
    tx.commit().await.expect("committed");
}
