use std::time::Duration;

use serde::{Deserialize, Serialize};
use ws_proto::extension::deflate::{Deflate, DeflateParams};
use ws_proto::opening::Options;
use ws_proto::{Config, Role, WebSocket};

/// The settings of an end that affect its behaviour. Those that a recording leaves out have their defaults.
///
/// ```
/// use ws_proto_test::record::Settings;
///
/// let mut settings = Settings::default();
/// settings.max_message = 64 * 1024;
/// assert_eq!(settings.config().get_max_message(), 64 * 1024);
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct Settings {
    /// [`Config::max_message`].
    pub max_message: u64,
    /// [`Config::max_frame`].
    pub max_frame: u64,
    /// [`Config::max_fragments`].
    pub max_fragments: u32,
    /// [`Config::keepalive`], in milliseconds.
    pub keepalive_ms: Option<u64>,
    /// [`Config::pong_timeout`], in milliseconds.
    pub pong_timeout_ms: u64,
    /// [`Config::close_timeout`], in milliseconds.
    pub close_timeout_ms: u64,
    /// [`Config::hold_pings`].
    pub hold_pings: bool,
    /// [`Config::manual_pong`].
    pub manual_pong: bool,
    /// [`Config::manual_close`].
    pub manual_close: bool,
    /// [`WebSocket::with_high_water`], if it was set.
    pub high_water: Option<usize>,
    /// [`WebSocket::with_stall_time`], in milliseconds, if it was set.
    pub stall_time_ms: Option<u64>,
    /// [`WebSocket::with_linger_time`], in milliseconds, if it was set.
    pub linger_ms: Option<u64>,
    /// How messages were compressed.
    pub deflate: DeflateSettings,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            max_message: 16 << 20,
            max_frame: 16 << 20,
            max_fragments: 1 << 20,
            keepalive_ms: Some(20_000),
            pong_timeout_ms: 20_000,
            close_timeout_ms: 10_000,
            hold_pings: false,
            manual_pong: false,
            manual_close: false,
            high_water: None,
            stall_time_ms: None,
            linger_ms: None,
            deflate: DeflateSettings::default(),
        }
    }
}

impl Settings {
    /// The configuration of the connection, as the engine takes it.
    pub fn config(&self) -> Config {
        Config::new()
            .max_message(self.max_message)
            .max_frame(self.max_frame)
            .max_fragments(self.max_fragments)
            .keepalive(self.keepalive_ms.map(Duration::from_millis))
            .pong_timeout(Duration::from_millis(self.pong_timeout_ms))
            .close_timeout(Duration::from_millis(self.close_timeout_ms))
            .hold_pings(self.hold_pings)
            .manual_pong(self.manual_pong)
            .manual_close(self.manual_close)
    }

    pub(super) fn options(&self) -> Options {
        Options::new().config(self.config())
    }

    pub(super) fn apply<R: Role>(&self, mut websocket: WebSocket<R>) -> WebSocket<R> {
        if let Some(bytes) = self.high_water {
            websocket = websocket.with_high_water(bytes);
        }
        if let Some(millis) = self.stall_time_ms {
            websocket = websocket.with_stall_time(Duration::from_millis(millis));
        }
        if let Some(millis) = self.linger_ms {
            websocket = websocket.with_linger_time(Duration::from_millis(millis));
        }
        websocket
    }
}

/// How an end compresses: [`Deflate`].
///
/// ```
/// use ws_proto_test::record::{DeflateSettings, Settings};
///
/// let mut settings = Settings::default();
/// settings.deflate.server_takeover = false;
/// assert_ne!(settings.deflate, DeflateSettings::default());
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct DeflateSettings {
    /// [`Deflate::server_window_bits`].
    pub server_window_bits: u8,
    /// [`Deflate::client_window_bits`].
    pub client_window_bits: u8,
    /// [`Deflate::server_takeover`].
    pub server_takeover: bool,
    /// [`Deflate::client_takeover`].
    pub client_takeover: bool,
    /// [`Deflate::level`].
    pub level: u8,
    /// [`Deflate::mem_level`].
    pub mem_level: u8,
}

impl Default for DeflateSettings {
    fn default() -> Self {
        Self {
            server_window_bits: 15,
            client_window_bits: 15,
            server_takeover: true,
            client_takeover: true,
            level: 1,
            mem_level: 5,
        }
    }
}

impl DeflateSettings {
    /// The same, as the engine takes it, with a threshold of 0: the recording says which messages were compressed.
    pub fn deflate(&self) -> Deflate {
        Deflate::new()
            .server_window_bits(self.server_window_bits)
            .client_window_bits(self.client_window_bits)
            .server_takeover(self.server_takeover)
            .client_takeover(self.client_takeover)
            .level(self.level)
            .mem_level(self.mem_level)
            .threshold(0)
    }
}

/// The parameters of permessage-deflate that a handshake has agreed on: [`DeflateParams`].
///
/// ```
/// use ws_proto::extension::deflate::DeflateParams;
/// use ws_proto_test::record::Agreed;
///
/// let params = DeflateParams::new().with_server_takeover(false);
/// let agreed = Agreed::from(&params);
/// assert_eq!((agreed.server_takeover, agreed.params()), (false, Some(params)));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Agreed {
    /// [`DeflateParams::server_window_bits`].
    pub server_window_bits: u8,
    /// [`DeflateParams::client_window_bits`].
    pub client_window_bits: u8,
    /// [`DeflateParams::server_takeover`].
    pub server_takeover: bool,
    /// [`DeflateParams::client_takeover`].
    pub client_takeover: bool,
}

impl From<&DeflateParams> for Agreed {
    fn from(params: &DeflateParams) -> Self {
        Self {
            server_window_bits: params.server_window_bits(),
            client_window_bits: params.client_window_bits(),
            server_takeover: params.server_takeover(),
            client_takeover: params.client_takeover(),
        }
    }
}

impl Agreed {
    /// The same, as the engine takes it; `None` if no handshake can agree on that.
    #[must_use]
    pub fn params(&self) -> Option<DeflateParams> {
        let mut params = DeflateParams::new()
            .with_server_window_bits(self.server_window_bits)?
            .with_client_window_bits(self.client_window_bits)?;
        if !self.server_takeover {
            params = params.with_server_takeover(false);
        }
        if !self.client_takeover {
            params = params.with_client_takeover(false);
        }
        Some(params)
    }
}
