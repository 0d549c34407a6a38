/// One end of a connection.
///
/// ```
/// use ws_proto_test::Side;
///
/// for side in Side::BOTH {
///     assert_eq!(side.peer().peer(), side);
/// }
/// assert_eq!(Side::from_name("server"), Side::Server);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Side {
    /// The end that accepts: its frames are not masked.
    Server,
    /// The end that connects: it masks its frames.
    Client,
}

impl Side {
    /// Both, for tests with one body for both.
    pub const BOTH: [Self; 2] = [Self::Server, Self::Client];

    /// The side that is called `server` or `client`.
    ///
    /// # Panics
    ///
    /// If the name is another one.
    #[must_use]
    pub fn from_name(name: &str) -> Self {
        match name {
            "server" => Self::Server,
            "client" => Self::Client,
            _ => panic!("there is no side {name}"),
        }
    }

    /// The other side.
    #[must_use]
    pub const fn peer(self) -> Self {
        match self {
            Self::Server => Self::Client,
            Self::Client => Self::Server,
        }
    }
}
