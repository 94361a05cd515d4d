//! The files of a branch of a GitHub repository, as they are: nothing is written.
//!
//! `GET /repos/OWNER/NAME/git/trees/BRANCH?recursive=1` tells of all files, and is asked again when `ttl` is over, by the first call that
//! comes. Where these are more than GitHub tells at once, the trees in it are asked for. A file is read from the network that GitHub keeps
//! for that.
//! <https://docs.github.com/en/rest/git/trees#get-a-tree>

use std::{
    collections::{BTreeMap, HashSet},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::Poll,
    time::Duration,
};

use bytes::Bytes;
use futures_util::{
    FutureExt, StreamExt, TryStreamExt,
    future::{BoxFuture, Shared},
    stream,
};
use ring::digest::{Context, SHA1_FOR_LEGACY_USE_ONLY, SHA256};
use serde::{Deserialize, Serialize};
use tokio::time::Instant;

use super::invalid;
use crate::{
    driver::{COPIED_NOW, Capabilities, Field, Fields, Found, RequestOptions, Store},
    error::{Cause, Failure, StorageError},
    http::{
        Address, Limits, Method, Request, Service, add_own_headers, encoded, encoded_path,
        header::{ACCEPT, AUTHORIZATION, HeaderMap, HeaderValue},
        json_words, query, secret, segments,
    },
    key::{KeyList, Listing},
};

/// Contents of so many bytes are kept until their files change.
const KEPT: usize = 64 << 20;
/// How many trees are asked for at once.
const ASKED_TOGETHER: usize = 8;

#[derive(Deserialize, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, rename_all = "camelCase", default)]
pub struct GithubOptions {
    /// The repository, as `owner/name`.
    #[cfg_attr(feature = "schema", schemars(extend("x-required" = true)))]
    repo: String,
    /// The branch, or a tag or a commit.
    branch: String,
    /// The folder whose files are the items.
    dir: String,
    /// How many seconds the list of files holds.
    ttl: f64,
    /// A token, for private repositories and for more than 60 requests an hour.
    #[cfg_attr(feature = "schema", schemars(with = "String", extend("x-secret" = true)))]
    token: Option<String>,
    /// Where the API is.
    #[serde(rename = "apiURL")]
    api_url: String,
    /// Where files are read from.
    #[serde(rename = "cdnURL")]
    cdn_url: String,
    /// How long a request may take, and how often it is tried.
    limits: Option<Limits>,
}

impl Default for GithubOptions {
    fn default() -> Self {
        Self {
            repo: String::new(),
            branch: "main".into(),
            dir: String::new(),
            ttl: 600.0,
            token: None,
            api_url: "https://api.github.com".into(),
            cdn_url: "https://raw.githubusercontent.com".into(),
            limits: None,
        }
    }
}

pub struct Github(Arc<Repository>);

struct Repository {
    api: Address,
    cdn: Address,
    /// Where trees are, below the API's address.
    trees: String,
    /// In a path.
    branch: String,
    /// In front of the files' paths; empty, or with a slash at its end.
    dir: String,
    /// Where files are read, below the network's address.
    files: String,
    ttl: Duration,
    headers: HeaderMap,
    service: Service,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    known: Option<(Arc<Files>, Instant)>,
    /// Whoever comes while the list is fetched waits for that.
    fetching: Option<Fetching>,
    contents: Contents,
}

impl State {
    /// The files, where their list still holds.
    fn known(&self, ttl: Duration) -> Option<&Arc<Files>> {
        self.known.as_ref().filter(|(_, since)| since.elapsed() < ttl).map(|(files, _)| files)
    }
}

type Fetching = Shared<BoxFuture<'static, Result<Arc<Files>, Failure>>>;

/// By key.
type Files = BTreeMap<String, File>;

struct File {
    path: String,
    sha: String,
    mode: String,
    size: f64,
}

/// By what GitHub calls a content.
#[derive(Default)]
struct Contents {
    by_sha: BTreeMap<String, Bytes>,
    bytes: usize,
}

impl Contents {
    /// What the network still gives of a file that has changed is not kept under the new content's name.
    fn add(&mut self, sha: &str, content: &Bytes) {
        if is_named(sha, content) && self.bytes + content.len() <= KEPT && !self.by_sha.contains_key(sha) {
            self.bytes += content.len();
            self.by_sha.insert(sha.to_owned(), content.clone());
        }
    }

    /// Lets go of what is in no file any more.
    fn keep_only(&mut self, files: &Files) {
        let used: HashSet<&str> = files.values().map(|file| file.sha.as_str()).collect();
        self.by_sha.retain(|sha, _| used.contains(sha.as_str()));
        self.bytes = self.by_sha.values().map(Bytes::len).sum();
    }
}

#[derive(Deserialize)]
struct Tree {
    #[serde(default)]
    sha: String,
    #[serde(rename = "tree")]
    nodes: Vec<Node>,
    #[serde(default)]
    truncated: bool,
}

