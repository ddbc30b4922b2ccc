//! The table `verifications`: one row for each wish to prove control of a number.

use super::row::{At, time};
use super::{StoreError, Tx, on};
use crate::id::VerificationId;
use crate::time::UnixMillis;
use crate::verify::code::CodeMac;
use crate::verify::sealed::{BlindIndex, Sealed};
use crate::verify::verification::{Purpose, Status, Verification};

/// The columns of [`Row`], for every statement that reads it.
macro_rules! columns {
    () => {
        "id, service, entity, purpose, channel, status, destination_sealed, masked, line, locale, \
         locale_used, code_length, human_check_digits, code_mac, code_key_version, checks_used, \
         checks_max, sends_used, sends_max, metadata, created_at, expires_at, resend_after, \
         ended_at"
    };
}

pub(super) use columns;

/// What a new row needs besides the verification itself.
#[derive(Debug, Clone)]
pub struct NewVerification {
    /// Pending, with no code yet, no check used and one send used.
    pub verification: Verification,
    /// The phone: at most one verification of a service and purpose is pending for it.
    pub destination_index: BlindIndex,
    /// The number, for limits.
    pub number_index: BlindIndex,
}

impl Tx {
    /// Inserts a pending verification; `false` if one is pending for the same service, purpose and
    /// phone already, and nothing was inserted.
    ///
    /// # Errors
    /// [`StoreError`]: the database did not do it.
    pub async fn insert_verification(&mut self, new: &NewVerification) -> Result<bool, StoreError> {
        const SQL: &str = concat!(
            "insert into verifications (",
            columns!(),
            ", destination_index, number_index)
             values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17,
                     $18, $19, $20, $21, $22, $23, $24, $25, $26)
             on conflict (service, purpose, destination_index) where status = 'pending' do nothing"
        );
        let v = &new.verification;
        let metadata = serde_json::to_string(&v.metadata).expect("text keys and values are JSON");
        let done = on!(self, db => sqlx::query(SQL)
            .bind(v.id.to_string())
            .bind(&v.service)
            .bind(&v.entity)
            .bind(v.purpose.as_str())
            .bind(v.channel.as_str())
            .bind(v.status.as_str())
            .bind(v.destination.as_ref().map(Sealed::as_str))
            .bind(&v.masked)
            .bind(&v.line)
            .bind(&v.locale)
            .bind(&v.locale_used)
            .bind(i64::from(v.code_length))
            .bind(i64::from(v.human_check_digits))
            .bind(v.code.as_ref().map(|code| hex::encode(code.mac)))
            .bind(v.code.as_ref().map(|code| i64::from(code.key_version)))
            .bind(i64::from(v.checks_used))
            .bind(i64::from(v.checks_max))
            .bind(i64::from(v.sends_used))
            .bind(i64::from(v.sends_max))
            .bind(&metadata)
            .bind(v.created_at.0)
            .bind(v.expires_at.0)
            .bind(v.resend_after.map(|at| at.0))
            .bind(v.ended_at.map(|at| at.0))
            .bind(new.destination_index.as_str())
            .bind(new.number_index.as_str())
            .execute(db)
            .await
            .map(|done| done.rows_affected()))?;
        Ok(done == 1)
    }

    /// The verification of that id, if it is this service's.
    ///
    /// # Errors
    /// [`StoreError`]: the database did not do it.
    pub async fn verification(
        &mut self,
        service: &str,
        id: VerificationId,
    ) -> Result<Option<Verification>, StoreError> {
        const SQL: &str =
            concat!("select ", columns!(), " from verifications where id = $1 and service = $2");
        let row: Option<Row> = on!(self, db => sqlx::query_as(SQL)
            .bind(id.to_string()).bind(service).fetch_optional(db).await)?;
        row.map(Row::read).transpose()
    }

    /// The verification of that id, whosever it is: for the gateway's own work.
    ///
    /// # Errors
    /// [`StoreError`]: the database did not do it.
    pub async fn any_verification(
        &mut self,
        id: VerificationId,
    ) -> Result<Option<Verification>, StoreError> {
        const SQL: &str = concat!("select ", columns!(), " from verifications where id = $1");
        let row: Option<Row> = on!(self, db => sqlx::query_as(SQL)
            .bind(id.to_string()).fetch_optional(db).await)?;
        row.map(Row::read).transpose()
    }

    /// The one that is pending for this phone, if any; it may have expired without being swept yet.
    ///
    /// # Errors
    /// [`StoreError`]: the database did not do it.
    pub async fn pending_verification(
        &mut self,
        service: &str,
        purpose: &Purpose,
        destination: &BlindIndex,
    ) -> Result<Option<Verification>, StoreError> {
        const SQL: &str = concat!(
            "select ",
            columns!(),
            " from verifications where service = $1 and purpose = $2 and destination_index = $3
              and status = 'pending'"
        );
        let row: Option<Row> = on!(self, db => sqlx::query_as(SQL)
            .bind(service)
            .bind(purpose.as_str())
            .bind(destination.as_str())
            .fetch_optional(db)
            .await)?;
        row.map(Row::read).transpose()
    }

    /// Counts a check before it is judged: the row as it is then, or `None` if the verification
    /// takes no check (not this service's, over, expired, or all checks used), and none was
    /// counted.
    ///
    /// # Errors
    /// [`StoreError`]: the database did not do it.
    pub async fn count_check(
        &mut self,
        service: &str,
        id: VerificationId,
        now: UnixMillis,
    ) -> Result<Option<Verification>, StoreError> {
        const SQL: &str = concat!(
            "update verifications set checks_used = checks_used + 1
             where id = $1 and service = $2 and status = 'pending' and expires_at > $3
             and checks_used < checks_max returning ",
            columns!()
        );
        let row: Option<Row> = on!(self, db => sqlx::query_as(SQL)
            .bind(id.to_string())
            .bind(service)
            .bind(now.0)
            .fetch_optional(db)
            .await)?;
        row.map(Row::read).transpose()
    }

    /// Approves the verification whose valid code is `code`, and wipes it; `false` if the code was
    /// consumed, voided or replaced since it was read.
    ///
    /// # Errors
    /// [`StoreError`]: the database did not do it.
    pub async fn consume_code(
        &mut self,
        id: VerificationId,
        code: &CodeMac,
        now: UnixMillis,
    ) -> Result<bool, StoreError> {
        const SQL: &str = "update verifications set status = 'approved', consumed_at = $2,
                ended_at = $2, resend_after = null, code_mac = null, code_key_version = null
             where id = $1 and status = 'pending' and consumed_at is null and code_mac = $3";
        let done = on!(self, db => sqlx::query(SQL)
            .bind(id.to_string())
            .bind(now.0)
            .bind(hex::encode(code.mac))
            .execute(db)
            .await
            .map(|done| done.rows_affected()))?;
        Ok(done == 1)
    }

    /// Ends a pending verification otherwise than by approval, and wipes its code; `false` if it
    /// was over already.
    ///
    /// # Errors
    /// [`StoreError`]: the database did not do it.
    ///
    /// # Panics
    /// If `status` is `pending` or `approved`: only [`Tx::consume_code`] approves.
    pub async fn end_verification(
        &mut self,
        id: VerificationId,
        status: Status,
        now: UnixMillis,
    ) -> Result<bool, StoreError> {
        assert!(status.is_final() && status != Status::Approved, "only a code approves");
        const SQL: &str = "update verifications set status = $2, ended_at = $3,
                resend_after = null, code_mac = null, code_key_version = null
             where id = $1 and status = 'pending'";
        let done = on!(self, db => sqlx::query(SQL)
            .bind(id.to_string())
            .bind(status.as_str())
            .bind(now.0)
            .execute(db)
            .await
            .map(|done| done.rows_affected()))?;
        Ok(done == 1)
    }

    /// Makes `code` the only valid one; `false` if the verification is over.
    ///
    /// # Errors
    /// [`StoreError`]: the database did not do it.
    pub async fn store_code(
        &mut self,
        id: VerificationId,
        code: &CodeMac,
    ) -> Result<bool, StoreError> {
        const SQL: &str = "update verifications set code_mac = $2, code_key_version = $3
             where id = $1 and status = 'pending'";
        let done = on!(self, db => sqlx::query(SQL)
            .bind(id.to_string())
            .bind(hex::encode(code.mac))
            .bind(i64::from(code.key_version))
            .execute(db)
            .await
            .map(|done| done.rows_affected()))?;
        Ok(done == 1)
    }

    /// Counts a further send and voids the code of the one before: the number of the send, or
    /// `None` if the verification is over or has none left.
    ///
    /// # Errors
    /// [`StoreError`]: the database did not do it.
    pub async fn count_send(&mut self, id: VerificationId) -> Result<Option<u32>, StoreError> {
        const SQL: &str = "update verifications set sends_used = sends_used + 1,
                resend_after = null, code_mac = null, code_key_version = null
             where id = $1 and status = 'pending' and sends_used < sends_max
             returning sends_used";
        let used: Option<i64> = on!(self, db => sqlx::query_scalar(SQL)
            .bind(id.to_string()).fetch_optional(db).await)?;
        At("verifications", "sends_used").number_or_none(used)
    }

    /// Says from when a further call may be asked for.
    ///
    /// # Errors
    /// [`StoreError`]: the database did not do it.
    pub async fn set_resend_after(
        &mut self,
        id: VerificationId,
        from: UnixMillis,
    ) -> Result<(), StoreError> {
        const SQL: &str =
            "update verifications set resend_after = $2 where id = $1 and status = 'pending'";
        on!(self, db => sqlx::query(SQL)
            .bind(id.to_string()).bind(from.0).execute(db).await.map(drop))?;
        Ok(())
    }

    /// Expires at most `limit` pending verifications whose time is over, and returns them.
    ///
    /// # Errors
    /// [`StoreError`]: the database did not do it.
    pub async fn expire_verifications(
        &mut self,
        now: UnixMillis,
        limit: u32,
    ) -> Result<Vec<Verification>, StoreError> {
        const SQL: &str = concat!(
            "update verifications set status = 'expired', ended_at = $1,
                resend_after = null, code_mac = null, code_key_version = null
             where status = 'pending' and id in (
                select id from verifications where status = 'pending' and expires_at <= $1
                order by expires_at, id limit $2)
             returning ",
            columns!()
        );
        let rows: Vec<Row> = on!(self, db => sqlx::query_as(SQL)
            .bind(now.0).bind(i64::from(limit)).fetch_all(db).await)?;
        let mut expired = rows.into_iter().map(Row::read).collect::<Result<Vec<_>, _>>()?;
        expired.sort_by_key(|verification| (verification.expires_at, verification.id));
        Ok(expired)
    }

    /// Takes number, entity and metadata out of at most `limit` verifications that ended before
    /// `before`, and returns how many. Their outcome stays.
    ///
    /// # Errors
    /// [`StoreError`]: the database did not do it.
    pub async fn pseudonymise_verifications(
        &mut self,
        before: UnixMillis,
        limit: u32,
    ) -> Result<u64, StoreError> {
        const SQL: &str = "update verifications set destination_sealed = null, entity = null,
                metadata = '{}', masked = '', destination_index = id, number_index = id
             where id in (
                select id from verifications
                where status <> 'pending' and destination_sealed is not null and ended_at < $1
                order by ended_at, id limit $2)";
        Ok(on!(self, db => sqlx::query(SQL)
            .bind(before.0)
            .bind(i64::from(limit))
            .execute(db)
            .await
            .map(|done| done.rows_affected()))?)
    }
}

