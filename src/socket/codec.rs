//! What a [`WebSocket`](crate::WebSocket) does to messages: nothing, unless an extension was agreed on.

#[cfg(feature = "deflate")]
use alloc::boxed::Box;

use crate::buf::Output;
use crate::connection::{Connection, Fin, Kind, Role};
use crate::error::SendError;
#[cfg(feature = "deflate")]
use crate::extension::deflate::{DeflateDecoder, DeflateEncoder};

/// One pointer, and none without the feature.
#[cfg(feature = "deflate")]
pub(super) type Decoder = Option<Box<DeflateDecoder>>;
#[cfg(not(feature = "deflate"))]
pub(super) type Decoder = crate::extension::NoExtension;

/// As [`Decoder`].
#[derive(Debug, Default)]
pub(super) struct Encoder {
    #[cfg(feature = "deflate")]
    deflate: Option<Box<DeflateEncoder>>,
}

#[cfg(feature = "deflate")]
impl Encoder {
    pub(super) fn new(deflate: DeflateEncoder) -> Self {
        Self {
            deflate: Some(Box::new(deflate)),
        }
    }
}

impl Encoder {
    /// Whether it may make something else of a message.
    #[inline]
    pub(super) const fn encodes(&self) -> bool {
        #[cfg(feature = "deflate")]
        return self.deflate.is_some();
        #[cfg(not(feature = "deflate"))]
        false
    }

    pub(super) fn release(&mut self) {
        #[cfg(feature = "deflate")]
        if let Some(deflate) = &mut self.deflate {
            deflate.release();
        }
    }

    #[inline]
    pub(super) fn send_whole<R: Role, O: Output + ?Sized>(
        &mut self,
        connection: &mut Connection<R>,
        kind: Kind,
        payload: &[u8],
        out: &mut O,
    ) -> Result<(), SendError> {
        #[cfg(feature = "deflate")]
        if let Some(deflate) = &mut self.deflate {
            return deflate.send_whole(connection, kind, payload, out);
        }
        connection.send_whole(kind, payload, out)
    }

    pub(super) fn send_part<R: Role, O: Output + ?Sized>(
        &mut self,
        connection: &mut Connection<R>,
        kind: Kind,
        part: &[u8],
        fin: Fin,
        out: &mut O,
    ) -> Result<(), SendError> {
        #[cfg(feature = "deflate")]
        if let Some(deflate) = &mut self.deflate {
            return deflate.send_part(connection, kind, part, fin, out);
        }
        connection.send_part(kind, part, fin, out)
    }
}
