use super::*;
use crate::entropy::Entropy;
use crate::media::{ClipKey, Codec};
use crate::robot::line::{ENGLISH, Line, Speech};

fn ear() -> Ear {
    Ear::new(ENGLISH.1.clone())
}

/// What was said between long pauses.
fn runs(ear: &mut Ear, sound: &[i16]) -> Vec<Vec<Word>> {
    let mut runs = vec![Vec::new()];
    for packet in sound.chunks(160) {
        ear.hear(packet);
    }
    ear.finish();
    while let Some(heard) = ear.poll() {
        match (heard, runs.last_mut()) {
            (Heard::Word(word), Some(run)) => run.push(word),
            _ => runs.push(Vec::new()),
        }
    }
    runs
}

fn digits(run: &[Word]) -> Vec<Option<u8>> {
    run.iter().map(|word| word.digit().map(|(digit, _)| digit)).collect()
}

/// Codes with doubles and leading zeros, and random ones.
fn codes(entropy: &mut Entropy) -> Vec<Vec<u8>> {
    let mut codes =
        vec![vec![0; 6], vec![0, 0, 7, 7, 0, 0], vec![5, 9, 5, 9, 5, 9], vec![1, 1, 2, 2, 3, 3]];
    codes.resize_with(10, || (0..6).map(|_| entropy.below(10) as u8).collect());
    codes
}

/// Each code is heard right on this line, over both laws.
fn every_code_is_heard(lost: u32, noise: f32, sure: f32) {
    let mut entropy = Entropy::from_seed(u64::from(lost) + noise as u64);
    for codec in Codec::ALL {
        for code in codes(&mut entropy) {
            let key = 1 + entropy.below(9) as u8;
            let line = Line { codec, lost, noise };
            let runs = runs(&mut ear(), &line.carry(&Speech::call(key, &code), &mut entropy));
            let reading = read_code(&runs, 6).expect("a code is heard");
            assert_eq!(reading.digits.as_slice(), code);
            assert!(reading.confidence > sure, "{} {code:?}", reading.confidence);
        }
    }
}

#[test]
fn every_code_is_heard_on_a_clean_line() {
    every_code_is_heard(0, 18.0, 0.99);
}

#[test]
fn every_code_is_heard_with_1_percent_of_the_packets_lost() {
    every_code_is_heard(1, 18.0, 0.99);
}

#[test]
fn every_code_is_heard_with_5_percent_of_the_packets_lost() {
    every_code_is_heard(5, 18.0, 0.9);
}

#[test]
fn every_code_is_heard_in_noise_20_db_below_the_voice() {
    every_code_is_heard(0, 260.0, 0.9);
}

#[test]
fn every_code_is_heard_in_noise_with_5_percent_of_the_packets_lost() {
    every_code_is_heard(5, 260.0, CONFIDENCE_MIN);
}

#[test]
fn digital_silence_between_the_words_is_silence() {
    let speech = Speech::default().pause(500).code(&[4, 0, 4, 8, 8, 1]).pause(1500);
    let runs = runs(&mut ear(), &speech.0);
    assert_eq!(digits(&runs[0]), [4, 0, 4, 8, 8, 1].map(Some));
}

#[test]
fn no_sentence_is_taken_for_a_digit() {
    for codec in Codec::ALL {
        for key in ClipKey::all().filter(|key| !matches!(key, ClipKey::Digit(_))) {
            let line = Line { codec, lost: 0, noise: 18.0 };
            let speech = Speech::default().pause(600).say(key).pause(1200);
            let sound = line.carry(&speech, &mut Entropy::from_seed(9));
            for run in runs(&mut ear(), &sound) {
                assert!(digits(&run).iter().all(Option::is_none), "{key:?} {codec:?}");
            }
        }
    }
}

#[test]
fn noise_and_tones_are_no_digits() {
    let mut entropy = Entropy::from_seed(4);
    let mut sound = vec![0_i16; 8000];
    for n in 0..16_000_u32 {
        let loud = n % 4000 < 2000;
        let noise = f32::from(entropy.bytes::<1>()[0]) - 127.5;
        let tone = (n as f32 * 0.6).sin() * 6000.0;
        sound.push(if !loud {
            noise as i16
        } else if n < 8000 {
            tone as i16
        } else {
            (noise * 40.0) as i16
        });
    }
    let runs = runs(&mut ear(), &sound);
    assert!(runs.iter().flatten().count() >= 3);
    assert!(runs.iter().flatten().all(|word| word.digit().is_none()));
}

#[test]
fn a_word_is_understood_200_ms_after_its_end() {
    let speech = Speech::default().pause(900).say(ClipKey::Gate).pause(300).say(ClipKey::Digit(7));
    let end = speech.0.len();
    let sound = speech.pause(300).say(ClipKey::GateReport).0;
    let mut ear = ear();
    let heard_at = sound.chunks(160).enumerate().find_map(|(n, packet)| {
        ear.hear(packet);
        let heard = std::iter::from_fn(|| ear.poll()).collect::<Vec<_>>();
        let seven = |heard: &Heard| match heard {
            Heard::Word(word) => word.digit().is_some_and(|(digit, _)| digit == 7),
            Heard::Pause => false,
        };
        heard.iter().any(seven).then_some((n + 1) * 160)
    });
    assert!(heard_at.expect("seven is heard") < end + 200 * 8);
}

#[test]
fn a_reading_of_another_length_is_passed_over() {
    let line = Line { codec: Codec::Pcma, lost: 0, noise: 18.0 };
    let speech = Speech::default().pause(500).code(&[1, 2, 3, 4, 5]).pause(1200);
    let speech = speech.code(&[1, 2, 3, 4, 5, 6]).pause(1200);
    let runs = runs(&mut ear(), &line.carry(&speech, &mut Entropy::from_seed(2)));
    let reading = read_code(&runs, 6).expect("one reading is whole");
    assert_eq!((reading.digits.as_slice(), reading.repetitions), (&[1, 2, 3, 4, 5, 6][..], 1));
    assert_eq!(read_code(&runs, 7), None);
}

#[test]
fn readings_that_disagree_are_not_heard() {
    let line = Line { codec: Codec::Pcma, lost: 0, noise: 18.0 };
    let speech = Speech::default().pause(500).code(&[1, 2, 3, 4, 5, 6]).pause(1200);
    let speech = speech.code(&[6, 5, 4, 3, 2, 1]).pause(1200);
    let runs = runs(&mut ear(), &line.carry(&speech, &mut Entropy::from_seed(2)));
    assert_eq!(read_code(&runs, 6), None);
}
