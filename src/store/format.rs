//! The file that says which programs may read and write a repository or a shared store.

use std::path::Path;
use std::sync::Arc;

use super::StoreError;
use super::files::read_small;
use crate::codec::repository_format::{MAX_FORMAT_FILE_LEN, RepositoryFormat};
use crate::sys::{Fs, publish};

/// Reads the file; `None` when there is none.
///
/// # Errors
/// When it is damaged or cannot be read.
pub fn read_format(fs: &dyn Fs, path: &Path) -> Result<Option<RepositoryFormat>, StoreError> {
    let Some(bytes) = read_small(fs, path, MAX_FORMAT_FILE_LEN + 1)? else { return Ok(None) };
    let damaged = |source| StoreError::Damaged { path: path.to_owned(), source };
    RepositoryFormat::decode(&bytes).map(Some).map_err(damaged)
}

/// Writes the file as this program writes repositories; what it stands for must be complete before.
///
/// # Errors
/// When the system fails.
pub fn write_format(fs: &Arc<dyn Fs>, path: &Path) -> Result<(), StoreError> {
    Ok(publish(fs, path, RepositoryFormat::default().encode().as_bytes())?)
}

/// Refuses what this program cannot read.
///
/// # Errors
/// [`StoreError::UnsupportedFormat`] for a newer number or an unknown reader feature.
pub fn check_readable(format: &RepositoryFormat, path: &Path) -> Result<(), StoreError> {
    refuse(format.unreadable(), path)
}

/// Refuses what this program must not write to.
///
/// # Errors
/// As [`check_readable`], and for an unknown writer feature.
pub fn check_writable(format: &RepositoryFormat, path: &Path) -> Result<(), StoreError> {
    refuse(format.unwritable(), path)
}

fn refuse(why: Option<String>, path: &Path) -> Result<(), StoreError> {
    why.map_or(Ok(()), |why| Err(StoreError::UnsupportedFormat { path: path.to_owned(), why }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::ErrorKind;
    use crate::sys::{CreateOptions, OsFs};

    #[test]
    fn a_newer_format_is_refused_with_advice() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("format");
        assert_eq!(read_format(&OsFs, &path).unwrap(), None);
        write_format(&OsFs::new(), &path).unwrap();
        let format = read_format(&OsFs, &path).unwrap().unwrap();
        check_readable(&format, &path).unwrap();
        check_writable(&format, &path).unwrap();

        let newer = RepositoryFormat { number: 9, ..format.clone() };
        let error = check_readable(&newer, &path).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::UnsupportedFormat);
        assert!(error.to_string().ends_with("; upgrade dsv to use it"), "{error}");

        let writer = RepositoryFormat { writer_features: ["x".to_owned()].into(), ..format };
        check_readable(&writer, &path).unwrap();
        assert!(check_writable(&writer, &path).is_err());
    }

    #[test]
    fn a_damaged_file_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("format");
        OsFs.create(&path, CreateOptions::default()).unwrap().write_all(&[0xff; 70_000]).unwrap();
        assert_eq!(read_format(&OsFs, &path).unwrap_err().kind(), ErrorKind::Corrupt);
    }
}
