//! Keys, and where they come from if they are not given: the environment, shared files, and the endpoints of containers and
//! instances, in the order of <https://docs.aws.amazon.com/sdkref/latest/guide/standardized-credentials.html>.

use std::{
    collections::HashMap,
    fs,
    net::IpAddr,
    time::{Duration, Instant, SystemTime},
};

use serde::Deserialize;
use tokio::{sync::Mutex, task::spawn_blocking};

use super::profile;
use crate::{
    error::{Cause, Failure},
    http::{
        Limits, Method, Reply, Request, Service, StatusCode, Url,
        header::{AUTHORIZATION, HeaderName, HeaderValue},
        json_words, secret,
    },
};

#[derive(Clone)]
pub struct Credentials {
    pub id: String,
    pub secret: String,
    pub token: Option<String>,
    pub expires: Option<SystemTime>,
}

impl Credentials {
    /// They still hold so much later.
    fn hold_for(&self, time: Duration) -> bool {
        self.expires.is_none_or(|end| SystemTime::now() + time < end)
    }
}

/// Keys that end are asked for anew so long before.
const EARLY: Duration = Duration::from_secs(300);
/// Where there are none is not looked again so soon: whoever waits for the first that looked would look one after the other.
const AGAIN: Duration = Duration::from_secs(1);
/// What is not there does not answer.
const PATIENCE: u64 = 1000;

const CONTAINERS: &str = "http://169.254.170.2";
const INSTANCES: &str = "http://169.254.169.254";
const INSTANCE_TOKEN: HeaderName = HeaderName::from_static("x-aws-ec2-metadata-token");
const INSTANCE_TOKEN_TTL: HeaderName = HeaderName::from_static("x-aws-ec2-metadata-token-ttl-seconds");

pub enum Provider {
    Given(Credentials),
    Found(Box<Search>),
}

/// Where keys are looked for.
pub struct Search {
    environment: HashMap<String, String>,
    service: Service,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    known: Option<Credentials>,
    failed: Option<(Instant, Failure)>,
}

impl Provider {
    pub fn of_environment(environment: HashMap<String, String>) -> Self {
        let service = Service::nearby(Limits::new(PATIENCE, 1), json_words);
        Self::Found(Box::new(Search { environment, service, state: Mutex::default() }))
    }

    pub async fn get(&self) -> Result<Credentials, Cause> {
        let search = match self {
            Self::Given(credentials) => return Ok(credentials.clone()),
            Self::Found(search) => search,
        };
        // Whoever comes meanwhile waits here, and finds what the first has found.
        let mut state = search.state.lock().await;
        let known = |state: &State, time| state.known.clone().filter(|credentials| credentials.hold_for(time));
        if let Some(credentials) = known(&state, EARLY) {
            return Ok(credentials);
        }
        let failure = match &state.failed {
            Some((since, failure)) if since.elapsed() < AGAIN => failure.clone(),
            _ => match search.look().await {
                Ok(found) => {
                    *state = State { known: Some(found.clone()), failed: None };
                    return Ok(found);
                }
                Err(cause) => {
                    let failure = cause.into_failure();
                    state.failed = Some((Instant::now(), failure.clone()));
                    failure
                }
            },
        };
        // Those that end soon are better than none.
        known(&state, Duration::ZERO).ok_or(failure.into())
    }
}

/// What the endpoints answer.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Issued {
    access_key_id: String,
    secret_access_key: String,
    token: Option<String>,
    expiration: Option<String>,
}

impl Search {
    fn variable(&self, name: &str) -> Option<&str> {
        self.environment.get(name).map(String::as_str).filter(|text| !text.is_empty())
    }

    async fn look(&self) -> Result<Credentials, Cause> {
        if let (Some(id), Some(secret)) = (self.variable("AWS_ACCESS_KEY_ID"), self.variable("AWS_SECRET_ACCESS_KEY")) {
            let token = self.variable("AWS_SESSION_TOKEN").map(str::to_owned);
            return Ok(Credentials { id: id.to_owned(), secret: secret.to_owned(), token, expires: None });
        }
        let environment = self.environment.clone();
        if let Some(found) = spawn_blocking(move || profile::credentials(&environment)).await.ok().flatten() {
            return Ok(found);
        }
        if let Some(url) = self.container()? {
            return self.ask_container(url).await;
        }
        if self.variable("AWS_EC2_METADATA_DISABLED").is_some_and(|text| text.eq_ignore_ascii_case("true")) {
            return Err(missing("the instance is not to be asked"));
        }
        self.ask_instance().await.map_err(|cause| missing(&cause.to_string()))
    }

