//! Whom the process trusts to vouch for servers.

use std::{env, fs};

use tokio_rustls::rustls::{
    RootCertStore,
    pki_types::{CertificateDer, pem::PemObject},
};

/// As Node has it: Mozilla's authorities, the system's and those of `NODE_EXTRA_CA_CERTS`.
pub fn usual_roots() -> RootCertStore {
    let mut roots = RootCertStore::empty();
    roots.extend(webpki_roots::TLS_SERVER_ROOTS.iter().cloned());
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    // A file that cannot be read is ignored, as Node does.
    let extra = env::var_os("NODE_EXTRA_CA_CERTS").and_then(|path| fs::read(path).ok()).unwrap_or_default();
    roots.add_parsable_certificates(CertificateDer::pem_slice_iter(&extra).filter_map(Result::ok));
    roots
}
