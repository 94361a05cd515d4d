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
    pub service: ServiceOptions,
}

impl RequestOptions {
    /// `text` has options for a service as JSON on its first line, and then headers, as [`Headers::of_lines`] takes them.
    pub fn of_text(ttl: f64, raw: bool, text: &str) -> Self {
        let (json, lines) = text.split_once('\n').unwrap_or((text, ""));
        let service = ServiceOptions((!json.is_empty()).then(|| json.into()));
        Self { ttl, raw, headers: Headers::of_lines(lines), service }
    }
}

/// What only some services take, each of it by the name that its own client has. It shows nowhere, as it may be secret.
#[derive(Clone, Default)]
pub struct ServiceOptions(Option<Arc<str>>);

impl ServiceOptions {
    /// As JSON, those for other services among them.
    pub fn json(&self) -> &str {
        self.0.as_deref().unwrap_or("{}")
    }
}

impl fmt::Debug for ServiceOptions {
    fn fmt(&self, formatter: &mut fmt::Formatter) -> fmt::Result {
        formatter.write_str("_")
    }
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
    fn a_text_has_options_and_then_headers() {
        for (text, json, headers) in [
            ("{\"size\":7}\nx-a\ns3cret", "{\"size\":7}", 1),
            ("{\"size\":\"s3cret\"}", "{\"size\":\"s3cret\"}", 0),
            ("\nx-a\none\nx-b\ntwo", "{}", 2),
        ] {
            let options = RequestOptions::of_text(0.0, true, text);
            assert_eq!((options.service.json(), options.headers.iter().count()), (json, headers));
            assert!(!format!("{options:?}").contains("s3cret"));
        }
    }

    #[test]
    fn headers_show_no_value() {
        let headers = Headers::of_lines("x-a\none\nauthorization\ns3cret");
        assert_eq!(headers.iter().collect::<Vec<_>>(), [("x-a", "one"), ("authorization", "s3cret")]);
        assert_eq!(format!("{headers:?}"), r#"["x-a", "authorization"]"#);
        assert_eq!(Headers::default().iter().count(), 0);
    }
}
