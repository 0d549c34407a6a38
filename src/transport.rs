//! What the driver owes the transport.

/// What the driver has to do with the transport once it has written the output.
///
/// Engines do not close sockets, so they say when it is time to (RFC 6455 7.1.1).
///
/// ```
/// use ws_proto::{CloseCode, CloseReason, Config, Connection, Input, Negotiated, Transport};
///
/// let mut client = Connection::client(Negotiated::new(), Config::new(), || [0; 4]);
/// let mut out = Vec::new();
/// client.close(CloseCode::NORMAL, CloseReason::EMPTY, &mut out)?;
/// assert_eq!(client.transport(), Transport::Open); // the server's Close has not come
///
/// let mut read = *b"\x88\x02\x03\xe8";
/// client.receive(&mut Input::new(&mut read), &mut out)?;
/// assert_eq!(client.transport(), Transport::AwaitEof); // the server closes first
/// client.receive_eof()?;
/// assert_eq!(client.transport(), Transport::Close);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Transport {
    /// Go on reading and writing.
    Open,
    /// Write what is in the output, then read until the transport ends: the server closes first.
    /// The close timer bounds the wait.
    AwaitEof,
    /// Write what is in the output, then close the transport.
    Close,
    /// Close the transport now. What it does not take at once is not worth waiting for.
    Abort,
}
