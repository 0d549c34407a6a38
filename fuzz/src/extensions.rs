//! `Sec-WebSocket-Extensions`: against a lexer and a grammar kept apart, and written and read again.

use core::cmp::Ordering;

use arbitrary::{Arbitrary, Result, Unstructured};
use ws_proto::Input;
use ws_proto::frame::Rsv;
use ws_proto::handshake::{
    Accept, AnswerFault, ClientHandshake, ClientRequest, Extension, ExtensionOffer, Extensions,
    HandshakeError, HeadError, Headers, Limits, MAX_EXTENSION_PARAMS, MAX_EXTENSIONS, Upgrade,
    accept_key,
};

use crate::support::pieces;

/// Lines of the field, and extensions to write.
#[derive(Debug)]
pub struct Case<'a> {
    /// The value of each line of the field as a peer sends it.
    pub lines: Vec<&'a [u8]>,
    /// What is offered: name, parameters, reserved bits.
    pub offers: Vec<Offer<'a>>,
}

/// An extension to offer.
#[derive(Debug)]
pub struct Offer<'a> {
    name: &'a str,
    params: Vec<(&'a str, Option<&'a str>)>,
    rsv: Rsv,
}

impl<'a> Arbitrary<'a> for Case<'a> {
    /// The text is both: its lines are parsed; `|`, `;` and `=` make offers of it.
    fn arbitrary(u: &mut Unstructured<'a>) -> Result<Self> {
        let bytes = u.bytes(u.len())?;
        let text = core::str::from_utf8(bytes).unwrap_or("x; y=1");
        Ok(Self {
            lines: bytes.split(|&byte| byte == b'\n').collect(),
            offers: text.split(['|', '\n', ',']).map(Offer::of).collect(),
        })
    }
}

impl<'a> Offer<'a> {
    fn of(text: &'a str) -> Self {
        let mut parts = text.split(';');
        let name = parts.next().unwrap_or_default();
        Self {
            name,
            params: parts
                .map(|part| {
                    part.split_once('=')
                        .map_or((part, None), |(n, v)| (n, Some(v)))
                })
                .collect(),
            rsv: Rsv::from_bits((text.len() % 8) as u8 * 0x10),
        }
    }
}

/// Reads the lines; writes, reads and answers the offers.
///
/// # Panics
///
/// If the parsed value differs from that of the grammar, or from the written one.
pub fn check(case: &Case<'_>) {
    read(&case.lines);
    write(&case.offers);
}

/// What is read: names and parameters.
type Parsed = Vec<Element>;
type Element = (String, Vec<ParsedParam>);
type ParsedParam = (String, Option<String>);

fn read(lines: &[&[u8]]) {
    let mut headers: Vec<(&str, &[u8])> = vec![
        ("Host", b"h"),
        ("Upgrade", b"websocket"),
        ("Connection", b"Upgrade"),
        ("Sec-WebSocket-Version", b"13"),
        ("Sec-WebSocket-Key", b"dGhlIHNhbXBsZSBub25jZQ=="),
    ];
    headers.extend(lines.iter().map(|line| (FIELD, *line)));
    let expected: Option<Parsed> = lines
        .iter()
        .map(|line| parse(line))
        .collect::<Option<Vec<Parsed>>>()
        .map(|lines| lines.concat())
        .filter(|all| !all.is_empty());
    let fields: Vec<(&str, &[u8])> = lines.iter().map(|line| (FIELD, *line)).collect();
    let parsed = Extensions::parse(&Headers::from_slice(&fields));
    assert_eq!(
        parsed.map(collect),
        match Upgrade::from_headers("GET", "/", &headers) {
            Ok(upgrade) => Ok(collect(upgrade.extensions())),
            Err(error) => Err(error),
        }
    );
    match (Upgrade::from_headers("GET", "/", &headers), expected) {
        (Ok(upgrade), Some(expected)) => {
            assert!(expected.len() <= MAX_EXTENSIONS);
            assert!(
                expected
                    .iter()
                    .all(|(_, params)| params.len() <= MAX_EXTENSION_PARAMS)
            );
            assert_eq!(collect(upgrade.extensions()), expected);

            // What a proxy passes on is the same, without quotes.
            let passed_on: Vec<String> = upgrade
                .extensions()
                .map(|extension| ExtensionOffer::from(extension).to_string())
                .collect();
            let passed_on = passed_on.join(", ");
            assert!(!passed_on.contains('"'));
            assert_eq!(parse(passed_on.as_bytes()), Some(expected));
            let _ = format!("{:?}", upgrade.extensions());
        }
        (Err(HandshakeError::TooManyElements), Some(expected)) => assert!(
            expected.len() > MAX_EXTENSIONS
                || expected
                    .iter()
                    .any(|(_, params)| params.len() > MAX_EXTENSION_PARAMS)
        ),
        (Err(error), None) => assert!(matches!(
            error,
            HandshakeError::ExtensionsInvalid | HandshakeError::TooManyElements
        )),
        (got, expected) => panic!("{:?} where {expected:?} was expected", got.map(|_| ())),
    }
}

