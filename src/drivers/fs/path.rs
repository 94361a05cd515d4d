//! From a key to a path that cannot leave the base.

use std::path::{Path, PathBuf};

use super::layout::{OVERFLOW, VALUE, is_reserved};
use crate::error::Cause;

/// What Linux and most file systems have as the longest name, and the longest path less what overflow adds to it.
const LONGEST_NAME: usize = 255;
const LONGEST_PATH: usize = 4095 - "/".len() - OVERFLOW.len() - "/".len() - VALUE.len();

/// The file of `key` under `base`. `/` and `\` part segments as `:` does, since a driver used on its own gets keys as the
/// caller wrote them.
pub fn of_key(base: &Path, key: &[u8]) -> Result<PathBuf, Cause> {
    let key = std::str::from_utf8(key).map_err(|_| Cause::InvalidKey("a file name cannot hold a lone surrogate"))?;
    let mut path = PathBuf::with_capacity(base.as_os_str().len() + "/".len() + key.len());
    path.push(base);
    let mut empty = true;
    for segment in key.split([':', '/', '\\']).filter(|segment| !segment.is_empty()) {
        if segment == "." || segment == ".." {
            return Err(Cause::InvalidKey("`.` and `..` segments are not allowed"));
        }
        if segment.contains('\0') {
            return Err(Cause::InvalidKey("a file name cannot hold a NUL character"));
        }
        if segment.len() > LONGEST_NAME {
            return Err(Cause::InvalidKey("a file name cannot have more than 255 bytes"));
        }
        if is_reserved(segment) {
            return Err(Cause::InvalidKey("the driver keeps this name for itself"));
        }
        path.push(segment);
        empty = false;
    }
    if path.as_os_str().len() > LONGEST_PATH {
        return Err(Cause::InvalidKey("a path cannot have more than 4049 bytes"));
    }
    if empty {
        return Err(Cause::InvalidKey("the key is empty"));
    }
    Ok(path)
}

/// The key of `path` under `base`, with `:` between its segments however it was written.
pub fn to_key(base: &Path, path: &Path) -> Vec<u8> {
    let relative = path.strip_prefix(base).unwrap_or(path).as_os_str().as_encoded_bytes();
    relative.iter().map(|&byte| if byte == b'/' { b':' } else { byte }).collect()
}

/// `path` without links, as far as it exists.
pub fn canonical(path: &Path) -> PathBuf {
    let Ok(known) = path.canonicalize() else {
        return match (path.parent(), path.file_name()) {
            (Some(parent), Some(name)) => canonical(parent).join(name),
            _ => path.to_path_buf(),
        };
    };
    known
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_become_paths_under_the_base() {
        let path = |key: &str| of_key(Path::new("/base"), key.as_bytes()).map_err(|cause| cause.to_string());
        assert_eq!(path("a:b").unwrap(), Path::new("/base/a/b"));
        assert_eq!(path("/a//b:").unwrap(), Path::new("/base/a/b"));
        let long = "x".repeat(256);
        let deep = "deep:".repeat(1000);
        for key in
            ["", ":", "..", "a:..:b", "a:.", "a\0b", &long, &deep, ".rustorage-1", "a:.unstorage-tmp-rustorage-x"]
        {
            assert!(path(key).is_err(), "{key:?}");
        }
        assert!(of_key(Path::new("/base"), b"\xED\xA0\x80").is_err());
        assert_eq!(LONGEST_PATH, 4049);
    }
}
