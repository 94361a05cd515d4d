//! What a failed call reports: which operation of which driver on which key, and why.

use std::{any::Any, borrow::Cow, fmt, io};

#[cfg(unix)]
use rustix::io::Errno;

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
    /// What the driver lies in, or something on the way there.
    #[error("{}, the driver's base", describe(.0))]
    Base(io::Error),
    /// The system has no more of something: its code, and what.
    #[error("{0}: {1}")]
    Exhausted(&'static str, &'static str),
    #[error("{0}")]
    Unsupported(&'static str),
    #[error(transparent)]
    Remote(#[from] Failure),
    #[error("the call was given up; this is a bug in rustorage")]
    Abandoned,
    #[error("the call panicked: {0}; this is a bug in rustorage")]
    Panic(String),
}

impl Cause {
    /// The failure of a request; what else it was goes into words.
    pub fn into_failure(self) -> Failure {
        match self {
            Self::Remote(failure) => failure,
            other => Failure::new("INTERNAL", other.to_string()),
        }
    }

    /// The cause that names a key of several as callers know it, with the mount point.
    #[must_use]
    pub fn under(mut self, mount: &str) -> Self {
        if let Self::Remote(Failure { details: Some(details), .. }) = &mut self
            && let Some(key) = &mut details.key
        {
            key.insert_str(0, mount);
        }
        self
    }

    /// The cause that says which key of several it is about, without the mount point.
    #[must_use]
    pub fn of(self, key: &str) -> Self {
        match self {
            Self::Remote(mut failure) => {
                failure.details.get_or_insert_default().key.get_or_insert_with(|| key.to_owned());
                Self::Remote(failure)
            }
            other => other,
        }
    }
}

#[cfg(unix)]
impl From<Errno> for Cause {
    fn from(error: Errno) -> Self {
        Self::Io(error.into())
    }
}

impl AsRef<Cause> for Cause {
    fn as_ref(&self) -> &Self {
        self
    }
}

/// What a server answered with, or why it could not be asked. Many calls may fail of one reason.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{code}: {message}")]
pub struct Failure {
    pub code: Cow<'static, str>,
    pub message: String,
    pub details: Option<Box<Details>>,
}

/// What is known of some failures beside.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Details {
    /// What HTTP says of an answer.
    pub status: Option<u16>,
    /// What the service calls the request in its log.
    pub request_id: Option<String>,
    /// The key of a driver's, where one of several failed.
    pub key: Option<String>,
}

impl Failure {
    pub fn new(code: &'static str, message: impl Into<String>) -> Self {
        Self { code: code.into(), message: message.into(), details: None }
    }

    /// As what the system said where it was asked to do `what`.
    pub fn of_system(what: &str, error: &io::Error) -> Self {
        Self::new(system_code(error), format!("{what}: {}", words(error)))
    }
}

/// An error as it reaches the caller. It never holds a value or an option's value.
#[derive(Debug)]
pub struct StorageError {
    pub driver: &'static str,
    pub operation: &'static str,
    pub key: Option<String>,
    pub cause: Cause,
}

impl AsRef<Cause> for StorageError {
    fn as_ref(&self) -> &Cause {
        &self.cause
    }
}

impl StorageError {
    /// The key of the call, or of the item of a batch that failed.
    pub fn key(&self) -> Option<&str> {
        let of_item = match &self.cause {
            Cause::Remote(failure) => failure.details.as_ref().and_then(|details| details.key.as_deref()),
            _ => None,
        };
        self.key.as_deref().or(of_item)
    }

    /// The value of the JavaScript error's `code`: the system's own where the system refused.
    pub fn code(&self) -> String {
        match &self.cause {
            Cause::InvalidKey(_) => "INVALID_KEY".into(),
            Cause::InvalidOptions(_) => "INVALID_OPTIONS".into(),
            Cause::Io(error) | Cause::Base(error) | Cause::File { source: error, .. } => system_code(error).into(),
            Cause::Exhausted(code, _) => (*code).into(),
            Cause::Unsupported(_) => "UNSUPPORTED".into(),
            Cause::Remote(failure) => failure.code.clone().into_owned(),
            Cause::Panic(_) | Cause::Abandoned => "INTERNAL".into(),
        }
    }
}

