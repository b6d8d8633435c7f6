//! One TOML file of settings, edited without touching what else stands in it.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use toml_edit::{DocumentMut, Item, Table, TableLike, value};

use super::SettingsError;
use super::keys::{Key, ValueType};
use crate::plumbing::host::{Fs, IoContext, publish};

/// A file of settings; one that does not exist is empty.
#[derive(Debug, Clone)]
pub(super) struct SettingsFile {
    pub(super) path: PathBuf,
    document: DocumentMut,
}

impl SettingsFile {
    pub(super) fn read(fs: &dyn Fs, path: &Path) -> Result<Self, SettingsError> {
        let bytes = match fs.read(path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Vec::new(),
            read => read.at("read", path)?,
        };
        let malformed = |why: String| SettingsError::Malformed { path: path.to_owned(), why };
        let text = std::str::from_utf8(&bytes).map_err(|error| malformed(error.to_string()))?;
        let document = text.parse().map_err(|error: toml_edit::TomlError| {
            let line = error.span().map(|span| text[..span.start].matches('\n').count() + 1);
            let place = line.map_or_else(String::new, |line| format!("line {line}: "));
            malformed(format!("{place}{}", error.message()))
        })?;
        Ok(Self { path: path.to_owned(), document })
    }

    /// The value of a key as text; `None` where it is not set.
    pub(super) fn get(&self, key: &Key) -> Result<Option<String>, SettingsError> {
        let (section, name) = key.parts();
        let found =
            self.document.get(section).and_then(Item::as_table_like).and_then(|table| table.get(name));
        let Some(item) = found else { return Ok(None) };
        let wrong = |why: String| SettingsError::WrongValue {
            key: key.name,
            path: Some(self.path.clone()),
            text: item.to_string().trim().to_owned(),
            why,
        };
        let text = match (key.value, item.as_str(), item.as_bool(), item.as_integer()) {
            (ValueType::Text | ValueType::Size, Some(text), ..) => text.to_owned(),
            (ValueType::Bool, _, Some(flag), _) => flag.to_string(),
            (ValueType::Integer(..) | ValueType::Size, _, _, Some(number)) => number.to_string(),
            (ValueType::Text, ..) => return Err(wrong("expected a text in quotes".to_owned())),
            (ValueType::Size, ..) => return Err(wrong("expected a size in quotes".to_owned())),
            (ValueType::Bool, ..) => return Err(wrong("expected true or false".to_owned())),
            (ValueType::Integer(..), ..) => return Err(wrong("expected a whole number".to_owned())),
        };
        match key.objection(&text) {
            Some(why) => Err(wrong(why)),
            None => Ok(Some(text)),
        }
    }

    /// Sets a value that the key accepts.
    pub(super) fn set(&mut self, key: &Key, text: &str) -> Result<(), SettingsError> {
        let (section, name) = key.parts();
        let new = match key.value {
            ValueType::Text | ValueType::Size => value(text),
            ValueType::Bool => value(text == "true"),
            ValueType::Integer(..) => value(text.parse::<i64>().unwrap_or_default()),
        };
        let table = self.document.entry(section).or_insert_with(|| Item::Table(Table::new()));
        let Some(table) = table.as_table_like_mut() else {
            let why = format!("'{section}' is no table");
            return Err(SettingsError::Malformed { path: self.path.clone(), why });
        };
        // Replaces the value and keeps the comments around it.
        match table.get_mut(name) {
            Some(old) => *old = keep_decor(old, new),
            None => _ = table.insert(name, new),
        }
        Ok(())
    }

    /// Removes a value; false when there was none.
    pub(super) fn unset(&mut self, key: &Key) -> bool {
        let (section, name) = key.parts();
        let table = self.document.get_mut(section).and_then(Item::as_table_like_mut);
        table.is_some_and(|table| table.remove(name).is_some())
    }

    /// The full names of everything that stands in the file and is no setting.
    pub(super) fn unknown(&self) -> Vec<String> {
        let mut unknown = Vec::new();
        for (section, item) in self.document.iter() {
            let names = item.as_table_like().map(TableLike::iter).into_iter().flatten();
            let full = names.map(|(name, _)| format!("{section}.{name}"));
            unknown.extend(full.filter(|name| Key::find(name).is_none()));
            if !item.is_table_like() {
                unknown.push(section.to_owned());
            }
        }
        unknown
    }

    pub(super) fn write(&self, fs: &Arc<dyn Fs>) -> Result<(), SettingsError> {
        if let Some(folder) = self.path.parent() {
            fs.create_dir_all(folder).at("create", folder)?;
        }
        Ok(publish(fs, &self.path, self.document.to_string().as_bytes())?)
    }
}

fn keep_decor(old: &Item, mut new: Item) -> Item {
    if let (Some(old), Some(new)) = (old.as_value(), new.as_value_mut()) {
        *new.decor_mut() = old.decor().clone();
    }
    new
}