#[derive(Deserialize)]
struct Node {
    path: String,
    r#type: String,
    sha: String,
    mode: String,
    #[serde(default)]
    size: f64,
}

impl Github {
    pub fn new(options: GithubOptions) -> Result<Self, StorageError> {
        let refused = |message: String| invalid("github", message);
        if options.repo.is_empty() {
            return Err(refused("the option `repo` is required".into()));
        }
        let is_path = |text: &str| !segments(text).any(|segment| matches!(segment, "." | ".."));
        if options.repo.split('/').filter(|part| !part.is_empty()).count() != 2 || !is_path(&options.repo) {
            return Err(refused("the option `repo` must be `owner/name`".into()));
        }
        for (name, value) in [("branch", &options.branch), ("dir", &options.dir)] {
            if !is_path(value) {
                return Err(refused(format!("the option `{name}` must have no `.` or `..` segment")));
            }
        }
        let mut headers = HeaderMap::new();
        let token = options.token.filter(|token| !token.is_empty());
        if let Some(token) = &token {
            let value = secret(&format!("token {token}"));
            headers.insert(AUTHORIZATION, value.ok_or_else(|| refused("the option `token` must be a token".into()))?);
        }
        let dir = segments(&options.dir).flat_map(|segment| [segment, "/"]).collect();
        let (repo, branch) = (encoded_path(&options.repo), encoded_path(&options.branch));
        Ok(Self(Arc::new(Repository {
            api: Address::parse("apiURL", &options.api_url).map_err(refused)?,
            cdn: Address::parse("cdnURL", &options.cdn_url).map_err(refused)?,
            trees: format!("/repos/{repo}/git/trees"),
            dir,
            files: format!("/{repo}/{branch}"),
            branch,
            // What is too much for a duration holds for ever.
            ttl: Duration::try_from_secs_f64(options.ttl.max(0.0)).unwrap_or(Duration::MAX),
            headers,
            service: Service::new(options.limits, token.into_iter().collect(), json_words),
            state: Mutex::default(),
        })))
    }
}

impl Repository {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The files, as they are known, or fetched now.
    async fn files(self: &Arc<Self>) -> Result<Arc<Files>, Cause> {
        let fetching = {
            let mut state = self.lock();
            if let Some(files) = state.known(self.ttl) {
                return Ok(Arc::clone(files));
            }
            let repository = Arc::clone(self);
            let fetch = || async move { repository.fetch().await }.boxed().shared();
            state.fetching.get_or_insert_with(fetch).clone()
        };
        Ok(fetching.await?)
    }

    async fn fetch(self: Arc<Self>) -> Result<Arc<Files>, Failure> {
        let result = self.ask().await.map(Arc::new);
        let mut state = self.lock();
        // The next call begins anew, whatever came of this.
        state.fetching = None;
        if let Ok(files) = &result {
            state.contents.keep_only(files);
            state.known = Some((Arc::clone(files), Instant::now()));
        }
        result
    }

    async fn ask(&self) -> Result<Files, Failure> {
        let (mut files, mut trees) = (Files::new(), vec![(self.branch.clone(), String::new())]);
        while !trees.is_empty() {
            let asked = trees.iter().map(|(name, path)| self.nodes(name, path).boxed()).collect::<Vec<_>>();
            let found: Vec<_> = stream::iter(asked).buffered(ASKED_TOGETHER).try_collect().await?;
            trees.clear();
            for Node { path, r#type, sha, mode, size } in found.into_iter().flatten() {
                if r#type == "tree" {
                    trees.push((sha, format!("{path}/")));
                } else if let Some(key) = path.strip_prefix(&self.dir) {
                    files.insert(key.replace('/', ":"), File { path, sha, mode, size });
                }
            }
        }
        Ok(files)
    }

    /// The files of a tree, or where these are too many, the files and the trees at its top that may hold items. `path` is empty, or has a
    /// slash at its end.
    async fn nodes(&self, name: &str, path: &str) -> Result<Vec<Node>, Failure> {
        let whole = self.tree(name, true).await?;
        // By its own name, since the branch may have moved on.
        let is_split = whole.truncated;
        let tree = if is_split { self.tree(&whole.sha, false).await? } else { whole };
        let nodes = tree.nodes.into_iter().map(|node| Node { path: format!("{path}{}", node.path), ..node });
        let may_hold =
            |path: &str| format!("{path}/").starts_with(&self.dir) || self.dir.starts_with(&format!("{path}/"));
        let is_asked = |node: &Node| match node.r#type.as_str() {
            "blob" => true,
            "tree" => is_split && may_hold(&node.path),
            _ => false,
        };
        Ok(nodes.filter(is_asked).collect())
    }

    async fn tree(&self, name: &str, is_recursive: bool) -> Result<Tree, Failure> {
        let mut request = Request::new(Method::GET, self.api.at(&format!("{}/{name}", self.trees)));
        request.url.set_query(is_recursive.then(|| query([("recursive", "1")])).as_deref());
        request.headers = self.headers.clone();
        request.headers.insert(ACCEPT, HeaderValue::from_static("application/vnd.github+json"));
        let reply = self.service.send(request).await.map_err(Cause::into_failure)?;
        let unexpected = |what| self.service.unexpected(&reply, what);
        let tree: Tree = serde_json::from_slice(&reply.body).map_err(|_| unexpected("a list of files"))?;
        let is_name = |name: &str| !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_hexdigit());
        if tree.truncated && !(is_recursive && is_name(&tree.sha)) {
            return Err(unexpected("a whole list of files: a folder has more than GitHub tells at once"));
        }
        Ok(tree)
    }

    async fn read(&self, file: &File, options: &RequestOptions) -> Result<Bytes, Cause> {
        if let Some(content) = self.lock().contents.by_sha.get(&file.sha) {
            return Ok(content.clone());
        }
        let url = self.cdn.at(&format!("{}/{}", self.files, encoded_path_of(&file.path)));
        let mut request = Request::new(Method::GET, url);
        request.headers = self.headers.clone();
        add_own_headers(&mut request.headers, &options.headers)?;
        let content = self.service.send(request).await?.body;
        self.lock().contents.add(&file.sha, &content);
        Ok(content)
    }
}

