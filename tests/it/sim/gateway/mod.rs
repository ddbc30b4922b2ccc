//! The whole gateway: panels ask over the real router, calls go out, everything is kept in SQL,
//! and the process dies or is stopped in the middle of it.

mod dump;
mod ledger;
mod logs;
mod panel;
mod process;

use super::Ends;
use super::dice::Dice;
use super::house::{Blueprint, House, trunk_name};
use super::ladder::Ladder;
use super::network::Weather;
use super::prompts;
use super::script::quick_script;
use belfry::call::EngineCommand;
use belfry::entropy::Entropy;
use belfry::gateway::{Scope, Service};
use belfry::time::{Duration, Instant, earliest};
use belfry::verify::keys::SecretKeys;
use belfry::verify::policy::{PolicySettings, ServicePolicy};
use dump::stored_text;
use ledger::Ledger;
use logs::Logs;
use panel::{Act, Panel};
use process::{Pace, Process, Setting};
use std::collections::BTreeMap;
use std::path::Path;

const SERVICE: &str = "panel-login";
/// When a run has gone on for too long: something never ends.
const END: Instant = Instant::from_millis(3_600_000);
/// How long a stopping process lets its calls end by themselves.
const DRAIN: Duration = Duration::from_secs(20);

/// Something that happens in the world besides calls.
#[derive(Debug, Clone)]
enum Step {
    Panel(Act),
    /// The process dies.
    Crash,
    /// The process is asked to stop (SIGTERM).
    Stop,
    /// A stopping process hangs up what is still up.
    HangUp,
    /// The process is started again.
    Start,
}

/// Everything in a world of the whole gateway.
struct World<'a> {
    seed: u64,
    folder: &'a Path,
    dice: Dice,
    pace: Pace,
    keys: SecretKeys,
    services: BTreeMap<String, Service>,
    house: House,
    ledger: Ledger,
    panel: Panel,
    process: Option<Process>,
    lives: u64,
    agenda: BTreeMap<(Instant, u64), Step>,
    serial: u64,
    ladder: Ladder,
}

/// Runs the world of `seed`. Gives how its verifications ended, or the first fault. `meddle` is a
/// statement that spoils what is stored before it is judged.
pub fn run(seed: u64, ladder: Ladder, meddle: Option<&'static str>) -> Result<Ends, String> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime.expect("a runtime").block_on(async {
        let memory = Path::new("/dev/shm");
        let folder =
            if memory.is_dir() { tempfile::tempdir_in(memory) } else { tempfile::tempdir() };
        let folder = folder.expect("a temporary folder");
        // Listening costs more than the rest, so not every world is listened to.
        let logs = seed.is_multiple_of(8).then(Logs::listen);
        let mut world = World::new(seed, folder.path(), ladder).await;
        world.run().await?;
        if let Some(sql) = meddle {
            dump::meddle(folder.path(), sql).await;
        }
        let ends = world.judge().await?;
        let logged = logs.map_or(String::new(), |logs| logs.text());
        match world.ledger.secret_in(&logged) {
            Some(secret) => Err(format!("{secret} is logged")),
            None => Ok(ends),
        }
    })
}

