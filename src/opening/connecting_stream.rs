use alloc::boxed::Box;
use alloc::vec::Vec;
use core::fmt;

use super::{ConnectError, ConnectTimeout, Connector, Opened, Options, Response, Stage};
use crate::buf::Input;
#[cfg(feature = "deflate")]
use crate::extension::deflate::Deflate;
#[cfg(feature = "http")]
use crate::handshake::http;
use crate::handshake::{ClientConnect, ConnectEnabled, HandshakeError, HeadError};
use crate::time::Instant;
use crate::transport::Transport;

/// A client's handshake on a stream of HTTP/2 or HTTP/3 (RFC 8441, RFC 9220), without I/O. The HTTP stack sends the
/// request and reads the head of the answer.
///
/// ```
/// use ws_proto::handshake::ConnectEnabled;
/// use ws_proto::opening::{ConnectError, ConnectingStream, Connector};
///
/// let enabled = ConnectEnabled::from_setting(1).ok_or(ConnectError::NoExtendedConnect)?;
/// let connector = Connector::new("wss://example.com/chat")?;
/// let mut fields = Vec::new();
/// let mut connecting = ConnectingStream::start(&connector, enabled, |name, value| {
///     fields.push((name.to_owned(), value.to_owned()));
/// })?;
/// // Send `fields` without END_STREAM. The stack has received this answer:
/// if let Some((opened, response)) = connecting.receive_head(200, &[])? {
///     assert_eq!(response.status(), 200);
///     let websocket = opened.client(|| [0; 4]); // keys from the operating system, in a program
///     # let _ = websocket;
/// }
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct ConnectingStream {
    handshake: ClientConnect<Vec<u8>>,
    options: Options,
    #[cfg(feature = "deflate")]
    deflate: Option<Deflate>,
}

impl ConnectingStream {
    /// Passes the fields of the request to `field`: pseudo-header fields first, then header fields with names in
    /// lower case.
    ///
    /// # Errors
    ///
    /// [`HeadError`] if the request cannot be sent as it is.
    pub fn start(
        connector: &Connector,
        enabled: ConnectEnabled,
        field: impl FnMut(&str, &[u8]),
    ) -> Result<Self, HeadError> {
        let options = connector.options;
        let limits = options.limits_within(options.get_handshake_time());
        let handshake = connector.with_offers(|request| {
            ClientConnect::start(request, enabled, Vec::new(), limits, field)
        })?;
        Ok(Self {
            handshake,
            options,
            #[cfg(feature = "deflate")]
            deflate: connector.deflate.clone(),
        })
    }

    /// As [`start`](Self::start), with the request as a type of the crate `http`, without `:protocol`; see
    /// [`ClientUpgrade::start_connect`](crate::handshake::http::ClientUpgrade::start_connect).
    ///
    /// # Errors
    ///
    /// As [`start`](Self::start).
    ///
    /// ```
    /// use ws_proto::handshake::ConnectEnabled;
    /// use ws_proto::opening::{ConnectError, ConnectingStream, Connector};
    ///
    /// let enabled = ConnectEnabled::from_setting(1).ok_or(ConnectError::NoExtendedConnect)?;
    /// let connector = Connector::new("wss://example.com/chat")?;
    /// let (connecting, request) = ConnectingStream::start_http(&connector, enabled)?;
    /// assert_eq!(request.method(), http::Method::CONNECT);
    /// assert_eq!(request.uri(), "https://example.com/chat");
    /// # let _ = connecting;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[cfg(feature = "http")]
    pub fn start_http(
        connector: &Connector,
        enabled: ConnectEnabled,
    ) -> Result<(Self, ::http::Request<()>), HeadError> {
        http::connect_request(|field| Self::start(connector, enabled, field))
    }

