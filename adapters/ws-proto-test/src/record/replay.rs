//! Recordings that are played to the engine again.

use std::collections::VecDeque;
use std::fmt;
use std::sync::{Arc, Mutex};

use ws_proto::Instant;

use super::format::{Event, Recording, Subject, printable};
use super::settings::Settings;
use super::stream_replay;
use super::websocket::{Driver, Keys, next_result, result, tick_result};

/// The counts of a replay without a difference. `Display` is a text for people.
///
/// ```
/// use ws_proto_test::record::{Recording, replay};
///
/// let recording = Recording::read(&br#"{"format":"ws-proto-recording","version":1,"of":"websocket","side":"server"}
/// {"at":1000,"event":"received","bytes":"gYIAAAAAaGk="}
/// {"at":1000,"event":"next","want":"message","result":"text","bytes":"aGk="}
/// "#[..])?;
/// let replayed = replay(&recording)?; // a text, "hi"
/// assert_eq!((replayed.received, replayed.messages, replayed.calls), (8, 1, 1));
/// assert!(replayed.to_string().starts_with("8 bytes received, 1 messages"));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct Replayed {
    /// How many bytes the engine has received.
    pub received: u64,
    /// How many bytes it has written, the same as in the recording.
    pub compared: u64,
    /// How many bytes at the end belong to a message of the program that is cut off: its rest is unknown, so they are not
    /// compared.
    pub cut_off: u64,
    /// How many bytes it has written after those of the recording: answers to bytes that the program had not processed when
    /// it ended.
    pub unwritten: u64,
    /// How many messages it has returned.
    pub messages: u64,
    /// How many calls returned the same as in the recording: those of a [`RecordedWebSocket`](super::RecordedWebSocket).
    pub calls: u64,
}

impl fmt::Display for Replayed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            received,
            compared,
            cut_off,
            unwritten,
            messages,
            calls,
        } = self;
        write!(
            f,
            "{received} bytes received, {messages} messages; {compared} bytes written, all the same"
        )?;
        if *cut_off > 0 {
            write!(f, " but for {cut_off} of a last frame that is cut off")?;
        }
        if *unwritten > 0 {
            write!(f, ", {unwritten} that the program did not wait for")?;
        }
        if *calls > 0 {
            write!(f, "; {calls} calls, all the same")?;
        }
        Ok(())
    }
}

/// The first point at which a replay differs from its recording.
///
/// ```
/// use ws_proto_test::record::{Recording, replay};
///
/// let recording = Recording::read(&br#"{"format":"ws-proto-recording","version":1,"of":"websocket","side":"server"}
/// {"at":1000,"event":"received","bytes":"iYAAAAAA"}
/// {"at":1000,"event":"next","want":"message","result":"read"}
/// {"at":1500,"event":"sent","bytes":"iQA="}
/// "#[..])?;
/// let difference = replay(&recording).unwrap_err(); // a Ping, and a Ping in place of the Pong
/// assert_eq!((difference.micros, difference.at), (1500, 0));
/// assert_eq!(difference.what, "after 0 more bytes there was [89, 00], and now there is [8a, 00]");
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct Difference {
    /// The time of that event in the recording, in microseconds.
    pub micros: u64,
    /// How many bytes were written before.
    pub at: u64,
    /// The difference, or the event that cannot be played, in words.
    pub what: String,
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seconds = self.micros as f64 / 1e6;
        write!(
            f,
            "at {seconds:.6} s, after {} bytes: {}",
            self.at, self.what
        )
    }
}

impl std::error::Error for Difference {}

/// Plays a recording to the engine of this version: gives it the received bytes, makes it send the sent messages, and compares
/// its output byte for byte.
///
/// In a recording of a stream, the engine has to send by itself all that it sends automatically: Pongs, the answer to a Close,
/// the Close after a fault. Messages, Pings and a first Close came from the program, and the replay sends them.
///
/// ```
/// use ws_proto_test::record::{Recording, replay};
///
/// let recording = Recording::read(&br#"{"format":"ws-proto-recording","version":1,"of":"websocket","side":"server"}
/// {"at":1000,"event":"received","bytes":"iYAAAAAA"}
/// {"at":1000,"event":"next","want":"message","result":"read"}
/// {"at":1000,"event":"sent","bytes":"igA="}
/// "#[..])?;
/// let replayed = replay(&recording)?; // a Ping, and its Pong
/// assert_eq!((replayed.received, replayed.compared), (6, 2));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// A compressed message of more than 256 MiB is too big for a replay, whatever limit the recording names.
///
/// # Errors
///
/// The first [`Difference`].
pub fn replay(recording: &Recording) -> Result<Replayed, Difference> {
    match recording.header.of {
        Subject::Stream => stream_replay::replay(recording),
        Subject::WebSocket => replay_calls(recording),
    }
}

