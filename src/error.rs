//! What a failed call reports: which operation of which driver on which key, and why.

use std::{fmt, io};

#[derive(Debug, thiserror::Error)]
pub enum Cause {
    #[error("{0}")]
    InvalidKey(&'static str),
    #[error("{0}")]
    InvalidOptions(String),
    #[error("{}", describe(.0))]
    Io(#[from] io::Error),
    /// A file of the driver's, by its path under the base.
    #[error("{}, {path}", describe(.source))]
    File { path: String, source: io::Error },
    #[error("the call panicked: {0}; this is a bug in rustorage")]
    Panic(String),
}

/// An error as it reaches the caller. It never holds a value or an option's value.
#[derive(Debug)]
pub struct StorageError {
    pub driver: &'static str,
    pub operation: &'static str,
    pub key: Option<String>,
    pub cause: Cause,
}

impl StorageError {
    /// The value of the JavaScript error's `code`: the system's own where the system refused.
    pub fn code(&self) -> String {
        match &self.cause {
            Cause::InvalidKey(_) => "INVALID_KEY".into(),
            Cause::InvalidOptions(_) => "INVALID_OPTIONS".into(),
            Cause::Io(error) | Cause::File { source: error, .. } => system_code(error),
            Cause::Panic(_) => "INTERNAL".into(),
        }
    }
}

impl fmt::Display for StorageError {
    fn fmt(&self, formatter: &mut fmt::Formatter) -> fmt::Result {
        write!(formatter, "[rustorage] [{}] {}", self.driver, self.operation)?;
        if let Some(key) = &self.key {
            write!(formatter, " {key:?}")?;
        }
        write!(formatter, ": {}", self.cause)
    }
}

impl std::error::Error for StorageError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        Some(&self.cause)
    }
}

fn describe(error: &io::Error) -> String {
    let text = error.to_string();
    // "… (os error 13)" says less than EACCES in front.
    let text = text.split(" (os error").next().unwrap_or_default().to_lowercase();
    format!("{}: {text}", system_code(error))
}

fn system_code(error: &io::Error) -> String {
    use io::ErrorKind as Kind;
    let code = match error.kind() {
        Kind::NotFound => "ENOENT",
        Kind::PermissionDenied if error.raw_os_error() == Some(1) => "EPERM",
        Kind::PermissionDenied => "EACCES",
        Kind::AlreadyExists => "EEXIST",
        Kind::NotADirectory => "ENOTDIR",
        Kind::IsADirectory => "EISDIR",
        Kind::DirectoryNotEmpty => "ENOTEMPTY",
        Kind::ReadOnlyFilesystem => "EROFS",
        Kind::StorageFull => "ENOSPC",
        Kind::QuotaExceeded => "EDQUOT",
        Kind::FileTooLarge => "EFBIG",
        Kind::InvalidFilename => "ENAMETOOLONG",
        Kind::ResourceBusy => "EBUSY",
        Kind::OutOfMemory => "ENOMEM",
        _ if error.raw_os_error() == Some(24) => "EMFILE",
        _ if error.raw_os_error() == Some(40) => "ELOOP",
        _ => "EIO",
    };
    code.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_operation_key_driver_and_cause() {
        let cause = Cause::Io(io::Error::from_raw_os_error(13));
        let error = StorageError { driver: "fs", operation: "setItem", key: Some("a:b".into()), cause };
        assert_eq!(error.code(), "EACCES");
        assert_eq!(error.to_string(), "[rustorage] [fs] setItem \"a:b\": EACCES: permission denied");
    }
}
