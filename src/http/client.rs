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

/// Made with the first request, and not on the network's thread: the system's certificates are read from files.
pub async fn get() -> Result<&'static Client, Trouble> {
    let made = CLIENT.get_or_try_init(|| async { spawn_blocking(make).await.map_err(|error| error.to_string())? });
    made.await.map_err(|error| Trouble { failure: Failure::new("TLS", format!("the client: {error}")), passing: false })
}

/// With the proxies of `HTTPS_PROXY`, `HTTP_PROXY`, `ALL_PROXY` and `NO_PROXY`.
fn make() -> Result<Client, String> {
    let builder = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(|error| error.to_string())?;
    let mut tls = builder.with_root_certificates(usual_roots()).with_no_client_auth();
    tls.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Client::builder()
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
