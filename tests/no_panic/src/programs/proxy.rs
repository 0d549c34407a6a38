use core::fmt::Debug;

use ws_proto::handshake::proxy::{ConnectRequest, Connected, ProxyHandshake};

use crate::{AnyStorage, formatter, given, output, state, used};

type Handshake = ProxyHandshake<AnyStorage>;

program!("ConnectRequest::new", ConnectRequest::new(given(), given()));
program!("ConnectRequest::from_uri", {
    ConnectRequest::from_uri(given())
});
program!("ConnectRequest::basic", {
    given::<ConnectRequest<'_>>().basic(given::<&[u8]>(), given::<&[u8]>())
});
program!("ConnectRequest::headers", {
    given::<ConnectRequest<'_>>().headers(given())
});
program!("ConnectRequest::fmt", {
    Debug::fmt(state::<ConnectRequest<'_>>(), formatter())
});
program!("Connected::headers", state::<Connected<'_>>().headers());
program!("Connected::reason", state::<Connected<'_>>().reason());
program!("Connected::status", state::<Connected<'_>>().status());
program!("Connected::fmt", {
    Debug::fmt(state::<Connected<'_>>(), formatter())
});
program!("ProxyHandshake<S>::start", {
    ProxyHandshake::start(given(), given::<AnyStorage>(), given(), output())
});
program!("ProxyHandshake<S>::receive", {
    state::<Handshake>().receive(given())
});
program!("ProxyHandshake<S>::receive_eof", {
    state::<Handshake>().receive_eof()
});
program!("ProxyHandshake<S>::refusal", state::<Handshake>().refusal());
program!("ProxyHandshake<S>::tick", {
    state::<Handshake>().tick(given())
});
program!("ProxyHandshake<S>::transport", {
    state::<Handshake>().transport()
});
program!("ProxyHandshake<S>::into_storage", {
    given::<Handshake>().into_storage()
});
program!("ProxyHandshake<S>::fmt", {
    Debug::fmt(state::<Handshake>(), formatter())
});
