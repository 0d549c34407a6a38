//! Which end of the connection this is: it decides who masks.

use core::fmt;

/// The role of an endpoint: [`Server`], [`Client`], or [either](EitherRole).
///
/// Sealed: programs use it as a bound and cannot implement it. A role that is added is no breaking change.
///
/// ```
/// use ws_proto::{Connection, Role, SendError};
///
/// /// For both ends of a connection.
/// fn greet<R: Role>(connection: &mut Connection<R>, out: &mut Vec<u8>) -> Result<(), SendError> {
///     connection.send_text("hello", out)
/// }
/// # use ws_proto::{Config, Negotiated};
/// # let mut out = Vec::new();
/// # greet(&mut Connection::server(Negotiated::new(), Config::new()), &mut out)?;
/// # greet(&mut Connection::client(Negotiated::new(), Config::new(), || [0; 4]), &mut out)?;
/// # Ok::<(), SendError>(())
/// ```
pub trait Role: sealed::Sealed {}

/// The server's end: it sends unmasked frames and receives masked ones (RFC 6455 5.1).
///
/// ```
/// use ws_proto::{Config, Negotiated, Server, WebSocket};
///
/// /// A visitor of the chat.
/// struct Visitor {
///     name: String,
///     socket: WebSocket<Server>,
/// }
///
/// let socket = WebSocket::server(Negotiated::new(), Config::new());
/// let visitor = Visitor { name: "anna".to_owned(), socket };
/// # let _ = (visitor.name, visitor.socket);
/// ```
#[derive(Clone, Copy, Debug, Default)]
pub struct Server;

/// The client's end: it masks the frames it sends, with a new key for every frame (RFC 6455 5.3).
///
/// Each frame has its key before the masked payload:
///
/// ```
/// use ws_proto::{Client, Config, Connection, Negotiated};
///
/// type Keys = fn() -> [u8; 4];
/// let keys: Keys = || [1, 2, 3, 4]; // not to be foreseen, in a program
/// let mut client: Connection<Client<Keys>> = Connection::client(Negotiated::new(), Config::new(), keys);
/// let mut out = Vec::new();
/// client.send_binary(&[7], &mut out)?;
/// assert_eq!(out, [0x82, 0x81, 1, 2, 3, 4, 7 ^ 1]);
/// # Ok::<(), ws_proto::SendError>(())
/// ```
pub struct Client<M> {
    keys: M,
}

impl<M> Client<M> {
    pub(super) const fn new(keys: M) -> Self {
        Self { keys }
    }
}

impl<M> fmt::Debug for Client<M> {
    /// Shows nothing of the key source: keys must not be guessed (RFC 6455 10.3).
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client").finish_non_exhaustive()
    }
}

/// Where a client gets its masking keys.
///
/// The keys must come from a source that others cannot predict (RFC 6455 10.3): the operating
/// system ([`OsRandom`](crate::OsRandom), feature `getrandom`), a hardware generator, a
/// cryptographic generator seeded by one of these. Any `FnMut() -> [u8; 4]` is a source.
///
/// Programs may implement it. A method that is added before the next breaking release is provided.
///
/// ```
/// use ws_proto::{Config, Connection, MaskSource, Negotiated};
///
/// /// A generator of the board's.
/// struct Trng;
///
/// impl MaskSource for Trng {
///     fn mask_key(&mut self) -> Option<[u8; 4]> {
/// #       fn read_random_register() -> Option<u32> { Some(0x9d5c_34f1) }
///         read_random_register().map(u32::to_ne_bytes)
///     }
/// }
///
/// let connection = Connection::client(Negotiated::new(), Config::new(), Trng);
/// # let _ = connection;
/// ```
pub trait MaskSource {
    /// Four fresh, unpredictable bytes; `None` if none are available, and then nothing is
    /// sent.
    #[must_use]
    fn mask_key(&mut self) -> Option<[u8; 4]>;
}

impl<F: FnMut() -> [u8; 4]> MaskSource for F {
    #[inline]
    fn mask_key(&mut self) -> Option<[u8; 4]> {
        Some(self())
    }
}

impl sealed::Sealed for Server {
    type Side = sealed::ServerSide;

    #[inline(always)]
    fn side(&self) -> sealed::ServerSide {
        sealed::ServerSide
    }

    #[inline]
    fn mask(&mut self) -> Result<Option<[u8; 4]>, sealed::NoKey> {
        Ok(None)
    }
}

