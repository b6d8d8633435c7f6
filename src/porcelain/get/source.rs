//! Which remote is meant.

use std::path::PathBuf;

use crate::model::{RemoteName, quote_path};
use crate::plumbing::host::FileKind;
use crate::porcelain::remotes::{self, RemoteConfig};
use crate::porcelain::{Environment, Error, Repository};

/// Where versions come from.
#[derive(Debug, Clone, Default)]
pub struct From {
    /// The remote's URL.
    pub url: Option<String>,
    /// A remote of the repository.
    pub name: Option<RemoteName>,
    /// The repository; the one that holds the current folder unless told.
    pub repo: Option<PathBuf>,
    /// What the remote's server needs; the URL in it is not looked at.
    pub reach: RemoteConfig,
}

/// Whether a text, given where a dataset could be, is the URL of a remote: it has `://`, or begins as the path of a folder
/// does, with `/`, `./`, `../` or `~`, as no dataset's name does.
pub fn is_url(text: &str) -> bool {
    text.contains("://")
        || matches!(text, "." | "..")
        || ["/", "./", "../", "~"].iter().any(|beginning| text.starts_with(beginning))
}

/// The remote: the URL that was given; else the remote of the repository that was named; else the one that the environment
/// names; else that of the repository. `what` is what is to come from there.
pub(super) fn config(env: &Environment, from: &From, what: &str) -> Result<RemoteConfig, Error> {
    let named = from.url.as_ref().or_else(|| env.remote.as_ref().filter(|_| from.name.is_none()));
    if let Some(url) = named {
        return Ok(RemoteConfig { url: at_home(env, url), ..from.reach.clone() });
    }
    let opened = match &from.repo {
        Some(root) => Repository::open(env.clone(), root),
        None => Repository::discover(env.clone()),
    };
    let repo = match opened {
        Err(Error::NotARepository { .. }) if from.name.is_none() => {
            let named = env.fs.stat(&env.cwd.join(what)).is_ok_and(|stat| stat.kind == FileKind::Directory);
            return Err(Error::NoSource { folder: named.then(|| quote_path(what.as_bytes())) });
        }
        opened => opened?,
    };
    let (_, config) = remotes::choose(&repo, from.name.as_ref())?;
    Ok(RemoteConfig { url: config.url.clone(), ..from.reach.clone() }.or(config))
}

/// A path in the person's home, which no shell has put in for `~`.
fn at_home(env: &Environment, url: &str) -> String {
    match (url.strip_prefix("~/"), &env.home) {
        (Some(below), Some(home)) => home.join(below).to_string_lossy().into_owned(),
        _ => url.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_and_datasets_are_told_apart() {
        for url in ["s3://b/p", "file:///x", "/mnt/share", "./share", "../share", "~/share", ".."] {
            assert!(is_url(url), "{url}");
        }
        for dataset in ["cats", "vision/cats@1.0.0", "cats@latest", &"ab".repeat(32)] {
            assert!(!is_url(dataset), "{dataset}");
        }
    }
}
