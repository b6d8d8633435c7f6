//! The environment of the process, read once and here alone, and handed down as plain values.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::{Path, PathBuf};

use crate::model::{ErrorKind, Time};
use crate::porcelain::{UNKNOWN_USER, Variables};

use super::error::Explained;

/// What the person's machine and shell say, before any configuration is read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Environment {
    /// The folder the command runs in, after every `-C`.
    pub(crate) cwd: PathBuf,
    /// The repository to use instead of searching upwards from `cwd` (`--repo`, `DSV_REPO`).
    pub(crate) repo: Option<PathBuf>,
    /// The person's own configuration file (`DSV_CONFIG`, else where the system keeps such files);
    /// `None` when the system tells no home.
    pub(crate) user_config: Option<PathBuf>,
    /// `DSV_AUTHOR_NAME`.
    pub(crate) author_name: Option<String>,
    /// `DSV_AUTHOR_EMAIL`.
    pub(crate) author_email: Option<String>,
    /// The account's name, for whoever told no other.
    pub(crate) user: String,
    /// The machine's name.
    pub(crate) host: String,
    /// The time to use instead of the clock's (`DSV_NOW`, RFC 3339), so that documents and tests
    /// give the same ids every time.
    pub(crate) now: Option<Time>,
    /// Number of worker threads (`DSV_THREADS`), at least 1; one for each core unless told.
    pub(crate) threads: usize,
    /// The command as one line, for the origin of a version.
    pub(crate) command: String,
    /// What tells how remotes are reached; may hold secrets.
    pub(crate) variables: Variables,
    /// The person's home, where the cloud's own tools keep their files.
    pub(crate) home: Option<PathBuf>,
    /// The machine's cache of versions (`DSV_CACHE_DIR`, else where the system keeps caches); `None` when the system tells no
    /// home.
    pub(crate) cache: Option<PathBuf>,
    /// The URL of the remote that versions come from where none is named (`DSV_REMOTE`).
    pub(crate) remote: Option<String>,
}

