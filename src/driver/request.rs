//! What a caller asks of a server beside key and value.

use std::{fmt, sync::Arc};

/// As [`super::CallOptions`], for drivers behind a network.
#[derive(Debug, Clone, Default)]
pub struct RequestOptions {
    /// As there.
    pub ttl: f64,
    /// The value is bytes, not text.
    pub raw: bool,
    pub headers: Headers,
}

/// Headers of the caller's own, by their names in lower case. What they hold may be secret, and shows nowhere.
#[derive(Clone, Default)]
pub struct Headers(Option<Arc<[(String, String)]>>);

impl Headers {
    /// Names and values in turn, each on a line.
    pub fn of_lines(text: &str) -> Self {
        let lines: Vec<&str> = text.split('\n').collect();
        Self(Some(lines.as_chunks().0.iter().map(|[name, value]| (name.to_string(), value.to_string())).collect()))
    }

    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().flat_map(|headers| headers.iter()).map(|(name, value)| (name.as_str(), value.as_str()))
    }
}

impl fmt::Debug for Headers {
    fn fmt(&self, formatter: &mut fmt::Formatter) -> fmt::Result {
        formatter.debug_list().entries(self.iter().map(|(name, _)| name)).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_show_no_value() {
        let headers = Headers::of_lines("x-a\none\nauthorization\ns3cret");
        assert_eq!(headers.iter().collect::<Vec<_>>(), [("x-a", "one"), ("authorization", "s3cret")]);
        assert_eq!(format!("{headers:?}"), r#"["x-a", "authorization"]"#);
        assert_eq!(Headers::default().iter().count(), 0);
    }
}
