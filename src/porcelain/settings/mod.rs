//! Settings: of the repository (`.dsv/config`), else of the person, else the default.

mod file;
mod keys;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use file::SettingsFile;
pub use keys::{
    CACHE_MAX_SIZE, CORE_COMPRESSION, CORE_GITIGNORE, CORE_LARGE_COMPRESSION, CORE_LOCK_TIMEOUT,
    CORE_PACK_SIZE, CORE_SMALL_COMPRESSION, GC_LOG_DAYS, KEYS, Key, STORE_PATH, TRANSFER_CONNECTIONS,
    USER_EMAIL, USER_NAME, ValueType, parse_size,
};

use crate::model::ErrorKind;
use crate::plumbing::host::{Fs, IoError};
use crate::store::StoreOptions;

/// Why a setting cannot be read or written.
#[derive(Debug, thiserror::Error)]
pub enum SettingsError {
    /// The operating system failed.
    #[error(transparent)]
    Io(#[from] IoError),
    /// A file is no TOML, or holds no table where one must be.
    #[error("the configuration file '{}' is malformed: {why}", path.display())]
    Malformed {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        why: String,
    },
    /// A value is not of the key's type.
    #[error("{text} is no value of the setting '{key}'{}: {why}", in_file(path.as_deref()))]
    WrongValue {
        /// The setting.
        key: &'static str,
        /// Where it stands; `None` for a value that was to be set.
        path: Option<PathBuf>,
        /// The value.
        text: String,
        /// What is wrong with it.
        why: String,
    },
    /// There is no such setting.
    #[error("there is no setting '{name}'")]
    Unknown {
        /// What was asked for.
        name: String,
        /// Settings of a similar name.
        near: Vec<&'static str>,
    },
    /// A command sets it, not a person.
    #[error("the setting '{key}' cannot be changed by hand")]
    ReadOnly {
        /// The setting.
        key: &'static str,
    },
    /// It is not set and has no default.
    #[error("the setting '{key}' is not set")]
    NotSet {
        /// The setting.
        key: &'static str,
    },
    /// The system tells no place for a person's settings.
    #[error("there is no place for your own settings: no home folder is known")]
    NoUserFile,
}

fn in_file(path: Option<&Path>) -> String {
    path.map_or_else(String::new, |path| format!(" in '{}'", path.display()))
}

impl SettingsError {
    /// The stable kind.
    pub fn kind(&self) -> ErrorKind {
        match self {
            Self::Io(error) => error.kind(),
            Self::Malformed { .. } | Self::WrongValue { .. } | Self::NoUserFile => ErrorKind::Usage,
            Self::Unknown { .. } | Self::NotSet { .. } => ErrorKind::NotFound,
            Self::ReadOnly { .. } => ErrorKind::Refused,
        }
    }

    /// What to do next.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Unknown { near, .. } if !near.is_empty() => {
                Some(format!("did you mean {}?", near.join(" or ")))
            }
            Self::Unknown { .. } => Some("'dsv config list' shows all settings".to_owned()),
            Self::WrongValue { key, path: Some(_), .. } => Some(format!(
                "change it with 'dsv config set {key} VALUE' or remove it with 'dsv config unset {key}'"
            )),
            Self::NotSet { key } => Some(format!("set it with 'dsv config set {key} VALUE'")),
            Self::ReadOnly { key } if *key == STORE_PATH.name => Some(
                "a repository keeps its store for life; 'dsv init --store DIR' makes one with another"
                    .to_owned(),
            ),
            Self::Io(_)
            | Self::Malformed { .. }
            | Self::WrongValue { .. }
            | Self::ReadOnly { .. }
            | Self::NoUserFile => None,
        }
    }
}

/// Where a value comes from, and which file a change goes to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scope {
    /// `.dsv/config`
    Repository,
    /// The person's own file.
    User,
}

/// A value and its origin.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Setting {
    /// The setting.
    pub key: &'static Key,
    /// Its value as text.
    pub value: String,
    /// Where it stands; `None` for the default.
    pub origin: Option<(Scope, PathBuf)>,
}