/// A variable of the environment has a value that makes no sense.
#[derive(Debug, thiserror::Error)]
pub(crate) enum EnvironmentError {
    /// `DSV_NOW` is no time.
    #[error("the environment variable DSV_NOW cannot be used")]
    Now(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// `DSV_THREADS` is no number above 0.
    #[error("the environment variable DSV_THREADS is '{0}', which is no number above 0")]
    Threads(String),
    /// The process's folder is gone or cannot be read.
    #[error("the current folder cannot be read")]
    Cwd(#[source] std::io::Error),
}

impl Explained for EnvironmentError {
    fn kind(&self) -> ErrorKind {
        match self {
            Self::Now(_) | Self::Threads(_) => ErrorKind::Usage,
            Self::Cwd(cause) => ErrorKind::of_io(cause),
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::Now(_) => Some("unset it to use the system's clock".to_owned()),
            Self::Threads(_) => Some("unset it to use every core".to_owned()),
            Self::Cwd(_) => None,
        }
    }
}

/// Where values come from; a function, so that tests need not change the process.
pub(crate) type Lookup<'a> = &'a dyn Fn(&str) -> Option<OsString>;

/// A variable of this process; an empty one counts as absent.
#[expect(clippy::disallowed_methods, reason = "this module is where the environment is read")]
pub(crate) fn process_variable(name: &str) -> Option<OsString> {
    std::env::var_os(name).filter(|value| !value.is_empty())
}

/// The variables that dsv reads, for its manual: name, and what it is for.
pub(crate) const VARIABLES: &[(&str, &str)] = &[
    ("DSV_REPO", "the repository to use, as with --repo"),
    ("DSV_CONFIG", "the person's configuration file instead of ~/.config/dsv/config.toml"),
    ("DSV_CACHE_DIR", "the cache of dsv get instead of ~/.cache/dsv"),
    ("DSV_REMOTE", "the URL of the remote that dsv get asks where none is named"),
    ("DSV_AUTHOR_NAME", "name of the author of new versions; overrides the setting user.name"),
    ("DSV_AUTHOR_EMAIL", "address of the author of new versions; overrides user.email"),
    ("DSV_NOW", "the time to use instead of the clock's, as 2026-11-23T14:05:09+01:00"),
    ("DSV_THREADS", "number of worker threads; one for each core unless told"),
    ("AWS_*, GOOGLE_*, AZURE_*", "credentials and addresses of remotes, as the cloud's own tools read them"),
    ("HTTPS_PROXY, NO_PROXY, SSL_CERT_FILE", "how remotes are reached"),
    ("NO_COLOR, CLICOLOR, CLICOLOR_FORCE", "whether to colour, unless --color tells"),
];

impl Environment {
    /// Reads the environment of this process; `chdir` are the values of `-C`, each relative to the
    /// one before, `repo` is that of `--repo`.
    ///
    /// # Errors
    /// When a variable has a value that makes no sense, or the current folder is gone.
    pub(crate) fn of_process(chdir: &[PathBuf], repo: Option<&Path>) -> Result<Self, EnvironmentError> {
        let start = std::env::current_dir().map_err(EnvironmentError::Cwd)?;
        let arguments: Vec<OsString> = std::env::args_os().skip(1).collect();
        let mut environment = Self::read(&process_variable, &start, chdir, repo)?;
        environment.command = command_line(&arguments);
        environment.variables = Variables(remote_variables(std::env::vars_os()));
        Ok(environment)
    }

    /// Reads an environment given by `lookup`; the command line is left empty.
    fn read(
        lookup: Lookup<'_>,
        start: &Path,
        chdir: &[PathBuf],
        repo: Option<&Path>,
    ) -> Result<Self, EnvironmentError> {
        let text = |name| lookup(name).map(|value: OsString| value.to_string_lossy().into_owned());
        let path = |name| lookup(name).map(PathBuf::from);
        let cwd = chdir.iter().fold(start.to_owned(), |at, step| at.join(step));
        let repo = repo.map(Path::to_owned).or_else(|| path("DSV_REPO")).map(|repo| cwd.join(repo));
        Ok(Self {
            repo,
            user_config: path("DSV_CONFIG").map(|file| cwd.join(file)).or_else(|| default_config(lookup)),
            cache: path("DSV_CACHE_DIR").map(|folder| cwd.join(folder)).or_else(|| default_cache(lookup)),
            remote: text("DSV_REMOTE"),
            cwd,
            author_name: text("DSV_AUTHOR_NAME"),
            author_email: text("DSV_AUTHOR_EMAIL"),
            user: ["USER", "LOGNAME", "USERNAME"]
                .into_iter()
                .find_map(text)
                .unwrap_or_else(|| UNKNOWN_USER.to_owned()),
            host: host_name(lookup),
            now: text("DSV_NOW").map(|t| t.parse()).transpose().map_err(now_error)?,
            threads: match text("DSV_THREADS") {
                None => std::thread::available_parallelism().map_or(1, usize::from),
                Some(t) => t.parse().ok().filter(|n| *n > 0).ok_or(EnvironmentError::Threads(t))?,
            },
            command: String::new(),
            variables: Variables::default(),
            home: path("HOME").or_else(|| path("USERPROFILE")),
        })
    }
}

/// How the names of variables begin that tell how remotes are reached.
const REMOTE_PREFIXES: &[&str] =
    &["AWS_", "AZURE_", "GOOGLE_", "GCS_", "STORAGE_", "CLOUDSDK_", "IDENTITY_", "MSI_"];
/// Others of that kind, in capitals.
const REMOTE_NAMES: &[&str] =
    &["HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY", "SSL_CERT_FILE", "SSL_CERT_DIR"];

/// The variables that tell how remotes are reached. One that is no UTF-8 cannot be used by any of them.
fn remote_variables(all: impl Iterator<Item = (OsString, OsString)>) -> BTreeMap<String, String> {
    let texts = all.filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)));
    let wanted = |name: &str| {
        let upper = name.to_ascii_uppercase();
        REMOTE_NAMES.contains(&upper.as_str())
            || REMOTE_PREFIXES.iter().any(|prefix| upper.starts_with(prefix))
    };
    texts.filter(|(name, value)| !value.is_empty() && wanted(name)).collect()
}

fn now_error(cause: impl std::error::Error + Send + Sync + 'static) -> EnvironmentError {
    EnvironmentError::Now(Box::new(cause))
}

/// `dsv/config.toml` where the system keeps a person's configuration.
fn default_config(lookup: Lookup<'_>) -> Option<PathBuf> {
    let folder = if cfg!(windows) {
        PathBuf::from(lookup("APPDATA")?)
    } else {
        xdg_folder(lookup, "XDG_CONFIG_HOME", ".config")?
    };
    Some(folder.join("dsv").join("config.toml"))
}

/// `dsv` where the system keeps what can be had again.
fn default_cache(lookup: Lookup<'_>) -> Option<PathBuf> {
    if cfg!(windows) {
        return Some(PathBuf::from(lookup("LOCALAPPDATA")?).join("dsv").join("cache"));
    }
    Some(xdg_folder(lookup, "XDG_CACHE_HOME", ".cache")?.join("dsv"))
}

/// The folder that a variable names, else one in the person's home.
fn xdg_folder(lookup: Lookup<'_>, variable: &str, in_home: &str) -> Option<PathBuf> {
    // A path that is not absolute is to be ignored, says the specification.
    match lookup(variable).map(PathBuf::from).filter(|p| p.is_absolute()) {
        Some(folder) => Some(folder),
        None => Some(PathBuf::from(lookup("HOME")?).join(in_home)),
    }
}