impl World<'_> {
    async fn new(seed: u64, folder: &Path, ladder: Ladder) -> World<'_> {
        let mut dice = Dice::new(seed ^ 0x9a7e_3a11);
        let trunks = dice.between(1, 2) as usize;
        let blueprint = Blueprint {
            seed,
            weather: Weather::draw(&mut dice),
            calls_max: dice.between(2, 8) as usize,
            channels: (0..trunks).map(|_| dice.between(1, 4) as usize).collect(),
            locale: prompts::QUICK.to_owned(),
            slack: if dice.chance(30) { Duration::from_millis(3) } else { Duration::ZERO },
            busy_ports_percent: dice.pick(&[0, 0, 0, 20]),
            tamper: None,
        };
        let pace = Pace::draw(&mut dice);
        ladder.say(Instant::ZERO, format_args!("{blueprint:?} {pace:?}"));
        let mut house = House::new(blueprint, dice.fork(), ladder.clone());
        house.judge.asks_within_capacity = true;
        let panel = Panel::new(String::new(), dice.fork());
        let mut world = World {
            seed,
            folder,
            pace,
            keys: SecretKeys::generate(&mut Entropy::from_seed(seed ^ 0x6e75)),
            services: BTreeMap::from([(SERVICE.to_owned(), service(&mut dice, trunks))]),
            dice,
            house,
            ledger: Ledger::default(),
            panel,
            process: None,
            lives: 0,
            agenda: BTreeMap::new(),
            serial: 0,
            ladder,
        };
        world.start(Instant::ZERO).await;
        let process = world.process.as_ref().expect("it was just started");
        let scopes = [Scope::VerificationsRead, Scope::VerificationsWrite].into();
        let mut entropy = Entropy::from_seed(seed);
        let now = process::unix(Instant::ZERO);
        let key = process.gateway.create_key(now, &mut entropy, SERVICE, &scopes, true).await;
        world.panel.key = key.expect("a key").1.expose().clone();
        world.draw_agenda();
        world
    }

    async fn start(&mut self, now: Instant) {
        let setting = Setting {
            folder: self.folder,
            keys: self.keys.clone(),
            services: self.services.clone(),
            pace: self.pace,
            seed: self.seed,
            life: self.lives,
        };
        self.lives += 1;
        self.process = Some(Process::start(now, setting).await);
    }

    fn put(&mut self, at: Instant, step: Step) {
        self.serial += 1;
        self.agenda.insert((at, self.serial), step);
    }

    fn draw_agenda(&mut self) {
        for phone in 0..self.dice.between(1, 4) {
            let number = format!("+32258050{:02}", phone + 10);
            let begin = Instant::ZERO + self.dice.millis(0, 60_000);
            let copies = self.dice.pick(&[1, 1, 1, 2, 3]);
            let once = self.dice.chance(30);
            self.put(begin, Step::Panel(Act::Start { number: number.clone(), copies, once }));
            for _ in 0..self.dice.between(0, 8) {
                let at = begin + self.dice.millis(0, 320_000);
                let act = self.draw_act(&number);
                self.put(at, Step::Panel(act));
            }
        }
        let middle = Instant::ZERO + self.dice.millis(0, 150_000);
        match self.dice.below(10) {
            0..3 => self.put(middle, Step::Crash),
            3 => self.put(middle, Step::Stop),
            _ => {}
        }
    }

    fn draw_act(&mut self, number: &str) -> Act {
        let number = number.to_owned();
        match self.dice.below(14) {
            0..5 => Act::TypeHeard { number },
            5..7 => Act::TypeWrong { number },
            7 => Act::TypeNonsense { number },
            8..10 => Act::TypeAtOnce { number, checks: self.dice.between(2, 7) as usize },
            10 => Act::Cancel { number },
            11 => Act::Start { number, copies: 1, once: self.dice.chance(50) },
            12 => Act::Read,
            _ => Act::List,
        }
    }

    fn next_at(&self) -> Option<Instant> {
        let agenda = self.agenda.keys().next().map(|&(at, _)| at);
        let process = self.process.as_ref().and_then(Process::next_at);
        earliest(earliest(agenda, process), self.house.next_at())
    }

    /// Lets everything happen that happens.
    async fn run(&mut self) -> Result<(), String> {
        while let Some(now) = self.next_at() {
            if now > END {
                return Err("it never comes to rest".to_owned());
            }
            self.house.advance(now);
            while let Some(entry) = self.agenda.first_entry().filter(|e| e.key().0 <= now) {
                let step = entry.remove();
                self.step(now, step).await;
            }
            if let Some(process) = &mut self.process {
                process.run(now, &mut self.house, &mut self.ledger).await;
            }
            self.stop_if_drained(now);
            if let Some(fault) = self.verdict() {
                return Err(fault);
            }
            if self.agenda.is_empty() && self.is_over().await {
                break;
            }
        }
        Ok(())
    }

    /// Judges what is left once nothing moves any more.
    async fn judge(&mut self) -> Result<Ends, String> {
        self.house.finish();
        let process = self.process.as_ref().expect("the last life goes on");
        self.ledger.finish(process).await;
        let text = stored_text(self.folder).await;
        if let Some(secret) = self.ledger.secret_in(&text) {
            return Err(format!("{secret} is stored"));
        }
        match self.verdict() {
            Some(fault) => Err(fault),
            None => Ok(self.ledger.ends().collect()),
        }
    }

    fn verdict(&mut self) -> Option<String> {
        self.house.judge.verdict.take().or(self.ledger.verdict.take())
    }

    async fn is_over(&self) -> bool {
        let Some(process) = &self.process else { return false };
        let quiet = self.house.next_at().is_none() && process.is_idle();
        quiet && self.ledger.is_settled(process).await
    }

    async fn step(&mut self, now: Instant, step: Step) {
        self.ladder.say(now, format_args!("    {step:?}"));
        match step {
            Step::Start => self.start(now).await,
            Step::Crash if self.process.is_some() => self.end_process(now),
            Step::Stop => {
                if let Some(process) = &mut self.process {
                    process.stopping = true;
                    self.put(now + DRAIN, Step::HangUp);
                }
            }
            Step::HangUp if self.process.is_some() => {
                self.house.command(now, EngineCommand::HangUpAll);
            }
            Step::Panel(act) => {
                if let Some(process) = &self.process {
                    let (house, ledger) = (&self.house, &mut self.ledger);
                    self.panel.act(now, &act, process, house, ledger).await;
                }
            }
            Step::Crash | Step::HangUp => {}
        }
    }

    /// A stopping process ends when its calls have ended and are written down.
    fn stop_if_drained(&mut self, now: Instant) {
        let drained = self.process.as_ref().is_some_and(|p| p.stopping && p.is_idle());
        if drained && self.house.calls() == 0 {
            self.end_process(now);
        }
    }

    fn end_process(&mut self, now: Instant) {
        self.process = None;
        self.house.crash(now);
        self.ledger.crashed();
        let later = now + self.dice.millis(100, 40_000);
        self.put(later, Step::Start);
    }
}

fn service(dice: &mut Dice, trunks: usize) -> Service {
    let settings = PolicySettings {
        ttl: dice.pick(&[Duration::from_secs(120), Duration::from_secs(300)]),
        human_check_digits: dice.pick(&[0, 1, 1, 2]),
        readings: dice.between(1, 3) as u8,
        countries: ["BE".to_owned()].into(),
        ..PolicySettings::default()
    };
    Service {
        policy: ServicePolicy::new(settings).expect("in bounds"),
        locale: prompts::QUICK.to_owned(),
        locales: vec![prompts::QUICK.to_owned()],
        default_region: None,
        trunks: (0..trunks).map(trunk_name).collect(),
        script: quick_script(),
    }
}