    fn container(&self) -> Result<Option<Url>, Cause> {
        let text = match (
            self.variable("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI"),
            self.variable("AWS_CONTAINER_CREDENTIALS_FULL_URI"),
        ) {
            (Some(path), _) => format!("{CONTAINERS}{path}"),
            (None, Some(url)) => url.to_owned(),
            (None, None) => return Ok(None),
        };
        let url = Url::parse(&text).ok().filter(is_near);
        url.map(Some).ok_or_else(|| missing("the container's address must be https, or on this machine"))
    }

    async fn ask_container(&self, url: Url) -> Result<Credentials, Cause> {
        let mut request = Request::new(Method::GET, url);
        let file = self.variable("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE").map(str::to_owned);
        let token = match file {
            Some(path) => spawn_blocking(|| fs::read_to_string(path)).await.ok().and_then(Result::ok),
            None => self.variable("AWS_CONTAINER_AUTHORIZATION_TOKEN").map(str::to_owned),
        };
        if let Some(value) = token.as_deref().and_then(|token| secret(token.trim())) {
            request.headers.insert(AUTHORIZATION, value);
        }
        issued(&self.service.send(request).await?)
    }

    /// IMDSv2: a token first, then the role's name, then its keys.
    async fn ask_instance(&self) -> Result<Credentials, Cause> {
        let endpoint = self.variable("AWS_EC2_METADATA_SERVICE_ENDPOINT").unwrap_or(INSTANCES).trim_end_matches('/');
        let url = |path: &str| Url::parse(&format!("{endpoint}{path}")).map_err(|_| missing("no address of instances"));
        let mut request = Request::new(Method::PUT, url("/latest/api/token")?);
        request.headers.insert(INSTANCE_TOKEN_TTL, HeaderValue::from_static("21600"));
        let token = self.service.send(request).await?;
        let token = std::str::from_utf8(&token.body).ok().and_then(secret).ok_or_else(|| missing("no token"))?;
        let get = async |path: &str| {
            let mut request = Request::new(Method::GET, url(path)?);
            request.headers.insert(INSTANCE_TOKEN, token.clone());
            self.service.send(request).await
        };
        let roles = get("/latest/meta-data/iam/security-credentials/").await?;
        let role = String::from_utf8_lossy(&roles.body).lines().next().unwrap_or_default().trim().to_owned();
        issued(&get(&format!("/latest/meta-data/iam/security-credentials/{role}")).await?)
    }
}

/// Where keys may be asked for without encryption: on this machine, or the addresses that AWS has for it.
fn is_near(url: &Url) -> bool {
    let host = url.host_str().unwrap_or_default().trim_start_matches('[').trim_end_matches(']');
    let special = ["169.254.170.2", "169.254.170.23", "fd00:ec2::23", "localhost"];
    url.scheme() == "https"
        || special.contains(&host)
        || host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

fn issued(reply: &Reply) -> Result<Credentials, Cause> {
    debug_assert_eq!(reply.status, StatusCode::OK);
    let issued: Issued = serde_json::from_slice(&reply.body).map_err(|_| missing("the answer has no keys"))?;
    let expires = issued.expiration.and_then(|text| humantime::parse_rfc3339(&text).ok());
    Ok(Credentials { id: issued.access_key_id, secret: issued.secret_access_key, token: issued.token, expires })
}

fn missing(why: &str) -> Cause {
    let message = format!(
        "there are no credentials: give `accessKeyId` and `secretAccessKey`, or let the environment have some ({why})"
    );
    Failure::new("UNAUTHORIZED", message).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_asked_for_in_the_open_only_nearby() {
        for (url, near) in [
            ("http://169.254.170.2/v2", true),
            ("http://127.0.0.1:5000/", true),
            ("http://[::1]/", true),
            ("http://[fd00:ec2::23]/", true),
            ("https://example.com/", true),
            ("http://example.com/", false),
            ("http://169.254.170.20/", false),
        ] {
            assert_eq!(is_near(&Url::parse(url).unwrap()), near, "{url}");
        }
    }
}
