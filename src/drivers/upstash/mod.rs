//! Items as strings of an Upstash Redis, or a Vercel KV, which is one, under the keys that unstorage's drivers give them.
//!
//! A command is the JSON of its words, sent by `POST`; what comes back is `{"result": …}` or `{"error": …}`. `POST /pipeline` takes a list of
//! commands and answers with a list. A database in many regions gives a token with each answer: sent with the next request, it makes
//! sure that this one sees what was written before.
//! <https://upstash.com/docs/redis/features/restapi>, <https://upstash.com/docs/redis/howto/readyourwrites>

mod together;

use std::{
    collections::HashSet,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use bytes::Bytes;
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use tokio::task::yield_now;

use together::Together;

use super::{as_text, invalid, redis::escaped};
use crate::{
    driver::{Capabilities, Fields, Found, MOST_UNDER_WAY, NewItem, RequestOptions, Store, parts},
    error::{Cause, Failure, StorageError},
    http::{
        Address, Limits, Method, Pages, Reply, Request, Service, Url, add_own_headers,
        header::{AUTHORIZATION, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue},
        json_words, secret,
    },
    key::KeyPrefix,
};

/// How many keys or commands one request has, and how many bytes of values: Upstash takes a megabyte on its smallest plan.
const ASKED_TOGETHER: usize = 500;
const BYTES_TOGETHER: usize = 512 * 1024;
/// A longer command of a call goes out alone: as many as are under way at once stay below that.
const MOST_TOGETHER: usize = BYTES_TOGETHER / MOST_UNDER_WAY;
/// How many steps of a scan may find nothing one after the other: a step looks at `scanCount` keys, and a database may have many others.
const MOST_EMPTY_STEPS: u32 = 1_000_000;

const SYNC_TOKEN: HeaderName = HeaderName::from_static("upstash-sync-token");
const JSON: HeaderValue = HeaderValue::from_static("application/json");

#[derive(Deserialize, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, rename_all = "camelCase", default)]
pub struct UpstashOptions {
    /// The URL of the database's REST API. By default `UPSTASH_REDIS_REST_URL`.
    #[cfg_attr(feature = "schema", schemars(with = "Option<String>", extend("default" = null, "x-secret" = true)))]
    url: String,
    /// The token of the REST API. By default `UPSTASH_REDIS_REST_TOKEN`.
    #[cfg_attr(feature = "schema", schemars(with = "Option<String>", extend("default" = null, "x-secret" = true)))]
    token: String,
    /// What the keys of all items start with, before a colon.
    base: String,
    /// Life of an item that comes without its own, in seconds.
    #[cfg_attr(feature = "schema", schemars(with = "f64"))]
    ttl: Option<f64>,
    /// How many keys the database looks at for each step of a listing.
    scan_count: u32,
    /// How long a request may take, and how often it is tried.
    limits: Option<Limits>,
}

impl Default for UpstashOptions {
    fn default() -> Self {
        Self {
            url: String::new(),
            token: String::new(),
            base: String::new(),
            ttl: None,
            scan_count: 1000,
            limits: None,
        }
    }
}

#[derive(Deserialize, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, rename_all = "camelCase", default)]
pub struct VercelKvOptions {
    /// The URL of the database's REST API. By default `KV_REST_API_URL`.
    #[cfg_attr(feature = "schema", schemars(with = "Option<String>", extend("default" = null, "x-secret" = true)))]
    url: String,
    /// The token of the REST API. By default `KV_REST_API_TOKEN`.
    #[cfg_attr(feature = "schema", schemars(with = "Option<String>", extend("default" = null, "x-secret" = true)))]
    token: String,
    /// What stands for `KV` in the names of these variables; false for not looking at them.
    #[cfg_attr(feature = "schema", schemars(with = "String", extend("x-type" = "false | string")))]
    env: Option<serde_json::Value>,
    /// What the keys of all items start with, before a colon.
    base: String,
    /// Life of an item that comes without its own, in seconds.
    #[cfg_attr(feature = "schema", schemars(with = "f64"))]
    ttl: Option<f64>,
    /// How many keys the database looks at for each step of a listing.
    scan_count: u32,
    /// How long a request may take, and how often it is tried.
    limits: Option<Limits>,
}

impl Default for VercelKvOptions {
    fn default() -> Self {
        let UpstashOptions { url, token, base, ttl, scan_count, limits } = UpstashOptions::default();
        Self { url, token, env: None, base, ttl, scan_count, limits }
    }
}

impl From<VercelKvOptions> for UpstashOptions {
    /// JavaScript has looked at `env`.
    fn from(options: VercelKvOptions) -> Self {
        let VercelKvOptions { url, token, env: _, base, ttl, scan_count, limits } = options;
        Self { url, token, base, ttl, scan_count, limits }
    }
}

pub struct Upstash {
    name: &'static str,
    /// Where commands go, and lists of them.
    urls: [Url; 2],
    authorization: HeaderValue,
    /// In front of every key.
    prefix: String,
    scan_count: String,
    /// In milliseconds.
    ttl: f64,
    service: Service,
    /// What the last answer gave, for the next request.
    sync_token: Mutex<Option<HeaderValue>>,
    together: Together,
}

type Command<'a> = Vec<&'a str>;

#[derive(Deserialize)]
#[serde(rename_all = "lowercase")]
enum Answer<T> {
    Result(T),
    Error(String),
}

impl Upstash {
    pub fn new(name: &'static str, options: UpstashOptions) -> Result<Self, StorageError> {
        let refused = |message: String| invalid(name, message);
        if options.token.is_empty() {
            return Err(refused("the option `token` is required".into()));
        }
        let address = Address::parse("url", &options.url).map_err(refused)?;
        let authorization = secret(&format!("Bearer {}", options.token))
            .ok_or_else(|| refused("the option `token` must be a token".into()))?;
        let base = KeyPrefix::parse(options.base.as_bytes())
            .map_err(|_| refused("the option `base` must have no `.` or `..` segment".into()))?;
        Ok(Self {
            name,
            urls: [address.at("/"), address.at("/pipeline")],
            authorization,
            prefix: String::from_utf8_lossy(base.as_bytes()).into_owned(),
            scan_count: options.scan_count.max(1).to_string(),
            ttl: options.ttl.unwrap_or_default() * 1000.0,
            service: Service::new(options.limits, vec![options.token], json_words),
            sync_token: Mutex::default(),
            together: Together::default(),
        })
    }

    fn name_of(&self, key: &str) -> String {
        format!("{}{key}", self.prefix)
    }

    async fn command<T: DeserializeOwned>(&self, words: Command<'_>, options: &RequestOptions) -> Result<T, Cause> {
        let is_small = words.iter().map(|word| word.len()).sum::<usize>() <= MOST_TOGETHER;
        if is_small && options.headers.iter().next().is_none() {
            let (told, is_first) = self.together.add(&words);
            if is_first {
                // The calls of a turn of the event loop begin one after the other.
                yield_now().await;
                self.send_list().await;
            }
            if let Ok(told) = told.await {
                let (answer, reply) = told?;
                let answer = serde_json::from_value(answer).map_err(|_| self.no_answer(&reply))?;
                return self.result(answer, &reply);
            }
        }
        self.tell(words, options).await.map(|(result, _)| result)
    }

    /// Sends the commands that calls have given. One alone is no list, and where their answers are too much together, each may be had alone.
    async fn send_list(&self) {
        let list = self.together.take();
        if list.commands.len() < 2 {
            return;
        }
        let options = RequestOptions::default();
        let asked: Result<(Vec<serde_json::Value>, _), _> = self.post(&self.urls[1], &list.commands, &options).await;
        match asked {
            Ok((answers, reply)) if answers.len() == list.commands.len() => list.answer(answers, reply),
            Ok((_, reply)) => list.fail(&self.too_few(&reply)),
            Err(Cause::Remote(failure)) if failure.code == "TOO_LARGE" => {}
            Err(cause) => list.fail(&cause.into_failure()),
        }
    }

    fn no_answer(&self, reply: &Reply) -> Failure {
        self.service.unexpected(reply, "one of a database")
    }

    fn too_few(&self, reply: &Reply) -> Failure {
        self.service.unexpected(reply, "one with as many parts as there were commands")
    }

    /// As `command`, with the reply that the result comes from.
    async fn tell<T: DeserializeOwned>(
        &self,
        words: Command<'_>,
        options: &RequestOptions,
    ) -> Result<(T, Reply), Cause> {
        let (answer, reply) = self.post(&self.urls[0], &words, options).await?;
        Ok((self.result(answer, &reply)?, reply))
    }

    fn result<T>(&self, answer: Answer<T>, reply: &Reply) -> Result<T, Cause> {
        match answer {
            Answer::Result(result) => Ok(result),
            Answer::Error(words) => Err(self.service.failed(reply, "REFUSED", &words).into()),
        }
    }

    /// All commands of this driver do no harm twice.
    async fn post<B: Serialize, T: DeserializeOwned>(
        &self,
        url: &Url,
        body: &B,
        options: &RequestOptions,
    ) -> Result<(T, Reply), Cause> {
        let body = serde_json::to_vec(body).map_err(|_| Cause::Abandoned)?;
        let mut request = Request::new(Method::POST, url.clone()).body(body);
        request.repeatable = true;
        let known = self.sync_token.lock().unwrap_or_else(PoisonError::into_inner).clone();
        request.headers = HeaderMap::from_iter([(AUTHORIZATION, self.authorization.clone()), (CONTENT_TYPE, JSON)]);
        request.headers.extend(known.map(|token| (SYNC_TOKEN, token)));
        add_own_headers(&mut request.headers, &options.headers)?;
        let reply = self.service.send(request).await?;
        if let Some(token) = reply.headers.get(SYNC_TOKEN) {
            *self.sync_token.lock().unwrap_or_else(PoisonError::into_inner) = Some(token.clone());
        }
        Ok((serde_json::from_slice(&reply.body).map_err(|_| self.no_answer(&reply))?, reply))
    }

    /// The command that writes an item; none of its words is looked at where the life is over.
    fn write<'a>(&self, name: &'a str, value: &'a str, ttl: f64, milliseconds: &'a mut String) -> Command<'a> {
        let ttl = if ttl == 0.0 { self.ttl } else { ttl };
        if ttl == 0.0 || !ttl.is_finite() {
            return vec!["SET", name, value];
        }
        if ttl < 0.0 {
            return vec!["UNLINK", name];
        }
        *milliseconds = format!("{:.0}", ttl.ceil().clamp(1.0, 9e15));
        vec!["SET", name, value, "PX", milliseconds]
    }

    async fn remove_names(&self, names: &[String], options: &RequestOptions) -> Result<(), Cause> {
        for part in names.chunks(ASKED_TOGETHER) {
            let words = std::iter::once("UNLINK").chain(part.iter().map(String::as_str)).collect();
            self.command::<u64>(words, options).await?;
        }
        Ok(())
    }
}

