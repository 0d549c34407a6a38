//! What the server carries: a version, the name of the process, the key, the messages.

use ws_proto_tokio::{Bytes, Kind, Message, Utf8Bytes};

use crate::publication::Publication;

const VERSION: u8 = 1;
const NO_KEY: u32 = u32::MAX;

pub(crate) fn encode(node: &[u8; 16], publication: &Publication) -> Bytes {
    let messages = publication.messages();
    let payloads = messages.iter().map(|message| message.payload().len() + 5);
    let key = publication.get_key();
    let mut packet = Vec::with_capacity(21 + key.map_or(0, str::len) + payloads.sum::<usize>());
    packet.push(VERSION);
    packet.extend_from_slice(node);
    match key {
        Some(key) => put(&mut packet, key.as_bytes()),
        None => packet.extend_from_slice(&NO_KEY.to_be_bytes()),
    }
    for message in messages {
        packet.push(u8::from(message.kind() == Kind::Text));
        put(&mut packet, message.payload());
    }
    packet.into()
}

fn put(packet: &mut Vec<u8>, bytes: &[u8]) {
    // Nothing near 4 GiB gets here: no server takes it, and `max_bytes` refuses a cut one.
    let len = u32::try_from(bytes.len()).unwrap_or(NO_KEY - 1);
    packet.extend_from_slice(&len.to_be_bytes());
    packet.extend_from_slice(bytes);
}

/// The process and its publication; `None` if that is not what [`encode`] makes.
pub(crate) fn decode(packet: &Bytes) -> Option<([u8; 16], Publication)> {
    let mut rest = packet.clone();
    if take(&mut rest, 1)?[0] != VERSION {
        return None;
    }
    let node = take(&mut rest, 16)?[..].try_into().ok()?;
    let key = match take_len(&mut rest)? {
        NO_KEY => None,
        len => Some(take(&mut rest, len)?),
    };
    let mut messages = Vec::new();
    while !rest.is_empty() {
        let kind = take(&mut rest, 1)?[0];
        let len = take_len(&mut rest)?;
        let payload = take(&mut rest, len)?;
        messages.push(match kind {
            0 => Message::Binary(payload),
            1 => Message::Text(Utf8Bytes::try_from(payload).ok()?),
            _ => return None,
        });
    }
    let publication = Publication::group(messages);
    Some(match key {
        Some(key) => (node, publication.key(std::str::from_utf8(&key).ok()?)),
        None => (node, publication),
    })
}

fn take_len(rest: &mut Bytes) -> Option<u32> {
    Some(u32::from_be_bytes(take(rest, 4)?[..].try_into().ok()?))
}

fn take(rest: &mut Bytes, len: u32) -> Option<Bytes> {
    let len = len as usize;
    (len <= rest.len()).then(|| rest.split_to(len))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn contents(publication: &Publication) -> Vec<(Kind, Vec<u8>)> {
        let messages = publication.messages().iter();
        messages
            .map(|message| (message.kind(), message.payload().to_vec()))
            .collect()
    }

    #[test]
    fn what_is_encoded_is_decoded() {
        let group = [
            Message::from("text"),
            Message::from(vec![0xff; 300]),
            Message::from(""),
        ];
        let plain = Publication::group(group);
        for publication in [plain.clone(), plain.clone().key(""), plain.key("k\u{e9}y")] {
            let (node, decoded) = decode(&encode(&[7; 16], &publication)).unwrap();
            assert_eq!(node, [7; 16]);
            assert_eq!(decoded.get_key(), publication.get_key());
            assert_eq!(contents(&decoded), contents(&publication));
        }
    }

    #[test]
    fn what_is_cut_or_wrong_is_refused() {
        let whole = encode(&[7; 16], &Publication::from("text").key("key"));
        for len in 0..whole.len() {
            // The key alone is a publication without messages.
            let is_whole = len == 24;
            assert_eq!(
                decode(&whole.slice(..len)).is_some(),
                is_whole,
                "{len} bytes"
            );
        }
        for at in [0, 24] {
            let mut wrong = whole.to_vec();
            wrong[at] = 9;
            assert!(decode(&wrong.into()).is_none(), "byte {at}");
        }
        let mut no_text = whole.to_vec();
        *no_text.last_mut().unwrap() = 0xff;
        assert!(decode(&no_text.into()).is_none());
    }
}