    /// Takes the head of a response: `:status` and the header fields. `None`: it has not answered yet (1xx), or has
    /// refused and its body is to come, for [`receive`](Self::receive).
    ///
    /// # Errors
    ///
    /// [`ConnectError`]: there will be no connection.
    pub fn receive_head(
        &mut self,
        status: u16,
        headers: &[(&str, &[u8])],
    ) -> Result<Option<(Opened, Response)>, ConnectError> {
        match self.handshake.receive_head(status, headers) {
            Ok(Some(established)) => {
                let response = Response::established(&established);
                let subprotocol = established.subprotocol();
                #[cfg_attr(not(feature = "deflate"), expect(unused_mut))]
                let mut opened = Opened::new(established.negotiated(), self.options, subprotocol)
                    .on_stream(true);
                #[cfg(feature = "deflate")]
                if let Some(deflate) = &self.deflate {
                    let params = deflate.answered(established.extensions())?;
                    opened.deflate = params.map(|params| (deflate.clone(), params));
                }
                Ok(Some((opened, response)))
            }
            Ok(None) => Ok(None),
            Err(error) => Err(self.explain(error)),
        }
    }

    /// Takes DATA of the body of a refusal.
    ///
    /// # Errors
    ///
    /// [`ConnectError::Refused`] once enough of it is there.
    ///
    /// ```
    /// use std::io::{Error, ErrorKind};
    /// use ws_proto::handshake::ConnectEnabled;
    /// use ws_proto::opening::{ConnectError, ConnectingStream, Connector};
    /// use ws_proto::{Instant, Transport};
    ///
    /// let enabled = ConnectEnabled::from_setting(1).ok_or(ConnectError::NoExtendedConnect)?;
    /// let connector = Connector::new("wss://example.com/chat")?;
    /// let mut connecting = ConnectingStream::start(&connector, enabled, |_, _| {})?;
    /// connecting.tick(Instant::from_millis(0))?;
    /// assert!(connecting.receive_head(503, &[("retry-after", b"60")])?.is_none());
    /// connecting.receive(&mut *b"too busy\n".to_vec())?;
    /// let refused = connecting.receive_eof();
    /// assert_eq!(refused.refusal().map(|response| response.body()), Some(&b"too busy\n"[..]));
    /// // A reset after that says less:
    /// let explained = connecting.explain(Error::from(ErrorKind::ConnectionReset));
    /// assert!(matches!(explained, ConnectError::Refused(_)));
    /// assert_eq!(connecting.transport(), Transport::Close);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn receive(&mut self, body: &mut [u8]) -> Result<(), ConnectError> {
        match self.handshake.receive(&mut Input::new(body)) {
            Ok(_) => Ok(()),
            Err(error) => Err(self.explain(error)),
        }
    }

    /// The stream has ended: there will be no connection.
    pub fn receive_eof(&mut self) -> ConnectError {
        let ended = self.handshake.receive_eof().err();
        self.explain(ended.unwrap_or(HandshakeError::UnexpectedEof))
    }

    /// Sets the time; returns when to call again at the latest.
    ///
    /// # Errors
    ///
    /// [`ConnectError`] if the time is over.
    pub fn tick(&mut self, now: Instant) -> Result<Option<Instant>, ConnectError> {
        match self.handshake.tick(now) {
            Ok(deadline) => Ok(deadline),
            Err(_) => {
                let time = self.options.get_handshake_time();
                Err(self.explain(ConnectTimeout::new(Stage::Handshake, time)))
            }
        }
    }

    /// As [`Connecting::explain`](super::Connecting::explain).
    #[must_use]
    pub fn explain(&self, error: impl Into<ConnectError>) -> ConnectError {
        match self.handshake.refusal() {
            Some(refusal) => ConnectError::Refused(Box::new(Response::refusal(&refusal))),
            None => error.into(),
        }
    }

    /// The next step with the stream: [`ClientConnect::transport`].
    #[must_use]
    pub const fn transport(&self) -> Transport {
        self.handshake.transport()
    }
}

/// Leaves out the request: it can have secrets.
impl fmt::Debug for ConnectingStream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ConnectingStream")
            .field("handshake", &self.handshake)
            .finish_non_exhaustive()
    }
}
