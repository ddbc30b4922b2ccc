//! `belfry demo`: the whole path on this computer, with a robot in the place of a telephone.
//!
//! Nothing is simulated but the person: a gateway with its database and its sockets, a telephone
//! with its own, and between them HTTP, SIP and RTP over loopback. The code goes from the gateway
//! to the application by sound alone.

mod client;
mod timeline;

use super::args::DemoArgs;
use super::serve::Signals;
use super::{answer, runtime};
use crate::app::{self, App};
use crate::call::{CallEvent, CallEventKind};
use crate::config::{Config, Layers};
use crate::entropy::Entropy;
use crate::gateway::Scope;
use crate::robot::ear::{Reading, Templates};
use crate::robot::{Behaviour, CallRecord, Happening, Robot, RobotConfig};
use crate::secret::Redacted;
use crate::time::{Duration, Instant};
use anyhow::{Context, bail};
use client::Client;
use serde_json::json;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use timeline::{Timeline, summary};
use tokio::sync::{broadcast, mpsc};

/// A number for fiction: 555-0100 to 555-0199 are never given to anybody.
const NUMBER: &str = "+12025550143";
const SERVICE: &str = "demo";
const LOCALE: &str = "en";
/// Events that may wait to be printed.
const QUEUE: usize = 1024;
/// How long the phone rings.
const RING: Duration = Duration::from_millis(1_500);
/// The call takes about half of this.
const PATIENCE: Duration = Duration::from_secs(90);
/// How long a line waits for one that belongs before it.
const SETTLE: Duration = Duration::from_millis(100);

/// Runs the demo; an error if anything is not as it should be.
pub(super) fn demo(args: &DemoArgs) -> anyhow::Result<()> {
    let folder = folder(args.keep.as_deref())?;
    runtime()?.block_on(async {
        let mut signals = Signals::new()?;
        tokio::select! {
            result = run(&folder) => result,
            () = signals.next() => bail!("interrupted"),
        }
    })
}

fn folder(keep: Option<&Path>) -> anyhow::Result<PathBuf> {
    let Some(folder) = keep else {
        let folder = tempfile::Builder::new().prefix("belfry-demo-").tempdir();
        return Ok(folder.context("cannot make a temporary folder")?.keep());
    };
    fs::create_dir_all(folder).with_context(|| format!("cannot make {}", folder.display()))?;
    folder.canonicalize().with_context(|| format!("cannot find {}", folder.display()))
}

async fn run(folder: &Path) -> anyhow::Result<()> {
    let prompts = app::load_prompts(None)?;
    let mut config = RobotConfig::new(Arc::new(Templates::learn(prompts.lookup(LOCALE))));
    let epoch = config.epoch;
    let (watcher, happenings) = mpsc::channel(QUEUE);
    config.watcher = Some(watcher);
    config.behaviour = Some(Behaviour::Human);
    config.ring = RING;
    let robot = Robot::start(config).await.context("the robot phone cannot start")?;

    let settings = settings(folder, &robot)?;
    let app = App::start(&settings).await?;
    let scopes = Scope::ALL.iter().copied().collect();
    let mut entropy = Entropy::from_system();
    let now = app.clock.unix();
    let (_, key) = app.gateway.create_key(now, &mut entropy, SERVICE, &scopes, true).await?;
    say(&format!(
        "A gateway (API {}, SIP {}) and a robot phone (SIP {}) run on this computer.\n\
         The application wants to know whether its user has the phone {NUMBER}.\n\n",
        app.http, app.sip, robot.sip_addr
    ))?;

    let client = Client::new(app.http, key);
    let behind = epoch.elapsed().saturating_sub(app.clock.now().since(Instant::ZERO));
    let mut demo = Demo { epoch, behind, timeline: Timeline::new(), client, robot, happenings };
    let result = demo.play(&app, folder).await;
    demo.print_all()?;
    app.stop().await;
    demo.robot.shutdown().await;
    say(&result?)
}

/// A gateway that listens on loopback only, with the robot as its trunk.
fn settings(folder: &Path, robot: &Robot) -> anyhow::Result<Config> {
    let text = format!(
        "[rtp]\nlisten = \"127.0.0.1\"\n\
         [trunks.robot]\nuri = \"sip:{}\"\ncaller_id = \"+12025550100\"\n\
         [services.{SERVICE}]\nbrand = \"Demo\"\ncountries = [\"US\"]\nlocale = \"{LOCALE}\"\n\
         readings = 2\nrepeats_on_request = 0\n",
        robot.sip_addr
    );
    let loaded = Layers::new().text("the demo's configuration", &text).read();
    let mut config = loaded.map_err(|errors| anyhow::anyhow!("{errors}"))?.config;
    let loopback = ([127, 0, 0, 1], 0).into();
    (config.http.listen, config.sip.listen) = (loopback, loopback);
    let database = folder.join("belfry.db");
    config.database.url = Redacted::new(format!("sqlite:{}", database.display()));
    config.secrets.key_file = folder.join("belfry.key");
    config.shutdown.drain = Duration::ZERO;
    Ok(config)
}

struct Demo {
    epoch: std::time::Instant,
    /// How long after the epoch the gateway's clock was started.
    behind: Duration,
    timeline: Timeline,
    client: Client,
    robot: Robot,
    happenings: mpsc::Receiver<Happening>,
}

