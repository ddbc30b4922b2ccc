//! The gateway under simulation: real parts, a virtual clock, a bad network and a scripted carrier.
//!
//! Everything follows from a seed. Each world is judged at every step by standing checkers
//! ([`judge`]); a failing one prints its seed and a ladder of its messages. To see one again:
//! `SEED=4711 cargo test --test it sim::one -- --nocapture`.

mod carrier;
mod dice;
mod ear;
mod engine_family;
mod gateway;
mod house;
mod judge;
mod ladder;
mod network;
mod prompts;
mod script;
mod tamper;
mod text;

use belfry::reason::Reason;
use engine_family::Wishes;
use ladder::Ladder;
use std::collections::BTreeMap;
use std::ops::Range;
use std::panic::{AssertUnwindSafe, catch_unwind};
use tamper::Tamper;

/// How often each end was seen.
type Census = BTreeMap<&'static str, usize>;

/// The ends of the calls or verifications of one world.
type Ends = Vec<&'static str>;

/// Runs one world; a fault or a panic comes back with its seed and the ladder of its messages.
fn run_one(
    seed: u64,
    world: impl FnOnce(u64, Ladder) -> Result<Ends, String>,
) -> Result<Ends, String> {
    let ladder = Ladder::default();
    let run = || world(seed, ladder.clone());
    let fault = match catch_unwind(AssertUnwindSafe(run)) {
        Ok(Ok(ends)) => return Ok(ends),
        Ok(Err(fault)) => fault,
        Err(panic) => {
            let text = panic.downcast_ref::<String>().map(String::as_str);
            let text = text.or_else(|| panic.downcast_ref::<&str>().copied());
            format!("panicked: {}", text.unwrap_or("without a word"))
        }
    };
    Err(format!("{}\n\nSEED={seed}: {fault}\n", ladder.text()))
}

/// Runs a range of seeds on two cores and fails with the first fault.
fn run_all(
    seeds: Range<u64>,
    world: impl Fn(u64, Ladder) -> Result<Ends, String> + Sync,
) -> Census {
    let half = |seeds: Range<u64>| -> Result<Ends, String> {
        let mut ends = Ends::new();
        for seed in seeds {
            ends.extend(run_one(seed, &world)?);
        }
        Ok(ends)
    };
    let middle = seeds.start.midpoint(seeds.end);
    let (low, high) = std::thread::scope(|scope| {
        let high = scope.spawn(|| half(middle..seeds.end));
        (half(seeds.start..middle), high.join().expect("a panic is caught in each run"))
    });
    let mut census = Census::new();
    for part in [low, high] {
        let ends = part.unwrap_or_else(|fault| panic!("{fault}"));
        ends.into_iter().for_each(|end| *census.entry(end).or_default() += 1);
    }
    census
}

/// The worlds of calls alone.
fn calls(wishes: Wishes) -> impl Fn(u64, Ladder) -> Result<Ends, String> + Sync {
    move |seed, ladder| engine_family::run(seed, &wishes, ladder)
}

/// Calls with the recorded prompts and the pauses people hear.
fn real_prompts() -> Wishes {
    Wishes { real_prompts: true, ..Wishes::default() }
}

/// A census with at least so many of each shows that the worlds are not dull.
#[track_caller]
fn assert_lively(census: &Census, least: &[(&str, usize)]) {
    for (end, least) in least {
        let found = census.get(end).copied().unwrap_or_default();
        assert!(found >= *least, "{found} of {end} in {census:?}");
    }
}

/// `SEED=n` runs the worlds of one seed again, `SEED=n..m` those of a range; without it there is
/// nothing to do.
#[test]
fn one() {
    let Ok(text) = std::env::var("SEED") else { return };
    let number = |text: &str| text.parse().expect("SEED is a number or a range of two");
    let seeds = match text.split_once("..") {
        Some((start, end)) => number(start)..number(end),
        None => number(&text)..number(&text) + 1,
    };
    run_all(seeds.clone(), calls(Wishes::default()));
    run_all(seeds.clone(), calls(real_prompts()));
    run_all(seeds, |seed, ladder| gateway::run(seed, ladder, None));
}

