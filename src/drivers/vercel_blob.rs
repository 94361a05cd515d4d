//! Items as blobs of a store of Vercel's, under the pathnames that unstorage's driver gives them: `a:b` is the blob `a/b`.
//!
//! The API takes `PUT ?pathname=`, `GET ?url=`, which tells of a blob, `GET ?prefix=` in pages and `POST /delete` with a list; a content is
//! read from the store's own host. Vercel documents its client, which this speaks as.
//! <https://vercel.com/docs/vercel-blob/using-blob-sdk>, <https://github.com/vercel/storage/tree/main/packages/blob>

use std::time::Duration;

use bytes::Bytes;
use serde::{Deserialize, Serialize, de::IgnoredAny};
use serde_json::{Map, Value, json};

use super::{invalid, options::of_call};
use crate::{
    driver::{Capabilities, Field, Fields, Found, RequestOptions, Store},
    error::{Cause, StorageError},
    http::{
        Address, Limits, Method, Pages, Reply, Request, Service, StatusCode, add_own_headers, check_path, encoded_path,
        header::{AUTHORIZATION, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue},
        json_words, query, secret, segments,
    },
};

/// How many blobs one request removes: as many as a page tells of.
const REMOVED_TOGETHER: usize = 1000;
/// Most characters of a pathname.
const LONGEST_PATHNAME: usize = 950;

/// Of the API, as it is spoken here.
const VERSION: HeaderValue = HeaderValue::from_static("12");
const JSON: HeaderValue = HeaderValue::from_static("application/json");
const YES: HeaderValue = HeaderValue::from_static("1");
const NO: HeaderValue = HeaderValue::from_static("0");
const OVERWRITE: &str = "x-allow-overwrite";
const IF_MATCH: &str = "x-if-match";

#[derive(Deserialize, Serialize, Default)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, rename_all = "camelCase", default)]
pub struct VercelBlobOptions {
    /// Whether anybody may read the blobs who knows their URLs, or only who has the token.
    #[cfg_attr(
        feature = "schema",
        schemars(with = "String", extend("x-required" = true, "x-type" = "\"public\" | \"private\""))
    )]
    access: Option<Access>,
    /// What the pathnames of all items start with, before a slash.
    base: String,
    /// The store's read-write token. By default `BLOB_READ_WRITE_TOKEN`.
    #[cfg_attr(feature = "schema", schemars(with = "String", extend("x-secret" = true)))]
    token: Option<String>,
    /// What stands for `BLOB` in the name of this variable.
    #[cfg_attr(feature = "schema", schemars(with = "String"))]
    env_prefix: Option<String>,
    /// Where the API is. By default `VERCEL_BLOB_API_URL`, or Vercel's.
    #[serde(rename = "apiURL")]
    #[cfg_attr(feature = "schema", schemars(with = "String"))]
    api_url: Option<String>,
    /// Where contents are read. By default the store's own host at Vercel's.
    #[serde(rename = "blobURL")]
    #[cfg_attr(feature = "schema", schemars(with = "String"))]
    blob_url: Option<String>,
    /// How long a request may take, and how often it is tried.
    limits: Option<Limits>,
}

#[derive(Deserialize, Serialize, Clone, Copy)]
#[serde(rename_all = "camelCase")]
enum Access {
    Public,
    Private,
}

impl Access {
    fn name(self) -> &'static str {
        match self {
            Self::Public => "public",
            Self::Private => "private",
        }
    }
}

/// What a call asks of a write, as Vercel's client takes it.
#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
struct WriteOptions {
    access: Option<Access>,
    add_random_suffix: Option<bool>,
    allow_overwrite: Option<bool>,
    cache_control_max_age: Option<u64>,
    content_type: Option<String>,
    if_match: Option<String>,
    oidc_token: Option<IgnoredAny>,
    optimize_image: Option<IgnoredAny>,
    store_id: Option<IgnoredAny>,
    token: Option<IgnoredAny>,
}

impl WriteOptions {
    fn headers(self, access: Access) -> Result<Vec<(&'static str, HeaderValue)>, String> {
        let of_driver = [("oidcToken", self.oidc_token), ("storeId", self.store_id), ("token", self.token)];
        if let Some((name, _)) = of_driver.iter().find(|(_, given)| given.is_some()) {
            return Err(format!("the option `{name}` is one of the driver, not of a call"));
        }
        if self.optimize_image.is_some() {
            return Err("the option `optimizeImage` is not known here".into());
        }
        let flag = |yes| if yes { YES } else { NO };
        let overwrites = self.allow_overwrite.unwrap_or(true);
        let mut headers = vec![
            ("x-vercel-blob-access", HeaderValue::from_static(self.access.unwrap_or(access).name())),
            ("x-add-random-suffix", flag(self.add_random_suffix.unwrap_or(false))),
            (OVERWRITE, flag(overwrites)),
        ];
        if let Some(seconds) = self.cache_control_max_age {
            headers.push(("x-cache-control-max-age", seconds.into()));
        }
        let texts = [("contentType", "x-content-type", self.content_type), ("ifMatch", IF_MATCH, self.if_match)];
        for (option, name, text) in texts {
            if let Some(text) = filled(text) {
                let value = HeaderValue::from_str(&text);
                headers
                    .push((name, value.map_err(|_| format!("the option `{option}` must be what a header can have"))?));
            }
        }
        if !overwrites && headers.iter().any(|(name, _)| *name == IF_MATCH) {
            return Err("the option `ifMatch` overwrites, which `allowOverwrite` forbids".into());
        }
        Ok(headers)
    }
}

