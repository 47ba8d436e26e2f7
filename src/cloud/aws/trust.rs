//! Whose certificates are believed, where it is not those that the system believes.

use std::error::Error;
use std::{fs, io};

use aws_smithy_http_client::tls::{TlsContext, TrustStore};
use aws_smithy_runtime_api::client::result::ConnectorError;
use rustls::RootCertStore;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;

/// What believes the certificates in a file, and no others: as the AWS CLI takes a bundle.
///
/// <https://docs.aws.amazon.com/cli/latest/userguide/cli-configure-envvars.html#envvars-list-AWS_CA_BUNDLE>
///
/// # Errors
/// Why the file can't serve, in words; it is named by who asks for it.
pub(super) fn only(file: &str) -> Result<TlsContext, String> {
    let text = fs::read(file).map_err(|error| error.to_string())?;
    let certificates = CertificateDer::pem_slice_iter(&text).collect::<Result<Vec<_>, _>>();
    let certificates = certificates.map_err(|error| format!("it is no PEM file: {error:?}"))?;
    if certificates.is_empty() {
        return Err("no certificate is in it".to_owned());
    }
    // The SDK takes for granted that each can be read.
    let mut roots = RootCertStore::empty();
    for certificate in certificates {
        roots.add(certificate).map_err(|error| format!("a certificate in it can't be read: {error}"))?;
    }
    let store = TrustStore::empty().with_pem_certificate(text);
    TlsContext::builder().with_trust_store(store).build().map_err(|error| error.to_string())
}

/// A certificate that is not believed will not be so a second later: that is no fault that passes.
pub(super) fn told(error: ConnectorError) -> ConnectorError {
    let is_untrusted = chain(&error).any(|cause| {
        matches!(cause.downcast_ref::<rustls::Error>(), Some(rustls::Error::InvalidCertificate(_)))
    });
    if is_untrusted { ConnectorError::other(Untrusted(error).into(), None) } else { error }
}

#[derive(Debug, thiserror::Error)]
#[error("the server's certificate is not believed; AWS_CA_BUNDLE names a file with those that are")]
struct Untrusted(#[source] ConnectorError);

/// An error and its causes. What an I/O error wraps is not the source of it.
fn chain<'e>(error: &'e (dyn Error + 'static)) -> impl Iterator<Item = &'e (dyn Error + 'static)> {
    std::iter::successors(Some(error), |&error: &&'e (dyn Error + 'static)| {
        match error.downcast_ref::<io::Error>() {
            Some(error) => error.get_ref().map(|inner| inner as &(dyn Error + 'static)),
            None => error.source(),
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_that_can_t_serve() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("ca.pem");
        let name = file.to_str().unwrap();
        assert_eq!(only(name).unwrap_err(), "No such file or directory (os error 2)");
        for (text, told) in [
            ("", "no certificate is in it"),
            ("hello", "no certificate is in it"),
            ("-----BEGIN CERTIFICATE-----\nAAAA\n", "it is no PEM file"),
            (
                "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
                "a certificate in it can't be read",
            ),
        ] {
            fs::write(&file, text).unwrap();
            let error = only(name).unwrap_err();
            assert!(error.starts_with(told), "{text}: {error}");
        }
    }
}
