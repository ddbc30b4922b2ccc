//! The gateway under simulation: real parts, a virtual clock, a bad network and a scripted carrier.
//!
//! Everything follows from a seed. Each world is judged at every step by standing checkers
//! ([`judge`]); a failing one prints its seed and a ladder of its messages. To see one again:
//! `SEED=4711 cargo test --test it sim::one -- --nocapture`.

mod carrier;
mod dice;
mod digest;
mod ear;
mod engine_family;
mod house;
mod judge;
mod ladder;
mod leg;
mod network;
mod phone;
mod plan;
mod prompts;
mod tamper;
mod text;

use belfry::reason::Reason;
use engine_family::Wishes;
use ladder::Ladder;
use std::collections::BTreeMap;
use std::ops::Range;
use std::panic::{AssertUnwindSafe, catch_unwind};
use tamper::Tamper;

/// How many calls ended for each reason.
type Census = BTreeMap<Reason, usize>;

/// Runs one world of the engine; a fault or a panic comes back with the ladder.
fn engine_run(seed: u64, wishes: &Wishes) -> Result<Vec<Reason>, String> {
    let ladder = Ladder::default();
    let run = || engine_family::run(seed, wishes, ladder.clone());
    let fault = match catch_unwind(AssertUnwindSafe(run)) {
        Ok(Ok(reasons)) => return Ok(reasons),
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
fn engine_seeds(seeds: Range<u64>, wishes: &Wishes) -> Census {
    let half = |seeds: Range<u64>| -> Result<Vec<Reason>, String> {
        let mut reasons = Vec::new();
        for seed in seeds {
            reasons.extend(engine_run(seed, wishes)?);
        }
        Ok(reasons)
    };
    let middle = seeds.start.midpoint(seeds.end);
    let (low, high) = std::thread::scope(|scope| {
        let high = scope.spawn(|| half(middle..seeds.end));
        (half(seeds.start..middle), high.join().expect("a panic is caught in each run"))
    });
    let mut census = Census::new();
    for part in [low, high] {
        let reasons = part.unwrap_or_else(|fault| panic!("{fault}"));
        reasons.into_iter().for_each(|reason| *census.entry(reason).or_default() += 1);
    }
    census
}

/// `SEED=n` runs one world again, `SEED=n..m` a range of them; without it there is nothing to do.
#[test]
fn one() {
    let Ok(text) = std::env::var("SEED") else { return };
    let number = |text: &str| text.parse().expect("SEED is a number or a range of two");
    let seeds = match text.split_once("..") {
        Some((start, end)) => number(start)..number(end),
        None => number(&text)..number(&text) + 1,
    };
    for real_prompts in [false, true] {
        engine_seeds(seeds.clone(), &Wishes { real_prompts, ..Wishes::default() });
    }
}

#[test]
fn thousands_of_drawn_calls_break_no_rule() {
    let census = engine_seeds(0..2_000, &Wishes::default());
    // A census of the ends shows that the worlds are not dull.
    for (reason, least) in [
        (Reason::Completed, 300),
        (Reason::HungUp, 15),
        (Reason::HungUpEarly, 200),
        (Reason::MachineSuspected, 200),
        (Reason::NoHuman, 100),
        (Reason::OneWayAudio, 10),
        (Reason::FraudReported, 200),
        (Reason::Canceled, 300),
        (Reason::Busy, 100),
        (Reason::NoAnswer, 100),
        (Reason::TrunkUnavailable, 100),
        (Reason::TrunkAuthFailed, 100),
        (Reason::MediaIncompatible, 200),
        (Reason::RedirectRefused, 30),
    ] {
        let found = census.get(&reason).copied().unwrap_or_default();
        assert!(found >= least, "{found} of {reason:?} in {census:?}");
    }
}

#[test]
fn calls_with_the_real_prompts_and_script_break_no_rule() {
    let wishes = Wishes { real_prompts: true, ..Wishes::default() };
    let census = engine_seeds(100_000..100_060, &wishes);
    assert!(census.values().sum::<usize>() > 60, "{census:?}");
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
        let found: Vec<String> =
            (0..60).filter_map(|seed| engine_run(seed, &wishes).err()).collect();
        assert!(found.iter().any(|fault| fault.contains(words)), "{tamper:?} was never found");
    }
}
