//! Items as blobs of a store of Netlify's, under the keys that unstorage's driver gives them.
//!
//! `GET`, `HEAD`, `PUT` and `DELETE` of `/SITE/STORE/KEY`, and `GET /SITE/STORE` in pages. The edge answers itself; the API gives out a signed
//! URL for each content that is read or written. Netlify documents its client, which this speaks as.
//! <https://docs.netlify.com/build/data-and-storage/netlify-blobs/>, <https://github.com/netlify/primitives/tree/main/packages/blobs>

use std::time::Duration;

use base64::{Engine, prelude::BASE64_STANDARD};
use bytes::Bytes;
use futures_util::FutureExt;
use percent_encoding::{AsciiSet, CONTROLS, utf8_percent_encode};
use serde::{Deserialize, Serialize, de::IgnoredAny};

use super::{invalid, options::of_call};
use crate::{
    driver::{Capabilities, Field, Fields, Found, RequestOptions, Store, all},
    error::{Cause, StorageError},
    http::{
        Address, Limits, Method, Pages, Reply, Request, Service, StatusCode, Url, add_own_headers, encoded,
        header::{
            ACCEPT, AUTHORIZATION, CACHE_CONTROL, CONTENT_TYPE, HeaderName, HeaderValue, IF_MATCH, IF_NONE_MATCH,
        },
        query, secret,
    },
};

/// Most bytes of a blob's key, and of a store's name.
const LONGEST_KEY: usize = 600;
const LONGEST_STORE: usize = 64;

const LEADS_ELSEWHERE: &str = "a key here must not begin with a slash, and have no `.` or `..` between slashes";

/// What a URL's path cannot have. The colons of keys stay, as Netlify's client leaves them.
const OUTSIDE_PATHS: &AsciiSet = &CONTROLS
    .add(b' ')
    .add(b'"')
    .add(b'#')
    .add(b'%')
    .add(b'<')
    .add(b'>')
    .add(b'?')
    .add(b'\\')
    .add(b'^')
    .add(b'`')
    .add(b'{')
    .add(b'}');

const NO_UNCACHED_EDGE: &str = "with `consistency: \"strong\"`, the option `uncachedEdgeURL` is required";

const TEXT: HeaderValue = HeaderValue::from_static("text/plain;charset=UTF-8");
const SIGNED_URL: HeaderValue = HeaderValue::from_static("application/json;type=signed-url");
/// As Netlify's client has it: what was overwritten may be given for one more minute, and no longer.
const LIFE_IN_CACHES: HeaderValue = HeaderValue::from_static("max-age=0, stale-while-revalidate=60");
/// The API's name of it, and the edge's.
const METADATA: [&str; 2] = ["netlify-blobs-metadata", "x-amz-meta-user"];
/// What is in front of it, in base64, and most bytes of it, with the API's name.
const PACKED: &str = "b64;";
const MOST_METADATA: usize = 2048;

#[derive(Deserialize, Serialize, Default)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, rename_all = "camelCase", default)]
pub struct NetlifyBlobsOptions {
    /// The store's name. Required, unless `deployScoped` is true.
    #[cfg_attr(feature = "schema", schemars(with = "String"))]
    name: Option<String>,
    /// The store belongs to the deploy and goes with it, and has no name.
    deploy_scoped: bool,
    /// The deploy's id. By default the one that Netlify's functions run in.
    #[serde(rename = "deployID")]
    #[cfg_attr(feature = "schema", schemars(with = "String"))]
    deploy_id: Option<String>,
    /// The site's id. Netlify's functions know it.
    #[serde(rename = "siteID")]
    #[cfg_attr(feature = "schema", schemars(with = "String"))]
    site_id: Option<String>,
    /// A token that may use the site's blobs. Netlify's functions have one.
    #[cfg_attr(feature = "schema", schemars(with = "String", extend("x-secret" = true)))]
    token: Option<String>,
    /// The region of a deploy's store.
    #[cfg_attr(feature = "schema", schemars(with = "String"))]
    region: Option<String>,
    /// Where the API is. By default `https://api.netlify.com`.
    #[serde(rename = "apiURL")]
    #[cfg_attr(feature = "schema", schemars(with = "String"))]
    api_url: Option<String>,
    /// Where the edge is, which is asked instead of the API. Netlify's functions know it.
    #[serde(rename = "edgeURL")]
    #[cfg_attr(feature = "schema", schemars(with = "String"))]
    edge_url: Option<String>,
    /// Where the edge is that keeps no copies.
    #[serde(rename = "uncachedEdgeURL")]
    #[cfg_attr(feature = "schema", schemars(with = "String"))]
    uncached_edge_url: Option<String>,
    /// With `strong`, the edge's reads see every earlier write, and take longer.
    #[cfg_attr(feature = "schema", schemars(extend("x-type" = "\"eventual\" | \"strong\"")))]
    consistency: Consistency,
    /// How long a request may take, and how often it is tried.
    limits: Option<Limits>,
}