fn host_name(lookup: Lookup<'_>) -> String {
    let told = ["HOSTNAME", "COMPUTERNAME"].into_iter().find_map(lookup);
    told.map(|name| name.to_string_lossy().into_owned())
        .or_else(system_host_name)
        .unwrap_or_else(|| "localhost".to_owned())
}

#[cfg(unix)]
fn system_host_name() -> Option<String> {
    let name = rustix::system::uname().nodename().to_string_lossy().into_owned();
    (!name.is_empty()).then_some(name)
}

#[cfg(not(unix))]
fn system_host_name() -> Option<String> {
    None
}

/// The command as a person would type it again: arguments a shell would change are quoted.
fn command_line(arguments: &[OsString]) -> String {
    let plain = |c: char| c.is_alphanumeric() || "-_./@:=,+%^~".contains(c);
    let mut line = String::from("dsv");
    for argument in arguments {
        let text = argument.to_string_lossy();
        line.push(' ');
        if !text.is_empty() && text.chars().all(plain) {
            line.push_str(&text);
        } else {
            line.push('\'');
            line.push_str(&text.replace('\'', r"'\''"));
            line.push('\'');
        }
    }
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(variables: &[(&str, &str)]) -> Result<Environment, EnvironmentError> {
        let lookup = |name: &str| {
            variables.iter().find(|(key, _)| *key == name).map(|(_, value)| OsString::from(value))
        };
        Environment::read(&lookup, Path::new("/work"), &[PathBuf::from("a"), PathBuf::from("b")], None)
    }

    #[test]
    fn variables_become_values() {
        let environment = read(&[
            ("HOME", "/home/eva"),
            ("USER", "eva"),
            ("HOSTNAME", "lab"),
            ("DSV_NOW", "2026-11-23T14:05:09+01:00"),
            ("DSV_THREADS", "3"),
            ("DSV_REPO", "x"),
        ])
        .unwrap();
        assert_eq!(environment.cwd, Path::new("/work/a/b"));
        assert_eq!(environment.repo.unwrap(), Path::new("/work/a/b/x"));
        assert_eq!((environment.user.as_str(), environment.host.as_str()), ("eva", "lab"));
        assert_eq!(environment.now.unwrap().to_string(), "2026-11-23T14:05:09+01:00");
        assert_eq!(environment.threads, 3);
    }

    #[cfg(not(windows))]
    #[test]
    fn the_configuration_file_is_where_the_system_keeps_such_files() {
        let config = |variables: &[(&str, &str)]| read(variables).unwrap().user_config;
        assert_eq!(config(&[]), None);
        assert_eq!(config(&[("HOME", "/h")]).unwrap(), Path::new("/h/.config/dsv/config.toml"));
        let xdg = config(&[("HOME", "/h"), ("XDG_CONFIG_HOME", "/x")]);
        assert_eq!(xdg.unwrap(), Path::new("/x/dsv/config.toml"));
        let relative = config(&[("HOME", "/h"), ("XDG_CONFIG_HOME", "x")]);
        assert_eq!(relative.unwrap(), Path::new("/h/.config/dsv/config.toml"));
        let own = config(&[("HOME", "/h"), ("DSV_CONFIG", "my.toml")]);
        assert_eq!(own.unwrap(), Path::new("/work/a/b/my.toml"));
    }

    #[cfg(not(windows))]
    #[test]
    fn the_cache_is_where_the_system_keeps_such_things() {
        let cache = |variables: &[(&str, &str)]| read(variables).unwrap().cache;
        assert_eq!(cache(&[]), None);
        assert_eq!(cache(&[("HOME", "/h")]).unwrap(), Path::new("/h/.cache/dsv"));
        let xdg = [("HOME", "/h"), ("XDG_CACHE_HOME", "/x"), ("DSV_CACHE_DIR", "c")];
        assert_eq!(cache(&xdg[..2]).unwrap(), Path::new("/x/dsv"));
        assert_eq!(cache(&xdg).unwrap(), Path::new("/work/a/b/c"));
    }

    #[test]
    fn values_without_meaning_are_refused() {
        let now = read(&[("DSV_NOW", "yesterday")]).unwrap_err();
        assert_eq!(now.kind(), ErrorKind::Usage);
        for bad in ["0", "-1", "many"] {
            let threads = read(&[("DSV_THREADS", bad)]).unwrap_err();
            assert!(threads.to_string().contains(bad), "{threads}");
        }
    }

    #[test]
    fn the_command_can_be_typed_again() {
        let line = command_line(&["commit", "-m", "it's new", ""].map(OsString::from));
        assert_eq!(line, r"dsv commit -m 'it'\''s new' ''");
    }
}
