use crate::frame::Rsv;
use crate::handshake::{AnswerFault, Negotiated, Params};

/// The agreed parameters: those in the server's answer (RFC 7692 7.1).
///
/// ```
/// use ws_proto::extension::deflate::DeflateParams;
/// use ws_proto::{Config, Connection};
///
/// // Another HTTP server has answered "server_no_context_takeover; server_max_window_bits=12".
/// let params = DeflateParams::new().with_server_takeover(false).with_client_takeover(true);
/// let params = params.with_server_window_bits(12).ok_or("not 8 to 15")?;
/// let params = params.with_client_window_bits(15).ok_or("not 8 to 15")?;
/// assert_eq!((params.server_takeover(), params.server_window_bits()), (false, 12));
/// assert_eq!((params.client_takeover(), params.client_window_bits()), (true, 15));
/// let connection = Connection::server(params.negotiated(), Config::new());
/// # let _ = connection;
/// # Ok::<(), &str>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[must_use]
pub struct DeflateParams {
    server_takeover: bool,
    client_takeover: bool,
    server_window_bits: u8,
    client_window_bits: u8,
}

impl DeflateParams {
    /// No parameter: context takeover and windows of 32 KiB in both directions.
    pub const fn new() -> Self {
        Self {
            server_takeover: true,
            client_takeover: true,
            server_window_bits: 15,
            client_window_bits: 15,
        }
    }

    /// Whether the server's messages may refer to its earlier ones.
    #[must_use]
    pub const fn server_takeover(&self) -> bool {
        self.server_takeover
    }

    /// Whether the client's messages may refer to its earlier ones.
    #[must_use]
    pub const fn client_takeover(&self) -> bool {
        self.client_takeover
    }

    /// The window of the server's compressor, as its exponent.
    #[must_use]
    pub const fn server_window_bits(&self) -> u8 {
        self.server_window_bits
    }

    /// The window of the client's compressor, as its exponent.
    #[must_use]
    pub const fn client_window_bits(&self) -> u8 {
        self.client_window_bits
    }

    /// Sets whether the server's messages may refer to its earlier ones, for handshakes made elsewhere: `false` is
    /// `server_no_context_takeover` (RFC 7692 7.1.1.1).
    pub const fn with_server_takeover(self, takeover: bool) -> Self {
        Self {
            server_takeover: takeover,
            ..self
        }
    }

    /// Sets whether the client's messages may refer to its earlier ones, for handshakes made elsewhere: `false` is
    /// `client_no_context_takeover` (RFC 7692 7.1.1.2).
    pub const fn with_client_takeover(self, takeover: bool) -> Self {
        Self {
            client_takeover: takeover,
            ..self
        }
    }

    /// With `server_max_window_bits`, for handshakes made elsewhere; `None` unless 8 to 15.
    #[must_use]
    pub const fn with_server_window_bits(self, bits: u8) -> Option<Self> {
        match bits {
            8..=15 => Some(Self {
                server_window_bits: bits,
                ..self
            }),
            _ => None,
        }
    }

    /// With `client_max_window_bits`, for handshakes made elsewhere; `None` unless 8 to 15.
    #[must_use]
    pub const fn with_client_window_bits(self, bits: u8) -> Option<Self> {
        match bits {
            8..=15 => Some(Self {
                client_window_bits: bits,
                ..self
            }),
            _ => None,
        }
    }

    /// The value for the connection: that RSV1 is in use. For handshakes made elsewhere; those
    /// of this crate give it themselves.
    #[must_use]
    pub const fn negotiated(&self) -> Negotiated {
        Negotiated::new().with_rsv(Rsv::RSV1)
    }
}

impl Default for DeflateParams {
    fn default() -> Self {
        Self::new()
    }
}

/// The parameters of one element, valid by themselves (RFC 7692 7).
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct ParsedParams {
    pub(super) server_no_takeover: bool,
    pub(super) client_no_takeover: bool,
    pub(super) server_window: Option<u8>,
    pub(super) client_window: Option<ClientWindow>,
}

/// `client_max_window_bits`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ClientWindow {
    /// Without a value: the client lets the server choose. Only in an offer.
    Any,
    AtMost(u8),
}

/// The value of a parameter.
#[derive(Clone, Copy)]
enum Value {
    None,
    /// A number without sign and leading zero.
    Number(u8),
    Other,
}

impl ParsedParams {
    /// As read from a head, where a parameter can be unknown, repeated or out of range.
    pub(super) fn in_head(params: Params<'_>) -> Result<Self, AnswerFault> {
        Self::of(params.map(|param| {
            let value = match param.value() {
                None => Value::None,
                Some(value) => value.to_u8().map_or(Value::Other, Value::Number),
            };
            (param.name(), value)
        }))
    }

    /// As written by us.
    pub(super) fn in_offer(params: &[(&str, Option<&str>)]) -> Result<Self, AnswerFault> {
        Self::of(params.iter().map(|(name, value)| {
            let value = match value {
                None => Value::None,
                Some(value) => value.parse().map_or(Value::Other, Value::Number),
            };
            (*name, value)
        }))
    }

    fn of<'p>(params: impl Iterator<Item = (&'p str, Value)>) -> Result<Self, AnswerFault> {
        let mut parsed = Self::default();
        for (name, value) in params {
            let repeated = match (name, value) {
                (SERVER_NO_TAKEOVER, Value::None) => {
                    core::mem::replace(&mut parsed.server_no_takeover, true)
                }
                (CLIENT_NO_TAKEOVER, Value::None) => {
                    core::mem::replace(&mut parsed.client_no_takeover, true)
                }
                (SERVER_WINDOW, Value::Number(bits @ 8..=15)) => {
                    parsed.server_window.replace(bits).is_some()
                }
                (CLIENT_WINDOW, Value::Number(bits @ 8..=15)) => {
                    let window = ClientWindow::AtMost(bits);
                    parsed.client_window.replace(window).is_some()
                }
                (CLIENT_WINDOW, Value::None) => {
                    parsed.client_window.replace(ClientWindow::Any).is_some()
                }
                (SERVER_NO_TAKEOVER | CLIENT_NO_TAKEOVER | SERVER_WINDOW | CLIENT_WINDOW, _) => {
                    return Err(AnswerFault::OutOfRange);
                }
                _ => return Err(AnswerFault::NotOffered),
            };
            if repeated {
                return Err(AnswerFault::NotOffered);
            }
        }
        Ok(parsed)
    }
}

pub(super) const SERVER_NO_TAKEOVER: &str = "server_no_context_takeover";
pub(super) const CLIENT_NO_TAKEOVER: &str = "client_no_context_takeover";
pub(super) const SERVER_WINDOW: &str = "server_max_window_bits";
pub(super) const CLIENT_WINDOW: &str = "client_max_window_bits";