pub struct VercelBlob {
    api: Address,
    /// Where contents are read.
    blobs: Address,
    access: Access,
    /// In front of every pathname; empty, or with a slash at its end.
    prefix: String,
    /// Of every request to the API.
    headers: HeaderMap,
    authorization: HeaderValue,
    service: Service,
}

/// What the API tells of a blob, in the order in which it does.
const TOLD: [&str; 8] =
    ["url", "downloadUrl", "pathname", "contentType", "contentDisposition", "cacheControl", "uploadedAt", "etag"];

#[derive(Deserialize)]
struct Page {
    blobs: Vec<Blob>,
    cursor: Option<String>,
}

#[derive(Deserialize)]
struct Blob {
    pathname: String,
}

fn filled(text: Option<String>) -> Option<String> {
    text.filter(|text| !text.is_empty())
}

impl VercelBlobOptions {
    fn open(self) -> Result<VercelBlob, String> {
        let access = self.access.ok_or("the option `access` is required, and must be `public` or `private`")?;
        if !segments(&self.base).all(|segment| !matches!(segment, "." | "..")) {
            return Err("the option `base` must have no `.` or `..` segment".into());
        }
        let token = filled(self.token).ok_or_else(|| {
            let prefix = filled(self.env_prefix).unwrap_or_else(|| "BLOB".into());
            format!("the option `token` is required, or {prefix}_READ_WRITE_TOKEN in the environment")
        })?;
        let refused = "the option `token` must be a store's read-write token";
        // vercel_blob_rw_STORE_…
        let store = token.split('_').nth(3).filter(|id| !id.is_empty()).ok_or(refused)?.to_owned();
        if !store.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-') {
            return Err(refused.into());
        }
        let authorization = secret(&format!("Bearer {token}")).ok_or(refused)?;
        let api = filled(self.api_url).unwrap_or_else(|| "https://vercel.com/api/blob".into());
        let blobs = filled(self.blob_url)
            .unwrap_or_else(|| format!("https://{store}.{}.blob.vercel-storage.com", access.name()));
        let headers = [
            (AUTHORIZATION, authorization.clone()),
            (HeaderName::from_static("x-api-version"), VERSION),
            (HeaderName::from_static("x-vercel-blob-store-id"), HeaderValue::from_str(&store).map_err(|_| refused)?),
        ];
        Ok(VercelBlob {
            api: Address::parse("apiURL", &api)?,
            blobs: Address::parse("blobURL", &blobs)?,
            access,
            prefix: segments(&self.base).flat_map(|segment| [segment, "/"]).collect(),
            headers: HeaderMap::from_iter(headers),
            authorization,
            service: Service::new(self.limits, vec![token], json_words),
        })
    }
}

impl VercelBlob {
    pub fn new(options: VercelBlobOptions) -> Result<Self, StorageError> {
        options.open().map_err(|message| invalid("vercel-blob", message))
    }

    fn pathname(&self, key: &str) -> String {
        format!("{}{}", self.prefix, segments(key).collect::<Vec<_>>().join("/"))
    }

    /// A request to the API.
    fn request(
        &self,
        method: Method,
        path: &str,
        pairs: &[(&str, &str)],
        options: &RequestOptions,
    ) -> Result<Request, Cause> {
        let mut request = Request::new(method, self.api.at(path));
        request
            .url
            .set_query(Some(&query(pairs.iter().copied())).filter(|query| !query.is_empty()).map(String::as_str));
        request.headers = self.headers.clone();
        add_own_headers(&mut request.headers, &options.headers)?;
        Ok(request)
    }

    /// What the API tells of a blob; none if there is no such blob, while a store that is not there is an error.
    async fn told(&self, key: &str, options: &RequestOptions) -> Result<Option<Map<String, Value>>, Cause> {
        let request = self.request(Method::GET, "", &[("url", &self.pathname(key))], options)?;
        let reply = self.service.ask(request).await?;
        if reply.status == StatusCode::NOT_FOUND && code(&reply).as_deref() == Some(NOT_FOUND) {
            return Ok(None);
        }
        if !reply.status.is_success() {
            return Err(self.service.refusal(&reply).into());
        }
        let unexpected = |_| self.service.unexpected(&reply, "one about a blob");
        Ok(Some(serde_json::from_slice(&reply.body).map_err(unexpected)?))
    }

