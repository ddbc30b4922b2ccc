//! `belfry serve`.

use super::args::ServeArgs;
use super::{config, runtime};
use crate::app::App;
use crate::telemetry;
use anyhow::{Context, bail};
use tokio::signal::unix::{Signal, SignalKind, signal};

/// Runs the gateway until SIGTERM or SIGINT.
pub(super) fn serve(args: &ServeArgs) -> anyhow::Result<()> {
    let loaded = config::load(&args.file)?;
    telemetry::start(&loaded.config.log)?;
    runtime()?.block_on(async {
        let mut terminate = Signals::new()?;
        let mut app = App::start(&loaded.config).await?;
        tokio::select! {
            () = terminate.next() => {}
            () = app.failed() => bail!("a part of the gateway has died; see the log"),
        }
        tokio::select! {
            () = app.stop() => Ok(()),
            () = terminate.next() => bail!("stopped at once by a second signal"),
        }
    })
}

/// The signals that ask a process to stop.
pub(super) struct Signals {
    terminate: Signal,
    interrupt: Signal,
}

impl Signals {
    pub(super) fn new() -> anyhow::Result<Self> {
        let watch = |kind| signal(kind).context("cannot watch for signals");
        Ok(Signals {
            terminate: watch(SignalKind::terminate())?,
            interrupt: watch(SignalKind::interrupt())?,
        })
    }

    /// Ends when one of them comes.
    pub(super) async fn next(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }
}