/// The longest message that is inflated.
pub(super) const INFLATED: usize = 256 << 20;

/// The settings of a recording, but that a short one cannot take all memory: a stranger can have made it.
pub(super) fn bounded(recording: &Recording) -> Settings {
    let received = recording.lines.iter().map(|line| match &line.event {
        Event::Received { bytes } => bytes.0.len() as u64,
        _ => 0,
    });
    let most = received.sum::<u64>().max(INFLATED as u64);
    let mut settings = recording.header.settings.clone();
    settings.max_message = settings.max_message.min(most);
    settings
}

fn replay_calls(recording: &Recording) -> Result<Replayed, Difference> {
    let mut replayed = Replayed::default();
    let keys: VecDeque<Option<[u8; 4]>> = recording
        .lines
        .iter()
        .filter_map(|line| match &line.event {
            Event::Key { bytes } => Some(bytes.as_ref().and_then(|key| key.0[..].try_into().ok())),
            _ => None,
        })
        .collect();
    let keys = Arc::new(Mutex::new(keys));
    let header = &recording.header;
    let settings = bounded(recording);
    let new = |deflate| {
        let keys = Keys::Replayed(Arc::clone(&keys));
        Driver::new(header.side, &settings, deflate, keys)
    };
    let mut driver = new(None);
    for line in &recording.lines {
        let differs = |replayed: &Replayed, what: String| Difference {
            micros: line.micros,
            at: replayed.compared,
            what,
        };
        let same = |replayed: &mut Replayed, name: &str, is: &str, was: &str| {
            if is != was {
                let what = format!("{name} returned {}, and now {is}", printable(was));
                return Err(differs(replayed, what));
            }
            replayed.calls += 1;
            Ok(())
        };
        match &line.event {
            Event::Opened { deflate } => {
                let params = deflate.and_then(|agreed| agreed.params());
                driver = new(params);
            }
            Event::Received { bytes } => {
                driver.receive(&bytes.0);
                replayed.received += bytes.0.len() as u64;
            }
            Event::ReceivedEnd => {
                let _ = driver.websocket.receive_eof();
            }
            Event::ReceiveFailed { .. } => driver.websocket.read_failed(),
            Event::SendFailed { .. } => driver.websocket.write_failed(),
            Event::SentEnd => driver.websocket.half_closed(),
            Event::Sent { bytes } => {
                let pending = driver.pending();
                let is = pending.get(..bytes.0.len()).unwrap_or(&pending);
                if let Some(what) = difference(&bytes.0, is) {
                    return Err(differs(&replayed, what));
                }
                driver.websocket.consume(bytes.0.len());
                replayed.compared += bytes.0.len() as u64;
            }
            Event::Tick { now, result: was } => {
                let ticked = driver.websocket.tick(Instant::from_millis(*now));
                same(&mut replayed, "tick", &tick_result(&ticked), was)?;
            }
            Event::Next {
                want,
                result: was,
                bytes: were,
            } => {
                let (is, bytes) = next_result(&driver.next(*want));
                same(&mut replayed, "next", &is, was)?;
                if bytes != *were {
                    let what = format!("{is} was {were:?}, and is now {bytes:?}");
                    return Err(differs(&replayed, what));
                }
                replayed.messages += u64::from(matches!(is.as_str(), "text" | "binary"));
            }
            Event::Send { send, result: was } => {
                let sent = driver.send(send);
                same(&mut replayed, "send", &result(&sent), was)?;
            }
            Event::Key { .. } | Event::Unknown => {}
        }
    }
    Ok(replayed)
}

/// In which bytes two texts differ.
pub(super) fn difference(was: &[u8], is: &[u8]) -> Option<String> {
    if was == is {
        return None;
    }
    let same = was.iter().zip(is).take_while(|(one, other)| one == other);
    let at = same.count();
    let shown = |bytes: &[u8]| {
        let rest = bytes.get(at..).unwrap_or_default();
        match rest {
            [] => "nothing".to_owned(),
            rest => format!("{:02x?}", &rest[..rest.len().min(16)]),
        }
    };
    Some(format!(
        "after {at} more bytes there was {}, and now there is {}",
        shown(was),
        shown(is)
    ))
}
