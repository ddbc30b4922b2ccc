//! Log lines on standard error, for people or for machines.
//!
//! Only what a line looks like is decided here. That no code, key or full number gets into one is
//! the types' work: they cannot be printed (`secret`, `number`).

use crate::config::{Log, LogFormat};
use std::io;
use std::panic::{self, PanicHookInfo};
use tracing::Subscriber;
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::{EnvFilter, fmt};

/// Logging was already set up by somebody else in this process.
#[derive(Debug, thiserror::Error)]
#[error("logging is already set up in this process")]
pub struct AlreadySetUp;

/// Starts logging for the whole process, and logs panics of any thread as one line.
///
/// # Errors
/// [`AlreadySetUp`] on the second call.
pub fn start(log: &Log) -> Result<(), AlreadySetUp> {
    let subscriber = subscriber(log, io::stderr);
    tracing::subscriber::set_global_default(subscriber).map_err(|_| AlreadySetUp)?;
    panic::set_hook(Box::new(log_panic));
    Ok(())
}

fn subscriber<W>(log: &Log, writer: W) -> Box<dyn Subscriber + Send + Sync>
where
    W: for<'w> MakeWriter<'w> + Send + Sync + 'static,
{
    let filter = EnvFilter::new(&log.level);
    let lines = fmt().with_env_filter(filter).with_writer(writer);
    match log.format {
        LogFormat::Text => Box::new(lines.with_ansi(false).finish()),
        LogFormat::Json => Box::new(lines.json().flatten_event(true).finish()),
    }
}

fn log_panic(panic: &PanicHookInfo<'_>) {
    let place = panic.location().map(ToString::to_string).unwrap_or_default();
    let thread = std::thread::current();
    let thread = thread.name().unwrap_or("unnamed");
    let message = panic.payload_as_str().unwrap_or("no message");
    tracing::error!(panic.place = place, panic.thread = thread, "a thread panicked: {message}");
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;
    use std::sync::{Arc, Mutex};

    #[derive(Clone, Default)]
    struct Lines(Arc<Mutex<Vec<u8>>>);

    impl Write for Lines {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().expect("no test panics with it").write(bytes)
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn logged(format: LogFormat, level: &str, say: impl FnOnce()) -> String {
        let lines = Lines::default();
        let writer = lines.clone();
        let log = Log { format, level: level.to_owned() };
        let subscriber = subscriber(&log, move || writer.clone());
        tracing::subscriber::with_default(subscriber, say);
        let bytes = lines.0.lock().expect("no test panics with it").clone();
        String::from_utf8(bytes).expect("log lines are UTF-8")
    }

    #[test]
    fn a_json_line_is_one_object_with_its_fields() {
        let line = logged(LogFormat::Json, "info", || {
            tracing::info!(call.id = "att_1", took_ms = 12, "the call was answered");
        });
        let object: serde_json::Value = serde_json::from_str(&line).expect("one JSON object");
        assert_eq!(object["message"], "the call was answered");
        assert_eq!((&object["call.id"], &object["took_ms"]), (&"att_1".into(), &12.into()));
        assert_eq!(object["level"], "INFO");
        assert_eq!(line.matches('\n').count(), 1);
    }

    #[test]
    fn a_text_line_holds_sentence_and_fields_and_no_colours() {
        let line = logged(LogFormat::Text, "info", || tracing::warn!(trunk.name = "eu", "down"));
        assert!(line.contains("WARN") && line.contains("down trunk.name=\"eu\""), "{line}");
        assert!(!line.contains('\u{1b}'), "{line}");
    }

    #[test]
    fn the_level_holds_and_a_module_may_have_its_own() {
        let say = || {
            tracing::debug!(target: "belfry::sip", "one");
            tracing::debug!(target: "belfry::media", "two");
        };
        assert_eq!(logged(LogFormat::Text, "info", say), "");
        let lines = logged(LogFormat::Text, "info,belfry::sip=debug", say);
        assert!(lines.contains("one") && !lines.contains("two"), "{lines}");
    }
}
