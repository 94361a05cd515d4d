//! Items in a namespace of Cloudflare's Workers KV, over its REST API, under the names that unstorage's driver gives them.
//!
//! `GET`, `PUT` and `DELETE` of `/values/NAME`, `GET /keys` in pages, and for many at once `POST /bulk/get`, `PUT /bulk` and
//! `POST /bulk/delete`. <https://developers.cloudflare.com/api/resources/kv/subresources/namespaces/>

use std::{collections::HashMap, time::Duration};

use bytes::Bytes;
use serde::{
    Deserialize, Serialize,
    de::{DeserializeOwned, IgnoredAny},
};

use super::{as_text, invalid};
use crate::{
    driver::{Capabilities, Fields, Found, NewItem, RequestOptions, Store, parts},
    error::{Cause, StorageError},
    http::{
        Address, Limits, Method, Pages, Reply, Request, Service, add_own_headers, encoded,
        header::{AUTHORIZATION, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue},
        json_words, query, secret,
    },
    key::KeyPrefix,
};

/// What one request may hold: <https://developers.cloudflare.com/kv/platform/limits/>
const READ_TOGETHER: usize = 100;
const WRITTEN_TOGETHER: usize = 10_000;
const BYTES_TOGETHER: usize = 50 << 20;
/// Most bytes of a name.
const LONGEST_NAME: usize = 512;

const TEXT: HeaderValue = HeaderValue::from_static("text/plain;charset=UTF-8");
const JSON: HeaderValue = HeaderValue::from_static("application/json");

#[derive(Deserialize, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, rename_all = "camelCase", default)]
pub struct CloudflareKvHttpOptions {
    /// The id of the account.
    #[cfg_attr(feature = "schema", schemars(extend("x-required" = true)))]
    account_id: String,
    /// The id of the namespace.
    #[cfg_attr(feature = "schema", schemars(extend("x-required" = true)))]
    namespace_id: String,
    /// A token that may use Workers KV. One of `apiToken`, `userServiceKey`, and `email` with `apiKey` is required.
    #[cfg_attr(feature = "schema", schemars(with = "String", extend("x-secret" = true)))]
    api_token: Option<String>,
    /// A service's key, which begins with `v1.0-`.
    #[cfg_attr(feature = "schema", schemars(with = "String", extend("x-secret" = true)))]
    user_service_key: Option<String>,
    /// The account's e-mail address.
    #[cfg_attr(feature = "schema", schemars(with = "String"))]
    email: Option<String>,
    /// The account's global key.
    #[cfg_attr(feature = "schema", schemars(with = "String", extend("x-secret" = true)))]
    api_key: Option<String>,
    /// Where the API is.
    #[serde(rename = "apiURL")]
    api_url: String,
    /// What the names of all items start with, before a colon.
    base: String,
    /// The shortest life of an item in seconds: a shorter `ttl` is made so long. Cloudflare takes none below 60.
    #[serde(rename = "minTTL")]
    min_ttl: f64,
    /// How long a request may take, and how often it is tried.
    limits: Option<Limits>,
}

impl Default for CloudflareKvHttpOptions {
    fn default() -> Self {
        Self {
            account_id: String::new(),
            namespace_id: String::new(),
            api_token: None,
            user_service_key: None,
            email: None,
            api_key: None,
            api_url: "https://api.cloudflare.com".into(),
            base: String::new(),
            min_ttl: 60.0,
            limits: None,
        }
    }
}

impl CloudflareKvHttpOptions {
    /// What tells Cloudflare who asks, and the secrets in it.
    fn authority(&self) -> Result<(HeaderMap, Vec<String>), String> {
        let filled = |text: &Option<String>| text.clone().filter(|text| !text.is_empty());
        let headers = if let Some(token) = filled(&self.api_token) {
            vec![(AUTHORIZATION, format!("Bearer {token}"), token)]
        } else if let Some(key) = filled(&self.user_service_key) {
            vec![(HeaderName::from_static("x-auth-user-service-key"), key.clone(), key)]
        } else if let (Some(email), Some(key)) = (filled(&self.email), filled(&self.api_key)) {
            vec![
                (HeaderName::from_static("x-auth-email"), email.clone(), email),
                (HeaderName::from_static("x-auth-key"), key.clone(), key),
            ]
        } else {
            return Err("one of the options `apiToken`, `userServiceKey`, and `email` with `apiKey` is required".into());
        };
        let secrets = headers.iter().map(|(.., secret)| secret.clone()).collect();
        let headers = headers.into_iter().map(|(name, value, _)| Some((name, secret(&value)?)));
        let headers = headers.collect::<Option<_>>().ok_or("the options have a key that no header can have")?;
        Ok((headers, secrets))
    }
}

pub struct CloudflareKvHttp {
    namespace: Address,
    authority: HeaderMap,
    prefix: String,
    /// In seconds.
    min_ttl: f64,
    service: Service,
}

#[derive(Deserialize)]
struct Answer<T> {
    success: bool,
    result: Option<T>,
    result_info: Option<Info>,
}