impl Store for Upstash {
    fn name(&self) -> &'static str {
        self.name
    }

    fn capabilities(&self) -> Capabilities {
        Capabilities { ttl: true, max_depth: true, sized: false }
    }

    fn patience(&self) -> Option<Duration> {
        self.service.patience()
    }

    fn check(&self, _: &str) -> Result<(), Cause> {
        Ok(())
    }

    async fn has(&self, key: &str, options: &RequestOptions) -> Result<bool, Cause> {
        Ok(self.command::<u64>(vec!["EXISTS", &self.name_of(key)], options).await? > 0)
    }

    async fn get(&self, key: &str, options: &RequestOptions) -> Result<Option<Bytes>, Cause> {
        let value: Option<String> = self.command(vec!["GET", &self.name_of(key)], options).await?;
        Ok(value.map(Bytes::from))
    }

    async fn set(&self, key: &str, value: Bytes, options: &RequestOptions) -> Result<(), Cause> {
        let (name, mut milliseconds) = (self.name_of(key), String::new());
        let command = self.write(&name, as_text(&value)?, options.ttl, &mut milliseconds);
        self.command::<serde_json::Value>(command, options).await.map(drop)
    }

    async fn remove(&self, key: &str, options: &RequestOptions) -> Result<(), Cause> {
        self.remove_names(&[self.name_of(key)], options).await
    }

    /// What the database knows of an item would be a request, and costs.
    async fn meta(&self, _: &str, _: &RequestOptions) -> Result<Fields, Cause> {
        Ok(Vec::new())
    }

    async fn get_many(&self, keys: &[String]) -> Result<Vec<Option<Bytes>>, Cause> {
        let mut values = Vec::with_capacity(keys.len());
        for part in keys.chunks(ASKED_TOGETHER) {
            let names: Vec<String> = part.iter().map(|key| self.name_of(key)).collect();
            let words = std::iter::once("MGET").chain(names.iter().map(String::as_str)).collect();
            let (found, reply): (Vec<Option<String>>, _) = self.tell(words, &RequestOptions::default()).await?;
            if found.len() != part.len() {
                return Err(self.service.unexpected(&reply, "one with as many values as there were keys").into());
            }
            values.extend(found.into_iter().map(|value| value.map(Bytes::from)));
        }
        Ok(values)
    }

    async fn set_many(&self, items: Vec<NewItem>) -> Result<(), Cause> {
        for part in parts(&items, ASKED_TOGETHER, BYTES_TOGETHER) {
            let names: Vec<String> = part.iter().map(|(key, ..)| self.name_of(key)).collect();
            let mut lives = vec![String::new(); part.len()];
            let commands = part.iter().zip(&names).zip(&mut lives);
            let commands = commands
                .map(|(((_, value, options), name), life)| Ok(self.write(name, as_text(value)?, options.ttl, life)));
            let commands: Vec<Command> = commands.collect::<Result<_, Cause>>()?;
            let (answers, reply): (Vec<Answer<serde_json::Value>>, _) =
                self.post(&self.urls[1], &commands, &RequestOptions::default()).await?;
            if answers.len() != part.len() {
                return Err(self.too_few(&reply).into());
            }
            for (answer, (key, ..)) in answers.into_iter().zip(part) {
                self.result(answer, &reply).map_err(|cause| cause.of(key))?;
            }
        }
        Ok(())
    }

    async fn list(&self, base: &str, options: &RequestOptions) -> Result<Vec<Found>, Cause> {
        let pattern = format!("{}*", String::from_utf8_lossy(&escaped(self.name_of(base).as_bytes())));
        let (mut pages, mut found, mut seen) = (Pages::of_scan(MOST_EMPTY_STEPS), Vec::new(), HashSet::new());
        loop {
            let words = vec!["SCAN", pages.cursor().unwrap_or("0"), "MATCH", &pattern, "COUNT", &self.scan_count];
            let ((Cursor(next), names), reply): ((Cursor, Vec<String>), _) = self.tell(words, options).await?;
            for name in names {
                // A step may tell of a key again.
                if let Some(key) = name.strip_prefix(&self.prefix)
                    && seen.insert(name.clone())
                {
                    found.push(Found { key: key.to_owned(), name });
                }
            }
            if !pages.turn(&self.service, &reply, found.len(), Some(next).filter(|next| next != "0"))? {
                return Ok(found);
            }
        }
    }

    async fn remove_many(&self, found: Vec<Found>, options: &RequestOptions) -> Result<(), Cause> {
        let names: Vec<String> = found.into_iter().map(|found| found.name).collect();
        self.remove_names(&names, options).await
    }
}

/// Where a listing goes on: text, or the number in it.
struct Cursor(String);

impl<'de> Deserialize<'de> for Cursor {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match serde_json::Value::deserialize(deserializer)? {
            serde_json::Value::String(text) => Ok(Self(text)),
            serde_json::Value::Number(number) => Ok(Self(number.to_string())),
            _ => Err(serde::de::Error::custom("a cursor is text or a number")),
        }
    }
}
