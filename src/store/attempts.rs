//! The table `attempts`: one row for each call, from the queue to its receipt.

use super::row::{At, count, time};
use super::{StoreError, Tx, on};
use crate::id::{AttemptId, VerificationId};
use crate::reason::Reason;
use crate::time::UnixMillis;
use crate::verify::attempt::{Attempt, AttemptState, Origin, Receipt};

/// The columns of [`Row`], in the statements below.
macro_rules! columns {
    () => {
        "id, verification, ordinal, send, origin, state, reason, trunk, node, lease_until, \
         created_at, due_at, dialed_at, ended_at, rang, answered, forwarded, human_confirmed, \
         delivery, readings, last_digit_index, audio_received, keys_seen, sip_status, q850_cause, \
         detail, packets_sent, packets_received, packets_lost, setup_ms, talk_ms"
    };
}

/// A call to be placed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NewAttempt {
    /// Its name.
    pub id: AttemptId,
    /// The verification it delivers a code for.
    pub verification: VerificationId,
    /// Which send it belongs to, from 1.
    pub send: u32,
    /// What asked for it.
    pub origin: Origin,
    /// When it was asked for.
    pub created_at: UnixMillis,
    /// From when it may be dialled.
    pub due_at: UnixMillis,
}

impl Tx {
    /// Queues a call and numbers it; `None` if one of that verification is waiting or up already,
    /// or there is no such verification, and nothing was queued.
    ///
    /// # Errors
    /// [`StoreError`]: the database did not do it.
    pub async fn insert_attempt(&mut self, new: &NewAttempt) -> Result<Option<u32>, StoreError> {
        const SQL: &str = "insert into attempts (id, verification, number_index, ordinal, send,
                origin, state, created_at, due_at, rang, answered, forwarded, human_confirmed,
                delivery, readings, audio_received, keys_seen, packets_sent, packets_received,
                packets_lost, setup_ms, talk_ms)
             select $1, v.id, v.number_index,
                (select coalesce(max(ordinal), 0) + 1 from attempts where verification = v.id),
                $3, $4, 'queued', $5, $6, false, false, false, false,
                'none', 0, false, 0, 0, 0, 0, 0, 0
             from verifications v where v.id = $2
             on conflict do nothing
             returning ordinal";
        let ordinal: Option<i64> = on!(self, db => sqlx::query_scalar(SQL)
            .bind(new.id.to_string())
            .bind(new.verification.to_string())
            .bind(i64::from(new.send))
            .bind(new.origin.as_str())
            .bind(new.created_at.0)
            .bind(new.due_at.0)
            .fetch_optional(db)
            .await)?;
        At("attempts", "ordinal").number_or_none(ordinal)
    }

    /// The attempt of that id.
    ///
    /// # Errors
    /// [`StoreError`]: the database did not do it.
    pub async fn attempt(&mut self, id: AttemptId) -> Result<Option<Attempt>, StoreError> {
        const SQL: &str = concat!("select ", columns!(), " from attempts where id = $1");
        let row: Option<Row> = on!(self, db => sqlx::query_as(SQL)
            .bind(id.to_string()).fetch_optional(db).await)?;
        row.map(Row::read).transpose()
    }

    /// All attempts of a verification, the first call first.
    ///
    /// # Errors
    /// [`StoreError`]: the database did not do it.
    pub async fn attempts(
        &mut self,
        verification: VerificationId,
    ) -> Result<Vec<Attempt>, StoreError> {
        const SQL: &str = concat!(
            "select ",
            columns!(),
            " from attempts where verification = $1 order by ordinal"
        );
        let rows: Vec<Row> = on!(self, db => sqlx::query_as(SQL)
            .bind(verification.to_string()).fetch_all(db).await)?;
        rows.into_iter().map(Row::read).collect()
    }

    /// The last attempt of a verification.
    ///
    /// # Errors
    /// [`StoreError`]: the database did not do it.
    pub async fn last_attempt(
        &mut self,
        verification: VerificationId,
    ) -> Result<Option<Attempt>, StoreError> {
        const SQL: &str = concat!(
            "select ",
            columns!(),
            " from attempts where verification = $1 order by ordinal desc limit 1"
        );
        let row: Option<Row> = on!(self, db => sqlx::query_as(SQL)
            .bind(verification.to_string()).fetch_optional(db).await)?;
        row.map(Row::read).transpose()
    }

    /// Takes at most `limit` queued attempts that are due, the longest waiting first: they are
    /// `dialing` from now on, and held by `node` until `lease_until`. No two gateways get the same
    /// one.
    ///
    /// `node` names one run of one gateway: a restarted one must not keep its dead calls alive.
    ///
    /// # Errors
    /// [`StoreError`]: the database did not do it.
    pub async fn claim_attempts(
        &mut self,
        node: &str,
        now: UnixMillis,
        lease_until: UnixMillis,
        limit: u32,
    ) -> Result<Vec<Attempt>, StoreError> {
        /// The rows are picked once and for all before any is changed (PostgreSQL may otherwise
        /// look for more after each); it alone has writers side by side that pass over each other's
        /// rows.
        macro_rules! claim {
            ($lock:literal) => {
                concat!(
                    "with due as materialized (
                        select id as due_id from attempts where state = 'queued' and due_at <= $2
                        order by due_at, id limit $4",
                    $lock,
                    ")
                     update attempts set state = 'dialing', node = $1, dialed_at = $2,
                        lease_until = $3
                     where state = 'queued' and id in (select due_id from due) returning ",
                    columns!()
                )
            };
        }
        let sql = match self.inner {
            super::open::Inner::Sqlite(_) => claim!(""),
            super::open::Inner::Postgres(_) => claim!(" for update skip locked"),
        };
        let rows: Vec<Row> = on!(self, db => sqlx::query_as(sql)
            .bind(node)
            .bind(now.0)
            .bind(lease_until.0)
            .bind(i64::from(limit))
            .fetch_all(db)
            .await)?;
        let mut claimed = rows.into_iter().map(Row::read).collect::<Result<Vec<_>, _>>()?;
        claimed.sort_by_key(|attempt| (attempt.due_at, attempt.id));
        Ok(claimed)
    }

    /// When the next queued attempt is due, however far away.
    ///
    /// # Errors
    /// [`StoreError`]: the database did not do it.
    pub async fn next_due(&mut self) -> Result<Option<UnixMillis>, StoreError> {
        const SQL: &str = "select min(due_at) from attempts where state = 'queued'";
        let due: Option<i64> = on!(self, db => sqlx::query_scalar(SQL).fetch_one(db).await)?;
        Ok(time(due))
    }

    /// Names the trunk that carries a call which is not over.
    ///
    /// # Errors
    /// [`StoreError`]: the database did not do it.
    pub async fn set_trunk(&mut self, id: AttemptId, trunk: &str) -> Result<(), StoreError> {
        const SQL: &str = "update attempts set trunk = $2 where id = $1 and state <> 'ended'";
        on!(self, db => sqlx::query(SQL)
            .bind(id.to_string()).bind(trunk).execute(db).await.map(drop))?;
        Ok(())
    }

    /// Moves a call from one state to the next; `false` if it is not in `from` (any more).
    ///
    /// # Errors
    /// [`StoreError`]: the database did not do it.
    ///
    /// # Panics
    /// If no call may go that way: ask [`AttemptState::may_become`] first.
    pub async fn advance_attempt(
        &mut self,
        id: AttemptId,
        from: AttemptState,
        to: AttemptState,
    ) -> Result<bool, StoreError> {
        assert!(from != AttemptState::Queued && from.may_become(to), "a call only moves forward");
        const SQL: &str = "update attempts set state = $3 where id = $1 and state = $2";
        let done = on!(self, db => sqlx::query(SQL)
            .bind(id.to_string())
            .bind(from.as_str())
            .bind(to.as_str())
            .execute(db)
            .await
            .map(|done| done.rows_affected()))?;
        Ok(done == 1)
    }

    /// Prolongs the lease of all calls `node` holds, and returns how many they are.
    ///
    /// # Errors
    /// [`StoreError`]: the database did not do it; the leases run out if that goes on.
    pub async fn renew_leases(
        &mut self,
        node: &str,
        lease_until: UnixMillis,
    ) -> Result<u64, StoreError> {
        const SQL: &str = "update attempts set lease_until = $2
             where node = $1 and lease_until is not null and lease_until < $2";
        Ok(on!(self, db => sqlx::query(SQL)
            .bind(node)
            .bind(lease_until.0)
            .execute(db)
            .await
            .map(|done| done.rows_affected()))?)
    }

    /// At most `limit` calls whose gateway is believed to be dead, the longest first.
    ///
    /// # Errors
    /// [`StoreError`]: the database did not do it.
    pub async fn lapsed_attempts(
        &mut self,
        now: UnixMillis,
        limit: u32,
    ) -> Result<Vec<Attempt>, StoreError> {
        const SQL: &str = concat!(
            "select ",
            columns!(),
            " from attempts where lease_until is not null and lease_until <= $1
              order by lease_until, id limit $2"
        );
        let rows: Vec<Row> = on!(self, db => sqlx::query_as(SQL)
            .bind(now.0).bind(i64::from(limit)).fetch_all(db).await)?;
        rows.into_iter().map(Row::read).collect()
    }

    /// Ends an attempt with its receipt; `false` if it had ended already, and nothing was changed.
    ///
    /// # Errors
    /// [`StoreError`]: the database did not do it.
    pub async fn end_attempt(
        &mut self,
        id: AttemptId,
        reason: Reason,
        receipt: &Receipt,
        now: UnixMillis,
    ) -> Result<bool, StoreError> {
        const SQL: &str = "update attempts set state = 'ended', reason = $2, ended_at = $3,
                lease_until = null, rang = $4, answered = $5, forwarded = $6, human_confirmed = $7,
                delivery = $8, readings = $9, last_digit_index = $10, audio_received = $11,
                keys_seen = $12, sip_status = $13, q850_cause = $14, detail = $15,
                packets_sent = $16, packets_received = $17, packets_lost = $18, setup_ms = $19,
                talk_ms = $20
             where id = $1 and state <> 'ended'";
        let done = on!(self, db => sqlx::query(SQL)
            .bind(id.to_string())
            .bind(reason.as_str())
            .bind(now.0)
            .bind(receipt.rang)
            .bind(receipt.answered)
            .bind(receipt.forwarded)
            .bind(receipt.human_confirmed)
            .bind(receipt.delivery.as_str())
            .bind(i64::from(receipt.readings))
            .bind(receipt.last_digit_index.map(i64::from))
            .bind(receipt.audio_received)
            .bind(i64::from(receipt.keys_seen))
            .bind(receipt.sip_status.map(i64::from))
            .bind(receipt.q850_cause.map(i64::from))
            .bind(&receipt.detail)
            .bind(count(receipt.packets_sent))
            .bind(count(receipt.packets_received))
            .bind(count(receipt.packets_lost))
            .bind(count(receipt.setup_ms))
            .bind(count(receipt.talk_ms))
            .execute(db)
            .await
            .map(|done| done.rows_affected()))?;
        Ok(done == 1)
    }
}

