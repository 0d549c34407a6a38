//! What the driver owes the transport.

/// What the driver has to do with the transport once it has written the output.
///
/// Engines do not close sockets, so they say when it is time to (RFC 6455 7.1.1).
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