#[derive(Deserialize)]
struct Info {
    cursor: Option<String>,
}

#[derive(Deserialize)]
struct Name {
    name: String,
}

#[derive(Deserialize)]
struct Values {
    values: HashMap<String, Option<String>>,
}

/// What became of many.
#[derive(Deserialize, Default)]
#[serde(default)]
struct Done {
    unsuccessful_keys: Vec<String>,
}

#[derive(Serialize)]
struct Pair<'a> {
    key: String,
    value: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    expiration_ttl: Option<u64>,
}

impl CloudflareKvHttp {
    pub fn new(options: CloudflareKvHttpOptions) -> Result<Self, StorageError> {
        let refused = |message: String| invalid("cloudflare-kv-http", message);
        for (name, value) in [("accountId", &options.account_id), ("namespaceId", &options.namespace_id)] {
            if value.is_empty() {
                return Err(refused(format!("the option `{name}` is required")));
            }
        }
        let (authority, secrets) = options.authority().map_err(refused)?;
        let base = KeyPrefix::parse(options.base.as_bytes())
            .map_err(|_| refused("the option `base` must have no `.` or `..` segment".into()))?;
        let path = format!(
            "client/v4/accounts/{}/storage/kv/namespaces/{}",
            encoded(&options.account_id),
            encoded(&options.namespace_id)
        );
        Ok(Self {
            namespace: Address::parse("apiURL", &options.api_url).map_err(refused)?.under(&path),
            authority,
            prefix: String::from_utf8_lossy(base.as_bytes()).into_owned(),
            min_ttl: options.min_ttl,
            service: Service::new(options.limits, secrets, json_words),
        })
    }

    fn request(&self, method: Method, path: &str, options: &RequestOptions) -> Result<Request, Cause> {
        let mut request = Request::new(method, self.namespace.at(path));
        request.headers = self.authority.clone();
        add_own_headers(&mut request.headers, &options.headers)?;
        Ok(request)
    }

    fn name_of(&self, key: &str) -> String {
        format!("{}{key}", self.prefix)
    }

    fn path(&self, kind: &str, key: &str) -> String {
        format!("/{kind}/{}", encoded(&self.name_of(key)))
    }

    /// Sends a list; none of this driver's does harm twice.
    async fn send_list<B: Serialize + Sync>(
        &self,
        method: Method,
        path: &str,
        list: &B,
        options: &RequestOptions,
    ) -> Result<Reply, Cause> {
        let body = serde_json::to_vec(list).map_err(|_| Cause::Abandoned)?;
        let mut request = self.request(method, path, options)?.body(body);
        request.headers.insert(CONTENT_TYPE, JSON);
        request.repeatable = true;
        self.service.send(request).await
    }

    /// What Cloudflare answers, which may be a no where the status says yes.
    fn read<T: DeserializeOwned>(&self, reply: &Reply) -> Result<Answer<T>, Cause> {
        let answer: Answer<T> = serde_json::from_slice(&reply.body).map_err(|_| self.unexpected(reply))?;
        if answer.success { Ok(answer) } else { Err(self.service.refusal(reply).into()) }
    }

    fn unexpected(&self, reply: &Reply) -> Cause {
        self.service.unexpected(reply, "one of Workers KV").into()
    }

    /// Whether there was what a request is about.
    async fn find(&self, request: Request) -> Result<bool, Cause> {
        let Some(reply) = self.service.find(request).await? else { return Ok(false) };
        self.read::<IgnoredAny>(&reply).map(|_| true)
    }

    /// As `send_list`, for what changes items: Cloudflare may say yes, and name those that it did not change.
    async fn change<B: Serialize + Sync>(
        &self,
        method: Method,
        path: &str,
        list: &B,
        options: &RequestOptions,
    ) -> Result<(), Cause> {
        let reply = self.send_list(method, path, list, options).await?;
        let done = self.read::<Done>(&reply)?.result.unwrap_or_default();
        let Some(name) = done.unsuccessful_keys.first() else { return Ok(()) };
        let message = format!("{} items were not changed", done.unsuccessful_keys.len());
        let cause = Cause::from(self.service.failed(&reply, "UNAVAILABLE", &message));
        Err(cause.of(name.strip_prefix(&self.prefix).unwrap_or(name)))
    }

    fn pair<'a>(&self, (key, value, options): &'a NewItem) -> Result<Pair<'a>, Cause> {
        Ok(Pair { key: self.name_of(key), value: as_text(value)?, expiration_ttl: self.life(options.ttl) })
    }

    /// The life that Cloudflare is told, in seconds; none for no end.
    fn life(&self, ttl: f64) -> Option<u64> {
        #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "clamped just before")]
        let seconds = |ttl: f64| (ttl / 1000.0).max(self.min_ttl).ceil().clamp(1.0, 1e12) as u64;
        (ttl != 0.0 && ttl.is_finite()).then(|| seconds(ttl))
    }
}

fn is_over(ttl: f64) -> bool {
    ttl < 0.0 && ttl.is_finite()
}

