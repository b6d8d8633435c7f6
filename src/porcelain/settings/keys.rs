//! The one table of all settings.

/// What a setting's value is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ValueType {
    /// Any text.
    Text,
    /// `true` or `false`.
    Bool,
    /// A whole number from the first to the second.
    Integer(i64, i64),
    /// A number of bytes, as [`parse_size`] reads it.
    Size,
}

/// The bytes that a text tells, such as `500MiB`, `50G` or `1024`: a whole number, and a unit of powers of 1024.
pub fn parse_size(text: &str) -> Option<u64> {
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let (number, unit) = text.split_at(digits);
    let power = match unit.trim_start().to_ascii_lowercase().as_str() {
        "" | "b" => 0,
        "k" | "kib" => 1,
        "m" | "mib" => 2,
        "g" | "gib" => 3,
        "t" | "tib" => 4,
        _ => return None,
    };
    number.parse::<u64>().ok()?.checked_mul(1024u64.pow(power))
}

/// A setting.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Key {
    /// Section and name, `core.lock-timeout`.
    pub name: &'static str,
    /// What its value is.
    pub value: ValueType,
    /// What holds where it is not set; `None` where nothing does.
    pub default: Option<&'static str>,
    /// Whether a person may set it; otherwise a command does.
    pub settable: bool,
    /// What it is for, one sentence.
    pub doc: &'static str,
}

/// Builds the table; each key is also a constant to name it by.
macro_rules! keys {
    ($($constant:ident: $name:literal, $value:expr, $default:expr, $settable:literal, $doc:literal;)+) => {
        $(
            #[doc = $doc]
            pub const $constant: Key =
                Key { name: $name, value: $value, default: $default, settable: $settable, doc: $doc };
        )+

        /// Every setting, in order of name.
        pub const KEYS: &[Key] = &[$($constant,)+];
    };
}

keys! {
    CACHE_MAX_SIZE: "cache.max-size", ValueType::Size, Some("50GiB"), true,
        "What the machine's cache of `dsv get` may take, such as 500MiB or 2TiB; your own setting, not a repository's.";
    CORE_COMPRESSION: "core.compression", ValueType::Integer(1, 19), Some("3"), true,
        "zstd level of files and metadata of more than 16 KiB up to 1 MiB, 1 (fast) to 19 (small).";
    CORE_GITIGNORE: "core.gitignore", ValueType::Bool, Some("true"), true,
        "Whether `dsv add` inside a git worktree lists what it tracks in .gitignore.";
    CORE_LARGE_COMPRESSION: "core.large-compression", ValueType::Integer(1, 19), Some("1"), true,
        "zstd level of the chunks of files larger than 1 MiB, 1 (fast) to 19 (small).";
    CORE_LOCK_TIMEOUT: "core.lock-timeout", ValueType::Integer(0, 86_400), Some("60"), true,
        "Seconds to wait for another dsv that writes to the same repository.";
    CORE_PACK_SIZE: "core.pack-size", ValueType::Integer(1, 1024), Some("64"), true,
        "MiB after which a pack file is closed and the next one begun.";
    CORE_SMALL_COMPRESSION: "core.small-compression", ValueType::Integer(1, 19), Some("1"), true,
        "zstd level of files and metadata up to 16 KiB, 1 (fast) to 19 (small).";
    GC_LOG_DAYS: "gc.log-days", ValueType::Integer(0, 36_500), Some("90"), true,
        "Days for which `dsv gc` keeps versions that a dataset or HEAD named once, for the way back.";
    STORE_PATH: "store.path", ValueType::Text, None, false,
        "The shared store that holds this repository's objects; set by `dsv init --store`.";
    TRANSFER_CONNECTIONS: "transfer.connections", ValueType::Integer(1, 256), Some("8"), true,
        "Ranges that are fetched from a remote at once; a quarter as many packs are sent at once, 40 MiB of memory each.";
    USER_EMAIL: "user.email", ValueType::Text, None, true,
        "The address recorded with versions and events.";
    USER_NAME: "user.name", ValueType::Text, None, true,
        "The name recorded with versions and events; the account's name where nothing is set.";
}

impl Key {
    /// The key of a name.
    pub fn find(name: &str) -> Option<&'static Self> {
        KEYS.iter().find(|key| key.name == name)
    }

    /// Section and name within it.
    pub(super) fn parts(&self) -> (&'static str, &'static str) {
        self.name.split_once('.').unwrap_or(("", self.name))
    }

    /// Why a text is no value of this key; `None` when it is one.
    pub(super) fn objection(&self, text: &str) -> Option<String> {
        match self.value {
            ValueType::Text => {
                text.chars().any(char::is_control).then(|| "it has control characters".to_owned())
            }
            ValueType::Bool => {
                (!matches!(text, "true" | "false")).then(|| "expected true or false".to_owned())
            }
            ValueType::Size => {
                parse_size(text).is_none().then(|| "expected a size such as 500MiB or 50GiB".to_owned())
            }
            ValueType::Integer(low, high) => match text.parse::<i64>() {
                Ok(number) if (low..=high).contains(&number) => None,
                _ => Some(format!("expected a whole number from {low} to {high}")),
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes() {
        assert_eq!(parse_size("0"), Some(0));
        assert_eq!(parse_size("1024"), Some(1024));
        assert_eq!(parse_size("3 KiB"), Some(3072));
        assert_eq!(parse_size("50G"), parse_size("50gib"));
        assert_eq!(parse_size("2TiB"), Some(2 << 40));
        for bad in ["", "GiB", "-1", "1.5GiB", "1KB", "99999999999TiB"] {
            assert_eq!(parse_size(bad), None, "{bad}");
        }
    }

    #[test]
    fn the_table_is_in_order_and_its_defaults_are_values() {
        assert!(KEYS.is_sorted_by(|a, b| a.name < b.name));
        for key in KEYS {
            assert_eq!(key.default.and_then(|default| key.objection(default)), None, "{}", key.name);
            assert!(key.name.split_once('.').is_some() && key.doc.ends_with('.'), "{}", key.name);
        }
    }
}