#[derive(sqlx::FromRow)]
struct Row {
    id: String,
    verification: String,
    ordinal: i64,
    send: i64,
    origin: String,
    state: String,
    reason: Option<String>,
    trunk: Option<String>,
    node: Option<String>,
    lease_until: Option<i64>,
    created_at: i64,
    due_at: i64,
    dialed_at: Option<i64>,
    ended_at: Option<i64>,
    #[sqlx(flatten)]
    receipt: ReceiptRow,
}

#[derive(sqlx::FromRow)]
struct ReceiptRow {
    rang: bool,
    answered: bool,
    forwarded: bool,
    human_confirmed: bool,
    delivery: String,
    readings: i64,
    last_digit_index: Option<i64>,
    audio_received: bool,
    keys_seen: i64,
    sip_status: Option<i64>,
    q850_cause: Option<i64>,
    detail: Option<String>,
    packets_sent: i64,
    packets_received: i64,
    packets_lost: i64,
    setup_ms: i64,
    talk_ms: i64,
}

impl Row {
    fn read(self) -> Result<Attempt, StoreError> {
        let at = |column| At("attempts", column);
        Ok(Attempt {
            id: at("id").parse(&self.id)?,
            verification: at("verification").parse(&self.verification)?,
            ordinal: at("ordinal").number(self.ordinal)?,
            send: at("send").number(self.send)?,
            origin: at("origin").parse(&self.origin)?,
            state: at("state").parse(&self.state)?,
            reason: self.reason.map(|word| at("reason").parse(&word)).transpose()?,
            trunk: self.trunk,
            node: self.node,
            lease_until: time(self.lease_until),
            created_at: UnixMillis(self.created_at),
            due_at: UnixMillis(self.due_at),
            dialed_at: time(self.dialed_at),
            ended_at: time(self.ended_at),
            receipt: self.receipt.read()?,
        })
    }
}

impl ReceiptRow {
    fn read(self) -> Result<Receipt, StoreError> {
        let at = |column| At("attempts", column);
        Ok(Receipt {
            rang: self.rang,
            answered: self.answered,
            forwarded: self.forwarded,
            human_confirmed: self.human_confirmed,
            delivery: at("delivery").parse(&self.delivery)?,
            readings: at("readings").number(self.readings)?,
            last_digit_index: at("last_digit_index").number_or_none(self.last_digit_index)?,
            audio_received: self.audio_received,
            keys_seen: at("keys_seen").number(self.keys_seen)?,
            sip_status: at("sip_status").number_or_none(self.sip_status)?,
            q850_cause: at("q850_cause").number_or_none(self.q850_cause)?,
            detail: self.detail,
            packets_sent: at("packets_sent").number(self.packets_sent)?,
            packets_received: at("packets_received").number(self.packets_received)?,
            packets_lost: at("packets_lost").number(self.packets_lost)?,
            setup_ms: at("setup_ms").number(self.setup_ms)?,
            talk_ms: at("talk_ms").number(self.talk_ms)?,
        })
    }
}
