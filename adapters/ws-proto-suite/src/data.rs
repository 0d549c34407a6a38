//! Test data from the engine's `tests/data`.

use std::fs;
use std::path::Path;

use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use ws_proto_test::Side;

/// A case of `vectors.json`: frames in, events out.
#[derive(Debug, Deserialize)]
pub struct FrameVector {
    pub id: String,
    pub title: String,
    to: String,
    chunks: Vec<String>,
    pub expect: Vec<String>,
    pub max: Option<u64>,
    /// Parameters of permessage-deflate, when the case needs it.
    pub pmd: Option<Value>,
}

impl FrameVector {
    pub fn side(&self) -> Side {
        Side::from_name(&self.to)
    }

    pub fn chunks(&self) -> Vec<Vec<u8>> {
        self.chunks.iter().map(|chunk| unhex(chunk)).collect()
    }

    pub fn bytes(&self) -> Vec<u8> {
        self.chunks().concat()
    }
}

/// A case of `vectors.json`: bytes to a server, bytes back.
#[derive(Debug, Deserialize)]
pub struct ReplyVector {
    pub id: String,
    #[serde(rename = "in")]
    input: String,
    pub out: String,
    pub state: String,
}

impl ReplyVector {
    pub fn input(&self) -> Vec<u8> {
        unhex(&self.input)
    }
}

/// A case of `attacks.json`.
#[derive(Debug, Deserialize)]
pub struct Attack {
    pub id: String,
    pub kind: String,
    #[serde(default)]
    role: String,
    #[serde(default)]
    bytes_hex: String,
    pub expect: String,
    #[serde(default)]
    pub cfg: AttackConfig,
}

/// How the endpoint under attack is set up.
#[derive(Debug, Default, Deserialize)]
pub struct AttackConfig {
    pub max_message: Option<u64>,
    #[serde(default)]
    pub pmd: bool,
}

impl Attack {
    pub fn side(&self) -> Side {
        Side::from_name(&self.role)
    }

    pub fn bytes(&self) -> Vec<u8> {
        unhex(&self.bytes_hex)
    }
}

#[derive(Deserialize)]
struct Vectors {
    frames: Vec<FrameVector>,
    replies: Vec<ReplyVector>,
}

pub fn frame_vectors() -> Vec<FrameVector> {
    load::<Vectors>("vectors.json").frames
}

pub fn reply_vectors() -> Vec<ReplyVector> {
    load::<Vectors>("vectors.json").replies
}

/// The attacks that consist of frames.
pub fn frame_attacks() -> Vec<Attack> {
    let mut attacks = load::<Vec<Attack>>("attacks.json");
    attacks.retain(|attack| attack.kind == "frames");
    attacks
}

fn load<T: DeserializeOwned>(name: &str) -> T {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../../tests/data")
        .join(name);
    let text = fs::read_to_string(&path).unwrap_or_else(|error| panic!("{path:?}: {error}"));
    serde_json::from_str(&text).unwrap_or_else(|error| panic!("{path:?}: {error}"))
}

pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

pub fn unhex(text: &str) -> Vec<u8> {
    assert!(text.len() % 2 == 0, "odd number of hex digits: {text}");
    let digits = |at: usize| u8::from_str_radix(&text[at..at + 2], 16).expect("hex digits");
    (0..text.len()).step_by(2).map(digits).collect()
}