/// Whether Git names a content so: by SHA-1, or in newer repositories SHA-256, of it and its length.
fn is_named(sha: &str, content: &[u8]) -> bool {
    let algorithm = if sha.len() == 64 { &SHA256 } else { &SHA1_FOR_LEGACY_USE_ONLY };
    let mut hash = Context::new(algorithm);
    hash.update(format!("blob {}\0", content.len()).as_bytes());
    hash.update(content);
    let name = hash.finish();
    name.as_ref().iter().map(|byte| format!("{byte:02x}")).eq(sha.as_bytes().chunks(2).map(String::from_utf8_lossy))
}

/// A file's path, whose names may have colons.
fn encoded_path_of(path: &str) -> String {
    path.split('/').map(encoded).collect::<Vec<_>>().join("/")
}

impl Store for Github {
    fn name(&self) -> &'static str {
        "github"
    }

    fn capabilities(&self) -> Capabilities {
        Capabilities { ttl: false, max_depth: true, sized: false }
    }

    fn patience(&self) -> Option<Duration> {
        self.0.service.patience()
    }

    fn check(&self, _: &str) -> Result<(), Cause> {
        Ok(())
    }

    fn has_now(&self, key: &str) -> Poll<bool> {
        self.0.lock().known(self.0.ttl).map_or(Poll::Pending, |files| Poll::Ready(files.contains_key(key)))
    }

    fn get_now(&self, key: &str) -> Poll<Option<Bytes>> {
        let state = self.0.lock();
        let Some(files) = state.known(self.0.ttl) else { return Poll::Pending };
        let Some(file) = files.get(key) else { return Poll::Ready(None) };
        let content = state.contents.by_sha.get(&file.sha).filter(|content| content.len() <= COPIED_NOW);
        content.map_or(Poll::Pending, |content| Poll::Ready(Some(content.clone())))
    }

    async fn has(&self, key: &str, _: &RequestOptions) -> Result<bool, Cause> {
        Ok(self.0.files().await?.contains_key(key))
    }

    async fn get(&self, key: &str, options: &RequestOptions) -> Result<Option<Bytes>, Cause> {
        match self.0.files().await?.get(key) {
            Some(file) => self.0.read(file, options).await.map(Some),
            None => Ok(None),
        }
    }

    async fn set(&self, _: &str, _: Bytes, _: &RequestOptions) -> Result<(), Cause> {
        Ok(())
    }

    async fn remove(&self, _: &str, _: &RequestOptions) -> Result<(), Cause> {
        Ok(())
    }

    async fn meta(&self, key: &str, _: &RequestOptions) -> Result<Fields, Cause> {
        let files = self.0.files().await?;
        let file = files.get(key);
        let text = |text: Option<&String>| text.map_or(Field::Absent, |text| Field::Text(text.clone()));
        Ok(vec![
            ("sha".into(), text(file.map(|file| &file.sha))),
            ("mode".into(), text(file.map(|file| &file.mode))),
            ("size".into(), file.map_or(Field::Absent, |file| Field::Number(file.size))),
        ])
    }

    async fn list(&self, base: &str, _: &RequestOptions) -> Result<Vec<Found>, Cause> {
        let files = self.0.files().await?;
        let under = files.range(base.to_owned()..).take_while(|(key, _)| key.starts_with(base));
        Ok(under.map(|(key, file)| Found { key: key.clone(), name: file.path.clone() }).collect())
    }

    async fn clear(&self, _: &Listing, _: &RequestOptions) -> Result<KeyList, Cause> {
        Ok(KeyList::default())
    }
}