#[derive(Deserialize, Serialize, Default, Clone, Copy, PartialEq)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(inline))]
#[serde(rename_all = "camelCase")]
enum Consistency {
    #[default]
    Eventual,
    Strong,
}

/// What a call asks, as Netlify's client takes it.
#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
struct CallOptions {
    consistency: Option<Consistency>,
    /// As JSON.
    metadata: Option<String>,
    only_if_match: Option<String>,
    only_if_new: Option<bool>,
}

impl CallOptions {
    fn metadata(&self) -> Result<Option<HeaderValue>, String> {
        let Some(json) = &self.metadata else { return Ok(None) };
        if json.is_empty() {
            return Err("the option `metadata` must be what JSON has a text for".into());
        }
        let packed = format!("{PACKED}{}", BASE64_STANDARD.encode(json));
        if METADATA[0].len() + packed.len() > MOST_METADATA {
            return Err("the option `metadata` must have at most 2 KB, packed".into());
        }
        Ok(secret(&packed))
    }

    fn condition(&self) -> Result<Option<(HeaderName, HeaderValue)>, String> {
        let etag = filled(self.only_if_match.as_ref());
        match (etag, self.only_if_new.unwrap_or(false)) {
            (Some(_), true) => Err("the options `onlyIfMatch` and `onlyIfNew` exclude each other".into()),
            (Some(etag), false) => {
                let etag = HeaderValue::from_str(etag).map_err(|_| "the option `onlyIfMatch` must be an etag")?;
                Ok(Some((IF_MATCH, etag)))
            }
            (None, true) => Ok(Some((IF_NONE_MATCH, HeaderValue::from_static("*")))),
            (None, false) => Ok(None),
        }
    }
}

fn filled(text: Option<&String>) -> Option<&str> {
    text.map(String::as_str).filter(|text| !text.is_empty())
}

/// Of the URL only the server counts.
fn server(option: &str, text: &str) -> Result<Address, String> {
    Address::parse(option, &Address::parse(option, text)?.at("/").origin().ascii_serialization())
}

impl NetlifyBlobsOptions {
    /// As Netlify calls the store.
    fn store(&self) -> Result<String, String> {
        let is_word = |text: &str| text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
        match (self.deploy_scoped, filled(self.name.as_ref())) {
            (true, Some(_)) => Err("a store of a deploy has no name: leave out the option `name`".into()),
            (true, None) => match filled(self.deploy_id.as_ref()) {
                Some(id) if is_word(id) && id.len() <= 24 => Ok(format!("deploy:{id}")),
                Some(_) => Err("the option `deployID` must be a deploy's id".into()),
                None => Err("the option `deployID` is required, where no function of Netlify's runs".into()),
            },
            (false, None) => Err("the option `name` is required".into()),
            (false, Some(name)) if name.contains('/') || encoded(name).len() > LONGEST_STORE => {
                Err("the option `name` must have no slash, and at most 64 bytes, encoded as in a URL".into())
            }
            (false, Some(name)) => Ok(format!("site:{}", encoded(name))),
        }
    }