/// The settings that hold in one repository, or outside of all.
#[derive(Debug, Clone)]
pub struct Settings {
    repository: Option<SettingsFile>,
    user: Option<SettingsFile>,
}

impl Settings {
    /// Reads the files that exist.
    ///
    /// # Errors
    /// When one cannot be read or is no TOML. Values are looked at when they are asked for.
    pub fn read(fs: &dyn Fs, repository: Option<&Path>, user: Option<&Path>) -> Result<Self, SettingsError> {
        let read = |path: Option<&Path>| path.map(|path| SettingsFile::read(fs, path)).transpose();
        Ok(Self { repository: read(repository)?, user: read(user)? })
    }

    fn files(&self) -> impl Iterator<Item = (Scope, &SettingsFile)> {
        let repository = self.repository.iter().map(|file| (Scope::Repository, file));
        repository.chain(self.user.iter().map(|file| (Scope::User, file)))
    }

    /// The value that holds for a key; `None` where it is not set and has no default.
    ///
    /// # Errors
    /// When the value that stands in a file is not of the key's type.
    pub fn get(&self, key: &'static Key) -> Result<Option<Setting>, SettingsError> {
        for (scope, file) in self.files() {
            // What a repository's objects lie in is the repository's affair alone.
            let heard = key.settable || scope == Scope::Repository;
            if let Some(value) = if heard { file.get(key)? } else { None } {
                return Ok(Some(Setting { key, value, origin: Some((scope, file.path.clone())) }));
            }
        }
        Ok(key.default.map(|value| Setting { key, value: value.to_owned(), origin: None }))
    }

    /// Everything that is set or has a default, in order of name.
    ///
    /// # Errors
    /// As [`Settings::get`].
    pub fn list(&self) -> Result<Vec<Setting>, SettingsError> {
        KEYS.iter().filter_map(|key| self.get(key).transpose()).collect()
    }

    /// What stands in the files and is no setting: full name and file.
    pub fn unknown(&self) -> Vec<(String, PathBuf)> {
        let names = |file: &SettingsFile| {
            let path = file.path.clone();
            file.unknown().into_iter().map(move |name| (name, path.clone()))
        };
        self.files().flat_map(|(_, file)| names(file)).collect()
    }

    /// Sets a value in a file and writes it.
    ///
    /// # Errors
    /// When the value is not of the key's type, the key is not a person's to set, there is no such
    /// file, or it cannot be written.
    pub fn set(
        &mut self,
        fs: &Arc<dyn Fs>,
        scope: Scope,
        key: &'static Key,
        text: &str,
    ) -> Result<(), SettingsError> {
        if !key.settable {
            return Err(SettingsError::ReadOnly { key: key.name });
        }
        self.set_any(fs, scope, key, text)
    }

    /// As [`Settings::set`], for the commands that may.
    pub(super) fn set_any(
        &mut self,
        fs: &Arc<dyn Fs>,
        scope: Scope,
        key: &'static Key,
        text: &str,
    ) -> Result<(), SettingsError> {
        if let Some(why) = key.objection(text) {
            let text = format!("'{text}'");
            return Err(SettingsError::WrongValue { key: key.name, path: None, text, why });
        }
        let file = self.file_mut(scope)?;
        file.set(key, text)?;
        file.write(fs)
    }

    /// Removes a value from a file and writes it; false when it was not set there.
    ///
    /// # Errors
    /// As [`Settings::set`].
    pub fn unset(
        &mut self,
        fs: &Arc<dyn Fs>,
        scope: Scope,
        key: &'static Key,
    ) -> Result<bool, SettingsError> {
        if !key.settable {
            return Err(SettingsError::ReadOnly { key: key.name });
        }
        let file = self.file_mut(scope)?;
        if !file.unset(key) {
            return Ok(false);
        }
        file.write(fs)?;
        Ok(true)
    }

