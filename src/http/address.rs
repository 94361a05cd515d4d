//! Where a service is, and the addresses of what it holds.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use reqwest::Url;

use crate::error::Cause;

/// What `encodeURIComponent` leaves as it is.
const UNRESERVED: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'_')
    .remove(b'.')
    .remove(b'!')
    .remove(b'~')
    .remove(b'*')
    .remove(b'\'')
    .remove(b'(')
    .remove(b')');

/// What RFC 3986 leaves as it is.
const STRICTLY_UNRESERVED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~');

pub struct Address(String);

impl Address {
    /// An error says what is wrong with the option.
    pub fn parse(option: &str, text: &str) -> Result<Self, String> {
        if text.is_empty() {
            return Err(format!("the option `{option}` is required"));
        }
        let url = Url::parse(text).ok().filter(|url| matches!(url.scheme(), "http" | "https") && url.has_host());
        let url = url.ok_or_else(|| format!("the option `{option}` must be a URL of http or https"))?;
        if !url.username().is_empty() || url.password().is_some() {
            return Err(format!("the option `{option}` must hold no user and password"));
        }
        if url.query().is_some() || url.fragment().is_some() {
            return Err(format!("the option `{option}` must have no query and no fragment"));
        }
        Ok(Self(url.as_str().trim_end_matches('/').to_owned()))
    }

    /// The address of what lies under it at a path, which needs no encoding.
    pub fn under(&self, path: &str) -> Self {
        Self(format!("{}/{path}", self.0))
    }

    /// The address with a label in front of its host's name.
    pub fn of_host(&self, label: &str) -> Result<Self, String> {
        Self::parse("endpoint", &self.0.replacen("://", &format!("://{label}."), 1))
    }

    /// The URL of what lies at `path`, which is encoded and begins with a slash.
    pub fn at(&self, path: &str) -> Url {
        let text = format!("{}{path}", self.0);
        // What was parsed once and what is encoded make a URL.
        Url::parse(&text).unwrap_or_else(|_| unreachable!("an address and an encoded path"))
    }
}

/// As `encodeURIComponent` has it.
pub fn encoded(text: &str) -> String {
    utf8_percent_encode(text, UNRESERVED).to_string()
}

/// As RFC 3986 has it, which encodes `!'()*` too.
pub fn strictly_encoded(text: &str) -> String {
    utf8_percent_encode(text, STRICTLY_UNRESERVED).to_string()
}

/// A query of pairs, strictly encoded.
pub fn query<'a>(pairs: impl IntoIterator<Item = (&'a str, &'a str)>) -> String {
    let pairs =
        pairs.into_iter().map(|(name, value)| format!("{}={}", strictly_encoded(name), strictly_encoded(value)));
    pairs.collect::<Vec<_>>().join("&")
}

/// Refuses a key whose segments make no path.
pub fn check_path(key: &str) -> Result<(), Cause> {
    let mut segments = segments(key).peekable();
    if segments.peek().is_none() {
        return Err(Cause::InvalidKey("a key here must have a segment that is not empty"));
    }
    if segments.any(|segment| matches!(segment, "." | "..")) {
        return Err(Cause::InvalidKey("a key here must have no `.` or `..` segment"));
    }
    Ok(())
}

pub fn segments(key: &str) -> impl Iterator<Item = &str> {
    key.split([':', '/', '\\']).filter(|segment| !segment.is_empty())
}

/// A key's segments as those of a path, with no slash in front.
pub fn encoded_path(key: &str) -> String {
    let mut path = String::with_capacity(key.len() + 16);
    for segment in segments(key) {
        if !path.is_empty() {
            path.push('/');
        }
        path.extend(utf8_percent_encode(segment, UNRESERVED));
    }
    path
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_become_paths() {
        assert_eq!(encoded_path("a:b c/d\\é?%"), "a/b%20c/d/%C3%A9%3F%25");
        assert_eq!(encoded_path("::"), "");
        let address = Address::parse("base", "http://localhost:80/api/").unwrap();
        assert_eq!(address.at("/a%20b").as_str(), "http://localhost/api/a%20b");
    }

    #[test]
    fn refuses_what_no_request_can_go_to() {
        for text in ["", "here", "ftp://host/", "http://", "http://user:s3cret@host/", "http://host/?s3cret"] {
            let error = Address::parse("base", text).err().unwrap();
            assert!(error.contains("`base`") && !error.contains("s3cret"), "{error}");
        }
    }
}
