//! What a client sends to check that a server echoes.

use anyhow::Result;
use rustls::pki_types::{CertificateDer, pem::PemObject as _};
use rustls::{ClientConfig, RootCertStore};
use ws_proto::Fin;

/// Lengths around those where headers change, and big ones.
pub const SIZES: [usize; 10] = [
    0,
    1,
    125,
    126,
    127,
    65_535,
    65_536,
    65_537,
    1 << 20,
    16 << 20,
];

/// A message in frames, one of them empty.
pub const PARTS: [(&str, Fin); 4] = [
    ("in ", Fin::No),
    ("", Fin::No),
    ("four ", Fin::No),
    ("p\u{e4}rts", Fin::Yes),
];

/// The payload of a Ping.
pub const PING: &[u8; 13] = b"are you there";

/// A text of `size` bytes.
pub fn text(size: usize) -> String {
    let mut text = "K\u{f6}ln \u{20ac} \u{1f600} ".repeat(size / 15);
    text.push_str(&"y".repeat(size - text.len()));
    text
}

/// `size` bytes.
pub fn binary(size: usize) -> Vec<u8> {
    (0..size).map(|at| ((at * at) >> 7) as u8).collect()
}

/// What follows each `name` among the options.
pub fn values_of<'w>(name: &str, options: &[&'w str]) -> impl Iterator<Item = &'w str> {
    let pairs = options.windows(2).filter(move |pair| pair[0] == name);
    pairs.map(|pair| pair[1])
}

/// Trusts the certificate in this file, and no other.
///
/// # Errors
///
/// There is no such certificate.
pub fn trusting(path: &str) -> Result<ClientConfig> {
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_file(path)?)?;
    let config = ClientConfig::builder().with_root_certificates(roots);
    Ok(config.with_no_client_auth())
}
