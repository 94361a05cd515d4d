//! What goes wrong with requests, and what errors say of it.

use std::{error::Error, io};

use base64::{Engine, prelude::BASE64_STANDARD};
use reqwest::header::{ACCEPT, CONTENT_TYPE, HeaderName};
use tokio_rustls::rustls;

use super::Reply;
use crate::error::{Details, Failure};

/// Longer words of a service are cut.
const LONGEST_WORDS: usize = 200;
/// What is shorter is no secret, and stands in many texts.
const SHORTEST_SECRET: usize = 4;

/// A request that failed, and whether another attempt may help.
pub struct Trouble {
    pub failure: Failure,
    pub passing: bool,
}

/// What services call a request in their logs.
const REQUEST_IDS: [&str; 10] = [
    "x-request-id",
    "x-amz-request-id",
    "x-github-request-id",
    "x-ms-request-id",
    "x-nf-request-id",
    "x-vercel-id",
    "cf-ray",
    "request-id",
    "x-amzn-requestid",
    "x-correlation-id",
];

fn code(reply: &Reply) -> &'static str {
    match reply.status.as_u16() {
        // So GitHub says it.
        403 if reply.header("x-ratelimit-remaining") == Some("0") => "RATE_LIMITED",
        401 | 407 => "UNAUTHORIZED",
        403 => "FORBIDDEN",
        404 | 410 => "NOT_FOUND",
        409 | 412 => "CONFLICT",
        413 => "TOO_LARGE",
        429 => "RATE_LIMITED",
        408 | 500.. => "UNAVAILABLE",
        _ => "REFUSED",
    }
}

pub fn refusal(reply: &Reply, words: Option<&str>, secrets: &[String]) -> Failure {
    let (what, status) = (reply.request.what(), reply.status);
    let reason = status.canonical_reason().map(|reason| format!(" {reason}")).unwrap_or_default();
    let words = words.map(|words| format!(": {}", redacted(words, reply, secrets))).unwrap_or_default();
    of_reply(Failure::new(code(reply), format!("{what}: {}{reason}{words}", status.as_u16())), reply, secrets)
}

pub fn failed(reply: &Reply, code: &'static str, words: &str, secrets: &[String]) -> Failure {
    let message = format!("{}: {}", reply.request.what(), redacted(words, reply, secrets));
    of_reply(Failure::new(code, message), reply, secrets)
}

pub fn unexpected(reply: &Reply, expected: &str, secrets: &[String]) -> Failure {
    let kind = redacted(reply.header(CONTENT_TYPE.as_str()).unwrap_or("no content-type"), reply, secrets);
    let message = format!("{}: the answer ({kind}) is not {expected}", reply.request.what());
    of_reply(Failure::new("EPROTO", message), reply, secrets)
}

pub fn astray(reply: &Reply, why: &str, secrets: &[String]) -> Trouble {
    let failure = Failure::new("EPROTO", format!("{}: a redirect is not followed, as {why}", reply.request.what()));
    Trouble { failure: of_reply(failure, reply, secrets), passing: false }
}

pub fn packed(what: &str, reply: &Reply, packing: &str, secrets: &[String]) -> Trouble {
    let failure = Failure::new("EPROTO", format!("{what}: the answer is packed by {packing}, which is not unpacked"));
    Trouble { failure: of_reply(failure, reply, secrets), passing: false }
}

pub fn too_large(what: &str, most: u64) -> Trouble {
    let message = format!("{what}: the answer is larger than {most} bytes");
    Trouble { failure: Failure::new("TOO_LARGE", message), passing: false }
}

fn of_reply(failure: Failure, reply: &Reply, secrets: &[String]) -> Failure {
    let id = REQUEST_IDS.into_iter().find_map(|name| reply.header(name));
    let request_id = id.map(|id| redacted(id, reply, secrets));
    let message = match &request_id {
        Some(id) => format!("{} (request {id})", failure.message),
        None => failure.message,
    };
    let details = Details { status: Some(reply.status.as_u16()), request_id, key: None };
    Failure { message, details: Some(Box::new(details)), ..failure }
}

