//! How far a server's handshake is: read by the handshake, changed by the answers to a request.

use super::error::HandshakeError;
use super::key::ClientKey;

/// How far a server's handshake is.
#[derive(Clone, Copy, Debug)]
pub(super) enum ServerState {
    /// The head is not complete.
    Head,
    /// The head is complete and asks for a WebSocket connection.
    Upgrade(ClientKey),
    /// The head is complete and does not ask for one; the error is what is missing.
    Plain(HandshakeError),
    /// 101 is in the output.
    Accepted,
    /// The caller's response is in the output.
    Answered,
    /// The handshake has failed. Our response is in the output, if there is one for that error.
    Failed(HandshakeError),
}
