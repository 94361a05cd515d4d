//! Requests to services that speak HTTP: one client for the process, and what every driver over it has in common.
//!
//! A request is tried again where it may be and the trouble may pass ([`retry`]); it ends in its time, with an answer of no more
//! than the allowed size. Redirects are followed, without what is meant for the first server alone. What fails says which service it
//! was, what it answered and how it calls the request, and shows no secret ([`failure`]).

mod address;
mod client;
mod failure;
mod packing;
mod pages;
mod retry;

use std::{sync::Arc, time::Duration};

use bytes::{Bytes, BytesMut};
use futures_util::TryStreamExt;
use reqwest::{
    Response,
    header::{
        ACCEPT, ACCEPT_ENCODING, CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue,
        LOCATION, RANGE, TRANSFER_ENCODING,
    },
};
use serde::{Deserialize, Serialize};
use tokio::{
    io::AsyncBufReadExt,
    time::{Instant, sleep, timeout_at},
};
use tokio_util::io::StreamReader;

pub use address::{Address, check_path, encoded, encoded_path, query, segments, strictly_encoded};
pub use pages::Pages;
pub use reqwest::{Method, StatusCode, Url, header};

use crate::{
    driver::Headers,
    error::{Cause, Failure},
};
use failure::Trouble;
use packing::{Content, packings, unpacked};
use retry::Budget;

/// As many as browsers follow.
const MOST_REDIRECTS: usize = 20;

#[derive(Debug, Clone, Deserialize, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(inline))]
#[serde(deny_unknown_fields, rename_all = "camelCase", default)]
pub struct Limits {
    /// Milliseconds for a request, repetitions and the whole answer included; 0 for no end.
    timeout: u64,
    /// How often a request is tried again, where doing it twice does no harm: after a broken connection, and where the service
    /// is busy or fails.
    retries: u32,
    /// Most bytes that an answer may have, unpacked.
    max_response_size: u64,
}

impl Limits {
    pub fn new(timeout: u64, retries: u32) -> Self {
        Self { timeout, retries, ..Self::default() }
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self { timeout: 30_000, retries: 3, max_response_size: 256 << 20 }
    }
}

pub struct Request {
    pub method: Method,
    pub url: Url,
    pub headers: HeaderMap,
    pub body: Bytes,
    /// Doing it twice does no harm.
    pub repeatable: bool,
}

impl Request {
    pub fn new(method: Method, url: Url) -> Self {
        let repeatable = method != Method::POST;
        Self { method, url, headers: HeaderMap::new(), body: Bytes::new(), repeatable }
    }

    pub fn body(mut self, body: impl Into<Bytes>) -> Self {
        self.body = body.into();
        self
    }

    /// A write with a condition may not: where the first was made and its answer lost, the second would find the first, and report that
    /// nothing was written.
    fn may_be_repeated(&self) -> bool {
        let is_read = matches!(self.method, Method::GET | Method::HEAD);
        self.repeatable && (is_read || !self.headers.keys().any(is_condition))
    }

    fn what(&self) -> String {
        what(&self.method, &self.url)
    }
}

/// What a service answered, in full.
pub struct Reply {
    /// What it was asked, wherever that led.
    request: Arc<Request>,
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub body: Bytes,
}

impl Reply {
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }
}

/// How a service's own words are found in the answer to a request that it refuses.
pub type Words = fn(&Reply) -> Option<String>;

/// A service, as one driver speaks to it.
pub struct Service {
    limits: Limits,
    /// What must not show, whoever says it.
    secrets: Vec<String>,
    words: Words,
    budget: Budget,
    /// No proxy stands before it.
    is_nearby: bool,
}

impl Service {
    pub fn new(limits: Option<Limits>, secrets: Vec<String>, words: Words) -> Self {
        Self { limits: limits.unwrap_or_default(), secrets, words, budget: Budget::default(), is_nearby: false }
    }

    /// One on this machine or its host, which no proxy may stand for.
    pub fn nearby(limits: Limits, words: Words) -> Self {
        Self { is_nearby: true, ..Self::new(Some(limits), Vec::new(), words) }
    }

    /// How long a request may take; none for no end.
    pub fn patience(&self) -> Option<Duration> {
        (self.limits.timeout > 0).then(|| Duration::from_millis(self.limits.timeout))
    }

    /// The answer, if the service did what was asked.
    pub async fn send(&self, request: Request) -> Result<Reply, Cause> {
        let reply = self.exchange(request).await?;
        if reply.status.is_success() { Ok(reply) } else { Err(self.refusal(&reply).into()) }
    }

    /// As `send`; none if the service has no such thing.
    pub async fn find(&self, request: Request) -> Result<Option<Reply>, Cause> {
        let reply = self.exchange(request).await?;
        match reply.status {
            StatusCode::NOT_FOUND => Ok(None),
            status if status.is_success() => Ok(Some(reply)),
            _ => Err(self.refusal(&reply).into()),
        }
    }

