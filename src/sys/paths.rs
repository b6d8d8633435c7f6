//! Between the bytes that a dataset keeps and the paths that the operating system takes.

use std::io;
use std::path::Path;

/// The path that these bytes are; nothing is copied.
///
/// # Errors
/// Never on Unix, where every byte string is a path. Elsewhere `InvalidFilename` for what is not UTF-8.
#[cfg(unix)]
pub fn bytes_to_path(bytes: &[u8]) -> io::Result<&Path> {
    use std::os::unix::ffi::OsStrExt;
    Ok(Path::new(std::ffi::OsStr::from_bytes(bytes)))
}

/// The bytes that this path is, separators as they stand; nothing is copied.
///
/// # Errors
/// Never on Unix. Elsewhere `InvalidFilename` for what is not Unicode.
#[cfg(unix)]
pub fn path_to_bytes(path: &Path) -> io::Result<&[u8]> {
    use std::os::unix::ffi::OsStrExt;
    Ok(path.as_os_str().as_bytes())
}

/// The path that these bytes are; nothing is copied.
///
/// # Errors
/// Never on Unix, where every byte string is a path. Elsewhere `InvalidFilename` for what is not UTF-8.
#[cfg(not(unix))]
pub fn bytes_to_path(bytes: &[u8]) -> io::Result<&Path> {
    std::str::from_utf8(bytes).map(Path::new).map_err(|e| io::Error::new(io::ErrorKind::InvalidFilename, e))
}

/// The bytes that this path is, separators as they stand; nothing is copied.
///
/// # Errors
/// Never on Unix. Elsewhere `InvalidFilename` for what is not Unicode.
#[cfg(not(unix))]
pub fn path_to_bytes(path: &Path) -> io::Result<&[u8]> {
    path.to_str().map(str::as_bytes).ok_or_else(|| io::ErrorKind::InvalidFilename.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_goes_there_and_back() {
        let path = bytes_to_path("größe/日本".as_bytes()).unwrap();
        assert_eq!(path, Path::new("größe/日本"));
        assert_eq!(path_to_bytes(path).unwrap(), "größe/日本".as_bytes());
    }

    #[cfg(unix)]
    #[test]
    fn any_bytes_go_there_and_back() {
        let bytes = b"a\xff\xfe\nb";
        assert_eq!(path_to_bytes(bytes_to_path(bytes).unwrap()).unwrap(), bytes);
    }
}