impl Demo {
    /// The story; returns what is to be said at its end.
    async fn play(&mut self, app: &App, folder: &Path) -> anyhow::Result<String> {
        let mut progress = app.progress();
        let (id, length) = self.ask_for_a_verification().await?;
        let record = {
            let call = self.watch_the_call(&mut progress);
            let call = tokio::time::timeout(PATIENCE, call).await;
            call.context("the call was not over in time")??
        };
        let wav_file = folder.join("call.wav");
        fs::write(&wav_file, record.wav())
            .with_context(|| format!("cannot write {}", wav_file.display()))?;
        judge(&record)?;
        let code = record.code(length).context("the robot did not understand the code")?;
        self.check(&id, &code).await?;
        Ok(format!(
            "\n{}  database  {} (belfry.key beside it)\n  listen    {}\n\napproved: the person at \
             that phone heard the code.\n",
            summary(&record, &code),
            folder.join("belfry.db").display(),
            wav_file.display(),
        ))
    }

    async fn ask_for_a_verification(&mut self) -> anyhow::Result<(String, usize)> {
        let body = json!({ "to": NUMBER });
        let path = "/v1/verifications";
        self.timeline.asked(self.now(), &format!("POST {path} {body}"));
        let answer = self.client.post(path, &body).await?;
        let body = &answer.body;
        let id = body["id"].as_str().context("the verification has no id")?.to_owned();
        let length = body["code_length"].as_u64().context("it has no code length")?;
        let line = format!("{}: {} {}", answer.status, short(&id), body["status"]);
        self.timeline.answered(self.now(), &line);
        Ok((id, usize::try_from(length)?))
    }

    async fn watch_the_call(
        &mut self,
        progress: &mut broadcast::Receiver<CallEvent>,
    ) -> anyhow::Result<CallRecord> {
        let mut tick = tokio::time::interval(SETTLE);
        let (mut record, mut settled) = (None, false);
        loop {
            if let (Some(record), true) = (&record, settled) {
                return Ok(CallRecord::clone(record));
            }
            tokio::select! {
                Some(happening) = self.happenings.recv() => {
                    self.timeline.phone(happening.at.since(Instant::ZERO), &happening.what);
                }
                event = progress.recv() => {
                    let event = event.context("the call engine has stopped")?;
                    let at = event.at.since(Instant::ZERO) + self.behind;
                    self.timeline.call(at, &event.kind);
                    settled |= matches!(event.kind, CallEventKind::Ended(_));
                }
                Some(ended) = self.robot.next_call(), if record.is_none() => record = Some(ended),
                _ = tick.tick() => self.print(self.now().saturating_sub(SETTLE))?,
            }
        }
    }

    /// Types the code in, as the person would.
    async fn check(&mut self, id: &str, code: &Reading) -> anyhow::Result<()> {
        let typed = String::from_utf8(code.digits.expose().to_vec())?;
        let path = format!("/v1/verifications/{id}/check");
        let shown = format!("POST /v1/verifications/{}/check {{\"code\":\"{typed}\"}}", short(id));
        self.timeline.asked(self.now(), &shown);
        let answer = self.client.post(&path, &json!({ "code": typed })).await?;
        let line = format!("{}: {}", answer.status, answer.body);
        self.timeline.answered(self.now(), &line);
        let path = format!("/v1/verifications/{id}");
        let read = self.client.read(&path).await?;
        let status = read.body["status"].as_str().unwrap_or_default();
        if answer.body["valid"] != true || status != "approved" {
            bail!("the code that was heard is not the right one: {line}, then `{status}`");
        }
        Ok(())
    }

    fn now(&self) -> Duration {
        self.epoch.elapsed()
    }

    fn print(&mut self, until: Duration) -> anyhow::Result<()> {
        for line in self.timeline.take_until(until) {
            say(&format!("{line}\n"))?;
        }
        Ok(())
    }

    /// Prints what is still waiting, whatever went wrong.
    fn print_all(&mut self) -> anyhow::Result<()> {
        while let Ok(happening) = self.happenings.try_recv() {
            self.timeline.phone(happening.at.since(Instant::ZERO), &happening.what);
        }
        self.print(Duration::MAX)
    }
}

/// An error unless the gateway did everything as a telephone expects it.
fn judge(record: &CallRecord) -> anyhow::Result<()> {
    let rtp = &record.rtp;
    if let Some(fault) = record.faults.first() {
        bail!("the robot phone found fault with the gateway's SIP: {fault}");
    }
    if rtp.lost + rtp.duplicates + rtp.timestamp_errors + rtp.ssrc_changes + rtp.foreign > 0 {
        bail!(
            "the sound did not come whole: of {} packets {} lost, {} twice or late, {} with a \
             wrong timestamp, {} changes of SSRC, {} that are no sound of 20 ms",
            rtp.packets,
            rtp.lost,
            rtp.duplicates,
            rtp.timestamp_errors,
            rtp.ssrc_changes,
            rtp.foreign
        );
    }
    if record.asked.is_none() {
        bail!("the robot phone did not understand which key to press");
    }
    Ok(())
}

/// The start of an id, enough to know it again.
fn short(id: &str) -> String {
    format!("{}…", id.chars().take(12).collect::<String>())
}

fn say(text: &str) -> anyhow::Result<()> {
    Ok(answer(text)?)
}