impl Store for CloudflareKvHttp {
    fn name(&self) -> &'static str {
        "cloudflare-kv-http"
    }

    /// A life is kept, but none shorter than `minTTL`.
    fn capabilities(&self) -> Capabilities {
        Capabilities { ttl: true, max_depth: true, sized: false }
    }

    fn patience(&self) -> Option<Duration> {
        self.service.patience()
    }

    fn check(&self, key: &str) -> Result<(), Cause> {
        let length = self.prefix.len() + key.len();
        if length == 0 || length > LONGEST_NAME {
            return Err(Cause::InvalidKey("a name here, with `base`, must have 1 to 512 bytes"));
        }
        if matches!(self.name_of(key).as_str(), "." | "..") {
            return Err(Cause::InvalidKey("a name here must not be `.` or `..`"));
        }
        Ok(())
    }

    async fn has(&self, key: &str, options: &RequestOptions) -> Result<bool, Cause> {
        self.find(self.request(Method::GET, &self.path("metadata", key), options)?).await
    }

    async fn get(&self, key: &str, options: &RequestOptions) -> Result<Option<Bytes>, Cause> {
        let request = self.request(Method::GET, &self.path("values", key), options)?;
        Ok(self.service.find(request).await?.map(|reply| reply.body))
    }

    async fn set(&self, key: &str, value: Bytes, options: &RequestOptions) -> Result<(), Cause> {
        if is_over(options.ttl) {
            return self.remove(key, options).await;
        }
        let mut request = self.request(Method::PUT, &self.path("values", key), options)?.body(value);
        request.headers.entry(CONTENT_TYPE).or_insert(TEXT);
        if let Some(life) = self.life(options.ttl) {
            request.url.set_query(Some(&query([("expiration_ttl", life.to_string().as_str())])));
        }
        self.read::<IgnoredAny>(&self.service.send(request).await?).map(drop)
    }

    async fn remove(&self, key: &str, options: &RequestOptions) -> Result<(), Cause> {
        self.find(self.request(Method::DELETE, &self.path("values", key), options)?).await.map(drop)
    }

    /// Cloudflare knows of no size and no time.
    async fn meta(&self, _: &str, _: &RequestOptions) -> Result<Fields, Cause> {
        Ok(Vec::new())
    }

    async fn get_many(&self, keys: &[String]) -> Result<Vec<Option<Bytes>>, Cause> {
        #[derive(Serialize)]
        struct Asked<'a> {
            keys: &'a [String],
            r#type: &'static str,
        }
        let mut found = Vec::with_capacity(keys.len());
        for part in keys.chunks(READ_TOGETHER) {
            let names: Vec<String> = part.iter().map(|key| self.name_of(key)).collect();
            let asked = Asked { keys: &names, r#type: "text" };
            let reply = self.send_list(Method::POST, "/bulk/get", &asked, &RequestOptions::default()).await?;
            let Values { values } = self.read(&reply)?.result.ok_or_else(|| self.unexpected(&reply))?;
            found.extend(names.iter().map(|name| values.get(name).cloned().flatten().map(Bytes::from)));
        }
        Ok(found)
    }

    async fn set_many(&self, items: Vec<NewItem>) -> Result<(), Cause> {
        let (over, kept): (Vec<_>, Vec<_>) = items.into_iter().partition(|(.., options)| is_over(options.ttl));
        let over = over.into_iter().map(|(key, ..)| Found { name: self.name_of(&key), key }).collect();
        self.remove_many(over, &RequestOptions::default()).await?;
        for part in parts(&kept, WRITTEN_TOGETHER, BYTES_TOGETHER) {
            let pairs = part.iter().map(|item| self.pair(item)).collect::<Result<Vec<_>, _>>()?;
            self.change(Method::PUT, "/bulk", &pairs, &RequestOptions::default()).await?;
        }
        Ok(())
    }

    async fn list(&self, base: &str, options: &RequestOptions) -> Result<Vec<Found>, Cause> {
        let (prefix, mut found, mut pages) = (self.name_of(base), Vec::new(), Pages::default());
        loop {
            let mut request = self.request(Method::GET, "/keys", options)?;
            let query = query(pages.query(&prefix));
            request.url.set_query(Some(query.as_str()).filter(|query| !query.is_empty()));
            let reply = self.service.send(request).await?;
            let page: Answer<Vec<Name>> = self.read(&reply)?;
            let names = page
                .result
                .ok_or_else(|| self.unexpected(&reply))?
                .into_iter()
                .filter_map(|Name { name }| Some(Found { key: name.strip_prefix(&self.prefix)?.to_owned(), name }));
            found.extend(names);
            if !pages.turn(&self.service, &reply, found.len(), page.result_info.and_then(|info| info.cursor))? {
                return Ok(found);
            }
        }
    }

    async fn remove_many(&self, found: Vec<Found>, options: &RequestOptions) -> Result<(), Cause> {
        for part in found.chunks(WRITTEN_TOGETHER) {
            let names: Vec<&str> = part.iter().map(|found| found.name.as_str()).collect();
            self.change(Method::POST, "/bulk/delete", &names, options).await?;
        }
        Ok(())
    }
}