fn collect<'h>(extensions: impl Iterator<Item = Extension<'h>>) -> Parsed {
    extensions
        .map(|extension| {
            let params = extension.params().map(|param| {
                let value = param.value().map(|value| {
                    let text = value.to_string();
                    assert!(value == text.as_str() && value == *text);
                    assert!(value.bytes().eq(text.bytes()));
                    let number = text.parse().ok().filter(|n: &u8| n.to_string() == text);
                    assert_eq!(value.to_u8(), number);
                    text
                });
                (param.name().to_owned(), value)
            });
            (extension.name().to_owned(), params.collect())
        })
        .collect()
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Lexeme {
    Comma,
    Semicolon,
    Equals,
    Token(String),
    /// A token in quotes: the same as a token, but only as a value.
    Quoted(String),
}

/// The elements of one line by RFC 6455 9.1, with the whitespace that RFC 2616 implied.
fn parse(line: &[u8]) -> Option<Parsed> {
    let lexemes = lex(line)?;
    let elements = lexemes.split(|lexeme| *lexeme == Lexeme::Comma);
    elements
        .filter(|element| !element.is_empty())
        .map(element)
        .collect()
}

fn element(lexemes: &[Lexeme]) -> Option<Element> {
    let mut parts = lexemes.split(|lexeme| *lexeme == Lexeme::Semicolon);
    let [Lexeme::Token(name)] = parts.next()? else {
        return None;
    };
    let params = parts.map(|part| match part {
        [Lexeme::Token(name)] => Some((name.clone(), None)),
        [
            Lexeme::Token(name),
            Lexeme::Equals,
            Lexeme::Token(value) | Lexeme::Quoted(value),
        ] => Some((name.clone(), Some(value.clone()))),
        _ => None,
    });
    Some((name.clone(), params.collect::<Option<_>>()?))
}

fn lex(line: &[u8]) -> Option<Vec<Lexeme>> {
    let mut lexemes = Vec::new();
    let mut rest = line.iter().map(|&byte| char::from(byte)).peekable();
    while let Some(c) = rest.next() {
        lexemes.push(match c {
            ' ' | '\t' => continue,
            ',' => Lexeme::Comma,
            ';' => Lexeme::Semicolon,
            '=' => Lexeme::Equals,
            '"' => {
                let mut inside = String::new();
                loop {
                    match rest.next()? {
                        '"' => break,
                        '\\' => inside.push(rest.next()?),
                        c => inside.push(c),
                    }
                }
                if inside.is_empty() || !inside.chars().all(is_token) {
                    return None;
                }
                Lexeme::Quoted(inside)
            }
            c if is_token(c) => {
                let mut token = String::from(c);
                while let Some(c) = rest.next_if(|&c| is_token(c)) {
                    token.push(c);
                }
                Lexeme::Token(token)
            }
            _ => return None,
        });
    }
    Some(lexemes)
}

/// RFC 2616 2.2: any character except controls and separators.
fn is_token(c: char) -> bool {
    c.is_ascii_graphic() && !"()<>@,;:\\\"/[]?={}".contains(c)
}

fn write(given: &[Offer<'_>]) {
    let offers: Vec<ExtensionOffer<'_>> = given
        .iter()
        .map(|offer| {
            ExtensionOffer::new(offer.name, &offer.params)
                .with_rsv(offer.rsv)
                .with_check(|offer, answer| {
                    let [offered, answered] = [offer, answer].map(|extension| {
                        let params = extension.params();
                        params
                            .map(|p| (p.name().to_owned(), p.value().map(|v| v.to_string())))
                            .collect::<Vec<_>>()
                    });
                    answer_fault(&offered, &answered)
                })
        })
        .collect();
    let is_token = |text: &str| !text.is_empty() && text.chars().all(is_token);
    let valid = given.iter().all(|offer| {
        is_token(offer.name)
            && offer
                .params
                .iter()
                .all(|(name, value)| is_token(name) && value.is_none_or(is_token))
    });
    let request = ClientRequest::new("h", "/").extensions(&offers);
    let mut written = Vec::new();
    let started = ClientHandshake::start(request, [7; 16], Vec::new(), Limits::new(), &mut written);
    let Ok(mut client) = started else {
        let too_many = valid && offers.len() > MAX_EXTENSIONS;
        let expected = match too_many {
            true => HeadError::TooManyExtensions,
            false => HeadError::ExtensionInvalid,
        };
        assert_eq!(started.err(), Some(expected));
        assert!((too_many || !valid) && written.is_empty());
        return;
    };
    assert!(valid, "only tokens are written");

    // Read by a server.
    let written = String::from_utf8(written).expect("only ASCII is written");
    let line = written
        .lines()
        .find_map(|line| line.strip_prefix("Sec-WebSocket-Extensions: "));
    let line = line.expect("there is at least one");
    let expected: Parsed = given
        .iter()
        .map(|offer| {
            let params = offer.params.iter();
            let params = params.map(|&(name, value)| (name.to_owned(), value.map(str::to_owned)));
            (offer.name.to_owned(), params.collect())
        })
        .collect();
    assert_eq!(parse(line.as_bytes()), Some(expected.clone()));
    let headers: Vec<(&str, &[u8])> = written
        .lines()
        .filter_map(|line| line.split_once(": "))
        .map(|(name, value)| (name, value.as_bytes()))
        .collect();
    let Ok(upgrade) = Upgrade::from_headers("GET", "/", &headers) else {
        let many = |offer: &Offer<'_>| offer.params.len() > MAX_EXTENSION_PARAMS;
        assert!(given.iter().any(many));
        return;
    };
    assert_eq!(collect(upgrade.extensions()), expected);

    // Answered with the same, where that makes sense, and that read by the client.
    let mut bits = 0;
    let mut repeated = false;
    for (index, offer) in offers.iter().enumerate() {
        repeated |= offers[..index]
            .iter()
            .any(|other| other.name() == offer.name());
        repeated |= bits & offer.rsv().bits() != 0;
        bits |= offer.rsv().bits();
    }
    let accept = Accept::new().extensions(&offers);
    let answer = match upgrade.answer(&accept) {
        Ok(answer) => answer,
        Err(error) => {
            assert!(repeated && error == HeadError::ExtensionRepeated);
            answer_with_first(&offers, &upgrade);
            return;
        }
    };
    assert!(!repeated);
    answer_otherwise(&offers, &expected);
    assert_eq!(answer.negotiated().rsv().bits(), bits);
    let mut response = String::from("HTTP/1.1 101 \r\n");
    for (name, value) in answer.fields() {
        response.push_str(&format!("{name}: {value}\r\n"));
    }
    response.push_str("\r\n");
    for piece in pieces(&mut response.into_bytes(), &[50]) {
        let established = client.receive(&mut Input::new(piece)).expect("it agrees");
        if let Some(established) = established {
            assert_eq!(established.negotiated(), answer.negotiated());
            assert_eq!(collect(established.extensions()), expected);
            return;
        }
    }
    panic!("the answer was complete");
}

/// What an offer does not allow in an answer: it takes its own parameters only.
fn answer_fault(offered: &[ParsedParam], answered: &[ParsedParam]) -> Result<(), AnswerFault> {
    match answered.len().cmp(&offered.len()) {
        Ordering::Less => Err(AnswerFault::Missing),
        Ordering::Greater => Err(AnswerFault::NotOffered),
        Ordering::Equal if offered == answered => Ok(()),
        Ordering::Equal => Err(AnswerFault::OutOfRange),
    }
}

/// A server answers the first offer with other parameters.
fn answer_otherwise(offers: &[ExtensionOffer<'_>], offered: &Parsed) {
    let (name, params) = &offered[0];
    let fewer = params.iter().skip(1).cloned().collect::<Vec<_>>();
    let more = [&params[..], &[("z".to_owned(), None)]].concat();
    let other = params
        .iter()
        .map(|(name, _)| (name.clone(), Some("other".to_owned())))
        .collect::<Vec<_>>();
    for params in [fewer, more, other] {
        if params.len() > MAX_EXTENSION_PARAMS {
            continue;
        }
        // All offers of that name are looked at, and the first one's fault counts.
        let mut faults = offered
            .iter()
            .filter(|(other, _)| other == name)
            .map(|(_, offered)| answer_fault(offered, &params));
        let expected = match faults.clone().find(Result::is_ok) {
            Some(taken) => taken,
            None => faults.next().expect("the first one"),
        };
        let text = params.iter().map(|(name, value)| match value {
            Some(value) => format!("; {name}={value}"),
            None => format!("; {name}"),
        });
        let request = ClientRequest::new("h", "/").extensions(offers);
        let mut client =
            ClientHandshake::start(request, [7; 16], Vec::new(), Limits::new(), &mut Vec::new())
                .expect("as before");
        let mut response = format!(
            "HTTP/1.1 101 \r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
            Sec-WebSocket-Accept: {}\r\n{FIELD}: {name}{}\r\n\r\n",
            accept_key(KEY),
            text.collect::<String>()
        )
        .into_bytes();
        let result = client.receive(&mut Input::new(&mut response)).map(drop);
        let error = expected.map_err(|fault| match fault {
            AnswerFault::Missing => HandshakeError::ExtensionParamMissing,
            AnswerFault::NotOffered => HandshakeError::ExtensionParamNotOffered,
            _ => HandshakeError::ExtensionParamOutOfRange,
        });
        assert_eq!(result, error, "{name} {params:?}");
    }
}

/// Of the nonce `[7; 16]`, in Base64.
const KEY: &[u8] = b"BwcHBwcHBwcHBwcHBwcHBw==";

/// A server answers one offer, and none that was not made.
fn answer_with_first(offers: &[ExtensionOffer<'_>], upgrade: &Upgrade<'_>) {
    let accept = Accept::new().extensions(&offers[..1]);
    let answer = upgrade.answer(&accept).expect("it was offered");
    assert_eq!(answer.negotiated().rsv(), offers[0].rsv());
    let other = [ExtensionOffer::new("x-not-offered-by-anyone", &[])];
    let offered = offers.iter().any(|offer| offer.name() == other[0].name());
    let answer = upgrade.answer(&Accept::new().extensions(&other));
    assert_eq!(
        answer.err(),
        (!offered).then_some(HeadError::ExtensionNotOffered)
    );
}

const FIELD: &str = "Sec-WebSocket-Extensions";

#[cfg(test)]
mod tests {
    use crate::support::{read, replay};

    #[test]
    fn seeds() {
        replay("extensions", |bytes| super::check(&read(bytes)));
    }
}