impl Role for Server {}

impl<M: MaskSource> sealed::Sealed for Client<M> {
    type Side = sealed::ClientSide;

    #[inline(always)]
    fn side(&self) -> sealed::ClientSide {
        sealed::ClientSide
    }

    #[inline]
    fn mask(&mut self) -> Result<Option<[u8; 4]>, sealed::NoKey> {
        self.keys.mask_key().map(Some).ok_or(sealed::NoKey)
    }
}

impl<M: MaskSource> Role for Client<M> {}

/// The end of a connection that is chosen while the program runs: for a type that is made over both, such
/// as the connection of an adapter. Each check of the role is a branch then.
///
/// ```
/// use ws_proto::{Config, Connection, EitherRole, Negotiated};
///
/// type Keys = fn() -> [u8; 4];
///
/// fn open(is_client: bool) -> Connection<EitherRole<Keys>> {
///     let keys: Keys = || [7; 4];
///     let role = if is_client { EitherRole::client(keys) } else { EitherRole::server() };
///     Connection::with_role(Negotiated::new(), Config::new(), role)
/// }
///
/// let mut out = Vec::new();
/// open(false).send_text("a", &mut out)?;
/// open(true).send_text("a", &mut out)?;
/// assert_eq!(out, b"\x81\x01a\x81\x81\x07\x07\x07\x07f"); // not masked, and masked
/// # Ok::<(), ws_proto::SendError>(())
/// ```
pub struct EitherRole<M> {
    keys: Option<M>,
}

impl<M: MaskSource> EitherRole<M> {
    /// The server's end.
    #[must_use]
    pub const fn server() -> Self {
        Self { keys: None }
    }

    /// The client's end; `keys` gives a masking key for every frame that is sent.
    #[must_use]
    pub const fn client(keys: M) -> Self {
        Self { keys: Some(keys) }
    }
}

impl<M> fmt::Debug for EitherRole<M> {
    /// Shows nothing of the key source.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.keys {
            None => "Server",
            Some(_) => "Client",
        })
    }
}

impl<M: MaskSource> sealed::Sealed for EitherRole<M> {
    type Side = sealed::EitherSide;

    #[inline(always)]
    fn side(&self) -> sealed::EitherSide {
        sealed::EitherSide {
            is_client: self.keys.is_some(),
        }
    }

    #[inline]
    fn mask(&mut self) -> Result<Option<[u8; 4]>, sealed::NoKey> {
        match &mut self.keys {
            None => Ok(None),
            Some(keys) => keys.mask_key().map(Some).ok_or(sealed::NoKey),
        }
    }
}

impl<M: MaskSource> Role for EitherRole<M> {}

pub(super) mod sealed {
    #![expect(unnameable_types, reason = "that is what seals the roles")]

    /// The source of masking keys has run dry.
    #[derive(Debug)]
    pub struct NoKey;

    /// Who masks. A type of its own for each role that is known when the program is compiled: then every
    /// check of it is a constant.
    #[allow(
        unreachable_pub,
        reason = "Rust 1.85 does not count the bound of an associated type"
    )]
    pub trait Side: Copy {
        /// Whether the role is known only when the program runs.
        const IS_OPEN: bool = false;

        /// A client masks its frames, and so a server expects masked input.
        fn masks_output(self) -> bool;
    }

    #[derive(Clone, Copy, Debug)]
    pub struct ServerSide;

    impl Side for ServerSide {
        #[inline(always)]
        fn masks_output(self) -> bool {
            false
        }
    }

    #[derive(Clone, Copy, Debug)]
    pub struct ClientSide;

    impl Side for ClientSide {
        #[inline(always)]
        fn masks_output(self) -> bool {
            true
        }
    }

    #[derive(Clone, Copy, Debug)]
    pub struct EitherSide {
        pub(super) is_client: bool,
    }

    impl Side for EitherSide {
        const IS_OPEN: bool = true;

        #[inline(always)]
        fn masks_output(self) -> bool {
            self.is_client
        }
    }

    pub trait Sealed {
        type Side: Side;

        fn side(&self) -> Self::Side;

        #[inline(always)]
        fn masks_output(&self) -> bool {
            self.side().masks_output()
        }

        /// The masking key of the next frame to send, if this role masks.
        fn mask(&mut self) -> Result<Option<[u8; 4]>, NoKey>;
    }
}
