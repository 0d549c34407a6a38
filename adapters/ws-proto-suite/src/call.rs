//! The calls that send, as values.

use proptest::prelude::*;
use ws_proto::frame::Rsv;
use ws_proto::{Fin, Kind, Output, SendError};

use super::Endpoint;

#[derive(Clone, Debug)]
pub enum Call {
    Text(String),
    Binary(Vec<u8>),
    TextPart(String, Fin),
    BinaryPart(Vec<u8>, Fin),
    Extended(Kind, Rsv, Vec<u8>, Fin),
    Utf8Part(Vec<u8>, Fin),
    FrameText(String),
    FrameBinary(Vec<u8>),
    FrameTextPart(String, Fin),
    FrameBinaryPart(Vec<u8>, Fin),
    Ping(Vec<u8>),
    Pong(Vec<u8>),
    Close(u16, String),
    CloseEmpty,
}

impl Call {
    /// One of each kind, with a payload of `len` bytes where there is one.
    pub fn all(len: usize) -> Vec<Self> {
        let (text, data) = ("t".repeat(len), vec![0xda; len]);
        vec![
            Self::Text(text.clone()),
            Self::Binary(data.clone()),
            Self::TextPart(text.clone(), Fin::No),
            Self::BinaryPart(data.clone(), Fin::Yes),
            Self::Extended(Kind::Text, Rsv::RSV1, data.clone(), Fin::No),
            Self::Utf8Part(text.clone().into_bytes(), Fin::No),
            Self::FrameText(text.clone()),
            Self::FrameBinary(data.clone()),
            Self::FrameTextPart(text.clone(), Fin::No),
            Self::FrameBinaryPart(data.clone(), Fin::Yes),
            Self::Ping(data[..len.min(125)].to_vec()),
            Self::Pong(data[..len.min(125)].to_vec()),
            Self::Close(1000, text[..len.min(123)].to_owned()),
            Self::CloseEmpty,
        ]
    }

    pub fn is_data(&self) -> bool {
        !matches!(
            self,
            Self::Ping(_) | Self::Pong(_) | Self::Close(..) | Self::CloseEmpty
        )
    }

    /// Whether it sends a whole message.
    pub fn is_whole(&self) -> bool {
        matches!(
            self,
            Self::Text(_) | Self::Binary(_) | Self::FrameText(_) | Self::FrameBinary(_)
        )
    }

    /// Of a call that sends data, whether that ends a message.
    pub fn fin(&self) -> Option<Fin> {
        match self {
            Self::TextPart(_, fin)
            | Self::BinaryPart(_, fin)
            | Self::Extended(_, _, _, fin)
            | Self::Utf8Part(_, fin)
            | Self::FrameTextPart(_, fin)
            | Self::FrameBinaryPart(_, fin) => Some(*fin),
            _ => self.is_whole().then_some(Fin::Yes),
        }
    }

    pub fn is_close(&self) -> bool {
        matches!(self, Self::Close(..) | Self::CloseEmpty)
    }

    /// Makes the call. The bytes that the caller has to write after `out` are returned.
    pub fn make<O: Output + ?Sized>(
        &self,
        endpoint: &mut Endpoint,
        out: &mut O,
    ) -> Result<Vec<u8>, SendError> {
        match self {
            Self::Text(text) => endpoint.send_text(text, out)?,
            Self::Binary(data) => endpoint.send_binary(data, out)?,
            Self::TextPart(text, fin) => endpoint.send_text_part(text, *fin, out)?,
            Self::BinaryPart(data, fin) => endpoint.send_binary_part(data, *fin, out)?,
            Self::Extended(kind, rsv, data, fin) => {
                endpoint.send_extended(*kind, *rsv, data, *fin, out)?;
            }
            Self::Utf8Part(bytes, fin) => endpoint.send_utf8_part(bytes, *fin, out)?,
            Self::FrameText(text) => return endpoint.frame_text(text, out),
            Self::FrameBinary(data) => return endpoint.frame_binary(data, out),
            Self::FrameTextPart(text, fin) => return endpoint.frame_text_part(text, *fin, out),
            Self::FrameBinaryPart(data, fin) => {
                return endpoint.frame_binary_part(data, *fin, out);
            }
            Self::Ping(payload) => endpoint.ping(payload, out)?,
            Self::Pong(payload) => endpoint.pong(payload, out)?,
            Self::Close(code, reason) => endpoint.close(*code, reason, out)?,
            Self::CloseEmpty => endpoint.close_empty(out)?,
        }
        Ok(Vec::new())
    }

    /// Makes the call with an endless output; the bytes on the wire.
    pub fn wire(&self, endpoint: &mut Endpoint) -> Result<Vec<u8>, SendError> {
        let mut out = Vec::new();
        let rest = self.make(endpoint, &mut out)?;
        out.extend(rest);
        Ok(out)
    }
}

pub fn any_fin() -> impl Strategy<Value = Fin> {
    any::<bool>().prop_map(|last| if last { Fin::Yes } else { Fin::No })
}

pub fn any_rsv() -> impl Strategy<Value = Rsv> {
    any::<u8>().prop_map(Rsv::from_bits)
}

fn any_kind() -> impl Strategy<Value = Kind> {
    any::<bool>().prop_map(|text| if text { Kind::Text } else { Kind::Binary })
}

pub fn any_data() -> impl Strategy<Value = Vec<u8>> {
    proptest::collection::vec(any::<u8>(), 0..150)
}

pub fn any_text() -> impl Strategy<Value = String> {
    proptest::collection::vec(any::<char>(), 0..40).prop_map(String::from_iter)
}

/// Text that may be cut inside a character at both ends.
pub fn any_text_bytes() -> impl Strategy<Value = Vec<u8>> {
    (any_text(), 0..4_usize, 0..4_usize).prop_map(|(text, start, end)| {
        let end = text.len().saturating_sub(end);
        text.as_bytes()[start.min(end)..end].to_vec()
    })
}

pub fn any_call() -> impl Strategy<Value = Call> {
    let control = || proptest::collection::vec(any::<u8>(), 0..=125);
    let code = prop_oneof![Just(1000_u16), Just(1010), 3000..5000_u16];
    prop_oneof![
        3 => any_text().prop_map(Call::Text),
        3 => any_data().prop_map(Call::Binary),
        3 => (any_text(), any_fin()).prop_map(|(text, fin)| Call::TextPart(text, fin)),
        3 => (any_data(), any_fin()).prop_map(|(data, fin)| Call::BinaryPart(data, fin)),
        2 => (any_kind(), any_rsv(), any_data(), any_fin())
            .prop_map(|(kind, rsv, data, fin)| Call::Extended(kind, rsv, data, fin)),
        3 => (any_text_bytes(), any_fin()).prop_map(|(text, fin)| Call::Utf8Part(text, fin)),
        2 => any_text().prop_map(Call::FrameText),
        2 => any_data().prop_map(Call::FrameBinary),
        2 => (any_text(), any_fin()).prop_map(|(text, fin)| Call::FrameTextPart(text, fin)),
        2 => (any_data(), any_fin()).prop_map(|(data, fin)| Call::FrameBinaryPart(data, fin)),
        2 => control().prop_map(Call::Ping),
        2 => control().prop_map(Call::Pong),
        1 => (code, "[a-z]{0,123}").prop_map(|(code, reason)| Call::Close(code, reason)),
        1 => Just(Call::CloseEmpty),
    ]
}