    fn file_mut(&mut self, scope: Scope) -> Result<&mut SettingsFile, SettingsError> {
        let file = match scope {
            Scope::Repository => &mut self.repository,
            Scope::User => &mut self.user,
        };
        file.as_mut().ok_or(SettingsError::NoUserFile)
    }

    fn text(&self, key: &'static Key) -> Result<Option<String>, SettingsError> {
        Ok(self.get(key)?.map(|setting| setting.value))
    }

    fn number(&self, key: &'static Key) -> Result<u64, SettingsError> {
        Ok(self.text(key)?.and_then(|text| text.parse().ok()).unwrap_or_default())
    }

    /// `user.name`
    ///
    /// # Errors
    /// When a file holds a wrong value; so in all that follow.
    pub fn user_name(&self) -> Result<Option<String>, SettingsError> {
        self.text(&USER_NAME)
    }

    /// `user.email`
    ///
    /// # Errors
    /// When a file holds a wrong value.
    pub fn user_email(&self) -> Result<Option<String>, SettingsError> {
        self.text(&USER_EMAIL)
    }

    /// `core.gitignore`
    ///
    /// # Errors
    /// When a file holds a wrong value.
    pub fn gitignore(&self) -> Result<bool, SettingsError> {
        Ok(self.text(&CORE_GITIGNORE)?.as_deref() == Some("true"))
    }

    /// `core.lock-timeout`
    ///
    /// # Errors
    /// When a file holds a wrong value.
    pub fn lock_timeout(&self) -> Result<Duration, SettingsError> {
        Ok(Duration::from_secs(self.number(&CORE_LOCK_TIMEOUT)?))
    }

    /// `cache.max-size`
    ///
    /// # Errors
    /// When a file holds a wrong value.
    pub fn cache_max_size(&self) -> Result<u64, SettingsError> {
        Ok(self.text(&CACHE_MAX_SIZE)?.and_then(|text| parse_size(&text)).unwrap_or_default())
    }

    /// `gc.log-days`
    ///
    /// # Errors
    /// When a file holds a wrong value.
    pub fn gc_log_days(&self) -> Result<u64, SettingsError> {
        self.number(&GC_LOG_DAYS)
    }

    /// `transfer.connections`
    ///
    /// # Errors
    /// When a file holds a wrong value.
    pub fn connections(&self) -> Result<usize, SettingsError> {
        Ok(usize::try_from(self.number(&TRANSFER_CONNECTIONS)?).unwrap_or(usize::MAX))
    }

    /// `store.path`
    ///
    /// # Errors
    /// When the file holds a wrong value.
    pub fn store_path(&self) -> Result<Option<PathBuf>, SettingsError> {
        Ok(self.text(&STORE_PATH)?.map(PathBuf::from))
    }

    /// The tuning of the object database.
    ///
    /// # Errors
    /// When a file holds a wrong value.
    pub fn store_options(&self) -> Result<StoreOptions, SettingsError> {
        let level = |key| self.number(key).map(|level| i32::try_from(level).unwrap_or(1));
        Ok(StoreOptions {
            pack_target: self.number(&CORE_PACK_SIZE)? * 1024 * 1024,
            small_level: level(&CORE_SMALL_COMPRESSION)?,
            level: level(&CORE_COMPRESSION)?,
            chunk_level: level(&CORE_LARGE_COMPRESSION)?,
        })
    }
}

/// The setting of a name.
///
/// # Errors
/// [`SettingsError::Unknown`], with the names that are similar.
pub fn find_key(name: &str) -> Result<&'static Key, SettingsError> {
    Key::find(name).ok_or_else(|| {
        let last = name.rsplit('.').next().unwrap_or_default();
        let near = |key: &&Key| {
            let (_, own) = key.parts();
            !last.is_empty() && (own.contains(last) || last.contains(own))
        };
        let near = KEYS.iter().filter(near).map(|key| key.name).collect();
        SettingsError::Unknown { name: name.to_owned(), near }
    })
}

#[cfg(test)]
mod tests;
