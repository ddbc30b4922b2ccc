//! A script as the real one, with pauses as short as the quick prompts.

use belfry::call::{Pauses, ScriptPolicy};
use belfry::time::Duration;

/// The script of most simulated calls.
pub fn quick_script() -> ScriptPolicy {
    let ms = Duration::from_millis;
    ScriptPolicy {
        human_check_wait: ms(4_000),
        repeat_wait: ms(1_000),
        lead_in: ms(200),
        pauses: Pauses {
            sentence: ms(60),
            around_check_digit: ms(20),
            before_code: ms(100),
            digit: ms(40),
            group: ms(80),
            reading: ms(100),
        },
        ..ScriptPolicy::default()
    }
}
