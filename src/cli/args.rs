//! The arguments of the program, and their help.

use crate::config::{ConfigErrors, Layers, Loaded};
use clap::{Args, Parser, Subcommand};
use std::path::PathBuf;

/// The whole command line.
#[derive(Debug, Parser)]
#[command(
    name = "belfry",
    version,
    about = "A self-hosted voice-call one-time-code gateway",
    long_about = "A self-hosted voice-call one-time-code gateway: asked over HTTP, it calls a \
                  telephone over your SIP trunk or PBX, makes sure that a person is listening, \
                  reads out a code, and checks what the person types.",
    after_help = "Exit codes: 0 done, 1 failed, 2 wrong arguments.",
    subcommand_required = true,
    arg_required_else_help = true
)]
pub struct Arguments {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// What the program can be asked to do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// See one call from start to end on this computer, with a robot for a phone
    ///
    /// Needs no PBX, no configuration and no network: a gateway and a telephone run on loopback.
    /// Exits with 0 if the code that the robot heard was the right one.
    Demo(DemoArgs),
    /// Run the gateway until SIGTERM or Ctrl-C
    Serve(ServeArgs),
    /// Place one test call and tell how it went
    ///
    /// Runs beside a serving gateway: it uses ports of its own and keeps nothing. Exits with 0 if
    /// the code was read out at least once.
    Call(CallArgs),
    /// Make API keys
    #[command(subcommand)]
    Key(KeyCommand),
    /// Look at the configuration
    #[command(subcommand)]
    Config(ConfigCommand),
}

/// What can be done with API keys.
#[derive(Debug, Subcommand)]
pub enum KeyCommand {
    /// Make an API key for a service and print it, the only time it is shown
    Create(KeyCreateArgs),
}

/// What can be asked about the configuration.
#[derive(Debug, Subcommand)]
pub enum ConfigCommand {
    /// Check the configuration and show what is in force
    ///
    /// Prints every key with its value, passwords hidden, and where each value that is not a
    /// built-in default was set. Otherwise lists everything that is wrong and what would be right.
    Check(ConfigFile),
}

/// Which configuration is meant.
#[derive(Debug, Clone, Args)]
pub struct ConfigFile {
    /// Configuration file; lies over the built-in default, BELFRY_... variables lie over it
    #[arg(long, value_name = "FILE", env = "BELFRY_CONFIG", hide_env_values = true)]
    pub config: Option<PathBuf>,
}

impl ConfigFile {
    /// Reads the default, the file if one is named, and the environment.
    ///
    /// # Errors
    /// Everything that is wrong with it.
    pub fn load(&self) -> Result<Loaded, ConfigErrors> {
        let layers = Layers::new();
        let layers = match &self.config {
            Some(path) => layers.file(path),
            None => layers,
        };
        layers.environment(std::env::vars_os()).read()
    }
}

/// `belfry serve`.
#[derive(Debug, Args)]
pub struct ServeArgs {
    #[command(flatten)]
    #[expect(missing_docs, reason = "clap would take it for the help of the command")]
    pub file: ConfigFile,
}

/// `belfry demo`.
#[derive(Debug, Args)]
pub struct DemoArgs {
    /// Folder for the WAV of the call and the database; a new temporary one when not given
    #[arg(long, value_name = "FOLDER")]
    pub keep: Option<PathBuf>,
}

/// `belfry call`.
#[derive(Debug, Args)]
pub struct CallArgs {
    /// Number to call, international such as +3225805000
    #[arg(value_name = "TO")]
    pub to: String,
    /// Service the call is made for; may be left out when there is only one
    #[arg(long, value_name = "NAME")]
    pub service: Option<String>,
    /// Language of the call, such as en or nl-BE; the service's own when not given
    #[arg(long, value_name = "TAG")]
    pub locale: Option<String>,
    #[command(flatten)]
    #[expect(missing_docs, reason = "clap would take it for the help of the command")]
    pub file: ConfigFile,
}

/// `belfry key create`.
#[derive(Debug, Args)]
pub struct KeyCreateArgs {
    /// Service the key belongs to, a name from the configuration
    #[arg(long, value_name = "NAME")]
    pub service: String,
    /// What the key may do; repeat for more
    #[arg(
        long = "scope",
        value_name = "SCOPE",
        value_parser = ["verifications:write", "verifications:read", "pii:read"],
        default_values = ["verifications:write", "verifications:read"]
    )]
    pub scopes: Vec<String>,
    /// Make a key for tests (vk_test_...) instead of a live one (vk_live_...)
    #[arg(long)]
    pub test: bool,
    #[command(flatten)]
    #[expect(missing_docs, reason = "clap would take it for the help of the command")]
    pub file: ConfigFile,
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_command_line_has_no_contradiction() {
        Arguments::command().debug_assert();
    }
}
