//! Test data from `tests/data`.

use std::fs;
use std::path::Path;

use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::Side;

/// A case of `vectors.json`: frames in, events out.
#[derive(Debug, Deserialize)]
pub(crate) struct FrameVector {
    pub(crate) id: String,
    pub(crate) title: String,
    to: String,
    chunks: Vec<String>,
    pub(crate) expect: Vec<String>,
    pub(crate) max: Option<u64>,
    /// Parameters of permessage-deflate, when the case needs it.
    pub(crate) pmd: Option<Value>,
}

impl FrameVector {
    pub(crate) fn side(&self) -> Side {
        Side::from_name(&self.to)
    }

    pub(crate) fn chunks(&self) -> Vec<Vec<u8>> {
        self.chunks.iter().map(|chunk| unhex(chunk)).collect()
    }

    pub(crate) fn bytes(&self) -> Vec<u8> {
        self.chunks().concat()
    }
}

/// A case of `vectors.json`: bytes to a server, bytes back.
#[derive(Debug, Deserialize)]
pub(crate) struct ReplyVector {
    pub(crate) id: String,
    #[serde(rename = "in")]
    input: String,
    pub(crate) out: String,
    pub(crate) state: String,
}

impl ReplyVector {
    pub(crate) fn input(&self) -> Vec<u8> {
        unhex(&self.input)
    }
}

/// A case of `attacks.json`.
#[derive(Debug, Deserialize)]
pub(crate) struct Attack {
    pub(crate) id: String,
    pub(crate) kind: String,
    #[serde(default)]
    role: String,
    #[serde(default)]
    bytes_hex: String,
    pub(crate) expect: String,
    #[serde(default)]
    pub(crate) cfg: AttackConfig,
}

/// How the endpoint under attack is set up.
#[derive(Debug, Default, Deserialize)]
pub(crate) struct AttackConfig {
    pub(crate) max_message: Option<u64>,
    #[serde(default)]
    pub(crate) pmd: bool,
}

impl Attack {
    pub(crate) fn side(&self) -> Side {
        Side::from_name(&self.role)
    }

    pub(crate) fn bytes(&self) -> Vec<u8> {
        unhex(&self.bytes_hex)
    }
}

#[derive(Deserialize)]
struct Vectors {
    frames: Vec<FrameVector>,
    replies: Vec<ReplyVector>,
}

pub(crate) fn frame_vectors() -> Vec<FrameVector> {
    load::<Vectors>("vectors.json").frames
}

pub(crate) fn reply_vectors() -> Vec<ReplyVector> {
    load::<Vectors>("vectors.json").replies
}

/// The attacks that consist of frames.
pub(crate) fn frame_attacks() -> Vec<Attack> {
    let mut attacks = load::<Vec<Attack>>("attacks.json");
    attacks.retain(|attack| attack.kind == "frames");
    attacks
}

fn load<T: DeserializeOwned>(name: &str) -> T {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/data")
        .join(name);
    let text = fs::read_to_string(&path).unwrap_or_else(|error| panic!("{path:?}: {error}"));
    serde_json::from_str(&text).unwrap_or_else(|error| panic!("{path:?}: {error}"))
}

pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

pub(crate) fn unhex(text: &str) -> Vec<u8> {
    assert!(text.len() % 2 == 0, "odd number of hex digits: {text}");
    let digits = |at: usize| u8::from_str_radix(&text[at..at + 2], 16).expect("hex digits");
    (0..text.len()).step_by(2).map(digits).collect()
}
