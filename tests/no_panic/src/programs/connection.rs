use core::fmt::Debug;

use ws_proto::connection::{Binary, MaskSource, Text};
use ws_proto::{
    Client, CloseReason, Config, Connection, ControlPayload, EitherRole, PreparedMessage, Server,
};

use crate::{Keys, formatter, given, output, state, used};

type ServerConnection = Connection<Server>;
type ClientConnection = Connection<Client<Keys>>;
type EitherConnection = Connection<EitherRole<Keys>>;
type Prepared = PreparedMessage<&'static [u8]>;

/// The programs of a function that all roles have, one for each of them.
macro_rules! roles {
    ($name:literal, |$connection:ident| $body:expr) => {
        #[cfg(any(not(linked), role = "server"))]
        program!($name, {
            let $connection = state::<ServerConnection>();
            $body
        });
        #[cfg(any(not(linked), role = "client"))]
        program!($name, {
            let $connection = state::<ClientConnection>();
            $body
        });
        #[cfg(any(not(linked), role = "either"))]
        program!($name, {
            let $connection = state::<EitherConnection>();
            $body
        });
    };
}

roles!("Connection<R>::receive", |connection| {
    connection.receive(given(), output())
});
roles!("Connection<R>::receive_eof", |connection| {
    connection.receive_eof()
});
roles!("Connection<R>::tick", |connection| {
    connection.tick(given(), output())
});
roles!("Connection<R>::transport", |connection| {
    connection.transport()
});
roles!("Connection<R>::frame_missing", |connection| {
    connection.frame_missing(given(), given(), given())
});
roles!("Connection<R>::frame_remaining", |connection| {
    connection.frame_remaining()
});
roles!("Connection<R>::fail", |connection| {
    connection.fail(given(), output())
});
roles!("Connection<R>::close", |connection| {
    connection.close(given(), given::<CloseReason<'_>>(), output())
});
roles!("Connection<R>::close_empty", |connection| {
    connection.close_empty(output())
});
roles!("Connection<R>::ping", |connection| {
    connection.ping(given::<ControlPayload<'_>>(), output())
});
roles!("Connection<R>::pong", |connection| {
    connection.pong(given::<ControlPayload<'_>>(), output())
});
roles!("Connection<R>::send_binary", |connection| {
    connection.send_binary(given(), output())
});
roles!("Connection<R>::send_binary_part", |connection| {
    connection.send_binary_part(given(), given(), output())
});
roles!("Connection<R>::send_text", |connection| {
    connection.send_text(given(), output())
});
roles!("Connection<R>::send_text_part", |connection| {
    connection.send_text_part(given(), given(), output())
});
roles!("Connection<R>::send_utf8_part", |connection| {
    connection.send_utf8_part(given(), given(), output())
});
roles!("Connection<R>::send_extended", |connection| {
    connection.send_extended(given(), given(), given(), given(), output())
});
roles!("Connection<R>::send_prepared", |connection| {
    connection.send_prepared(state::<Prepared>(), output())
});
roles!("Connection<R>::can_send", |connection| connection
    .can_send());
roles!("Connection<R>::is_message_open", |connection| {
    connection.is_message_open()
});
roles!("Connection<R>::is_close_received", |connection| {
    connection.is_close_received()
});
roles!("Connection<R>::close_code", |connection| {
    connection.close_code()
});
roles!("Connection<R>::close_reason", |connection| {
    connection.close_reason()
});
roles!("Connection<R>::control_payload", |connection| {
    connection.control_payload()
});
roles!("Connection<R>::note_activity", |connection| {
    connection.note_activity()
});
roles!("Connection<R>::refused_len", |connection| {
    connection.refused_len()
});
roles!("Connection<R>::fmt", |connection| {
    Debug::fmt(connection, formatter())
});

program!("Connection<Server>::server", {
    Connection::server(given(), given())
});
program!("Connection<Server>::frame_binary", {
    state::<ServerConnection>().frame_binary(given(), output())
});
program!("Connection<Server>::frame_binary_part", {
    state::<ServerConnection>().frame_binary_part(given(), given(), output())
});
program!("Connection<Server>::frame_text", {
    state::<ServerConnection>().frame_text(given(), output())
});
program!("Connection<Server>::frame_text_part", {
    state::<ServerConnection>().frame_text_part(given(), given(), output())
});
program!("Connection<Server>::frame_utf8_part", {
    state::<ServerConnection>().frame_utf8_part(given(), given(), output())
});
program!("Connection<Server>::frame_prepared", {
    state::<ServerConnection>().frame_prepared(state::<Prepared>())
});
program!("Connection<Client<M>>::client", {
    Connection::client(given(), given(), Keys)
});
program!("Connection<Client<M>>::frame_binary", {
    state::<ClientConnection>().frame_binary(given(), output())
});
program!("Connection<Client<M>>::frame_binary_part", {
    state::<ClientConnection>().frame_binary_part(given(), given(), output())
});
program!("Connection<Client<M>>::frame_text", {
    state::<ClientConnection>().frame_text(given(), output())
});
program!("Connection<Client<M>>::frame_text_part", {
    state::<ClientConnection>().frame_text_part(given(), given(), output())
});
program!("Connection<EitherRole<M>>::with_role", {
    Connection::with_role(given(), given(), given::<EitherRole<Keys>>())
});

program!("Client<M>::fmt", {
    Debug::fmt(state::<Client<Keys>>(), formatter())
});
program!("EitherRole<M>::client", EitherRole::client(Keys));
program!("EitherRole<M>::server", EitherRole::<Keys>::server());
program!("EitherRole<M>::fmt", {
    Debug::fmt(state::<EitherRole<Keys>>(), formatter())
});
program!("F::mask_key", given::<fn() -> [u8; 4]>().mask_key());

program!("Config::new", Config::new());
program!("Config::default", Config::default());
program!("Config::close_timeout", {
    given::<Config>().close_timeout(given())
});
program!("Config::get_max_message", {
    state::<Config>().get_max_message()
});
program!("Config::hold_pings", given::<Config>().hold_pings(given()));
program!("Config::keepalive", given::<Config>().keepalive(given()));
program!("Config::manual_close", {
    given::<Config>().manual_close(given())
});
program!("Config::manual_pong", {
    given::<Config>().manual_pong(given())
});
program!("Config::max_fragments", {
    given::<Config>().max_fragments(given())
});
program!("Config::max_frame", given::<Config>().max_frame(given()));
program!("Config::max_message", {
    given::<Config>().max_message(given())
});
program!("Config::pong_timeout", {
    given::<Config>().pong_timeout(given())
});

program!("Binary::whole", given::<Binary<'_>>().whole());
program!("Text::whole", state::<Text<'_>>().whole());

program!("PreparedMessage<B>::binary", {
    PreparedMessage::binary(given::<&[u8]>())
});
program!("PreparedMessage<B>::text", {
    PreparedMessage::<&[u8]>::text(given::<AnyText>())
});
program!("PreparedMessage<B>::kind", state::<Prepared>().kind());
program!("PreparedMessage<B>::payload", state::<Prepared>().payload());
program!("PreparedMessage<B>::fmt", {
    Debug::fmt(state::<Prepared>(), formatter())
});

/// Text that becomes any bytes.
struct AnyText(&'static str);

impl AsRef<str> for AnyText {
    fn as_ref(&self) -> &str {
        self.0
    }
}

impl From<AnyText> for &'static [u8] {
    fn from(AnyText(text): AnyText) -> Self {
        text.as_bytes()
    }
}
