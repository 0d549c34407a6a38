//! The fields of a client's Extended CONNECT.

use core::fmt::{self, Write};

use super::accept::SUBPROTOCOL_LOWER;
use super::error::HeadError;
use super::extensions::FIELD_LOWER;
use super::offered::{Offered, Text};
use super::pseudo_fields::PseudoFields;
use super::request::{ClientRequest, Destination};
use super::{syntax, write};
use crate::buf::Storage;

/// Checks `request`, clears `storage`, writes the offer to it, and passes the fields of the Extended CONNECT to
/// `field` with names in lower case (RFC 8441 5): all of them, or none and an error.
pub(super) fn start<S: Storage>(
    request: &ClientRequest<'_>,
    storage: &mut S,
    field: impl FnMut(&str, &[u8]),
) -> Result<Offered, HeadError> {
    let offered = Offered::store(request, None, storage)?;
    write::check_stream_fields(request.headers)?;
    // First without `field`: the storage can be too small for the rendered fields.
    visit(request, &offered, storage, |_, _| {})?;
    visit(request, &offered, storage, field)?;
    Ok(offered)
}

fn visit<S: Storage>(
    request: &ClientRequest<'_>,
    offered: &Offered,
    storage: &mut S,
    mut field: impl FnMut(&str, &[u8]),
) -> Result<(), HeadError> {
    let scheme: &[u8] = match request.secure {
        Some(true) => b"https",
        Some(false) => b"http",
        None => return Err(HeadError::SchemeMissing),
    };
    // In the order of the example in RFC 8441 5.1.
    field(":method", b"CONNECT");
    field(":protocol", PseudoFields::WEBSOCKET.as_bytes());
    field(":scheme", scheme);
    match request.destination {
        Destination::Parts { host, target } => {
            field(":path", target.as_bytes());
            field(":authority", host.as_bytes());
        }
        Destination::Uri(uri) => {
            let (host, target) = (uri.host_header(), uri.target());
            rendered(storage, target, |target| field(":path", target))?;
            rendered(storage, host, |host| field(":authority", host))?;
        }
    }
    let (subprotocols, extensions) = offered.lists(storage.bytes());
    if !subprotocols.is_empty() {
        field(SUBPROTOCOL_LOWER, subprotocols);
    }
    if !extensions.is_empty() {
        field(FIELD_LOWER, extensions);
    }
    field("sec-websocket-version", b"13");
    if let Some(origin) = request.origin {
        field("origin", origin.as_bytes());
    }
    for (name, value) in request.headers {
        if name.bytes().any(|byte| byte.is_ascii_uppercase()) {
            rendered(storage, Lower(name), |name| {
                field(syntax::ascii(name), value);
            })?;
        } else {
            field(name, value);
        }
    }
    Ok(())
}

/// Calls `with` with the text of `value`, which is in `storage` for as long.
fn rendered<S: Storage>(
    storage: &mut S,
    value: impl fmt::Display,
    with: impl FnOnce(&[u8]),
) -> Result<(), HeadError> {
    let before = storage.bytes().len();
    let written = write!(Text(&mut *storage), "{value}");
    if written.is_ok() {
        with(storage.bytes().get(before..).unwrap_or_default());
    }
    storage.truncate(before);
    written.map_err(|fmt::Error| HeadError::StorageFull)
}

/// The name of a field in lower case.
struct Lower<'n>(&'n str);

impl fmt::Display for Lower<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut chars = self.0.chars();
        chars.try_for_each(|char| f.write_char(char.to_ascii_lowercase()))
    }
}
