//! Items of an unstorage server, or one that speaks as it does.
//!
//! An item is a URL under `base`: `GET` reads it, `HEAD` asks for it, `PUT` writes it, `DELETE` removes it. What ends in a colon is a
//! base: `GET` gives its keys as a list in JSON, with `/` between segments, and `DELETE` clears it. `application/octet-stream`, as
//! `accept` or `content-type`, says that the value is bytes; `x-ttl` is a life in seconds.
//! <https://unstorage.unjs.io/guide/http-server>

use std::{collections::BTreeMap, time::Duration};

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use super::invalid;
use crate::{
    driver::{Capabilities, Field, Fields, Found, RequestOptions, Store, accepted, relative_base},
    error::{Cause, StorageError},
    http::{
        Address, Limits, Method, Reply, Request, Service, add_headers, add_own_headers, check_path, encoded_path,
        header::{ACCEPT, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue},
        json_words,
    },
    key::{KeyList, Listing},
};

#[derive(Deserialize, Serialize, Default)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, rename_all = "camelCase", default)]
pub struct HttpOptions {
    /// The server's URL; items lie under it.
    #[cfg_attr(feature = "schema", schemars(extend("x-required" = true)))]
    base: String,
    /// Headers of every request. A call's own `headers` go over them.
    #[cfg_attr(feature = "schema", schemars(extend("x-type" = "Record<string, string | undefined>", "x-secret" = true)))]
    headers: BTreeMap<String, String>,
    /// How long a request may take, and how often it is tried.
    limits: Option<Limits>,
}

pub struct Http {
    base: Address,
    headers: HeaderMap,
    service: Service,
}

const BYTES: HeaderValue = HeaderValue::from_static("application/octet-stream");
const TEXT: HeaderValue = HeaderValue::from_static("text/plain;charset=UTF-8");
const TTL: HeaderName = HeaderName::from_static("x-ttl");

impl Http {
    pub fn new(options: HttpOptions) -> Result<Self, StorageError> {
        let refused = |message: String| invalid("http", message);
        let mut headers = HeaderMap::new();
        let given = options.headers.iter().map(|(name, value)| (name.as_str(), value.as_str()));
        add_headers(&mut headers, given).map_err(|error| refused(format!("the option `headers`: {error}")))?;
        Ok(Self {
            base: Address::parse("base", &options.base).map_err(refused)?,
            headers,
            service: Service::new(options.limits, Vec::new(), json_words),
        })
    }

    fn request(
        &self,
        method: Method,
        path: &str,
        usual: Option<(HeaderName, HeaderValue)>,
        options: &RequestOptions,
    ) -> Result<Request, Cause> {
        let mut request = Request::new(method, self.base.at(path));
        request.headers.extend(usual);
        request.headers.extend(self.headers.iter().map(|(name, value)| (name.clone(), value.clone())));
        add_own_headers(&mut request.headers, &options.headers)?;
        Ok(request)
    }

    fn item(&self, method: Method, key: &str, options: &RequestOptions) -> Result<Request, Cause> {
        self.request(method, &format!("/{}", encoded_path(key)), None, options)
    }

    fn base(&self, method: Method, base: &str, options: &RequestOptions) -> Result<Request, Cause> {
        self.request(method, &format!("/{}:", encoded_path(base)), None, options)
    }
}

impl Store for Http {
    fn name(&self) -> &'static str {
        "http"
    }

    fn capabilities(&self) -> Capabilities {
        Capabilities { ttl: true, max_depth: true, sized: false }
    }

    fn patience(&self) -> Option<Duration> {
        self.service.patience()
    }

    fn check(&self, key: &str) -> Result<(), Cause> {
        check_path(key)
    }

    async fn has(&self, key: &str, options: &RequestOptions) -> Result<bool, Cause> {
        let request = self.item(Method::HEAD, key, options)?;
        Ok(self.service.find(request).await?.is_some())
    }

    async fn get(&self, key: &str, options: &RequestOptions) -> Result<Option<Bytes>, Cause> {
        let path = format!("/{}", encoded_path(key));
        let request = self.request(Method::GET, &path, options.raw.then_some((ACCEPT, BYTES)), options)?;
        Ok(self.service.find(request).await?.map(|reply| reply.body))
    }

    async fn set(&self, key: &str, value: Bytes, options: &RequestOptions) -> Result<(), Cause> {
        if options.ttl < 0.0 && options.ttl.is_finite() {
            return self.remove(key, options).await;
        }
        let path = format!("/{}", encoded_path(key));
        let kind = if options.raw { BYTES } else { TEXT };
        let mut request = self.request(Method::PUT, &path, Some((CONTENT_TYPE, kind)), options)?.body(value);
        if options.ttl != 0.0 && options.ttl.is_finite() && !request.headers.contains_key(TTL) {
            let seconds = (options.ttl / 1000.0).to_string();
            request.headers.insert(TTL, HeaderValue::from_str(&seconds).map_err(|_| Cause::Abandoned)?);
        }
        self.service.send(request).await.map(drop)
    }

    async fn remove(&self, key: &str, options: &RequestOptions) -> Result<(), Cause> {
        let request = self.item(Method::DELETE, key, options)?;
        self.service.find(request).await.map(drop)
    }

    async fn meta(&self, key: &str, options: &RequestOptions) -> Result<Fields, Cause> {
        let reply = self.service.find(self.item(Method::HEAD, key, options)?).await?;
        let header = |name| reply.as_ref().and_then(|reply: &Reply| reply.header(name));
        let status = reply.as_ref().map_or(Field::Absent, |reply| Field::Number(reply.status.as_u16().into()));
        let mtime = header("last-modified").map_or(Field::Absent, |date| Field::Text(date.to_owned()));
        let ttl = header("x-ttl").and_then(|ttl| ttl.parse().ok()).map_or(Field::Absent, Field::Number);
        Ok(vec![("status".into(), status), ("mtime".into(), mtime), ("ttl".into(), ttl)])
    }

    async fn list(&self, base: &str, options: &RequestOptions) -> Result<Vec<Found>, Cause> {
        let reply = self.service.send(self.base(Method::GET, base, options)?).await?;
        let keys: Vec<String> =
            serde_json::from_slice(&reply.body).map_err(|_| self.service.unexpected(&reply, "a list of keys"))?;
        Ok(keys.into_iter().map(|key| Found { name: String::new(), key }).collect())
    }

    /// Servers of unstorage clear whole mounts only, and nothing where the base is none. So what is left is removed item by item, and
    /// with it the metadata that a server does not list.
    async fn clear(&self, listing: &Listing, options: &RequestOptions) -> Result<KeyList, Cause> {
        let base = relative_base(listing);
        let mut gone = KeyList::default();
        if listing.told || !listing.masks.is_empty() {
            gone = accepted(self.list(base, options).await?, listing).0;
        }
        if listing.masks.is_empty() {
            self.service.send(self.base(Method::DELETE, base, options)?).await?;
            if base.is_empty() {
                return Ok(gone);
            }
        }
        let (_, left) = accepted(self.list(base, options).await?, listing);
        let with_meta = left.into_iter().flat_map(|found| {
            let meta = Found { key: format!("{}$", found.key), name: String::new() };
            [found, meta]
        });
        self.remove_many(with_meta.collect(), options).await?;
        Ok(gone)
    }
}