#[test]
fn thousands_of_drawn_calls_break_no_rule() {
    let census = run_all(0..2_000, calls(Wishes::default()));
    let least = [
        (Reason::Completed, 300),
        (Reason::HungUp, 15),
        (Reason::HungUpEarly, 200),
        (Reason::MachineSuspected, 200),
        (Reason::NoHuman, 100),
        (Reason::OneWayAudio, 10),
        (Reason::FraudReported, 200),
        (Reason::Canceled, 150),
        (Reason::Interrupted, 50),
        (Reason::Busy, 100),
        (Reason::NoAnswer, 100),
        (Reason::TrunkUnavailable, 100),
        (Reason::TrunkAuthFailed, 100),
        (Reason::MediaIncompatible, 200),
        (Reason::RedirectRefused, 30),
    ];
    assert_lively(&census, &least.map(|(reason, least)| (reason.as_str(), least)));
}

#[test]
fn calls_with_the_real_prompts_and_script_break_no_rule() {
    let census = run_all(100_000..100_060, calls(real_prompts()));
    assert_lively(&census, &[("completed", 8), ("hung_up_early", 4), ("canceled", 4)]);
}

#[test]
fn the_whole_gateway_breaks_no_rule_whatever_panels_carriers_and_operators_do() {
    let census = run_all(0..300, |seed, ladder| gateway::run(seed, ladder, None));
    let least = [
        ("approved", 100),
        ("canceled", 50),
        ("expired", 100),
        ("failed", 50),
        ("fraud_reported", 50),
        ("max_attempts_reached", 30),
    ];
    assert_lively(&census, &least);
}

#[test]
fn a_world_run_twice_is_the_same_world() {
    for seed in 0..20 {
        let run = || {
            let ladder = Ladder::default();
            engine_family::run(seed, &Wishes::default(), ladder.clone()).map(|_| ladder.text())
        };
        assert_eq!(run(), run(), "seed {seed}");
    }
}

#[test]
fn each_deliberate_fault_is_found() {
    let faults = [
        (Tamper::TwoSources, "the stream breaks"),
        (Tamper::RepeatedSequence, "the stream breaks"),
        (Tamper::SpeaksAtOnce, "before the right key"),
        (Tamper::MisspeaksSevens, "another code is spoken"),
        (Tamper::LosesAcks, "not sent: Ack"),
        (Tamper::LosesByes, "was never ended"),
        (Tamper::LosesCancels, "left without CANCEL"),
        (Tamper::TellsTwice, "after the receipt"),
        (Tamper::TellsNever, "no receipt ever came"),
        (Tamper::KeepsPort, "never given back"),
    ];
    for (tamper, words) in faults {
        let wishes = Wishes { tamper: Some(tamper), ..Wishes::default() };
        let world = calls(wishes);
        let found = (0..60).filter_map(|seed| run_one(seed, &world).err());
        let found: Vec<String> = found.collect();
        assert!(found.iter().any(|fault| fault.contains(words)), "{tamper:?} was never found");
    }
}

#[test]
fn each_fault_put_into_the_database_is_found() {
    let faults = [
        ("delete from outbox where kind = 'call.ended'", "tells the end of"),
        ("delete from outbox where kind = 'verification.expired'", "event tells its end"),
        (
            "update outbox set kind = 'verification.expired' where kind = 'verification.failed'",
            "another end is told",
        ),
        (
            "update attempts set reason = 'completed' where reason = 'no_answer'",
            "completed is told as",
        ),
        (
            "update verifications set checks_used = checks_used + 1 where checks_used < checks_max",
            "checks were counted wrongly",
        ),
        (
            "update verifications set status = 'canceled', consumed_at = null
             where status = 'approved'",
            "told otherwise",
        ),
        ("update verifications set masked = '+3225805010'", "is stored"),
    ];
    for (sql, words) in faults {
        let world = |seed, ladder| gateway::run(seed, ladder, Some(sql));
        let mut found = (0..20).filter_map(|seed| run_one(seed, world).err());
        assert!(found.any(|fault| fault.contains(words)), "never found: {sql}");
    }
}