    fn open(self) -> Result<NetlifyBlobs, String> {
        let store = self.store()?;
        let required = |name: &str| format!("the option `{name}` is required, where no function of Netlify's runs");
        let site = encoded(filled(self.site_id.as_ref()).ok_or_else(|| required("siteID"))?);
        let token = filled(self.token.as_ref()).ok_or_else(|| required("token"))?;
        let authorization = secret(&format!("Bearer {token}")).ok_or("the option `token` must be a token")?;
        let edge = filled(self.edge_url.as_ref()).map(|url| ("edgeURL", url));
        let uncached = filled(self.uncached_edge_url.as_ref()).map(|url| ("uncachedEdgeURL", url));
        if self.consistency == Consistency::Strong && edge.is_some() && uncached.is_none() {
            return Err(NO_UNCACHED_EDGE.into());
        }
        let mut region = filled(self.region.as_ref());
        if region.is_some_and(|region| !region.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')) {
            return Err("the option `region` must be a region's name".into());
        }
        if self.deploy_scoped && region.is_none() {
            if edge.is_some() {
                return Err("the option `region` is required for a deploy's store at the edge".into());
            }
            region = Some("auto");
        }
        let (place, region) = if let Some((option, url)) = edge {
            let region = region.map(|region| format!("region:{region}/")).unwrap_or_default();
            let path = format!("{region}{site}/{store}");
            let at = |(option, url)| server(option, url).map(|server| server.under(&path));
            let uncached = uncached.map(at).transpose()?;
            (Place::Edge { cached: at((option, url))?, uncached }, None)
        } else {
            let url = filled(self.api_url.as_ref()).unwrap_or("https://api.netlify.com");
            let api = server("apiURL", url)?.under(&format!("api/v1/blobs/{site}/{store}"));
            (Place::Api(api), region.map(str::to_owned))
        };
        let secrets = vec![token.to_owned()];
        Ok(NetlifyBlobs {
            place,
            consistency: self.consistency,
            region,
            authorization,
            service: Service::new(self.limits, secrets, words),
        })
    }
}

/// What Netlify says of a request that it refuses.
fn words(reply: &Reply) -> Option<String> {
    reply.header("x-nf-error").map(str::to_owned).or_else(|| crate::http::json_words(reply))
}

pub struct NetlifyBlobs {
    place: Place,
    consistency: Consistency,
    /// Which the API is told with each request; the edge has it in its address.
    region: Option<String>,
    authorization: HeaderValue,
    service: Service,
}

/// Where the store is.
enum Place {
    Edge {
        cached: Address,
        uncached: Option<Address>,
    },
    /// Contents are read and written by signed URLs.
    Api(Address),
}

#[derive(Deserialize)]
struct Signed {
    url: String,
}

#[derive(Deserialize)]
struct Page {
    blobs: Vec<Blob>,
    next_cursor: Option<String>,
}

#[derive(Deserialize)]
struct Blob {
    key: String,
}

impl NetlifyBlobs {
    pub fn new(options: NetlifyBlobsOptions) -> Result<Self, StorageError> {
        options.open().map_err(|message| invalid("netlify-blobs", message))
    }

    /// A request to the edge or the API, about the whole store or a blob.
    fn request(
        &self,
        method: Method,
        path: &str,
        pairs: &[(&str, &str)],
        options: &RequestOptions,
    ) -> Result<Request, Cause> {
        let consistency = of_call::<CallOptions>(options)?.consistency.unwrap_or(self.consistency);
        let store = match (&self.place, consistency) {
            (Place::Edge { cached: store, .. }, Consistency::Eventual) | (Place::Api(store), _) => store,
            (Place::Edge { uncached, .. }, Consistency::Strong) => {
                uncached.as_ref().ok_or_else(|| Cause::InvalidOptions(NO_UNCACHED_EDGE.into()))?
            }
        };
        let mut request = Request::new(method, store.at(path));
        let region = self.region.as_deref().map(|region| ("region", region));
        let query = query(pairs.iter().copied().chain(region));
        request.url.set_query(Some(query.as_str()).filter(|query| !query.is_empty()));
        request.headers.insert(AUTHORIZATION, self.authorization.clone());
        add_own_headers(&mut request.headers, &options.headers)?;
        Ok(request)
    }

