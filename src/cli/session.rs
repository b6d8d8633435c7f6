//! What every command is given.

use std::sync::Arc;

use crate::model::Monitor;
use crate::porcelain::{self, Repository};

use super::args::Global;
use super::env::{Environment, EnvironmentError};
use super::error::Failure;
use super::git::GitProgram;
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

    /// The environment as the layers below take it.
    pub(crate) fn environment(&self) -> porcelain::Environment {
        let env = &self.env;
        porcelain::Environment {
            user_config: env.user_config.clone(),
            author_name: env.author_name.clone(),
            author_email: env.author_email.clone(),
            user: env.user.clone(),
            host: env.host.clone(),
            now: env.now,
            command: Some(env.command.clone()),
            variables: env.variables.clone(),
            home: env.home.clone(),
            cache: env.cache.clone(),
            remote: env.remote.clone(),
            git_status: Some(Arc::new(GitProgram)),
            interrupt: Some(signals::interrupt()),
            progress: Some(Arc::new(self.progress)),
            ..porcelain::Environment::system(&env.cwd)
        }
    }

    /// The repository that the person told, or that holds the current folder.
    ///
    /// # Errors
    /// When there is none, or it cannot be opened.
    pub(crate) fn repository(&self) -> Result<Repository, Failure> {
        let environment = self.environment();
        Ok(match &self.env.repo {
            Some(root) => Repository::open(environment, root)?,
            None => Repository::discover(environment)?,
        })
    }

    /// Runs work that may last: with progress, and ended by Ctrl-C.
    pub(crate) fn monitored<T>(&self, work: impl FnOnce(&Monitor<'_>) -> T) -> T {
        let reporter = Reporter::new(self.progress);
        let interrupt = signals::interrupt();
        work(&Monitor { progress: &reporter, interrupt, threads: self.env.threads })
    }
}
