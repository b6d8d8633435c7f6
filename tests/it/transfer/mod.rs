//! Versions between repositories and remotes.

mod events;
mod gc;
mod get;
mod kills;
mod lies;
mod partial;
mod races;
mod requests;
mod rough;
mod secrets;
mod servers;
mod share;
mod told;

use std::path::{Path, PathBuf};

use dsv::model::Interrupt;
use dsv::remote::Client;

use crate::remote::servers::Place;
use crate::support::sandbox::Sandbox;

static NEVER: Interrupt = Interrupt::new();

/// Two people and a remote that both can reach: a folder, or a place on a server.
pub(crate) struct Two {
    pub(crate) sandbox: Sandbox,
    place: Option<Place>,
}

impl Two {
    /// Ada, in `work`, has a dataset `cats` of some files and one large one, and has pushed it.
    pub(crate) fn pushed() -> Self {
        let two = Self::committed();
        two.ok(&["push"]);
        two
    }

    /// The same before the push.
    pub(crate) fn committed() -> Self {
        Self::committed_for(None)
    }

    /// The same with the remote at this place.
    pub(crate) fn pushed_to(place: Option<Place>) -> Self {
        let two = Self::committed_for(place);
        two.ok(&["push"]);
        two
    }

    /// The same with the remote at this place, before the push.
    pub(crate) fn committed_for(place: Option<Place>) -> Self {
        let mut sandbox = Sandbox::repository();
        for (name, value) in place.iter().flat_map(|place| &place.options.variables) {
            sandbox.set(name, value);
        }
        for number in 0..40 {
            sandbox.write(&format!("d{}/f{number}", number % 4), format!("content of {number}"));
        }
        sandbox.write("large.bin", large(0));
        sandbox.ok(["add", "."]);
        sandbox.ok(["commit", "-m", "First"]);
        let two = Self { sandbox, place };
        if two.place.is_none() {
            std::fs::create_dir(two.bucket()).unwrap();
        }
        let url = two.url();
        two.ok(&[&["remote", "add", "origin", &url], &two.reach()[..]].concat());
        two
    }

    /// Where the remote is.
    pub(crate) fn url(&self) -> String {
        match &self.place {
            Some(place) => place.url.clone(),
            None => self.bucket().to_str().unwrap().to_owned(),
        }
    }

    /// The options of the program that say how the remote is reached.
    pub(crate) fn reach(&self) -> Vec<&str> {
        self.place.as_ref().map_or_else(Vec::new, Place::reach)
    }

    /// A connection of the library's to the remote.
    pub(crate) fn client(&self) -> Client {
        match &self.place {
            Some(place) => place.client(),
            None => Client::open_folder(&self.bucket()).unwrap(),
        }
    }

    /// The folder that is the remote, where it is one.
    pub(crate) fn bucket(&self) -> PathBuf {
        self.sandbox.root().join("bucket")
    }

    /// Runs a command in Ada's folder.
    pub(crate) fn ok(&self, arguments: &[&str]) -> String {
        self.sandbox.ok(arguments)
    }

    /// Runs a command in a folder beside Ada's.
    pub(crate) fn other(&self, name: &str, arguments: &[&str]) -> String {
        let folder = format!("../{name}");
        self.sandbox.ok([&["-C", &folder], arguments].concat())
    }

    /// Runs a command in a folder beside Ada's, which must end with this code; returns what it said.
    pub(crate) fn other_fails(&self, name: &str, code: i32, arguments: &[&str]) -> String {
        let folder = format!("../{name}");
        self.sandbox.fails(code, [&["-C", &folder], arguments].concat())
    }

    /// Clones the dataset into a folder beside Ada's.
    pub(crate) fn clone(&self, name: &str) -> String {
        let (url, folder) = (self.url(), format!("../{name}"));
        self.ok(&[&["clone", &url, &folder], &self.reach()[..]].concat())
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.sandbox.root().join(name)
    }

    /// Every object of the remote, by its key.
    pub(crate) fn keys(&self) -> Vec<String> {
        let mut keys = Vec::new();
        if self.place.is_none() {
            collect(&self.bucket(), &self.bucket(), &mut keys);
        } else {
            let mut keep = |info: dsv::remote::ObjectInfo| {
                keys.push(info.key);
                Ok(())
            };
            self.client().list("", None, &NEVER, &mut keep).unwrap();
        }
        keys.sort();
        keys
    }

    /// The bytes of an object of the remote.
    pub(crate) fn object(&self, key: &str) -> Vec<u8> {
        self.client().get(key, 1 << 30, &NEVER).unwrap().unwrap().to_vec()
    }

    /// The keys that begin with a text.
    pub(crate) fn keys_below(&self, prefix: &str) -> Vec<String> {
        self.keys().into_iter().filter(|key| key.starts_with(prefix)).collect()
    }
}

fn collect(root: &Path, folder: &Path, keys: &mut Vec<String>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            collect(root, &path, keys);
        } else {
            keys.push(path.strip_prefix(root).unwrap().to_str().unwrap().to_owned());
        }
    }
}

/// Ends a command as Ctrl-C does.
fn press_ctrl_c(child: &std::process::Child) {
    let pid = rustix::process::Pid::from_child(child);
    rustix::process::kill_process(pid, rustix::process::Signal::INT).unwrap();
}

/// Three mebibytes without structure, other ones for each seed.
pub(crate) fn large(seed: u64) -> Vec<u8> {
    let mut bytes = vec![0; 3 << 20];
    crate::support::rng::Rng::new(seed + 1).fill(&mut bytes);
    bytes
}