#[derive(sqlx::FromRow)]
pub(super) struct Row {
    id: String,
    service: String,
    entity: Option<String>,
    purpose: String,
    channel: String,
    status: String,
    destination_sealed: Option<String>,
    masked: String,
    line: String,
    locale: String,
    locale_used: String,
    code_length: i64,
    human_check_digits: i64,
    code_mac: Option<String>,
    code_key_version: Option<i64>,
    checks_used: i64,
    checks_max: i64,
    sends_used: i64,
    sends_max: i64,
    metadata: String,
    created_at: i64,
    expires_at: i64,
    resend_after: Option<i64>,
    ended_at: Option<i64>,
}

impl Row {
    pub(super) fn read(self) -> Result<Verification, StoreError> {
        let at = |column| At("verifications", column);
        Ok(Verification {
            id: at("id").parse(&self.id)?,
            service: self.service,
            entity: self.entity,
            purpose: at("purpose").parse(&self.purpose)?,
            channel: at("channel").parse(&self.channel)?,
            status: at("status").parse(&self.status)?,
            destination: self.destination_sealed.map(Sealed::from_stored),
            masked: self.masked,
            line: self.line,
            locale: self.locale,
            locale_used: self.locale_used,
            code_length: at("code_length").number(self.code_length)?,
            human_check_digits: at("human_check_digits").number(self.human_check_digits)?,
            code: read_code(self.code_mac, self.code_key_version)?,
            checks_used: at("checks_used").number(self.checks_used)?,
            checks_max: at("checks_max").number(self.checks_max)?,
            sends_used: at("sends_used").number(self.sends_used)?,
            sends_max: at("sends_max").number(self.sends_max)?,
            metadata: serde_json::from_str(&self.metadata)
                .map_err(|_| at("metadata").unreadable())?,
            created_at: UnixMillis(self.created_at),
            expires_at: UnixMillis(self.expires_at),
            resend_after: time(self.resend_after),
            ended_at: time(self.ended_at),
        })
    }
}

fn read_code(mac: Option<String>, version: Option<i64>) -> Result<Option<CodeMac>, StoreError> {
    let (Some(text), Some(version)) = (mac, version) else { return Ok(None) };
    let mut mac = [0; 32];
    let column = At("verifications", "code_mac");
    hex::decode_to_slice(&text, &mut mac).map_err(|_| column.unreadable())?;
    let key_version = At("verifications", "code_key_version").number(version)?;
    Ok(Some(CodeMac { mac, key_version }))
}