    /// The answer, whatever it is.
    pub async fn ask(&self, request: Request) -> Result<Reply, Cause> {
        Ok(self.exchange(request).await?)
    }

    /// The error of an answer that says no.
    pub fn refusal(&self, reply: &Reply) -> Failure {
        failure::refusal(reply, (self.words)(reply).as_deref(), &self.secrets)
    }

    /// The error of an answer that says yes, and then no: in the service's words, or in ours.
    pub fn failed(&self, reply: &Reply, code: &'static str, words: &str) -> Failure {
        failure::failed(reply, code, words, &self.secrets)
    }

    /// The error of an answer that is none to the request; `expected` says what would be one.
    pub fn unexpected(&self, reply: &Reply, expected: &str) -> Failure {
        failure::unexpected(reply, expected, &self.secrets)
    }

    async fn exchange(&self, request: Request) -> Result<Reply, Failure> {
        let request = Arc::new(request);
        let Some(deadline) = self.patience().and_then(|patience| Instant::now().checked_add(patience)) else {
            return self.try_until(&request, None).await;
        };
        timeout_at(deadline, self.try_until(&request, Some(deadline))).await.unwrap_or_else(|_| {
            let message = format!("{}: no answer within {} ms", request.what(), self.limits.timeout);
            Err(Failure::new("ETIMEDOUT", message))
        })
    }

    async fn try_until(&self, request: &Arc<Request>, deadline: Option<Instant>) -> Result<Reply, Failure> {
        let mut attempt = 0;
        loop {
            let result = self.follow(request).await;
            let asked = match &result {
                Ok(reply) if retry::may_pass(reply.status) => retry::after(&reply.headers),
                Err(Trouble { passing: true, .. }) => None,
                Ok(_) => {
                    self.budget.earn();
                    return result.map_err(|trouble| trouble.failure);
                }
                Err(_) => return result.map_err(|trouble| trouble.failure),
            };
            let delay = asked.unwrap_or_else(|| retry::delay(attempt));
            let in_time = Instant::now().checked_add(delay).is_some_and(|then| deadline.is_none_or(|end| then < end));
            let again = request.may_be_repeated() && attempt < self.limits.retries && in_time && self.budget.take();
            if !again {
                return result.map_err(|trouble| trouble.failure);
            }
            sleep(delay).await;
            attempt += 1;
        }
    }

    /// Sends the request to wherever it is led.
    async fn follow(&self, request: &Arc<Request>) -> Result<Reply, Trouble> {
        let (mut method, mut url) = (request.method.clone(), request.url.clone());
        let (mut headers, mut body) = (request.headers.clone(), request.body.clone());
        for _ in 0..=MOST_REDIRECTS {
            let reply = self.once(request, method.clone(), url.clone(), headers.clone(), body.clone()).await?;
            let Some(location) = redirection(&reply) else { return Ok(reply) };
            let next = url
                .join(location)
                .ok()
                .filter(|next| next.scheme() == "https" || next.scheme() == "http" && url.scheme() == "http");
            let Some(mut next) = next else {
                let why = "it leads to where no request of this kind may go";
                return Err(failure::astray(&reply, why, &self.secrets));
            };
            if reply.status == StatusCode::SEE_OTHER && method != Method::HEAD {
                (method, body) = (Method::GET, Bytes::new());
            }
            if next.origin() != url.origin() {
                headers = headers
                    .into_iter()
                    .filter_map(|(name, value)| Some((name?, value)))
                    .filter(|(name, _)| goes_anywhere(name))
                    .collect();
            }
            // Neither user nor password: such URLs are for others.
            let _ = (next.set_username(""), next.set_password(None));
            url = next;
        }
        Err(Trouble {
            failure: Failure::new("EPROTO", format!("{}: too many redirects", request.what())),
            passing: false,
        })
    }

    /// One step on the way of a request.
    async fn once(
        &self,
        asked: &Arc<Request>,
        method: Method,
        url: Url,
        headers: HeaderMap,
        body: Bytes,
    ) -> Result<Reply, Trouble> {
        let what = what(&method, &url);
        let bodiless = matches!(method, Method::GET | Method::HEAD | Method::DELETE) && body.is_empty();
        let mut request = reqwest::Request::new(method, url);
        *request.headers_mut() = headers;
        // Part of what is packed cannot be unpacked.
        if !request.headers().contains_key(RANGE) {
            request.headers_mut().entry(ACCEPT_ENCODING).or_insert(packing::OFFER);
        }
        if body.is_empty() && !bodiless {
            // The client says nothing of a body that is empty, and some services, as Amazon S3, insist on its length.
            request.headers_mut().insert(CONTENT_LENGTH, HeaderValue::from_static("0"));
        } else if !bodiless {
            *request.body_mut() = Some(body.into());
        }
        let sent = client::get(self.is_nearby).await?.execute(request).await;
        let mut response = sent.map_err(|error| failure::trouble(&what, &error))?;
        let headers = std::mem::take(response.headers_mut());
        let mut reply = Reply { request: Arc::clone(asked), status: response.status(), headers, body: Bytes::new() };
        match packings(&reply.headers) {
            Ok(packings) if packings.is_empty() => reply.body = self.plain(&what, response).await?,
            packings => self.unpack(&what, &mut reply, response, packings).await?,
        }
        Ok(reply)
    }