impl fmt::Display for StorageError {
    fn fmt(&self, formatter: &mut fmt::Formatter) -> fmt::Result {
        write!(formatter, "[rustorage] [{}] {}", self.driver, self.operation)?;
        if let Some(key) = self.key() {
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

/// What a panic said.
pub fn panic_text(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().copied();
    text.or_else(|| panic.downcast_ref::<String>().map(String::as_str)).unwrap_or("no message").to_owned()
}

fn describe(error: &io::Error) -> String {
    format!("{}: {}", system_code(error), words(error))
}

fn words(error: &io::Error) -> String {
    let text = error.to_string();
    // "… (os error 13)" says less than EACCES in front.
    text.split(" (os error").next().unwrap_or_default().to_lowercase()
}

fn system_code(error: &io::Error) -> &'static str {
    #[cfg(unix)]
    if let Some((_, name)) =
        error.raw_os_error().and_then(|number| SYSTEM_CODES.iter().find(|(code, _)| code.raw_os_error() == number))
    {
        return name;
    }
    code_of_kind(error.kind())
}

/// For errors that are not the system's, and for systems with numbers of their own, by what Rust makes of those.
fn code_of_kind(kind: io::ErrorKind) -> &'static str {
    match kind {
        io::ErrorKind::NotFound => "ENOENT",
        io::ErrorKind::OutOfMemory => "ENOMEM",
        io::ErrorKind::IsADirectory => "EISDIR",
        io::ErrorKind::NotADirectory => "ENOTDIR",
        io::ErrorKind::TimedOut => "ETIMEDOUT",
        io::ErrorKind::Unsupported => "EOPNOTSUPP",
        io::ErrorKind::ConnectionReset | io::ErrorKind::UnexpectedEof => "ECONNRESET",
        io::ErrorKind::PermissionDenied => "EACCES",
        io::ErrorKind::AlreadyExists => "EEXIST",
        io::ErrorKind::AddrNotAvailable => "EADDRNOTAVAIL",
        io::ErrorKind::ConnectionAborted => "ECONNABORTED",
        io::ErrorKind::ConnectionRefused => "ECONNREFUSED",
        io::ErrorKind::HostUnreachable => "EHOSTUNREACH",
        io::ErrorKind::NetworkUnreachable => "ENETUNREACH",
        io::ErrorKind::StorageFull => "ENOSPC",
        io::ErrorKind::ReadOnlyFilesystem => "EROFS",
        io::ErrorKind::ResourceBusy => "EBUSY",
        io::ErrorKind::BrokenPipe => "EPIPE",
        io::ErrorKind::InvalidFilename => "EINVAL",
        _ => "EIO",
    }
}

/// What the system answers with, by the names that Node has for it.
#[cfg(unix)]
const SYSTEM_CODES: [(Errno, &str); 37] = [
    (Errno::ACCESS, "EACCES"),
    (Errno::ADDRNOTAVAIL, "EADDRNOTAVAIL"),
    (Errno::AGAIN, "EAGAIN"),
    (Errno::BUSY, "EBUSY"),
    (Errno::CONNABORTED, "ECONNABORTED"),
    (Errno::CONNREFUSED, "ECONNREFUSED"),
    (Errno::CONNRESET, "ECONNRESET"),
    (Errno::DQUOT, "EDQUOT"),
    (Errno::EXIST, "EEXIST"),
    (Errno::FBIG, "EFBIG"),
    (Errno::HOSTUNREACH, "EHOSTUNREACH"),
    (Errno::INTR, "EINTR"),
    (Errno::INVAL, "EINVAL"),
    (Errno::IO, "EIO"),
    (Errno::ISDIR, "EISDIR"),
    (Errno::LOOP, "ELOOP"),
    (Errno::MFILE, "EMFILE"),
    (Errno::MLINK, "EMLINK"),
    (Errno::NAMETOOLONG, "ENAMETOOLONG"),
    (Errno::NETUNREACH, "ENETUNREACH"),
    (Errno::NFILE, "ENFILE"),
    (Errno::NODEV, "ENODEV"),
    (Errno::NOENT, "ENOENT"),
    (Errno::NOLCK, "ENOLCK"),
    (Errno::NOMEM, "ENOMEM"),
    (Errno::NOSPC, "ENOSPC"),
    (Errno::NOTDIR, "ENOTDIR"),
    (Errno::NOTEMPTY, "ENOTEMPTY"),
    (Errno::NXIO, "ENXIO"),
    (Errno::OPNOTSUPP, "EOPNOTSUPP"),
    (Errno::PERM, "EPERM"),
    (Errno::PIPE, "EPIPE"),
    (Errno::ROFS, "EROFS"),
    (Errno::STALE, "ESTALE"),
    (Errno::TIMEDOUT, "ETIMEDOUT"),
    (Errno::TXTBSY, "ETXTBSY"),
    (Errno::XDEV, "EXDEV"),
];

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
