//! The byte vectors, as the tests of the engine take them.

pub use ws_proto_test::conformance::{
    AttackCase, Attacks, FrameCase, Pmd, ReplyCase, ResponseCase, Vectors,
};

/// Frames in, events out.
pub fn frame_vectors() -> Vec<FrameCase> {
    Vectors::bundled().frames
}

/// Frames to a server, and those that it sends.
pub fn reply_vectors() -> Vec<ReplyCase> {
    Vectors::bundled().replies
}

/// The attacks that consist of frames.
pub fn frame_attacks() -> Vec<AttackCase> {
    let mut attacks = Attacks::bundled().attacks;
    attacks.retain(|attack| attack.kind == "frames");
    attacks
}

pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// # Panics
///
/// Unless it is hexadecimal.
pub fn unhex(text: &str) -> Vec<u8> {
    ws_proto_test::conformance::unhex(text).expect("hexadecimal digits")
}
