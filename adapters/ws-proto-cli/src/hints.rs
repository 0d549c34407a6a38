//! What to try when there is no connection.

use std::error::Error;
use std::io::{self, ErrorKind};
use std::net::IpAddr;

use ws_proto_tokio::rustls::{self, AlertDescription, CertificateError, InvalidMessage};
use ws_proto_tokio::{ConnectError, HandshakeError, ProxyError, Stage};

use crate::args::Args;
use crate::route::{Route, VARIABLES};
use crate::target::Target;

/// What to try after `error`, with the options for it.
pub(crate) fn hint(error: &ConnectError, args: &Args, route: &Route) -> Option<String> {
    match error {
        ConnectError::Proxy(error) => proxy_hint(error, route),
        ConnectError::Resolve { .. } => {
            let mut ways = vec!["--connect-to ADDRESS:PORT needs no name"];
            ways.extend(again(args));
            Some(format!("is the name right? {}", ways.join(", ")))
        }
        ConnectError::Unreachable(unreachable) => {
            let mut attempts = unreachable.attempts().iter();
            let is_remote = attempts.any(|attempt| !attempt.address().ip().is_loopback());
            let question = if is_remote {
                "are host and port right?"
            } else {
                "does a server listen there?"
            };
            let ways = elsewhere(is_remote, args).chain(again(args));
            Some(asked(question, ways))
        }
        ConnectError::TimedOut(timeout) => {
            let longer = "--timeout SECONDS waits longer";
            let is_remote = timeout.get_host().is_none_or(|host| !is_this_machine(host));
            let mut ways = vec![longer];
            if let Stage::Resolve | Stage::Connect = timeout.stage() {
                ways.extend(elsewhere(is_remote, args));
            }
            Some(ways.join(", "))
        }
        ConnectError::Tls { error, .. } | ConnectError::Io(error) => of_io(error, args),
        ConnectError::Handshake(
            HandshakeError::NotHttp
            | HandshakeError::UnexpectedEof
            | HandshakeError::NothingReceived,
        ) if !args.url.as_ref().is_some_and(Target::is_secure) => {
            Some("is there a WebSocket server? One with TLS needs a wss:// URL".to_owned())
        }
        _ => None,
    }
}

/// A question, and ways to go.
fn asked(question: &str, ways: impl Iterator<Item = &'static str>) -> String {
    let ways: Vec<_> = ways.collect();
    format!("{question} {}", ways.join(", "))
        .trim_end()
        .to_owned()
}

/// For what may pass, unless it was asked for.
fn again(args: &Args) -> Option<&'static str> {
    args.retry.is_none().then_some("--retry tries again")
}

/// Other ways to a server than those that were asked for; to one of this machine no proxy leads.
fn elsewhere(is_remote: bool, args: &Args) -> impl Iterator<Item = &'static str> {
    let ways = [
        (
            args.connect_to.is_none(),
            "--connect-to HOST:PORT tries another place",
        ),
        (is_remote, "--proxy URL goes through a proxy"),
    ];
    ways.into_iter()
        .filter_map(|(fits, way)| fits.then_some(way))
}

fn proxy_hint(error: &ProxyError, route: &Route) -> Option<String> {
    let is_given = matches!(route, Route::Given(_));
    let wants_credentials = match error {
        ProxyError::Refused(response) => matches!(response.status(), 401 | 407),
        ProxyError::Socks(error) => error.kind() == ErrorKind::PermissionDenied,
        ProxyError::Credentials => true,
        _ => false,
    };
    if wants_credentials {
        let (who, scheme) = match (is_given, error) {
            (true, ProxyError::Socks(_) | ProxyError::Credentials) => ("--proxy", "socks5"),
            (true, _) => ("--proxy", "http"),
            (false, ProxyError::Socks(_) | ProxyError::Credentials) => (VARIABLES, "socks5"),
            (false, _) => (VARIABLES, "http"),
        };
        return Some(format!(
            "{who} can have them, as in {scheme}://USER:PASSWORD@HOST:PORT"
        ));
    }
    let what = match error {
        ProxyError::Refused(response) if matches!(response.status(), 502..=504) => {
            "it does not reach the server."
        }
        ProxyError::Refused(_) | ProxyError::Socks(_) => "it does not lead there.",
        ProxyError::TimedOut(_) => "--timeout SECONDS waits longer.",
        _ if is_given => "is the URL of --proxy right?",
        _ => "is its URL right?",
    };
    Some(if is_given {
        what.trim_end_matches('.').to_owned()
    } else {
        format!("{what} It is the proxy of the environment ({VARIABLES}): --proxy '' goes without")
    })
}

fn is_this_machine(host: &str) -> bool {
    host == "localhost"
        || host
            .trim_matches(['[', ']'])
            .parse()
            .is_ok_and(|address: IpAddr| address.is_loopback())
}

fn of_io(error: &io::Error, args: &Args) -> Option<String> {
    if let Some(error) = of_tls(error) {
        return tls_hint(error, args).map(str::to_owned);
    }
    let is_unix = args.url.as_ref().is_some_and(|url| url.socket.is_some());
    match error.kind() {
        ErrorKind::ConnectionRefused | ErrorKind::NotFound if is_unix => {
            let question = "does a server listen there?";
            Some(asked(question, again(args).into_iter()))
        }
        _ => None,
    }
}

/// The error of TLS, which an error of a stream may have inside.
fn of_tls(error: &io::Error) -> Option<&rustls::Error> {
    let mut error: &(dyn Error + 'static) = error.get_ref()?;
    loop {
        if let Some(error) = error.downcast_ref() {
            return Some(error);
        }
        error = match error.downcast_ref::<io::Error>() {
            Some(io) => io.get_ref()?,
            None => error.source()?,
        };
    }
}

fn tls_hint(error: &rustls::Error, args: &Args) -> Option<&'static str> {
    use rustls::Error as Tls;
    Some(match error {
        Tls::InvalidCertificate(
            CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. },
        ) => "--host NAME asks for another name than that of the URL",
        Tls::InvalidCertificate(CertificateError::Other(other))
            if args.ca.is_none() && other.to_string().contains("CaUsedAsEndEntity") =>
        {
            "is it signed by itself? --ca FILE trusts this very certificate, --insecure takes any certificate"
        }
        Tls::InvalidCertificate(_) if args.ca.is_some() => {
            "is it the right file that --ca names? --insecure takes any certificate"
        }
        Tls::InvalidCertificate(_) => {
            "--ca FILE trusts an authority or this very certificate, --insecure takes any certificate"
        }
        Tls::InvalidMessage(
            InvalidMessage::InvalidContentType | InvalidMessage::UnknownProtocolVersion,
        ) => "is it a server without TLS? Those have ws:// URLs",
        Tls::AlertReceived(AlertDescription::UnrecognisedName) => {
            "--host NAME asks for another name than that of the URL"
        }
        Tls::AlertReceived(
            AlertDescription::CertificateRequired
            | AlertDescription::HandshakeFailure
            | AlertDescription::BadCertificate
            | AlertDescription::UnsupportedCertificate
            | AlertDescription::CertificateUnknown
            | AlertDescription::UnknownCA
            | AlertDescription::DecryptError
            | AlertDescription::AccessDenied,
        ) => {
            if args.cert.is_some() {
                "the server does not take the certificate of --cert"
            } else {
                "the server may want a certificate: --cert FILE --key FILE shows it"
            }
        }
        _ => return None,
    })
}
