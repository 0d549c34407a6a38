//! What to try when there is no connection.

use std::error::Error;
use std::io::{self, ErrorKind};
use std::net::IpAddr;

use ws_proto_tokio::rustls::{self, AlertDescription, CertificateError, InvalidMessage};
use ws_proto_tokio::{ConnectError, HandshakeError, Stage};

use crate::args::Args;

/// What to try after `error`, with the options for it.
pub(crate) fn hint(error: &ConnectError, args: &Args) -> Option<String> {
    match error {
        ConnectError::Resolve { .. } => Some(
            "is the name right? --connect-to ADDRESS:PORT needs no name, --retry tries again"
                .to_owned(),
        ),
        ConnectError::Unreachable(unreachable) => {
            let mut attempts = unreachable.attempts().iter();
            let elsewhere = attempts.any(|attempt| !attempt.address().ip().is_loopback());
            Some(unreachable_hint(elsewhere))
        }
        ConnectError::TimedOut(timeout) => {
            let is_remote = timeout.get_host().is_none_or(|host| !is_this_machine(host));
            let by_proxy = match timeout.stage() {
                Stage::Resolve | Stage::Connect if is_remote => {
                    ", --connect-to HOST:PORT tries another place"
                }
                _ => "",
            };
            Some(format!("--timeout SECONDS waits longer{by_proxy}"))
        }
        ConnectError::Tls { error, .. } | ConnectError::Io(error) => of_io(error, args),
        ConnectError::Handshake(
            HandshakeError::NotHttp
            | HandshakeError::UnexpectedEof
            | HandshakeError::NothingReceived,
        ) if !args.url.as_ref().is_some_and(|target| target.is_secure()) => {
            Some("is there a WebSocket server? One with TLS needs a wss:// URL".to_owned())
        }
        _ => None,
    }
}

fn unreachable_hint(elsewhere: bool) -> String {
    let question = if elsewhere {
        "are host and port right?"
    } else {
        "does a server listen there?"
    };
    format!("{question} --connect-to HOST:PORT tries another place, --retry tries again")
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
            Some("does a server listen there? --retry tries again".to_owned())
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