/// What kept an answer from coming, or from coming whole.
pub fn trouble(what: &str, error: &reqwest::Error) -> Trouble {
    let passing = |failure| Trouble { failure, passing: true };
    if error.is_dns() {
        return passing(Failure::new("ENOTFOUND", format!("{what}: there is no such host, or no answer about it")));
    }
    let mut next: Option<&(dyn Error + 'static)> = Some(error);
    while let Some(error) = next {
        if let Some(error) = error.downcast_ref::<rustls::Error>() {
            return Trouble { failure: Failure::new("TLS", format!("{what}: {error}")), passing: false };
        }
        if error.downcast_ref::<hyper::Error>().is_some_and(hyper::Error::is_incomplete_message) {
            return passing(Failure::new("ECONNRESET", format!("{what}: the connection ended before the answer")));
        }
        if let Some(error) = error.downcast_ref::<h2::Error>().filter(|error| error.is_remote()) {
            let why = error.reason().map_or_else(|| "it gave no reason".into(), |reason| reason.to_string());
            return passing(Failure::new("ECONNRESET", format!("{what}: the server ended the request: {why}")));
        }
        next = error.source();
        let Some(error) = error.downcast_ref::<io::Error>() else { continue };
        match error.get_ref() {
            // What it wraps is not its source, but that one's.
            Some(inner) if inner.is::<rustls::Error>() || inner.is::<io::Error>() => next = Some(inner),
            _ if error.raw_os_error().is_some() || error.kind() != io::ErrorKind::Other => {
                return passing(Failure::of_system(what, error));
            }
            _ => {}
        }
    }
    if error.is_timeout() {
        return passing(Failure::new("ETIMEDOUT", format!("{what}: no connection in time")));
    }
    passing(Failure::new("EPROTO", format!("{what}: what comes back is not HTTP, or is damaged")))
}

/// What kept an answer from being unpacked: that it did not come whole, or that what came is damaged.
pub fn unpacking(what: &str, error: &io::Error) -> Trouble {
    match error.get_ref().and_then(|inner| inner.downcast_ref::<reqwest::Error>()) {
        Some(error) => trouble(what, error),
        None => Trouble { failure: Failure::new("EPROTO", format!("{what}: the answer is damaged")), passing: true },
    }
}

/// What a service says, in one line and not too long, without what it may have been told in confidence.
fn redacted(words: &str, reply: &Reply, secrets: &[String]) -> String {
    let headers = reply.request.headers.iter().filter(|(name, value)| value.is_sensitive() && !is_public(name));
    let told = headers.filter_map(|(_, value)| value.to_str().ok()).flat_map(told_by);
    let secrets: Vec<String> =
        secrets.iter().cloned().chain(told).filter(|secret| secret.len() >= SHORTEST_SECRET).collect();
    cut(hide(&words.split_whitespace().collect::<Vec<_>>().join(" "), &secrets))
}

/// The words with `***` for what stands for a secret.
fn hide(words: &str, secrets: &[String]) -> String {
    let mut hidden = vec![false; words.len()];
    for start in 0..words.len() {
        let lengths = secrets.iter().filter_map(|secret| length_of(secret.as_bytes(), &words.as_bytes()[start..]));
        if let Some(length) = lengths.max() {
            hidden[start..start + length].fill(true);
        }
    }
    let mut shown = String::with_capacity(words.len());
    for (at, char) in words.char_indices() {
        if !hidden[at] {
            shown.push(char);
        } else if at == 0 || !hidden[at - 1] {
            shown.push_str("***");
        }
    }
    shown
}

/// How many bytes of the text stand for the secret that it begins with: each of its bytes as it is, or as URLs have it.
fn length_of(secret: &[u8], text: &[u8]) -> Option<usize> {
    let digit = |byte: u8| char::from(byte).to_digit(16);
    let mut length = 0;
    for &byte in secret {
        length += match text[length..] {
            [first, ..] if first == byte => 1,
            [b'%', high, low, ..] if digit(high)? * 16 + digit(low)? == u32::from(byte) => 3,
            [b'+', ..] if byte == b' ' => 1,
            _ => return None,
        };
    }
    Some(length)
}

/// Whether a header is one whose value is in answers, too, and no secret.
fn is_public(name: &HeaderName) -> bool {
    *name == ACCEPT || *name == CONTENT_TYPE || REQUEST_IDS.contains(&name.as_str())
}

/// The secrets in a header's value: the whole, what comes after `Bearer` or the like, and the user and password in `Basic …`.
fn told_by(value: &str) -> Vec<String> {
    let token = value.rsplit(' ').next().unwrap_or_default();
    let mut told = vec![value.to_owned(), token.to_owned()];
    let login = BASE64_STANDARD.decode(token).ok().and_then(|login| String::from_utf8(login).ok());
    if let Some((login, (_, password))) = login.as_deref().and_then(|login| Some((login, login.split_once(':')?))) {
        told.extend([login.to_owned(), password.to_owned()]);
    }
    told
}

fn cut(words: String) -> String {
    match words.char_indices().nth(LONGEST_WORDS) {
        Some((end, _)) => format!("{}…", &words[..end]),
        None => words,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::{Method, Request, StatusCode, Url, secret};
    use bytes::Bytes;
    use reqwest::header::{AUTHORIZATION, HeaderMap, HeaderName, HeaderValue};
    use std::sync::Arc;

    #[test]
    fn a_secret_is_hidden_however_a_url_has_it() {
        let secrets = ["p/w +é".to_owned(), "w +é and more".to_owned()];
        for echo in ["p/w +é", "p%2Fw%20%2B%C3%A9", "p%2fw%20%2b%c3%a9", "p%2fw++%C3%a9", "%70%2F%77 +é and more"] {
            assert_eq!(hide(&format!("é {echo}!"), &secrets), "é ***!");
        }
        for other in ["p/w", "p%2", "%", "p%zzw"] {
            assert_eq!(hide(other, &secrets), other);
        }
    }

    #[test]
    fn a_refusal_says_what_the_service_says_but_no_secret() {
        let mut request = Request::new(Method::GET, Url::parse("http://host/path").unwrap());
        request.headers.insert(AUTHORIZATION, secret("Bearer s3cret-token").unwrap());
        let id = (HeaderName::from_static("cf-ray"), HeaderValue::from_static("8f2"));
        let reply = Reply {
            request: Arc::new(request),
            status: StatusCode::FORBIDDEN,
            headers: HeaderMap::from_iter([id]),
            body: Bytes::new(),
        };
        assert_eq!(redacted(&"é".repeat(300), &reply, &[]), format!("{}…", "é".repeat(200)));
        let failure = refusal(&reply, Some("no\n s3cret-token and hidden"), &["hidden".into()]);
        let details = failure.details.unwrap();
        assert_eq!((details.status, details.request_id.as_deref()), (Some(403), Some("8f2")));
        assert_eq!(failure.code, "FORBIDDEN");
        assert_eq!(failure.message, "GET http://host: 403 Forbidden: no *** and *** (request 8f2)");
    }
}
