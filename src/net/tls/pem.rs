//! The files of a certificate and its key: read within a bound, and named when they are something else.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};

use crate::net::tls::TlsError;

/// Largest file that is read, bytes: a chain takes some thousand.
const FILE_BYTES: u64 = 1 << 20;

/// Object identifiers in DER that say what a key is for which there is no code here.
const UNSUPPORTED: [(&[u8], &str); 5] = [
    (
        b"\x06\x05\x2b\x81\x04\x00\x23",
        "an EC key on the curve P-521",
    ),
    (
        b"\x06\x05\x2b\x81\x04\x00\x0a",
        "an EC key on the curve secp256k1",
    ),
    (b"\x06\x03\x2b\x65\x71", "an Ed448 key"),
    (b"\x06\x07\x2a\x86\x48\xce\x38\x04\x01", "a DSA key"),
    (
        b"\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x01\x01",
        "an RSA key of a size",
    ),
];
/// The keys that there is code for, as advice to whoever has another.
const SUPPORTED: &str = "use EC on P-256 or P-384, Ed25519, or RSA of 2048 to 8192 bits";

pub(super) fn fault(path: &Path, reason: impl Into<String>) -> TlsError {
    TlsError {
        path: path.to_owned(),
        reason: reason.into(),
    }
}

/// Reads a chain of certificates.
pub(super) fn chain(path: &Path) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let text = bytes(path)?;
    let chain = CertificateDer::pem_slice_iter(&text).collect::<Result<Vec<_>, _>>();
    match chain {
        Ok(chain) if !chain.is_empty() => Ok(chain),
        Ok(_) => Err(fault(path, no_certificate(&text))),
        Err(error) => Err(fault(path, format!("is not in order: {error}"))),
    }
}

/// Reads a private key.
pub(super) fn key(path: &Path) -> Result<PrivateKeyDer<'static>, TlsError> {
    let text = bytes(path)?;
    if let Some(why) = no_key(&text) {
        return Err(fault(path, why));
    }
    PrivateKeyDer::from_pem_slice(&text)
        .map_err(|error| fault(path, format!("is not in order: {error}")))
}

/// Why there is no code for a key.
pub(super) fn unsupported(key: &PrivateKeyDer<'_>) -> String {
    let der = key.secret_der();
    let known = UNSUPPORTED.iter();
    let mut found = known.filter(|(oid, _)| der.windows(oid.len()).any(|part| part == *oid));
    let what = match (found.next(), key) {
        (Some((_, what)), _) => what,
        (None, PrivateKeyDer::Pkcs1(_)) => "an RSA key of a size",
        (None, _) => "a private key of a kind",
    };
    format!("holds {what} that is not supported: {SUPPORTED}")
}

fn bytes(path: &Path) -> Result<Vec<u8>, TlsError> {
    let mut text = Vec::new();
    let file = File::open(path).map_err(|error| fault(path, error.to_string()))?;
    // One byte more tells a file that is too long from one that just fits; a device would have no end.
    file.take(FILE_BYTES + 1)
        .read_to_end(&mut text)
        .map_err(|error| fault(path, error.to_string()))?;
    if text.len() as u64 > FILE_BYTES {
        return Err(fault(path, format!("is longer than {FILE_BYTES} bytes")));
    }
    Ok(text)
}

fn holds(text: &[u8], part: &str) -> bool {
    text.windows(part.len())
        .any(|window| window == part.as_bytes())
}

/// Describes a file in which there is no certificate.
fn no_certificate(text: &[u8]) -> String {
    match () {
        () if holds(text, "PRIVATE KEY-----") => {
            "holds a private key and no certificate".to_owned()
        }
        () => no_pem(text, "x509").unwrap_or_else(|| "holds no certificate".to_owned()),
    }
}

/// Describes a file in which there is no private key that can be used as it is; `None`: there is one.
fn no_key(text: &[u8]) -> Option<String> {
    let what = match () {
        () if holds(text, "BEGIN ENCRYPTED PRIVATE KEY-")
            || holds(text, "Proc-Type: 4,ENCRYPTED") =>
        {
            "holds a private key behind a passphrase, which nobody is asked for: \
             `openssl pkey -in OLD -out NEW` writes it without"
        }
        () if holds(text, "BEGIN OPENSSH PRIVATE KEY-") => {
            "holds a private key in the form of OpenSSH: \
             `ssh-keygen -p -N '' -m PKCS8 -f FILE` rewrites it as PEM"
        }
        () if holds(text, "PRIVATE KEY-----") => return None,
        () if holds(text, "BEGIN CERTIFICATE-") => "holds a certificate and no private key",
        () if holds(text, "PUBLIC KEY-----") => "holds a public key and no private one",
        () => {
            let what = no_pem(text, "pkey");
            return Some(what.unwrap_or_else(|| "holds no private key".to_owned()));
        }
    };
    Some(what.to_owned())
}

/// Describes a file that is not PEM; `None`: it is.
fn no_pem(text: &[u8], openssl: &str) -> Option<String> {
    match text {
        [] => Some("is empty".to_owned()),
        // A sequence, and bytes that no text has.
        [0x30, ..] if text.iter().any(|byte| *byte < b'\t') => Some(format!(
            "is DER, not PEM: `openssl {openssl} -inform DER -in OLD -out NEW` rewrites it"
        )),
        text if !holds(text, "-----BEGIN ") => {
            Some("is not PEM: there is no line that starts with -----BEGIN".to_owned())
        }
        _ => None,
    }
}