    /// Removes blobs, or what is none any more. It does no harm twice.
    async fn remove_names(&self, names: &[&str], options: &RequestOptions) -> Result<(), Cause> {
        let body = serde_json::to_vec(&json!({ "urls": names })).map_err(|_| Cause::Abandoned)?;
        let mut request = self.request(Method::POST, "/delete", &[], options)?.body(body);
        request.headers.insert(CONTENT_TYPE, JSON);
        request.repeatable = true;
        self.service.send(request).await.map(drop)
    }
}

/// The API's word for a blob that is not there; it has another for a store.
const NOT_FOUND: &str = "not_found";

/// The API's word for why it refuses a request.
fn code(reply: &Reply) -> Option<String> {
    let answer: Value = serde_json::from_slice(&reply.body).ok()?;
    answer["error"]["code"].as_str().map(str::to_owned)
}

impl Store for VercelBlob {
    fn name(&self) -> &'static str {
        "vercel-blob"
    }

    fn capabilities(&self) -> Capabilities {
        Capabilities { ttl: false, max_depth: true, sized: false }
    }

    fn patience(&self) -> Option<Duration> {
        self.service.patience()
    }

    fn check(&self, key: &str) -> Result<(), Cause> {
        check_path(key)?;
        if self.pathname(key).encode_utf16().count() > LONGEST_PATHNAME {
            return Err(Cause::InvalidKey("a pathname here, with `base`, must have at most 950 characters"));
        }
        Ok(())
    }

    async fn has(&self, key: &str, options: &RequestOptions) -> Result<bool, Cause> {
        Ok(self.told(key, options).await?.is_some())
    }

    async fn get(&self, key: &str, options: &RequestOptions) -> Result<Option<Bytes>, Cause> {
        let url = self.blobs.at(&format!("/{}", encoded_path(&self.pathname(key))));
        let mut request = Request::new(Method::GET, url);
        request.headers.insert(AUTHORIZATION, self.authorization.clone());
        add_own_headers(&mut request.headers, &options.headers)?;
        let reply = self.service.ask(request).await?;
        match reply.status {
            // This host has no code for a miss.
            StatusCode::NOT_FOUND if code(&reply).is_none_or(|code| code == NOT_FOUND) => Ok(None),
            status if status.is_success() => Ok(Some(reply.body)),
            _ => Err(self.service.refusal(&reply).into()),
        }
    }

    async fn set(&self, key: &str, value: Bytes, options: &RequestOptions) -> Result<(), Cause> {
        let mut request = self.request(Method::PUT, "/", &[("pathname", &self.pathname(key))], options)?.body(value);
        let asked = of_call::<WriteOptions>(options)?.headers(self.access).map_err(Cause::InvalidOptions)?;
        for (name, value) in asked {
            request.headers.entry(HeaderName::from_static(name)).or_insert(value);
        }
        // Carried out, it would not find what it has to.
        let overwrites = request.headers.get(OVERWRITE) == Some(&YES);
        request.repeatable = overwrites && !request.headers.contains_key(IF_MATCH);
        self.service.send(request).await.map(drop)
    }

    async fn remove(&self, key: &str, options: &RequestOptions) -> Result<(), Cause> {
        self.remove_names(&[&self.pathname(key)], options).await
    }

    async fn meta(&self, key: &str, options: &RequestOptions) -> Result<Fields, Cause> {
        let told = self.told(key, options).await?.unwrap_or_default();
        let text = |name: &&'static str| {
            let text = told.get(*name).and_then(Value::as_str);
            ((*name).into(), text.map_or(Field::Absent, |text| Field::Text(text.to_owned())))
        };
        let size = told.get("size").and_then(Value::as_f64).map_or(Field::Absent, Field::Number);
        let mut fields: Fields = TOLD.iter().map(text).collect();
        fields.push(("size".into(), size));
        Ok(fields)
    }

    async fn list(&self, base: &str, options: &RequestOptions) -> Result<Vec<Found>, Cause> {
        let prefix = format!("{}{}", self.prefix, base.replace(':', "/"));
        let (mut found, mut pages) = (Vec::new(), Pages::default());
        loop {
            let request = self.request(Method::GET, "", &pages.query(&prefix), options)?;
            let reply = self.service.send(request).await?;
            let page: Page =
                serde_json::from_slice(&reply.body).map_err(|_| self.service.unexpected(&reply, "a list of blobs"))?;
            let names = page.blobs.into_iter().map(|blob| blob.pathname);
            found.extend(
                names.filter_map(|name| Some(Found { key: name.strip_prefix(&self.prefix)?.to_owned(), name })),
            );
            if !pages.turn(&self.service, &reply, found.len(), page.cursor)? {
                return Ok(found);
            }
        }
    }

    async fn remove_many(&self, found: Vec<Found>, options: &RequestOptions) -> Result<(), Cause> {
        for part in found.chunks(REMOVED_TOGETHER) {
            let names: Vec<&str> = part.iter().map(|found| found.name.as_str()).collect();
            self.remove_names(&names, options).await?;
        }
        Ok(())
    }
}