    fn blob(&self, method: Method, key: &str, options: &RequestOptions) -> Result<Request, Cause> {
        check_key(key)?;
        self.request(method, &path_of(key), &[], options)
    }

    /// A request for a blob's content, or with it and its metadata.
    async fn content(
        &self,
        method: Method,
        key: &str,
        metadata: Option<HeaderValue>,
        options: &RequestOptions,
    ) -> Result<Request, Cause> {
        let [of_api, of_edge] = METADATA;
        let add = |request: &mut Request, name| {
            if let Some(metadata) = &metadata {
                request.headers.entry(name).or_insert(metadata.clone());
            }
        };
        let mut request = self.blob(method.clone(), key, options)?;
        if let Place::Edge { .. } = self.place {
            add(&mut request, of_edge);
            return Ok(request);
        }
        add(&mut request, of_api);
        request.headers.insert(ACCEPT, SIGNED_URL);
        let reply = self.service.send(request).await?;
        let signed = serde_json::from_slice(&reply.body).ok().and_then(|Signed { url }| Url::parse(&url).ok());
        let signed = signed.filter(|url| matches!(url.scheme(), "http" | "https") && url.has_host());
        let url = signed.ok_or_else(|| self.service.unexpected(&reply, "a signed URL"))?;
        let mut request = Request::new(method, url);
        add_own_headers(&mut request.headers, &options.headers)?;
        add(&mut request, of_edge);
        Ok(request)
    }

    /// Removes a blob by the name with which it is listed.
    async fn remove_listed(&self, name: &str, options: &RequestOptions) -> Result<(), Cause> {
        check_name(name)?;
        let path = format!("/{}", utf8_percent_encode(name, OUTSIDE_PATHS));
        self.service.find(self.request(Method::DELETE, &path, &[], options)?).await.map(drop)
    }
}

/// As Netlify's client has keys in URLs: what is encoded in a key stays so, and the blob has the name that this stands for. A percent sign
/// that encodes nothing would be a URL's error.
fn path_of(key: &str) -> String {
    let mut parts = key.split('%').map(|part| (part, utf8_percent_encode(part, OUTSIDE_PATHS)));
    let mut path = String::from("/");
    path.extend(parts.next().into_iter().flat_map(|(_, encoded)| encoded));
    for (part, encoded) in parts {
        let encodes = part.bytes().take(2).filter(u8::is_ascii_hexdigit).count() == 2;
        path.push_str(if encodes { "%" } else { "%25" });
        path.extend(encoded);
    }
    path
}

fn check_key(key: &str) -> Result<(), Cause> {
    // What is encoded leads a URL elsewhere, too.
    let plain = [("%2e", "."), ("%2f", "/"), ("%5c", "/"), ("\\", "/")]
        .into_iter()
        .fold(key.to_ascii_lowercase(), |key, (encoded, char)| key.replace(encoded, char));
    if key.to_ascii_lowercase().starts_with("%2f") || plain.split('/').any(is_dots) {
        return Err(Cause::InvalidKey(LEADS_ELSEWHERE));
    }
    check_name(key)
}

fn is_dots(segment: &str) -> bool {
    matches!(segment, "." | "..")
}

/// A URL would lead elsewhere with other names.
fn check_name(name: &str) -> Result<(), Cause> {
    if name.is_empty() || name.len() > LONGEST_KEY {
        return Err(Cause::InvalidKey("a key here must have 1 to 600 bytes"));
    }
    if name.starts_with('/') || name.split('/').any(is_dots) {
        return Err(Cause::InvalidKey(LEADS_ELSEWHERE));
    }
    Ok(())
}

