//! Heads of HTTP as another parser reads them.

/// The first line and the fields of a head.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Head {
    /// Of a request.
    pub method: String,
    /// Of a request.
    pub target: String,
    pub minor_version: u8,
    /// Of a response.
    pub status: u16,
    /// Of a response, where it is ASCII.
    pub reason: String,
    pub fields: Fields,
    /// How many bytes the head has.
    pub len: usize,
}

/// Names as they stand there, and values without the whitespace around them.
pub type Fields = Vec<(String, Vec<u8>)>;

impl Head {
    /// The request at the front of `bytes`.
    pub fn request(bytes: &[u8]) -> Option<Self> {
        let mut headers = [httparse::EMPTY_HEADER; 256];
        let mut request = httparse::Request::new(&mut headers);
        let Ok(httparse::Status::Complete(len)) = request.parse(bytes) else {
            return None;
        };
        Some(Self {
            method: request.method?.into(),
            target: request.path?.into(),
            minor_version: request.version?,
            status: 0,
            reason: String::new(),
            fields: fields(request.headers),
            len,
        })
    }

    /// The response at the front of `bytes`; folded lines are joined by a space (RFC 9112 5.2).
    pub fn response(bytes: &[u8]) -> Option<Self> {
        let len = bytes.windows(4).position(|end| end == b"\r\n\r\n")? + 4;
        let mut unfolded = Vec::new();
        let mut rest = &bytes[..len];
        while let [byte, behind @ ..] = rest {
            if let [b'\r', b'\n', b' ' | b'\t', ..] = rest {
                unfolded.push(b' ');
                rest = &rest[2..];
            } else {
                unfolded.push(*byte);
                rest = behind;
            }
        }
        let mut headers = [httparse::EMPTY_HEADER; 256];
        let mut response = httparse::Response::new(&mut headers);
        let Ok(httparse::Status::Complete(_)) = response.parse(&unfolded) else {
            return None;
        };
        Some(Self {
            method: String::new(),
            target: String::new(),
            minor_version: response.version?,
            status: response.code?,
            reason: response.reason?.into(),
            fields: fields(response.headers),
            len,
        })
    }

    /// The values of all fields of that name.
    pub fn all(&self, name: &str) -> Vec<&[u8]> {
        self.fields
            .iter()
            .filter(|(candidate, _)| candidate.eq_ignore_ascii_case(name))
            .map(|(_, value)| value.as_slice())
            .collect()
    }

    /// Whether a comma list has that element, in any case.
    pub fn lists(&self, name: &str, token: &str) -> bool {
        self.all(name).iter().any(|value| {
            value
                .split(|&byte| byte == b',')
                .any(|element| trim(element).eq_ignore_ascii_case(token.as_bytes()))
        })
    }
}

fn fields(headers: &[httparse::Header<'_>]) -> Fields {
    headers
        .iter()
        .map(|header| (header.name.into(), trim(header.value).to_vec()))
        .collect()
}

/// Without spaces and tabs at both ends.
pub fn trim(value: &[u8]) -> &[u8] {
    let is_text = |byte: &u8| !matches!(byte, b' ' | b'\t');
    let start = value.iter().position(is_text).unwrap_or(value.len());
    let end = value
        .iter()
        .rposition(is_text)
        .map_or(start, |last| last + 1);
    &value[start..end]
}

/// The fields that the engine has read.
pub fn read_fields<'h>(fields: impl IntoIterator<Item = (&'h str, &'h [u8])>) -> Fields {
    fields
        .into_iter()
        .map(|(name, value)| (name.to_owned(), value.to_vec()))
        .collect()
}

/// Checks that a server's answer is a complete response, and gives it and its body.
pub fn complete_response(bytes: &[u8], to_head: bool) -> (Head, &[u8]) {
    let head = Head::response(bytes).expect("a complete head");
    let body = &bytes[head.len..];
    assert_eq!(head.minor_version, 1);
    match head.status {
        101 => {
            assert!(head.lists("Upgrade", "websocket") && head.lists("Connection", "upgrade"));
            assert!(head.all("Content-Length").is_empty() && body.is_empty());
            assert_eq!(head.all("Sec-WebSocket-Accept").len(), 1);
            return (head, body);
        }
        426 => {
            assert!(head.lists("Upgrade", "websocket") && head.lists("Connection", "upgrade"));
            assert_eq!(head.all("Sec-WebSocket-Version"), [b"13"]);
        }
        _ => {}
    }
    assert!(head.lists("Connection", "close"));
    let length = match head.all("Content-Length").as_slice() {
        [] => "0",
        [length] => core::str::from_utf8(length).expect("a number"),
        _ => panic!("one length"),
    };
    // What a HEAD asks for is known once that much of it is stored.
    let omitted = to_head && body.is_empty();
    assert!(omitted || length == body.len().to_string());
    (head, body)
}