    async fn plain(&self, what: &str, mut response: Response) -> Result<Bytes, Trouble> {
        let mut body = BytesMut::new();
        while let Some(chunk) = response.chunk().await.map_err(|error| failure::trouble(what, &error))? {
            self.add(what, &mut body, &chunk)?;
        }
        Ok(body.freeze())
    }

    /// Reads the body, and takes away what is said of how it was packed. What has no body may still say so.
    async fn unpack(
        &self,
        what: &str,
        reply: &mut Reply,
        response: Response,
        packings: Result<Vec<packing::Packing>, &'static str>,
    ) -> Result<(), Trouble> {
        let trouble = |error: std::io::Error| failure::unpacking(what, &error);
        let stream = response.bytes_stream().map_err(std::io::Error::other);
        let mut content: Content = Box::pin(StreamReader::new(stream));
        if content.fill_buf().await.map_err(trouble)?.is_empty() {
            return Ok(());
        }
        for packing in packings.map_err(|name| failure::packed(what, reply, name, &self.secrets))? {
            content = unpacked(content, packing).await.map_err(trouble)?;
        }
        let mut body = BytesMut::new();
        loop {
            let chunk = content.fill_buf().await.map_err(trouble)?;
            if chunk.is_empty() {
                break;
            }
            self.add(what, &mut body, chunk)?;
            let length = chunk.len();
            content.consume(length);
        }
        reply.headers.remove(CONTENT_ENCODING);
        reply.headers.remove(CONTENT_LENGTH);
        reply.body = body.freeze();
        Ok(())
    }

    fn add(&self, what: &str, body: &mut BytesMut, chunk: &[u8]) -> Result<(), Trouble> {
        if (body.len() + chunk.len()) as u64 > self.limits.max_response_size {
            return Err(failure::too_large(what, self.limits.max_response_size));
        }
        body.extend_from_slice(chunk);
        Ok(())
    }
}

fn redirection(reply: &Reply) -> Option<&str> {
    let redirects = matches!(reply.status.as_u16(), 301 | 302 | 303 | 307 | 308);
    if redirects { reply.headers.get(LOCATION)?.to_str().ok() } else { None }
}

/// `if-match` and its like, under the names that S3 and Vercel have for some, too.
fn is_condition(name: &HeaderName) -> bool {
    ["if-", "x-if-", "x-amz-if-"].iter().any(|start| name.as_str().starts_with(start))
}

/// Whether a header goes along to another origin: what is asked is not who asks. Without its condition or its life a write would be another.
fn goes_anywhere(name: &HeaderName) -> bool {
    [ACCEPT, CONTENT_TYPE, RANGE].contains(name) || name.as_str() == "x-ttl" || is_condition(name)
}

/// What a request is called in errors: neither its path nor its query, which may hold secrets.
fn what(method: &Method, url: &Url) -> String {
    format!("{method} {}", url.origin().ascii_serialization())
}

/// The headers of an option or a call, which go over those in `headers`. An error names the header.
///
/// How long a body is, the client says: with another length the server would take part of it, or wait for more.
pub fn add_headers<'a>(headers: &mut HeaderMap, more: impl Iterator<Item = (&'a str, &'a str)>) -> Result<(), String> {
    for (name, value) in more {
        let refused = || format!("the header `{name}` is not one that HTTP can have");
        let name = HeaderName::from_bytes(name.as_bytes()).map_err(|_| refused())?;
        if name == TRANSFER_ENCODING {
            return Err(format!("the header `{name}` is the client's own"));
        }
        if name == CONTENT_LENGTH {
            continue;
        }
        headers.insert(name, secret(value).ok_or_else(refused)?);
    }
    Ok(())
}

/// As [`add_headers`], for those of a call.
pub fn add_own_headers(headers: &mut HeaderMap, own: &Headers) -> Result<(), Cause> {
    add_headers(headers, own.iter()).map_err(Cause::InvalidOptions)
}

/// A header's value that shows nowhere.
pub fn secret(value: &str) -> Option<HeaderValue> {
    let mut value = HeaderValue::from_str(value).ok()?;
    value.set_sensitive(true);
    Some(value)
}

/// What most services say in JSON.
pub fn json_words(reply: &Reply) -> Option<String> {
    let reply: serde_json::Value = serde_json::from_slice(&reply.body).ok()?;
    let said = [&reply["message"], &reply["error"]["message"], &reply["error"], &reply["errors"][0]["message"]];
    said.into_iter().find_map(|value| value.as_str()).map(str::to_owned)
}