impl Store for NetlifyBlobs {
    fn name(&self) -> &'static str {
        "netlify-blobs"
    }

    fn capabilities(&self) -> Capabilities {
        Capabilities { ttl: false, max_depth: true, sized: false }
    }

    fn patience(&self) -> Option<Duration> {
        self.service.patience()
    }

    fn check(&self, key: &str) -> Result<(), Cause> {
        check_key(key)
    }

    async fn has(&self, key: &str, options: &RequestOptions) -> Result<bool, Cause> {
        Ok(self.service.find(self.blob(Method::HEAD, key, options)?).await?.is_some())
    }

    async fn get(&self, key: &str, options: &RequestOptions) -> Result<Option<Bytes>, Cause> {
        let request = self.content(Method::GET, key, None, options).await?;
        Ok(self.service.find(request).await?.map(|reply| reply.body))
    }

    async fn set(&self, key: &str, value: Bytes, options: &RequestOptions) -> Result<(), Cause> {
        let asked: CallOptions = of_call(options)?;
        let condition = asked.condition().map_err(Cause::InvalidOptions)?;
        let metadata = asked.metadata().map_err(Cause::InvalidOptions)?;
        let mut request = self.content(Method::PUT, key, metadata, options).await?.body(value);
        request.headers.entry(CACHE_CONTROL).or_insert(LIFE_IN_CACHES);
        if !options.raw {
            request.headers.entry(CONTENT_TYPE).or_insert(TEXT);
        }
        let Some((name, value)) = condition else { return self.service.send(request).await.map(drop) };
        request.headers.insert(name, value);
        let reply = self.service.ask(request).await?;
        // What is there stays, and that is what was asked.
        let is_settled = reply.status.is_success() || reply.status == StatusCode::PRECONDITION_FAILED;
        if is_settled { Ok(()) } else { Err(self.service.refusal(&reply).into()) }
    }

    async fn remove(&self, key: &str, options: &RequestOptions) -> Result<(), Cause> {
        self.service.find(self.blob(Method::DELETE, key, options)?).await.map(drop)
    }

    /// The etag, and as JSON what was kept with the blob.
    async fn meta(&self, key: &str, options: &RequestOptions) -> Result<Fields, Cause> {
        let request = self.blob(Method::HEAD, key, options)?;
        let Some(reply) = self.service.find(request).await? else {
            return Ok(vec![("etag".into(), Field::Absent), ("metadata".into(), Field::Absent)]);
        };
        let etag = reply.header("etag").map_or(Field::Absent, |etag| Field::Text(etag.to_owned()));
        let metadata = metadata(&reply).ok_or_else(|| self.service.unexpected(&reply, "one with readable metadata"))?;
        Ok(vec![("etag".into(), etag), ("metadata".into(), Field::Text(metadata))])
    }

    async fn list(&self, base: &str, options: &RequestOptions) -> Result<Vec<Found>, Cause> {
        let (mut found, mut pages) = (Vec::new(), Pages::default());
        loop {
            let request = self.request(Method::GET, "", &pages.query(base), options)?;
            // Nothing was written yet to a store that is not there.
            let Some(reply) = self.service.find(request).await? else { return Ok(found) };
            let page: Page =
                serde_json::from_slice(&reply.body).map_err(|_| self.service.unexpected(&reply, "a list of blobs"))?;
            found.extend(page.blobs.into_iter().map(|Blob { key }| Found { key: key.clone(), name: key }));
            if !pages.turn(&self.service, &reply, found.len(), page.next_cursor)? {
                return Ok(found);
            }
        }
    }

    async fn remove_many(&self, found: Vec<Found>, options: &RequestOptions) -> Result<(), Cause> {
        let remove = |Found { key, name }: Found| {
            async move { self.remove_listed(&name, options).await.map_err(|cause| cause.of(&key)) }.boxed()
        };
        all(found.into_iter().map(remove).collect()).await
    }
}

/// `b64;` and JSON, or nothing.
fn metadata(reply: &Reply) -> Option<String> {
    let given = METADATA.into_iter().find_map(|name| reply.header(name).filter(|text| !text.is_empty()));
    let Some(packed) = given.and_then(|text| text.strip_prefix(PACKED)) else { return Some("{}".into()) };
    let text = String::from_utf8(BASE64_STANDARD.decode(packed).ok()?).ok()?;
    serde_json::from_str::<IgnoredAny>(&text).ok().map(|_| text)
}
