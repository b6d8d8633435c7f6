//! `dsv config`: reads and changes settings.
//!
//! The repository is found and not opened, so that a value which keeps it from being opened can be put
//! right.

use std::path::{Path, PathBuf};
use std::time::Duration;

use super::settings::{Scope, Setting, Settings, SettingsError, find_key};
use super::{Environment, Error, Repository};
use crate::model::{ErrorKind, Monitor};
use crate::store::{DSV_DIR, Layout, RefsLock};

/// How long to wait for another process where the setting for that cannot be read.
const DEFAULT_TIMEOUT: Duration = Duration::from_secs(60);

/// What to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Action {
    /// Tell all settings.
    List,
    /// Tell one.
    Get {
        /// Its name.
        key: String,
    },
    /// Change one.
    Set {
        /// Its name.
        key: String,
        /// Its new value.
        value: String,
    },
    /// Take one back, so that the next place that has it counts.
    Unset {
        /// Its name.
        key: String,
    },
}

/// What to do, and where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Options {
    /// What to do.
    pub action: Action,
    /// Look at and change the person's own settings alone; else those of the repository come first.
    pub user: bool,
    /// The folder that holds `.dsv`; looked for from the environment's folder upward unless told.
    pub root: Option<PathBuf>,
}

/// What was done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// All settings.
    List {
        /// What is set or has a default, in order of name.
        settings: Vec<Setting>,
        /// Names in the files that are no settings, and the files.
        unknown: Vec<(String, PathBuf)>,
    },
    /// One setting.
    Value(Setting),
    /// The file was changed.
    Changed,
    /// There was nothing to take back.
    NotSet,
}

/// Reads or changes settings. Outside of a repository the person's own can be read, and changed where
/// `user` is set.
///
/// # Errors
/// When there is no such setting, the value is none of its values, or a file cannot be read or written.
pub fn run(env: &Environment, options: &Options, monitor: &Monitor<'_>) -> Result<Outcome, Error> {
    let layout = find(env, options)?;
    let file = layout.as_ref().map(Layout::config);
    let read = || Settings::read(&*env.fs, file.as_deref(), env.user_config.as_deref());
    match &options.action {
        Action::List => {
            let settings = read()?;
            Ok(Outcome::List { settings: settings.list()?, unknown: settings.unknown() })
        }
        Action::Get { key } => {
            let key = find_key(key)?;
            Ok(Outcome::Value(read()?.get(key)?.ok_or(SettingsError::NotSet { key: key.name })?))
        }
        Action::Set { key, value } => {
            let key = find_key(key)?;
            change(env, options, layout.as_ref(), monitor, |scope| read()?.set(&env.fs, scope, key, value))?;
            Ok(Outcome::Changed)
        }
        Action::Unset { key } => {
            let key = find_key(key)?;
            let changed =
                change(env, options, layout.as_ref(), monitor, |scope| read()?.unset(&env.fs, scope, key))?;
            Ok(if changed { Outcome::Changed } else { Outcome::NotSet })
        }
    }
}

/// The repository, unless only the person's settings are meant or there is none.
fn find(env: &Environment, options: &Options) -> Result<Option<Layout>, Error> {
    if options.user {
        return Ok(None);
    }
    let of = |root: &Path| Layout::new(root.join(DSV_DIR), None);
    let root = match &options.root {
        Some(root) => Some(env.cwd.join(root)),
        None => match Repository::find(env) {
            Err(error) if error.kind() == ErrorKind::NotARepository && reads(&options.action) => None,
            found => Some(found?),
        },
    };
    match root.map(|root| (env.fs.list(&root.join(DSV_DIR)).is_ok(), root)) {
        Some((false, root)) => Err(Error::NotARepository { start: root }),
        Some((true, root)) => Ok(Some(of(&root))),
        None => Ok(None),
    }
}

const fn reads(action: &Action) -> bool {
    matches!(action, Action::List | Action::Get { .. })
}

