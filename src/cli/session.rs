//! What every command is given.

use crate::model::Monitor;

use super::args::Global;
use super::env::{Environment, EnvironmentError};
use super::signals;
use super::ui::{ProgressStyle, Reporter, Ui};

/// The environment, the streams and the wishes that hold for all commands.
pub(crate) struct Session {
    /// What the machine and the shell say.
    pub(crate) env: Environment,
    /// Standard output and standard error.
    pub(crate) ui: Ui,
    progress: ProgressStyle,
}

impl Session {
    /// A session of this process.
    ///
    /// # Errors
    /// When the environment has a value that makes no sense.
    pub(crate) fn new(global: &Global) -> Result<Self, EnvironmentError> {
        let env = Environment::of_process(&global.chdir, global.repo.as_deref())?;
        let ui = Ui::of_process(global.color, global.quiet);
        let progress = if global.quiet { ProgressStyle::None } else { global.progress };
        Ok(Self { env, ui, progress })
    }

    /// Runs work that may last: with progress, and ended by Ctrl-C.
    pub(crate) fn monitored<T>(&self, work: impl FnOnce(&Monitor<'_>) -> T) -> T {
        let reporter = Reporter::new(self.progress);
        let interrupt = signals::interrupt();
        work(&Monitor { progress: &reporter, interrupt, threads: self.env.threads })
    }
}
