//! What differs between a stream of HTTP/2 and one of HTTP/3.

/// The version of HTTP whose stream carries a WebSocket connection. Only the numbers differ (RFC 9220 3).
///
/// | | HTTP/2 (RFC 8441) | HTTP/3 (RFC 9220) |
/// |---|---|---|
/// | the server's consent | SETTINGS_ENABLE_CONNECT_PROTOCOL, 0x08 | the same |
/// | pseudo-header and header fields | the same | the same |
/// | the end of a side | END_STREAM on a DATA frame, which can be empty | FIN of the QUIC stream |
/// | [`Abort`](crate::Transport::Abort) | RST_STREAM with CANCEL, 0x8 | RESET_STREAM and STOP_SENDING with H3_REQUEST_CANCELLED, 0x10c |
/// | a malformed request, if it is not answered | RST_STREAM with PROTOCOL_ERROR, 0x1 | the same two with H3_MESSAGE_ERROR, 0x10e |
/// | frames before the answer | the client waits for the 200 | the same |
///
/// ```
/// use ws_proto::handshake::HttpStream;
///
/// assert_eq!(HttpStream::Http2.cancel_code(), 0x8);
/// assert_eq!(HttpStream::Http3.cancel_code(), 0x10c);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum HttpStream {
    /// A stream of HTTP/2.
    Http2,
    /// A request stream of HTTP/3.
    Http3,
}

impl HttpStream {
    /// The error code of a reset that stands for [`Transport::Abort`](crate::Transport::Abort), the reset of a TCP
    /// connection: CANCEL (RFC 8441 5) or H3_REQUEST_CANCELLED (RFC 9220 3).
    #[must_use]
    pub const fn cancel_code(self) -> u64 {
        match self {
            Self::Http2 => 0x8,
            Self::Http3 => 0x10c,
        }
    }

    /// The error code of a reset in answer to a malformed request: PROTOCOL_ERROR (RFC 9113 8.1.1) or
    /// H3_MESSAGE_ERROR (RFC 9114 4.1.2).
    ///
    /// ```
    /// use ws_proto::handshake::HttpStream;
    ///
    /// assert_eq!(HttpStream::Http2.malformed_code(), 0x1); // PROTOCOL_ERROR
    /// ```
    #[must_use]
    pub const fn malformed_code(self) -> u64 {
        match self {
            Self::Http2 => 0x1,
            Self::Http3 => 0x10e,
        }
    }
}