/// Changes a file; that of a repository under its lock.
fn change<T>(
    env: &Environment,
    options: &Options,
    layout: Option<&Layout>,
    monitor: &Monitor<'_>,
    work: impl FnOnce(Scope) -> Result<T, SettingsError>,
) -> Result<T, Error> {
    let Some(layout) = layout.filter(|_| !options.user) else { return Ok(work(Scope::User)?) };
    let settings = Settings::read(&*env.fs, Some(&layout.config()), env.user_config.as_deref());
    let timeout = settings.and_then(|settings| settings.lock_timeout()).unwrap_or(DEFAULT_TIMEOUT);
    let _lock = env.locked(timeout, monitor, |request| RefsLock::acquire(&*env.fs, layout, request))?;
    Ok(work(Scope::Repository)?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::porcelain::init;

    struct Fixture {
        env: Environment,
        _folder: tempfile::TempDir,
    }

    impl Fixture {
        fn new() -> Self {
            let folder = tempfile::tempdir().unwrap();
            let mut env = Environment::system(folder.path().join("data"));
            env.user_config = Some(folder.path().join("home/config.toml"));
            init::run(&env, &init::Options::default(), &Monitor::quiet()).unwrap();
            Self { env, _folder: folder }
        }

        fn run(&self, action: Action, user: bool) -> Result<Outcome, Error> {
            run(&self.env, &Options { action, user, root: None }, &Monitor::quiet())
        }

        fn get(&self, key: &str, user: bool) -> String {
            match self.run(Action::Get { key: key.into() }, user).unwrap() {
                Outcome::Value(setting) => setting.value,
                other => panic!("{other:?}"),
            }
        }
    }

    fn set(key: &str, value: &str) -> Action {
        Action::Set { key: key.into(), value: value.into() }
    }

    #[test]
    fn settings_of_the_repository_and_of_the_person() {
        let f = Fixture::new();
        assert_eq!(
            f.run(Action::Get { key: "user.name".into() }, false).unwrap_err().kind(),
            ErrorKind::NotFound
        );
        f.run(set("user.name", "Ada"), true).unwrap();
        f.run(set("user.name", "Eva"), false).unwrap();
        assert_eq!((f.get("user.name", true), f.get("user.name", false)), ("Ada".into(), "Eva".into()));
        assert_eq!(f.run(Action::Unset { key: "user.name".into() }, false).unwrap(), Outcome::Changed);
        assert_eq!(f.run(Action::Unset { key: "user.name".into() }, false).unwrap(), Outcome::NotSet);
        assert_eq!(f.get("user.name", false), "Ada");
        let Outcome::List { settings, unknown } = f.run(Action::List, false).unwrap() else { panic!() };
        assert!(settings.iter().any(|setting| setting.key.name == "core.lock-timeout") && unknown.is_empty());
    }

    #[test]
    fn a_value_that_keeps_the_repository_shut_can_be_put_right() {
        let f = Fixture::new();
        let file = f.env.cwd.join(".dsv/config");
        crate::sys::publish(&f.env.fs, &file, b"[core]\ncompression = 'much'\nlock-timeout = 'long'\n")
            .unwrap();
        assert_eq!(Repository::discover(f.env.clone()).unwrap_err().kind(), ErrorKind::Usage);
        f.run(set("core.compression", "5"), false).unwrap();
        f.run(Action::Unset { key: "core.lock-timeout".into() }, false).unwrap();
        Repository::discover(f.env.clone()).unwrap();
    }

    #[test]
    fn outside_of_a_repository_only_the_persons_own_can_be_changed() {
        let f = Fixture::new();
        let folder = tempfile::tempdir().unwrap();
        let f =
            Fixture { env: Environment { cwd: folder.path().to_owned(), ..f.env.clone() }, _folder: folder };
        assert_eq!(f.run(set("user.name", "Ada"), false).unwrap_err().kind(), ErrorKind::NotARepository);
        f.run(set("user.name", "Ada"), true).unwrap();
        assert_eq!(f.get("user.name", false), "Ada");
    }
}
