//! What a visitor sends to see whether a server echoes.

use anyhow::Result;
use ws_proto::Fin;

use crate::rustls::pki_types::{CertificateDer, pem::PemObject as _};
use crate::rustls::{ClientConfig, RootCertStore};

/// Lengths around those where headers change, and big ones.
pub(crate) const SIZES: [usize; 10] = [
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
pub(crate) const PARTS: [(&str, Fin); 4] = [
    ("in ", Fin::No),
    ("", Fin::No),
    ("four ", Fin::No),
    ("p\u{e4}rts", Fin::Yes),
];

pub(crate) const PING: &[u8; 13] = b"are you there";

pub(crate) fn text(size: usize) -> String {
    let mut text = "K\u{f6}ln \u{20ac} \u{1f600} ".repeat(size / 15);
    text.push_str(&"y".repeat(size - text.len()));
    text
}

pub(crate) fn binary(size: usize) -> Vec<u8> {
    (0..size).map(|at| ((at * at) >> 7) as u8).collect()
}

/// What follows each `name`.
pub(crate) fn wishes_for<'w>(name: &str, wishes: &[&'w str]) -> impl Iterator<Item = &'w str> {
    let pairs = wishes.windows(2).filter(move |pair| pair[0] == name);
    pairs.map(|pair| pair[1])
}

/// Trusts who has this certificate, and nobody else.
pub(crate) fn trusting(path: &str) -> Result<ClientConfig> {
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_file(path)?)?;
    let config = ClientConfig::builder().with_root_certificates(roots);
    Ok(config.with_no_client_auth())
}
