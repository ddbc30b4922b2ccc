//! `belfry call TO`: one real call from the terminal, told as it happens.
//!
//! It runs a gateway of its own beside any that serves: own ports, and a database in a temporary
//! folder, so that the test leaves nothing behind. The number must be allowed by the service.

use super::args::CallArgs;
use super::serve::Signals;
use super::{config, runtime};
use crate::app::App;
use crate::call::{CallEvent, CallEventKind, Receipt};
use crate::config::Config;
use crate::entropy::Entropy;
use crate::gateway::{Caller, Scope, StartRequest};
use crate::id::KeyId;
use crate::secret::Redacted;
use anyhow::{Context, bail};
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::net::SocketAddr;
use tokio::sync::broadcast;

/// Places the call and tells how it went; an error unless the code was read out in full.
pub(super) fn call(args: &CallArgs) -> anyhow::Result<()> {
    let loaded = config::load(&args.file)?;
    let folder = tempfile::tempdir().context("cannot make a temporary folder")?;
    let (service, settings) = settings(args, &loaded.config, folder.path())?;
    runtime()?.block_on(async {
        let mut signals = Signals::new()?;
        let app = App::start(&settings).await?;
        let result = tokio::select! {
            result = place(&app, args, &service) => result,
            () = signals.next() => Err(anyhow::anyhow!("interrupted; the call is hung up")),
        };
        app.stop().await;
        result
    })
}

/// The configuration with everything a second gateway on this machine must not share.
fn settings(
    args: &CallArgs,
    config: &Config,
    folder: &std::path::Path,
) -> anyhow::Result<(String, Config)> {
    let mut config = config.clone();
    let service = match (&args.service, config.services.len()) {
        (Some(name), _) if config.services.contains_key(name) => name.clone(),
        (Some(name), _) => bail!("there is no service `{name}` in the configuration"),
        (None, 1) => config.services.keys().next().cloned().unwrap_or_default(),
        (None, _) => bail!("there are several services; name one with --service"),
    };
    config.http.listen = SocketAddr::from(([127, 0, 0, 1], 0));
    config.sip.listen.set_port(0);
    config.database.url = Redacted::new(format!("sqlite:{}", folder.join("call.db").display()));
    config.secrets.key_file = folder.join("call.key");
    config.shutdown.drain = std::time::Duration::ZERO;
    Ok((service, config))
}

async fn place(app: &App, args: &CallArgs, service: &str) -> anyhow::Result<()> {
    let mut progress = app.progress();
    let mut entropy = Entropy::from_system();
    let now = app.clock.unix();
    let caller = Caller {
        service: service.to_owned(),
        key: KeyId::new(now, &mut entropy),
        scopes: [Scope::VerificationsWrite, Scope::VerificationsRead].into(),
        live: true,
    };
    let request = StartRequest {
        to: args.to.clone(),
        extension: None,
        purpose: None,
        locale: args.locale.clone(),
        entity: None,
        client_ip: None,
        metadata: BTreeMap::new(),
    };
    let started = app.gateway.start(now, &mut entropy, &caller, request, None).await?;
    say(&format!("calling {} for service {service}", started.verification.to))?;
    let receipt = follow(&mut progress).await?;
    super::answer(&told(&receipt))?;
    if receipt.readings == 0 {
        bail!("the code was not read out: {}", receipt.reason.sentence());
    }
    Ok(())
}

/// Prints each step with the time since the INVITE; gives the receipt.
async fn follow(progress: &mut broadcast::Receiver<CallEvent>) -> anyhow::Result<Receipt> {
    let mut dialed_at = None;
    loop {
        let event = progress.recv().await.context("the call engine has stopped")?;
        let start = *dialed_at.get_or_insert(event.at);
        let seconds = event.at.since(start).as_secs_f64();
        let step = match event.kind {
            CallEventKind::Dialing => "INVITE sent".to_owned(),
            CallEventKind::Proceeding => "the trunk is working on it (100)".to_owned(),
            CallEventKind::Ringing => "ringing (180)".to_owned(),
            CallEventKind::EarlyMedia => "the network plays something (183)".to_owned(),
            CallEventKind::Forwarded => "forwarded to another number (181)".to_owned(),
            CallEventKind::Answered => {
                "answered; asking for a key so that no voicemail hears the code".to_owned()
            }
            CallEventKind::HumanConfirmed => "the right key came; reading the code".to_owned(),
            CallEventKind::CodePlayed { readings } => format!("code read ({readings})"),
            CallEventKind::Ended(receipt) => return Ok(*receipt),
        };
        say(&format!("{seconds:7.2} s  {step}"))?;
    }
}

fn say(line: &str) -> anyhow::Result<()> {
    Ok(super::answer(&format!("{line}\n"))?)
}

/// The receipt, a line each.
fn told(receipt: &Receipt) -> String {
    let mut text = String::from("\nreceipt\n");
    let mut line = |name: &str, value: &str| {
        let _ = writeln!(text, "  {name:<16} {value}");
    };
    line("reason", &format!("{}: {}", receipt.reason, receipt.reason.sentence()));
    if let Some(status) = receipt.sip_status {
        line("SIP status", &status.to_string());
    }
    if let Some(cause) = receipt.q850_cause {
        line("Q.850 cause", &cause.to_string());
    }
    if let Some(detail) = &receipt.detail {
        line("the trunk says", detail);
    }
    line("code", &format!("{} ({} readings)", receipt.delivery.as_str(), receipt.readings));
    if let Some(digit) = receipt.last_digit_index {
        line("cut off at digit", &digit.to_string());
    }
    line("audio came back", if receipt.audio_received { "yes" } else { "no" });
    line("keys pressed", &receipt.keys_seen.to_string());
    line(
        "RTP packets",
        &format!(
            "{} sent, {} received, {} lost",
            receipt.packets_sent, receipt.packets_received, receipt.packets_lost
        ),
    );
    line(
        "time",
        &format!(
            "{:.1} s until answered or ended, {:.1} s of talk",
            receipt.setup_time.as_secs_f64(),
            receipt.talk_time.as_secs_f64()
        ),
    );
    text
}
