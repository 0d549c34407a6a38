//! Where to connect to and what to ask for there, as people type it.

use std::path::PathBuf;

use ws_proto_tokio::{Uri, UriError};

/// A server: its place, and the URL to request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Target {
    /// What is shown to people.
    pub(crate) name: String,
    /// What is asked for.
    pub(crate) url: String,
    /// The socket, if that is where to connect to.
    pub(crate) socket: Option<PathBuf>,
}

impl Target {
    /// An address alone is one without TLS, and the schemes of pages are taken for those of WebSocket.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let (scheme, rest) = text.split_once(':').unwrap_or_default();
        match &*scheme.to_ascii_lowercase() {
            "ws+unix" => return unix(text, "ws", rest),
            "wss+unix" => return unix(text, "wss", rest),
            _ => {}
        }
        let url = match text.split_once("://") {
            Some((scheme, rest)) => {
                let scheme = match &*scheme.to_ascii_lowercase() {
                    "ws" | "http" => "ws",
                    "wss" | "https" => "wss",
                    _ => return Err(SCHEMES.to_owned()),
                };
                format!("{scheme}://{rest}")
            }
            None => match text.strip_prefix(':') {
                Some(port) => format!("ws://localhost:{port}"),
                None if has_other_scheme(text) => return Err(SCHEMES.to_owned()),
                None if text == "localhost" || text.contains([':', '/', '.']) => {
                    format!("ws://{text}")
                }
                None => return Err(format!("there is no such URL: is it ws://{text}/ ?")),
            },
        };
        checked(text, &url)?;
        Ok(Self {
            name: url.clone(),
            url,
            socket: None,
        })
    }

    /// Whether it is by TLS.
    pub(crate) fn is_secure(&self) -> bool {
        self.url.starts_with("wss:")
    }

    /// The URL with another host in it, and a port if that has one.
    pub(crate) fn url_for(&self, host: &str) -> String {
        let (scheme, rest) = self.url.split_once("://").unwrap_or_default();
        let target = rest.find(['/', '?']).map_or("", |at| &rest[at..]);
        format!("{scheme}://{host}{target}")
    }
}

const SCHEMES: &str = "the scheme has to be ws, wss, http or https; a Unix socket is ws+unix:PATH";

/// Whether the text before a colon is no host, since no port comes after it.
fn has_other_scheme(text: &str) -> bool {
    let port = text.split_once(':').map(|(_, rest)| rest);
    !text.starts_with('[')
        && port.is_some_and(|port| !port.starts_with(|c: char| c.is_ascii_digit()))
}

/// A socket of the file system, and after a colon the target, as the package `ws` of Node has it.
fn unix(text: &str, scheme: &str, rest: &str) -> Result<Target, String> {
    if cfg!(not(unix)) {
        return Err("there are no Unix sockets on this system".to_owned());
    }
    let place = rest.strip_prefix("//").unwrap_or(rest);
    let (path, target) = match place.split_once(":/") {
        Some((path, target)) => (path, format!("/{target}")),
        None => (place, "/".to_owned()),
    };
    if path.is_empty() {
        return Err(format!(
            "there is no path in it, as in {scheme}+unix:/run/x.sock or {scheme}+unix:/run/x.sock:/target"
        ));
    }
    let url = format!("{scheme}://localhost{target}");
    checked(text, &url)?;
    Ok(Target {
        name: text.to_owned(),
        url,
        socket: Some(path.into()),
    })
}

fn checked(text: &str, url: &str) -> Result<(), String> {
    Uri::parse(url).map(drop).map_err(|error: UriError| {
        let hint = match error {
            UriError::UserInfo => ": --header 'Authorization: Basic ...' sends them",
            _ => "",
        };
        if url == text {
            format!("{error}{hint}")
        } else {
            format!("taken for {url}: {error}{hint}")
        }
    })
}

/// A host and a port.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Place {
    pub(crate) host: String,
    pub(crate) port: u16,
}

impl Place {
    /// `HOST:PORT`; IPv6 addresses are in brackets.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let wrong = || "it has to be HOST:PORT, as in example.com:443 or [::1]:443".to_owned();
        let (host, port) = text.rsplit_once(':').ok_or_else(wrong)?;
        let port = port.parse().map_err(|_| wrong())?;
        let host = match host.strip_prefix('[') {
            Some(address) => address.strip_suffix(']').ok_or_else(wrong)?,
            None if host.is_empty() => "localhost",
            None if host.contains([':', '/', '@']) => return Err(wrong()),
            None => host,
        };
        Ok(Self {
            host: host.to_owned(),
            port,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_are_completed() {
        for (text, expected) in [
            ("ws://h/a?b", "ws://h/a?b"),
            ("WSS://h", "wss://h"),
            ("https://h/", "wss://h/"),
            ("localhost", "ws://localhost"),
            ("h.example", "ws://h.example"),
            ("h/a", "ws://h/a"),
            ("[::1]:80/", "ws://[::1]:80/"),
            (":80/a", "ws://localhost:80/a"),
        ] {
            assert_eq!(Target::parse(text).unwrap().url, expected);
        }
        for text in [
            "",
            "listen",
            "ftp://h/",
            "ws://",
            "ws://h/#a",
            ":x",
            "unix:/s",
        ] {
            assert!(Target::parse(text).is_err(), "{text}");
        }
    }

    #[cfg(unix)]
    #[test]
    fn sockets_of_the_file_system() {
        for (text, path, url) in [
            ("ws+unix:/run/s", "/run/s", "ws://localhost/"),
            ("WS+UNIX:///run/s", "/run/s", "ws://localhost/"),
            ("ws+unix:./s:/a?b", "./s", "ws://localhost/a?b"),
            ("wss+unix:///run/s:/", "/run/s", "wss://localhost/"),
            ("ws+unix:/run/a:b:/c", "/run/a:b", "ws://localhost/c"),
        ] {
            let target = Target::parse(text).unwrap();
            assert_eq!(
                (target.socket, &*target.url),
                (Some(path.into()), url),
                "{text}"
            );
        }
        for text in ["ws+unix:", "ws+unix://", "ws+unix::/a", "ws+unix:/s:/a b"] {
            assert!(Target::parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn another_host_takes_the_place_of_the_first() {
        for (url, expected) in [
            ("ws://h:1/a?b", "ws://x:2/a?b"),
            ("wss://[::1]", "wss://x:2"),
            ("h.example?a/b", "ws://x:2?a/b"),
        ] {
            assert_eq!(Target::parse(url).unwrap().url_for("x:2"), expected);
        }
    }

    #[test]
    fn places_are_read() {
        for (text, host, port) in [
            ("h:1", "h", 1),
            ("[::1]:2", "::1", 2),
            (":3", "localhost", 3),
        ] {
            let place = Place::parse(text).unwrap();
            assert_eq!((&*place.host, place.port), (host, port));
        }
        for text in ["h", "h:", ":", "::1:2", "[::1:2", "h:70000", "ws://h:1"] {
            assert!(Place::parse(text).is_err(), "{text}");
        }
    }
}
