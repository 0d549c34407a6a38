//! The change that a [`WebSocket`](crate::WebSocket) makes to messages: nothing, unless an extension was agreed on.

#[cfg(feature = "deflate")]
use alloc::boxed::Box;
use alloc::vec::Vec;

use crate::buf::Output;
use crate::connection::{Connection, Fin, Kind, PreparedFrame, PreparedMessage, Role};
use crate::error::SendError;
#[cfg(feature = "deflate")]
use crate::extension::deflate::{DeflateDecoder, DeflateEncoder, DeflateParams};

/// One pointer, and none without the feature.
#[cfg(feature = "deflate")]
pub(super) type Decoder = Option<Box<DeflateDecoder>>;
#[cfg(not(feature = "deflate"))]
pub(super) type Decoder = crate::extension::NoExtension;

/// As [`Decoder`].
#[derive(Debug, Default)]
pub(super) struct Encoder {
    #[cfg(feature = "deflate")]
    deflate: Option<Box<Deflating>>,
}

#[cfg(feature = "deflate")]
#[derive(Debug)]
struct Deflating {
    encoder: DeflateEncoder,
    params: DeflateParams,
    /// Messages that begin now are not encoded.
    is_paused: bool,
}

#[cfg(feature = "deflate")]
impl Encoder {
    pub(super) fn new(encoder: DeflateEncoder, params: DeflateParams) -> Self {
        let deflate = Deflating {
            encoder,
            params,
            is_paused: false,
        };
        Self {
            deflate: Some(Box::new(deflate)),
        }
    }

    pub(super) fn params(&self) -> Option<DeflateParams> {
        self.deflate.as_ref().map(|deflate| deflate.params)
    }

    pub(super) fn pause(&mut self, is_paused: bool) {
        if let Some(deflate) = &mut self.deflate {
            deflate.is_paused = is_paused;
        }
    }
}

impl Encoder {
    /// Whether it may make something else of a message that begins now.
    #[inline]
    pub(super) fn encodes(&self) -> bool {
        #[cfg(feature = "deflate")]
        return self
            .deflate
            .as_ref()
            .is_some_and(|deflate| !deflate.is_paused);
        #[cfg(not(feature = "deflate"))]
        false
    }

    pub(super) fn release(&mut self) {
        #[cfg(feature = "deflate")]
        if let Some(deflate) = &mut self.deflate {
            deflate.encoder.release();
        }
    }

    /// The frame of a prepared message that is to be sent.
    #[inline]
    pub(super) fn prepared_frame<'p, R: Role, B: AsRef<[u8]> + From<Vec<u8>>>(
        &self,
        connection: &Connection<R>,
        message: &'p PreparedMessage<B>,
    ) -> &'p PreparedFrame<B> {
        #[cfg(feature = "deflate")]
        if let Some(Deflating {
            encoder,
            is_paused: false,
            ..
        }) = self.deflate.as_deref()
        {
            return encoder.prepared_frame(connection, message);
        }
        #[cfg(not(feature = "deflate"))]
        let _ = connection;
        message.plain()
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
        if let Some(Deflating {
            encoder,
            is_paused: false,
            ..
        }) = self.deflate.as_deref_mut()
        {
            return encoder.send_whole(connection, kind, payload, out);
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
            return deflate.encoder.send_part(connection, kind, part, fin, out);
        }
        connection.send_part(kind, part, fin, out)
    }
}
