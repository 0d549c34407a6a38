//! A proxy passes offers and answers on as they were received, without writing their text by hand.

use ws_proto::frame::Rsv;
use ws_proto::handshake::{
    Accept, AnswerFault, ClientHandshake, ClientRequest, ExtensionOffer, HandshakeError, Limits,
    ServerHandshake,
};
use ws_proto::{Input, Negotiated};

/// The reserved bits of the extensions that this proxy passes on.
fn rsv(name: &str) -> Rsv {
    match name {
        "permessage-deflate" => Rsv::RSV1,
        "x-two" => Rsv::RSV2,
        _ => Rsv::NONE,
    }
}

/// A client offers, a server answers with `accepted`, and a proxy stands between them. Returns what the
/// client and the proxy's own client have agreed on.
fn through_a_proxy(
    offers: &[ExtensionOffer<'_>],
    accepted: &[ExtensionOffer<'_>],
    chosen: Option<&str>,
) -> Result<(Negotiated, Negotiated), HandshakeError> {
    // The client asks the proxy.
    let request = ClientRequest::new("proxy.example", "/chat?room=1")
        .subprotocols(&["chat.v2", "chat.v1"])
        .extensions(offers);
    let mut wire = Vec::new();
    let mut client =
        ClientHandshake::start(request, [1; 16], Vec::new(), Limits::new(), &mut wire).unwrap();
    let mut at_proxy = ServerHandshake::new(Vec::new(), Limits::new());
    let mut to_client = Vec::new();
    let upgrade = at_proxy
        .receive(&mut Input::new(&mut wire), &mut to_client)
        .unwrap()
        .unwrap();

    // The proxy asks the server for the same.
    let subprotocols: Vec<&str> = upgrade.subprotocols().collect();
    let passed_on: Vec<ExtensionOffer<'_>> = upgrade
        .extensions()
        .map(|offer| ExtensionOffer::from(offer).with_rsv(rsv(offer.name())))
        .collect();
    let request = ClientRequest::new("server.example", upgrade.target())
        .subprotocols(&subprotocols)
        .extensions(&passed_on);
    let mut to_server = Vec::new();
    let storage = Vec::new();
    let mut upstream =
        ClientHandshake::start(request, [2; 16], storage, Limits::new(), &mut to_server).unwrap();

    // The server answers.
    let mut server = ServerHandshake::new(Vec::new(), Limits::new());
    let mut to_proxy = Vec::new();
    let asked = server
        .receive(&mut Input::new(&mut to_server), &mut to_proxy)
        .unwrap()
        .unwrap();
    assert_eq!(asked.target(), "/chat?room=1");
    assert!(asked.subprotocols().eq(["chat.v2", "chat.v1"]));
    let names = |name: &ExtensionOffer<'_>| name.name().to_owned();
    assert!(
        asked
            .extensions()
            .map(|e| e.name().to_owned())
            .eq(offers.iter().map(names))
    );
    let accept = Accept::new().extensions(accepted).maybe_subprotocol(chosen);
    asked.accept(&accept, &mut to_proxy).unwrap();

    // The proxy answers the client with the same.
    let established = upstream
        .receive(&mut Input::new(&mut to_proxy))
        .unwrap()
        .unwrap();
    let answers: Vec<ExtensionOffer<'_>> = established
        .extensions()
        .map(|answer| ExtensionOffer::from(answer).with_rsv(rsv(answer.name())))
        .collect();
    let accept = Accept::new()
        .extensions(&answers)
        .maybe_subprotocol(established.subprotocol());
    let negotiated = upgrade.accept(&accept, &mut to_client).unwrap();
    assert_eq!(negotiated, established.negotiated());

    let found = client.receive(&mut Input::new(&mut to_client))?.unwrap();
    assert_eq!(found.subprotocol(), chosen);
    Ok((found.negotiated(), negotiated))
}

#[test]
fn offers_and_answers_go_through_a_proxy() {
    let deflate = [
        ("server_max_window_bits", Some("10")),
        ("client_max_window_bits", None),
    ];
    let offers = [
        ExtensionOffer::new("permessage-deflate", &deflate)
            .with_rsv(Rsv::RSV1)
            .with_check(
                |_, answer| match answer.params().all(|param| param.value().is_some()) {
                    true => Ok(()),
                    false => Err(AnswerFault::Missing),
                },
            ),
        ExtensionOffer::new("x-two", &[]).with_rsv(Rsv::RSV2),
    ];
    let window = [("server_max_window_bits", Some("9"))];
    let answer = [ExtensionOffer::new("permessage-deflate", &window).with_rsv(Rsv::RSV1)];
    for chosen in [None, Some("chat.v1")] {
        let both = through_a_proxy(&offers, &answer, chosen);
        let agreed = Negotiated::new().with_rsv(Rsv::RSV1);
        assert_eq!(both, Ok((agreed, agreed)));
    }
    let answer = [
        ExtensionOffer::new("x-two", &[]).with_rsv(Rsv::RSV2),
        ExtensionOffer::new("permessage-deflate", &window).with_rsv(Rsv::RSV1),
    ];
    let agreed = Negotiated::new().with_rsv(Rsv::RSV1 | Rsv::RSV2);
    assert_eq!(
        through_a_proxy(&offers, &answer, None),
        Ok((agreed, agreed))
    );
    let none = Ok((Negotiated::new(), Negotiated::new()));
    assert_eq!(through_a_proxy(&offers, &[], None), none);
    assert_eq!(through_a_proxy(&[], &[], Some("chat.v2")), none);
}

/// The proxy does not check parameters: the client whose offer it was does.
#[test]
fn an_answer_that_the_client_does_not_allow_fails_there() {
    let offers = [ExtensionOffer::new("x-two", &[])
        .with_rsv(Rsv::RSV2)
        .with_check(|_, answer| match answer.params().next() {
            None => Ok(()),
            Some(_) => Err(AnswerFault::NotOffered),
        })];
    let answer = [ExtensionOffer::new("x-two", &[("p", None)]).with_rsv(Rsv::RSV2)];
    let failed = through_a_proxy(&offers, &answer, None);
    assert_eq!(failed, Err(HandshakeError::ExtensionParamNotOffered));
}

/// Quoted values are passed on without their quotes, which they do not need (RFC 6455 9.1).
#[test]
fn what_is_passed_on_is_not_quoted() {
    let field: [(&str, &[u8]); 1] = [(
        "Sec-WebSocket-Extensions",
        b" , x ; a=\"b\\c\" ;d; e = f,, y",
    )];
    let headers = ws_proto::handshake::Headers::from_slice(&field);
    let extensions = ws_proto::handshake::Extensions::parse(&headers).unwrap();
    let passed_on = extensions.map(|extension| ExtensionOffer::from(extension).to_string());
    assert!(passed_on.eq(["x; a=bc; d; e=f", "y"]));
}
