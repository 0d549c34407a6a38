use core::fmt::{Debug, Display};

use ws_proto::handshake::{
    Accept, AcceptKey, Answer, AnswerFault, ClientConnect, ClientHandshake, ClientRequest,
    ConnectEnabled, Established, Extension, ExtensionOffer, Extensions, FieldValue, HandshakeError,
    HeadError, Headers, HeadersIter, HttpStream, Limits, Negotiated, OriginError, OriginFault,
    OriginListError, OriginPolicy, OriginRefused, Param, ParamValue, Params, PlainRequest,
    PlainResponse, PseudoFields, Refusal, RequestError, ServerHandshake, Upgrade, accept_key,
};
use ws_proto::uri::BasicAuthError;

use crate::{AnyStorage, all, formatter, given, output, state, used};

type ServerSide = ServerHandshake<AnyStorage>;
type ClientSide = ClientHandshake<AnyStorage>;
type ConnectSide = ClientConnect<AnyStorage>;

program!("ServerHandshake<S>::new", {
    ServerHandshake::new(given::<AnyStorage>(), given())
});
program!("ServerHandshake<S>::receive", {
    state::<ServerSide>().receive(given(), output())
});
program!("ServerHandshake<S>::receive_any", {
    state::<ServerSide>().receive_any(given(), output())
});
program!("ServerHandshake<S>::receive_eof", {
    state::<ServerSide>().receive_eof()
});
program!("ServerHandshake<S>::tick", {
    state::<ServerSide>().tick(given(), output())
});
program!("ServerHandshake<S>::transport", {
    state::<ServerSide>().transport()
});
program!("ServerHandshake<S>::upgrade", {
    state::<ServerSide>().upgrade()
});
program!("ServerHandshake<S>::into_storage", {
    given::<ServerSide>().into_storage()
});
program!("ServerHandshake<S>::fmt", {
    Debug::fmt(state::<ServerSide>(), formatter())
});

