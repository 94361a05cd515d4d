//! Encrypted connections.

use std::sync::Arc;

use tokio::net::TcpStream;
use tokio_rustls::{
    TlsConnector,
    rustls::{
        self, ClientConfig, DigitallySignedStruct, RootCertStore, SignatureScheme,
        client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier},
        crypto::{CryptoProvider, ring},
        pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime, pem::PemObject},
    },
};

use super::server::{Address, Stream, Trouble};
use crate::{error::Failure, tls::usual_roots};

#[derive(Clone)]
pub struct Tls {
    config: Arc<ClientConfig>,
    /// The name that the certificate must be for, where it is not the host's.
    name: Option<String>,
}

/// What the options say, as PEM.
pub struct Material<'a> {
    /// The option that it stands in, as errors name it.
    pub option: &'a str,
    /// Trusted instead of the usual ones.
    pub authorities: &'a [String],
    pub certificate: Option<&'a str>,
    pub key: Option<&'a str>,
    pub name: Option<String>,
    /// Whether the server's certificate is looked at.
    pub verified: bool,
}

impl Tls {
    /// An error names the option.
    pub fn new(material: &Material) -> Result<Self, String> {
        let option = material.option;
        let provider = Arc::new(ring::default_provider());
        let builder = ClientConfig::builder_with_provider(Arc::clone(&provider))
            .with_safe_default_protocol_versions()
            .map_err(|error| error.to_string())?;
        let builder = if material.verified {
            builder.with_root_certificates(roots(option, material.authorities)?)
        } else {
            builder.dangerous().with_custom_certificate_verifier(Arc::new(Trusting(provider)))
        };
        let config = match (material.certificate, material.key) {
            (Some(certificate), Some(key)) => {
                let chain = certificates(&format!("{option}.cert"), certificate)?;
                let key = PrivateKeyDer::from_pem_slice(key.as_bytes())
                    .map_err(|_| format!("the option `{option}.key` holds no private key in PEM"))?;
                builder
                    .with_client_auth_cert(chain, key)
                    .map_err(|_| format!("the options `{option}.cert` and `{option}.key` do not fit"))?
            }
            (None, None) => builder.with_no_client_auth(),
            _ => return Err(format!("the options `{option}.cert` and `{option}.key` belong together")),
        };
        Ok(Self { config: Arc::new(config), name: material.name.clone() })
    }

    pub async fn secure(&self, stream: TcpStream, host: &str, address: &Address) -> Result<Box<dyn Stream>, Trouble> {
        let name = self.name.as_deref().unwrap_or(host);
        let server = ServerName::try_from(name.to_owned())
            .map_err(|_| Trouble::Lasting(Failure::new("TLS", format!("no certificate can be for {name:?}"))))?;
        match TlsConnector::from(Arc::clone(&self.config)).connect(server, stream).await {
            Ok(stream) => Ok(Box::new(stream)),
            Err(error) => Err(Trouble::of(&format!("encrypted connection to {address}"), &error)),
        }
    }
}

fn certificates(option: &str, pem: &str) -> Result<Vec<CertificateDer<'static>>, String> {
    let refused = || format!("the option `{option}` holds no certificate in PEM");
    let found: Vec<_> =
        CertificateDer::pem_slice_iter(pem.as_bytes()).collect::<Result<_, _>>().map_err(|_| refused())?;
    if found.is_empty() { Err(refused()) } else { Ok(found) }
}

/// The authorities that are given, or else the usual ones.
fn roots(option: &str, given: &[String]) -> Result<RootCertStore, String> {
    if given.is_empty() {
        return Ok(usual_roots());
    }
    let mut roots = RootCertStore::empty();
    for pem in given {
        for certificate in certificates(&format!("{option}.ca"), pem)? {
            roots
                .add(certificate)
                .map_err(|_| format!("the option `{option}.ca` holds a certificate that cannot be trusted"))?;
        }
    }
    Ok(roots)
}

/// `rejectUnauthorized: false`: takes every certificate, but not every signature.
#[derive(Debug)]
struct Trusting(Arc<CryptoProvider>);

impl ServerCertVerifier for Trusting {
    fn verify_server_cert(
        &self,
        _: &CertificateDer,
        _: &[CertificateDer],
        _: &ServerName,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        rustls::crypto::verify_tls12_signature(
            message,
            certificate,
            signature,
            &self.0.signature_verification_algorithms,
        )
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        rustls::crypto::verify_tls13_signature(
            message,
            certificate,
            signature,
            &self.0.signature_verification_algorithms,
        )
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}
