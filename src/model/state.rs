//! How far a version has come in one store, and which steps it can take from there.

use std::fmt;

/// The state of a version, or of the draft that is to become one, in one store.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum VersionState {
    /// A draft that is being made, or bytes that are on their way: others see it, and cannot get it.
    Uploading,
    /// An error ended it; it can be gone on with.
    Failed,
    /// A person set it aside; it can be gone on with.
    Aborted,
    /// Complete: every object is there and was confirmed.
    Final,
    /// Complete and protected for good.
    Published,
    /// Gone.
    Deleted,
}

impl VersionState {
    /// Every state.
    pub const ALL: [Self; 6] =
        [Self::Uploading, Self::Failed, Self::Aborted, Self::Final, Self::Published, Self::Deleted];

    /// The word shown to people.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Uploading => "uploading",
            Self::Failed => "failed",
            Self::Aborted => "aborted",
            Self::Final => "final",
            Self::Published => "published",
            Self::Deleted => "deleted",
        }
    }

    /// The state of a word written by [`VersionState::as_str`].
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.as_str() == word)
    }

    /// The state after a step.
    ///
    /// # Errors
    /// When the step cannot be taken from here; the error names both states.
    pub const fn after(self, step: Step) -> Result<Self, IllegalStep> {
        use VersionState::{Aborted, Deleted, Failed, Final, Published, Uploading};
        let to = step.leads_to();
        match (self, step) {
            // What failed is tried again by whatever failed.
            (Uploading | Failed, Step::Send | Step::Fail | Step::Abort | Step::Commit)
            | (Failed | Aborted, Step::Resume)
            | (Failed | Aborted | Final, Step::Delete)
            | (Final, Step::Publish) => Ok(to),
            (
                Uploading | Failed | Aborted | Final | Published | Deleted,
                Step::Send
                | Step::Fail
                | Step::Abort
                | Step::Commit
                | Step::Resume
                | Step::Publish
                | Step::Delete,
            ) => Err(IllegalStep { from: self, step }),
        }
    }
}

impl fmt::Display for VersionState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// What can happen to a draft or a version.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Step {
    /// Bytes of a draft are sent.
    Send,
    /// An error ends that.
    Fail,
    /// A person sets the draft aside.
    Abort,
    /// A person goes on with it.
    Resume,
    /// The draft becomes a version.
    Commit,
    /// The version is protected.
    Publish,
    /// It goes.
    Delete,
}

impl Step {
    /// Every step.
    pub const ALL: [Self; 7] =
        [Self::Send, Self::Fail, Self::Abort, Self::Resume, Self::Commit, Self::Publish, Self::Delete];

    /// The state that it leads to, where it can be taken.
    pub const fn leads_to(self) -> VersionState {
        match self {
            Self::Send | Self::Resume => VersionState::Uploading,
            Self::Fail => VersionState::Failed,
            Self::Abort => VersionState::Aborted,
            Self::Commit => VersionState::Final,
            Self::Publish => VersionState::Published,
            Self::Delete => VersionState::Deleted,
        }
    }
}

/// A step that cannot be taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct IllegalStep {
    /// The state.
    pub from: VersionState,
    /// The step.
    pub step: Step,
}

impl fmt::Display for IllegalStep {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "is {} and cannot become {}", self.from, self.step.leads_to())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every step from every state: what is not in the table is refused.
    #[test]
    fn the_table_of_transitions() {
        use Step::{Abort, Commit, Delete, Fail, Publish, Resume, Send};
        use VersionState::{Aborted, Deleted, Failed, Final, Published, Uploading};
        let allowed = [
            (Uploading, Send, Uploading),
            (Uploading, Fail, Failed),
            (Uploading, Abort, Aborted),
            (Uploading, Commit, Final),
            (Failed, Send, Uploading),
            (Failed, Fail, Failed),
            (Failed, Abort, Aborted),
            (Failed, Resume, Uploading),
            (Failed, Commit, Final),
            (Failed, Delete, Deleted),
            (Aborted, Resume, Uploading),
            (Aborted, Delete, Deleted),
            (Final, Publish, Published),
            (Final, Delete, Deleted),
        ];
        let mut taken = Vec::new();
        for from in VersionState::ALL {
            for step in Step::ALL {
                match from.after(step) {
                    Ok(to) => taken.push((from, step, to)),
                    Err(illegal) => {
                        let text = illegal.to_string();
                        let (from, to) = (from.as_str(), step.leads_to().as_str());
                        assert_eq!(text, format!("is {from} and cannot become {to}"));
                    }
                }
            }
        }
        assert_eq!(taken, allowed);
        assert!(VersionState::ALL.iter().all(|s| VersionState::from_word(s.as_str()) == Some(*s)));
    }
}