program!("Upgrade::accept", {
    given::<Upgrade<'_>>().accept(given(), output())
});
program!("Upgrade::answer", state::<Upgrade<'_>>().answer(given()));
program!("Upgrade::check_origin", {
    state::<Upgrade<'_>>().check_origin(given())
});
program!("Upgrade::choose_subprotocol", {
    state::<Upgrade<'_>>().choose_subprotocol(given())
});
program!("Upgrade::extensions", state::<Upgrade<'_>>().extensions());
program!("Upgrade::from_extended_connect", {
    Upgrade::from_extended_connect(given(), given())
});
program!("Upgrade::from_headers", {
    Upgrade::from_headers(given(), given(), given())
});
program!("Upgrade::headers", state::<Upgrade<'_>>().headers());
program!("Upgrade::host", state::<Upgrade<'_>>().host());
program!("Upgrade::method", state::<Upgrade<'_>>().method());
program!("Upgrade::origin", state::<Upgrade<'_>>().origin());
program!("Upgrade::raw_target", state::<Upgrade<'_>>().raw_target());
program!("Upgrade::reject", {
    given::<Upgrade<'_>>().reject(given(), output())
});
program!("Upgrade::scheme", state::<Upgrade<'_>>().scheme());
program!("Upgrade::subprotocols", {
    all(state::<Upgrade<'_>>().subprotocols())
});
program!("Upgrade::target", state::<Upgrade<'_>>().target());

program!("Accept::new", Accept::new());
program!("Accept::get_subprotocol", {
    state::<Accept<'_>>().get_subprotocol()
});
program!("Accept::extensions", {
    given::<Accept<'_>>().extensions(given())
});
program!("Accept::headers", given::<Accept<'_>>().headers(given()));
program!("Accept::maybe_subprotocol", {
    given::<Accept<'_>>().maybe_subprotocol(given())
});
program!("Accept::origins", given::<Accept<'_>>().origins(given()));
program!("Accept::subprotocol", {
    given::<Accept<'_>>().subprotocol(given())
});
program!("Accept::fmt", {
    Debug::fmt(state::<Accept<'_>>(), formatter())
});
program!("accept_key", accept_key(given()));
program!("AcceptKey::as_bytes", state::<AcceptKey>().as_bytes());
program!("AcceptKey::as_str", state::<AcceptKey>().as_str());
program!("AcceptKey::fmt", {
    Display::fmt(state::<AcceptKey>(), formatter())
});
program!("AcceptKey::fmt, debug", {
    Debug::fmt(state::<AcceptKey>(), formatter())
});
program!("Answer::fields", all(state::<Answer<'_>>().fields()));
program!("Answer::negotiated", state::<Answer<'_>>().negotiated());
program!("Answer::status", state::<Answer<'_>>().status());
program!("FieldValue::fmt", {
    Display::fmt(state::<FieldValue<'_>>(), formatter())
});
program!("Negotiated::new", Negotiated::new());
program!("Negotiated::rsv", state::<Negotiated>().rsv());
program!(
    "Negotiated::with_rsv",
    given::<Negotiated>().with_rsv(given())
);

program!("ClientHandshake<S>::start", {
    ClientHandshake::start(given(), given(), given::<AnyStorage>(), given(), output())
});
program!("ClientHandshake<S>::receive", {
    state::<ClientSide>().receive(given())
});
program!("ClientHandshake<S>::receive_eof", {
    state::<ClientSide>().receive_eof()
});
program!(
    "ClientHandshake<S>::refusal",
    state::<ClientSide>().refusal()
);
program!("ClientHandshake<S>::tick", {
    state::<ClientSide>().tick(given())
});
program!("ClientHandshake<S>::transport", {
    state::<ClientSide>().transport()
});
program!("ClientHandshake<S>::into_storage", {
    given::<ClientSide>().into_storage()
});
program!("ClientHandshake<S>::fmt", {
    Debug::fmt(state::<ClientSide>(), formatter())
});
program!("ClientRequest::new", ClientRequest::new(given(), given()));
program!("ClientRequest::from_uri", ClientRequest::from_uri(given()));
program!("ClientRequest::extensions", {
    given::<ClientRequest<'_>>().extensions(given())
});
program!("ClientRequest::headers", {
    given::<ClientRequest<'_>>().headers(given())
});
program!("ClientRequest::origin", {
    given::<ClientRequest<'_>>().origin(given())
});
program!("ClientRequest::require_subprotocol", {
    given::<ClientRequest<'_>>().require_subprotocol(given())
});
program!("ClientRequest::secure", {
    given::<ClientRequest<'_>>().secure(given())
});
program!("ClientRequest::subprotocols", {
    given::<ClientRequest<'_>>().subprotocols(given())
});
program!("ClientRequest::fmt", {
    Debug::fmt(state::<ClientRequest<'_>>(), formatter())
});
program!("ClientConnect<S>::start", {
    ClientConnect::start(
        given(),
        given(),
        given::<AnyStorage>(),
        given(),
        given::<fn(&str, &[u8])>(),
    )
});
program!("ClientConnect<S>::receive", {
    state::<ConnectSide>().receive(given())
});
program!("ClientConnect<S>::receive_eof", {
    state::<ConnectSide>().receive_eof()
});
program!("ClientConnect<S>::receive_head", {
    state::<ConnectSide>().receive_head(given(), given())
});
program!(
    "ClientConnect<S>::refusal",
    state::<ConnectSide>().refusal()
);
program!("ClientConnect<S>::tick", {
    state::<ConnectSide>().tick(given())
});
program!("ClientConnect<S>::transport", {
    state::<ConnectSide>().transport()
});
program!("ClientConnect<S>::into_storage", {
    given::<ConnectSide>().into_storage()
});
program!("ClientConnect<S>::fmt", {
    Debug::fmt(state::<ConnectSide>(), formatter())
});
program!("ConnectEnabled::from_setting", {
    ConnectEnabled::from_setting(given())
});
program!("Established::extensions", {
    state::<Established<'_>>().extensions()
});
program!("Established::headers", state::<Established<'_>>().headers());
program!("Established::negotiated", {
    state::<Established<'_>>().negotiated()
});
program!("Established::status", state::<Established<'_>>().status());
program!("Established::subprotocol", {
    state::<Established<'_>>().subprotocol()
});
program!("Refusal::body", state::<Refusal<'_>>().body());
program!("Refusal::end", state::<Refusal<'_>>().end());
program!("Refusal::headers", state::<Refusal<'_>>().headers());
program!("Refusal::is_body_complete", {
    state::<Refusal<'_>>().is_body_complete()
});
program!("Refusal::reason", state::<Refusal<'_>>().reason());
program!("Refusal::retry_after", state::<Refusal<'_>>().retry_after());
program!("Refusal::status", state::<Refusal<'_>>().status());
program!("Refusal::fmt", {
    Debug::fmt(state::<Refusal<'_>>(), formatter())
});

program!("Extension::name", state::<Extension<'_>>().name());
program!("Extension::params", state::<Extension<'_>>().params());
program!("Extension::fmt", {
    Debug::fmt(state::<Extension<'_>>(), formatter())
});
program!("ExtensionOffer::new", ExtensionOffer::new(given(), given()));
program!("ExtensionOffer::from(Extension)", {
    ExtensionOffer::from(given::<Extension<'_>>())
});
program!("ExtensionOffer::name", state::<ExtensionOffer<'_>>().name());
program!("ExtensionOffer::rsv", state::<ExtensionOffer<'_>>().rsv());
program!("ExtensionOffer::with_check", {
    given::<ExtensionOffer<'_>>().with_check(given())
});
program!("ExtensionOffer::with_rsv", {
    given::<ExtensionOffer<'_>>().with_rsv(given())
});
program!("ExtensionOffer::fmt", {
    Display::fmt(state::<ExtensionOffer<'_>>(), formatter())
});
program!("Extensions::parse", Extensions::parse(given()));
program!("Extensions::next", state::<Extensions<'_>>().next());
program!("Extensions::fmt", {
    Debug::fmt(state::<Extensions<'_>>(), formatter())
});
program!("Params::next", state::<Params<'_>>().next());
program!("Params::fmt", {
    Debug::fmt(state::<Params<'_>>(), formatter())
});
program!("Param::name", state::<Param<'_>>().name());
program!("Param::value", state::<Param<'_>>().value());
program!("ParamValue::bytes", all(state::<ParamValue<'_>>().bytes()));
program!("ParamValue::to_u8", state::<ParamValue<'_>>().to_u8());
program!("ParamValue::eq(&str)", {
    *state::<ParamValue<'_>>() == *given::<&str>()
});
program!("ParamValue::eq(&&str)", {
    *state::<ParamValue<'_>>() == given::<&str>()
});
program!("ParamValue::fmt", {
    Display::fmt(state::<ParamValue<'_>>(), formatter())
});
program!("ParamValue::fmt, debug", {
    Debug::fmt(state::<ParamValue<'_>>(), formatter())
});

program!("Headers::contains_token", {
    state::<Headers<'_>>().contains_token(given(), given())
});
program!("Headers::from_slice", Headers::from_slice(given()));
program!("Headers::get", state::<Headers<'_>>().get(given()));
program!("Headers::get_all", {
    all(state::<Headers<'_>>().get_all(given()))
});
program!("Headers::iter", state::<Headers<'_>>().iter());
program!("Headers::list", all(state::<Headers<'_>>().list(given())));
program!("Headers::into_iter", given::<Headers<'_>>().into_iter());
program!("&Headers::into_iter", {
    IntoIterator::into_iter(given::<&Headers<'_>>())
});
program!("Headers::fmt", {
    Debug::fmt(state::<Headers<'_>>(), formatter())
});
program!("HeadersIter::next", state::<HeadersIter<'_>>().next());
program!("HeadersIter::fmt", {
    Debug::fmt(state::<HeadersIter<'_>>(), formatter())
});

program!("HandshakeError::fields", given::<HandshakeError>().fields());
program!(
    "HandshakeError::section",
    given::<HandshakeError>().section()
);
program!("HandshakeError::status", given::<HandshakeError>().status());
program!("HandshakeError::from(AnswerFault)", {
    HandshakeError::from(given::<AnswerFault>())
});
program!("HandshakeError::fmt", {
    Display::fmt(state::<HandshakeError>(), formatter())
});
program!("HeadError::from(BasicAuthError)", {
    HeadError::from(given::<BasicAuthError>())
});
program!("HeadError::fmt", {
    Display::fmt(state::<HeadError>(), formatter())
});
program!("RequestError::from(HandshakeError)", {
    RequestError::from(given::<HandshakeError>())
});
program!("RequestError::fmt", {
    Display::fmt(state::<RequestError>(), formatter())
});
program!(
    "HttpStream::cancel_code",
    given::<HttpStream>().cancel_code()
);
program!("HttpStream::malformed_code", {
    given::<HttpStream>().malformed_code()
});
program!("Limits::new", Limits::new());
program!("Limits::default", Limits::default());
program!("Limits::answer_silence", {
    given::<Limits>().answer_silence(given())
});
program!("Limits::body_bytes", given::<Limits>().body_bytes(given()));
program!("Limits::drain", given::<Limits>().drain(given()));
program!("Limits::head_bytes", given::<Limits>().head_bytes(given()));
program!("Limits::informational", {
    given::<Limits>().informational(given())
});
program!("Limits::lines", given::<Limits>().lines(given()));
program!("Limits::time", given::<Limits>().time(given()));

program!("OriginPolicy::allows", {
    state::<OriginPolicy<'_>>().allows(given())
});
program!("OriginPolicy::allows_origin", {
    state::<OriginPolicy<'_>>().allows_origin(given(), given())
});
program!("OriginPolicy::any", OriginPolicy::any());
program!("OriginPolicy::check", {
    state::<OriginPolicy<'_>>().check(given(), given())
});
program!("OriginPolicy::default", OriginPolicy::default());
program!("OriginPolicy::list", OriginPolicy::list(given()));
program!("OriginPolicy::local", OriginPolicy::local());
program!("OriginPolicy::local_only", {
    given::<OriginPolicy<'_>>().local_only(given())
});
program!("OriginPolicy::require_origin", {
    given::<OriginPolicy<'_>>().require_origin(given())
});
program!("OriginPolicy::same_host", OriginPolicy::same_host());
program!("OriginError::fault", state::<OriginError<'_>>().fault());
program!("OriginError::host", state::<OriginError<'_>>().host());
program!("OriginError::origin", state::<OriginError<'_>>().origin());
program!("OriginError::fmt", {
    Display::fmt(state::<OriginError<'_>>(), formatter())
});
program!("OriginFault::response", given::<OriginFault>().response());
program!("OriginFault::fmt", {
    Display::fmt(state::<OriginFault>(), formatter())
});
program!("OriginListError::index", state::<OriginListError>().index());
program!("OriginListError::fmt", {
    Display::fmt(state::<OriginListError>(), formatter())
});
program!("OriginRefused::fault", state::<OriginRefused>().fault());
program!("OriginRefused::from(OriginError)", {
    OriginRefused::from(given::<OriginError<'_>>())
});
program!("OriginRefused::fmt", {
    Display::fmt(state::<OriginRefused>(), formatter())
});

program!(
    "PlainRequest::headers",
    state::<PlainRequest<'_>>().headers()
);
program!("PlainRequest::host", state::<PlainRequest<'_>>().host());
program!("PlainRequest::method", state::<PlainRequest<'_>>().method());
program!("PlainRequest::raw_target", {
    state::<PlainRequest<'_>>().raw_target()
});
program!("PlainRequest::refuse", {
    given::<PlainRequest<'_>>().refuse(output())
});
program!("PlainRequest::respond", {
    given::<PlainRequest<'_>>().respond(given(), output())
});
program!("PlainRequest::target", state::<PlainRequest<'_>>().target());
program!("PlainResponse::new", PlainResponse::new(given()));
program!("PlainResponse::body", {
    given::<PlainResponse<'_>>().body(given())
});
program!("PlainResponse::get_body", {
    state::<PlainResponse<'_>>().get_body()
});
program!("PlainResponse::get_headers", {
    state::<PlainResponse<'_>>().get_headers()
});
program!("PlainResponse::get_status", {
    state::<PlainResponse<'_>>().get_status()
});
program!("PlainResponse::headers", {
    given::<PlainResponse<'_>>().headers(given())
});
program!("PlainResponse::reason", {
    given::<PlainResponse<'_>>().reason(given())
});
program!("PlainResponse::text", PlainResponse::text(given(), given()));
program!("PlainResponse::upgrade_required", {
    PlainResponse::upgrade_required()
});
program!("PlainResponse::fmt", {
    Debug::fmt(state::<PlainResponse<'_>>(), formatter())
});
program!("PseudoFields::split", PseudoFields::split(given()));
