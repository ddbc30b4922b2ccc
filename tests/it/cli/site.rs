//! A folder with a configuration, as an operator's machine has it.

use super::{Run, belfry, run};
use std::path::PathBuf;
use std::process::Command;
use tempfile::TempDir;

/// A folder that the program is started in.
pub struct Site {
    folder: TempDir,
}

impl Site {
    /// One trunk at `trunk` (an address), one service; ports the system chooses.
    pub fn new(trunk: &str) -> Self {
        let text = format!(
            r#"
            [http]
            listen = "127.0.0.1:0"
            [sip]
            listen = "127.0.0.1:0"
            [rtp]
            listen = "127.0.0.1"
            [shutdown]
            drain_s = 1
            [trunks.main]
            uri = "sip:{trunk}"
            caller_id = "+3225805001"
            setup_timeout_s = 1
            [services.panel-login]
            brand = "Example Panel"
            countries = ["BE"]
            "#
        );
        let site = Site { folder: tempfile::tempdir().expect("a temporary folder") };
        std::fs::write(site.path("belfry.toml"), text).expect("a file");
        site
    }

    /// A file in the folder.
    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// `belfry ARGUMENTS --config belfry.toml`, started in the folder.
    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = belfry(arguments);
        command.args(["--config", "belfry.toml"]).current_dir(self.folder.path());
        command
    }

    /// Runs such a command to its end.
    pub fn run(&self, arguments: &[&str]) -> Run {
        run(&mut self.command(arguments))
    }
}
