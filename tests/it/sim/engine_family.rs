//! The fast family: the engine and its media alone, a few calls a seed, everything drawn.

use super::Ends;
use super::carrier::plan::Plan;
use super::dice::Dice;
use super::house::{Blueprint, House, STILL_MAX, trunk_name};
use super::ladder::Ladder;
use super::network::Weather;
use super::prompts;
use super::script::quick_script;
use super::tamper::Tamper;
use belfry::call::{CallOrder, EngineCommand, ScriptPolicy};
use belfry::entropy::Entropy;
use belfry::id::AttemptId;
use belfry::number::Number;
use belfry::secret::Digits;
use belfry::time::{Duration, Instant, UnixMillis, earliest};
use std::collections::BTreeMap;

/// When a run has gone on for too long: something never ends.
const END: Instant = Instant::from_millis(900_000);
/// The most steps at one moment: more, and something spins.
const SPINS_MAX: u32 = 10_000;

/// What a run may be told to be, beside its seed.
#[derive(Debug, Clone, Default)]
pub struct Wishes {
    pub real_prompts: bool,
    pub tamper: Option<Tamper>,
    pub weather: Option<Weather>,
    /// Every call gets this plan.
    pub plan: Option<Plan>,
}

/// What the gateway's owner does.
#[derive(Debug, Clone)]
enum Act {
    Place(Box<CallOrder>),
    Cancel(AttemptId),
    HangUpAll,
    Crash,
    /// The machine stands still for a while.
    StandStill(Duration),
}

/// Runs the world of `seed`. Gives how its calls ended, or the first fault.
pub fn run(seed: u64, wishes: &Wishes, ladder: Ladder) -> Result<Ends, String> {
    let mut dice = Dice::new(seed);
    let locale = if wishes.real_prompts { prompts::ENGLISH } else { prompts::QUICK };
    let trunks = dice.between(1, 2);
    let blueprint = Blueprint {
        seed,
        weather: wishes.weather.unwrap_or_else(|| Weather::draw(&mut dice)),
        calls_max: 8,
        channels: (0..trunks).map(|_| dice.between(1, 4) as usize).collect(),
        locale: locale.to_owned(),
        slack: if dice.chance(30) { Duration::from_millis(3) } else { Duration::ZERO },
        busy_ports_percent: dice.pick(&[0, 0, 0, 20]),
        tamper: wishes.tamper,
    };
    ladder.say(Instant::ZERO, format_args!("{blueprint:?}"));
    let mut agenda = draw_agenda(&mut dice, &blueprint, wishes.real_prompts);
    let mut house = House::new(blueprint, dice, ladder);
    house.carrier.always.clone_from(&wishes.plan);
    let (mut last, mut spins) = (Instant::ZERO, 0);
    loop {
        let next = agenda.first_key_value().map(|(&(at, _), _)| at);
        let next = next.map(|at| house.still_until().map_or(at, |until| until.max(at)));
        let Some(now) = earliest(next, house.next_at()) else { break };
        spins = if now == last { spins + 1 } else { 0 };
        last = now;
        if spins > SPINS_MAX || now > END {
            return Err("it never comes to rest".to_owned());
        }
        house.advance(now);
        while house.still_until().is_none()
            && let Some(entry) = agenda.first_entry().filter(|entry| entry.key().0 <= now)
        {
            match entry.remove() {
                Act::Place(order) => house.command(now, EngineCommand::Place(order)),
                Act::Cancel(attempt) => house.command(now, EngineCommand::Cancel(attempt)),
                Act::HangUpAll => house.command(now, EngineCommand::HangUpAll),
                Act::Crash => house.crash(now),
                Act::StandStill(span) => house.stand_still(now, span),
            }
        }
        if let Some(fault) = house.judge.verdict.take() {
            return Err(fault);
        }
    }
    house.finish();
    match house.judge.verdict.take() {
        Some(fault) => Err(fault),
        None => Ok(house.judge.findings().map(|(_, finding)| finding.reason.as_str()).collect()),
    }
}

fn draw_agenda(
    dice: &mut Dice,
    blueprint: &Blueprint,
    real: bool,
) -> BTreeMap<(Instant, u64), Act> {
    let mut agenda = BTreeMap::new();
    let mut entropy = Entropy::from_seed(blueprint.seed ^ 0xa6e_0da);
    let calls = if real { dice.between(1, 2) } else { dice.between(1, 5) };
    let mut serial = 0;
    let mut put = |at: Instant, act: Act| {
        serial += 1;
        agenda.insert((at, serial), act);
    };
    for call in 0..calls {
        let at = Instant::ZERO + dice.millis(0, 20_000);
        let order = draw_order(dice, blueprint, call, &mut entropy, real);
        if dice.chance(20) {
            put(at + dice.millis(0, 30_000), Act::Cancel(order.attempt));
        }
        put(at, Act::Place(Box::new(order)));
    }
    if dice.chance(10) {
        put(Instant::ZERO + dice.millis(0, 40_000), Act::HangUpAll);
    }
    if dice.chance(5) {
        put(Instant::ZERO + dice.millis(0, 40_000), Act::Crash);
    }
    if dice.chance(10) {
        for _ in 0..5 {
            let span = dice.millis(10, STILL_MAX.as_millis() as u64);
            put(Instant::ZERO + dice.millis(0, 40_000), Act::StandStill(span));
        }
    }
    agenda
}

fn draw_order(
    dice: &mut Dice,
    blueprint: &Blueprint,
    call: u64,
    entropy: &mut Entropy,
    real: bool,
) -> CallOrder {
    let trunk = dice.below(blueprint.channels.len() as u64) as usize;
    let number = format!("+32258050{:02}", call + 10);
    CallOrder {
        attempt: AttemptId::new(UnixMillis(1_795_514_400_000), entropy),
        trunk: trunk_name(trunk),
        to: Number::parse(&number, None).expect("a Belgian landline"),
        extension: None,
        code: Digits::draw(dice.between(6, 8) as usize, entropy),
        locale: blueprint.locale.clone(),
        script: draw_policy(dice, real),
    }
}

fn draw_policy(dice: &mut Dice, real: bool) -> ScriptPolicy {
    let script = if real { ScriptPolicy::default() } else { quick_script() };
    let hurried = !real && dice.chance(25);
    ScriptPolicy {
        human_check_digits: dice.pick(&[0, 1, 1, 1, 2]),
        readings: dice.between(1, 3) as u8,
        repeats_on_request: dice.between(0, 2) as u8,
        call_max: if hurried { Duration::from_secs(5) } else { script.call_max },
        ..script
    }
}
