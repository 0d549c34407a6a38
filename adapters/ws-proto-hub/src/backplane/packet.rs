//! What the server carries: a kind, the name of the process, and a publication (its key and messages), a question, or an
//! answer to one.

use std::sync::Arc;

use ws_proto_tokio::{Bytes, Kind, Message, Utf8Bytes};

use crate::presence::{NAMES, Presence};
use crate::publication::Publication;

const PUBLICATION: u8 = 1;
const QUESTION: u8 = 2;
const ANSWER: u8 = 3;
const NO_KEY: u32 = u32::MAX;

pub(super) enum Packet {
    Publication(Publication),
    /// Who has subscribed to the topic, with a number for the answers.
    Question(u64),
    Answer(u64, Presence),
}

pub(super) fn publication(node: &[u8; 16], publication: &Publication) -> Bytes {
    let messages = publication.messages();
    let payloads = messages.iter().map(|message| message.payload().len() + 5);
    let key = publication.get_key();
    let len = 4 + key.map_or(0, str::len) + payloads.sum::<usize>();
    let mut packet = begin(PUBLICATION, node, len);
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

pub(super) fn question(node: &[u8; 16], id: u64) -> Bytes {
    let mut packet = begin(QUESTION, node, 8);
    packet.extend_from_slice(&id.to_be_bytes());
    packet.into()
}

pub(super) fn answer(node: &[u8; 16], id: u64, presence: &Presence) -> Bytes {
    let names = presence.names.iter().map(|name| name.len() + 4);
    let mut packet = begin(ANSWER, node, 16 + names.sum::<usize>());
    packet.extend_from_slice(&id.to_be_bytes());
    packet.extend_from_slice(&(presence.members as u64).to_be_bytes());
    for name in &presence.names {
        put(&mut packet, name.as_bytes());
    }
    packet.into()
}

fn begin(kind: u8, node: &[u8; 16], rest: usize) -> Vec<u8> {
    let mut packet = Vec::with_capacity(17 + rest);
    packet.push(kind);
    packet.extend_from_slice(node);
    packet
}

fn put(packet: &mut Vec<u8>, bytes: &[u8]) {
    // Nothing near 4 GiB gets here: no server takes it, and `max_bytes` refuses a cut one.
    let len = u32::try_from(bytes.len()).unwrap_or(NO_KEY - 1);
    packet.extend_from_slice(&len.to_be_bytes());
    packet.extend_from_slice(bytes);
}

/// The process that has sent it, and what; `None` if nothing above has made it.
pub(super) fn decode(packet: &Bytes) -> Option<([u8; 16], Packet)> {
    let mut rest = packet.clone();
    let kind = take(&mut rest, 1)?[0];
    let node = take(&mut rest, 16)?[..].try_into().ok()?;
    let packet = match kind {
        PUBLICATION => Packet::Publication(decode_publication(rest)?),
        QUESTION => {
            let id = take_u64(&mut rest)?;
            rest.is_empty().then_some(Packet::Question(id))?
        }
        ANSWER => Packet::Answer(take_u64(&mut rest)?, decode_presence(rest)?),
        _ => return None,
    };
    Some((node, packet))
}

fn decode_publication(mut rest: Bytes) -> Option<Publication> {
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
        Some(key) => publication.key(std::str::from_utf8(&key).ok()?),
        None => publication,
    })
}

fn decode_presence(mut rest: Bytes) -> Option<Presence> {
    let members = usize::try_from(take_u64(&mut rest)?).ok()?;
    if rest.len() > NAMES {
        return None;
    }
    let mut names = Vec::new();
    while !rest.is_empty() {
        let len = take_len(&mut rest)?;
        let name = take(&mut rest, len)?;
        names.push(Arc::from(std::str::from_utf8(&name).ok()?));
    }
    Some(Presence {
        members,
        processes: 1,
        names,
    })
}

fn take_len(rest: &mut Bytes) -> Option<u32> {
    Some(u32::from_be_bytes(take(rest, 4)?[..].try_into().ok()?))
}

fn take_u64(rest: &mut Bytes) -> Option<u64> {
    Some(u64::from_be_bytes(take(rest, 8)?[..].try_into().ok()?))
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
    fn publications_are_decoded() {
        let group = [
            Message::from("text"),
            Message::from(vec![0xff; 300]),
            Message::from(""),
        ];
        let plain = Publication::group(group);
        for expected in [plain.clone(), plain.clone().key(""), plain.key("k\u{e9}y")] {
            let decoded = decode(&publication(&[7; 16], &expected)).unwrap();
            let ([7, ..], Packet::Publication(decoded)) = decoded else {
                panic!("another packet");
            };
            assert_eq!(decoded.get_key(), expected.get_key());
            assert_eq!(contents(&decoded), contents(&expected));
        }
    }

    #[test]
    fn questions_and_answers_are_decoded() {
        let decoded = decode(&question(&[7; 16], u64::MAX)).unwrap();
        assert!(matches!(decoded, ([7, ..], Packet::Question(u64::MAX))));
        let expected = Presence {
            members: 3,
            processes: 1,
            names: vec!["".into(), "Zo\u{eb}".into()],
        };
        let decoded = decode(&answer(&[7; 16], 9, &expected)).unwrap();
        let ([7, ..], Packet::Answer(9, decoded)) = decoded else {
            panic!("another packet");
        };
        assert_eq!(decoded, expected);
    }

    /// Lengths at which a part of the packet is a packet.
    fn whole_at(packet: &Bytes) -> Vec<usize> {
        let lengths = 0..=packet.len();
        lengths
            .filter(|len| decode(&packet.slice(..*len)).is_some())
            .collect()
    }

    #[test]
    fn packets_that_are_cut_or_wrong_are_refused() {
        let whole = publication(&[7; 16], &Publication::from("text").key("key"));
        // The key alone is a publication without messages.
        assert_eq!(whole_at(&whole), [24, whole.len()]);
        assert_eq!(whole_at(&question(&[7; 16], 1)), [25]);
        let presence = Presence {
            members: 1,
            processes: 1,
            names: vec!["ann".into()],
        };
        assert_eq!(whole_at(&answer(&[7; 16], 1, &presence)), [33, 40]);
        for at in [0, 24] {
            let mut wrong = whole.to_vec();
            wrong[at] = 9;
            assert!(decode(&wrong.into()).is_none(), "byte {at}");
        }
        let mut no_text = whole.to_vec();
        *no_text.last_mut().unwrap() = 0xff;
        assert!(decode(&no_text.into()).is_none());
        let mut long = question(&[7; 16], 1).to_vec();
        long.push(0);
        assert!(decode(&long.into()).is_none());
    }
}
