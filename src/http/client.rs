//! The process's client: connections of all drivers, kept for a while and used again.

use std::{sync::Arc, time::Duration};

use reqwest::{Client, redirect};
use tokio::{sync::OnceCell, task::spawn_blocking};
use tokio_rustls::rustls::{ClientConfig, crypto::ring};

use super::failure::Trouble;
use crate::{error::Failure, tls::usual_roots};

const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// Servers end what lies idle for longer, some without a word.
const IDLE_TIMEOUT: Duration = Duration::from_secs(15);

static CLIENT: OnceCell<Client> = OnceCell::const_new();
/// Without proxies.
static NEARBY: OnceCell<Client> = OnceCell::const_new();

/// Made with the first request, and not on the network's thread: the system's certificates are read from files.
pub async fn get(is_nearby: bool) -> Result<&'static Client, Trouble> {
    let begin = || async move {
        let made = spawn_blocking(move || make(is_nearby)).await;
        made.map_err(|error| error.to_string())?
    };
    let made = if is_nearby { &NEARBY } else { &CLIENT }.get_or_try_init(begin);
    made.await.map_err(|error| Trouble { failure: Failure::new("TLS", format!("the client: {error}")), passing: false })
}

/// With the proxies of `HTTPS_PROXY`, `HTTP_PROXY`, `ALL_PROXY` and `NO_PROXY`, or none.
fn make(is_nearby: bool) -> Result<Client, String> {
    let builder = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(|error| error.to_string())?;
    let mut tls = builder.with_root_certificates(usual_roots()).with_no_client_auth();
    tls.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    let builder = if is_nearby { Client::builder().no_proxy() } else { Client::builder() };
    builder
        .tls_backend_preconfigured(tls)
        .user_agent(concat!("rustorage/", env!("CARGO_PKG_VERSION")))
        // Followed here, where it is known what may go to whom.
        .redirect(redirect::Policy::none())
        .connect_timeout(CONNECT_TIMEOUT)
        .pool_idle_timeout(IDLE_TIMEOUT)
        .tcp_nodelay(true)
        .build()
        .map_err(|error| error.to_string())
}
