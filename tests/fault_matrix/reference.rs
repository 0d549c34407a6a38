//! The run that all others of the same bytes and faults are held against: a byte at a time. What
//! it says is itself held against the rules that do not need another run.

use ws_proto::handshake::HandshakeError;
use ws_proto::{ProtocolError, Transport};

use crate::engine::Setup;
use crate::run::{Fault, How, Mark, Pace, Runner, Trace};
use crate::scenario::App;
use ws_proto_suite::Side;
use ws_proto_test::wire::{CONTINUATION, FIN, Frame, TEXT, parse_output};

#[derive(Debug, Default)]
pub(crate) struct Reference {
    pub(crate) trace: Trace,
    pub(crate) output: Vec<u8>,
    pub(crate) marks: Vec<Mark>,
    /// The byte that proves the fault.
    pub(crate) fault_at: usize,
    /// Output after each byte.
    pub(crate) output_at: Vec<usize>,
    /// Output before the first byte: a client's request.
    output_at_start: usize,
}

impl Reference {
    /// Keeps what the runner's last run has left.
    pub(crate) fn keep(&mut self, runner: &Runner) {
        self.trace.clone_from(&runner.trace);
        self.output.clone_from(&runner.sink.bytes);
        self.marks.clone_from(&runner.notes.marks);
        self.output_at.clone_from(&runner.notes.output_at);
        self.output_at_start = runner.notes.output_at_start;
        self.fault_at = runner.notes.fault_at.0;
    }

    /// Holds the runner's last run against this one.
    pub(crate) fn assert_same(&self, runner: &Runner, how: How) {
        assert_eq!(runner.trace, self.trace, "another trace");
        assert!(runner.sink.bytes == self.output, "other output");
        // What time proves, no byte does.
        if self.trace.fault.is_some() && !self.trace.timed_out {
            let (before, after) = runner.notes.fault_at;
            let late = matches!(how.pace, Pace::One | Pace::AtEnd);
            assert!(self.fault_at < after, "an error before its byte");
            assert!(late || before <= self.fault_at, "an error after its byte");
        }
    }

    /// Holds a run that ended in front of the byte `at` against this one: all that was emitted before.
    pub(crate) fn assert_prefix(&self, runner: &Runner, at: usize) {
        if let Some(fault) = self.trace.fault {
            let there = self.fault_at < at;
            assert_eq!(
                runner.trace.fault,
                there.then_some(fault),
                "the fault is at its byte"
            );
        }
        let output = match at {
            0 => self.output_at_start,
            _ => self.output_at[at - 1],
        };
        assert!(runner.sink.bytes == self.output[..output], "other output");
        let emitted = self.marks.iter().take_while(|mark| mark.input <= at);
        let items = emitted.last().map_or(0, |mark| mark.items);
        let emitted = &runner.trace.items;
        // A client's refusal is noted at the end, however much of it there is.
        if !(runner.notes.head.is_none() && self.marks.is_empty()) {
            assert_eq!(emitted[..], self.trace.items[..items], "other items");
        }
    }

    /// Holds a run that lacked memory for a head or a body against this one, which did not.
    pub(crate) fn assert_lacks(&self, runner: &Runner) {
        let (mine, theirs) = (&self.trace, &runner.trace);
        if theirs.fault == Some(Fault::Handshake(HandshakeError::HeadTooLarge)) || theirs == mine {
            return;
        }
        assert!(
            matches!(
                mine.fault,
                Some(Fault::Handshake(HandshakeError::Refused { .. })) | None
            ),
            "a lack of memory changes {:?} to {:?}",
            mine.fault,
            theirs.fault
        );
        // The status, whether the body is complete, the body.
        let (Some((status, kept)), Some((other, body))) = (
            theirs.items.split_at_checked(2),
            mine.items.split_at_checked(2),
        ) else {
            panic!("there is a refusal");
        };
        assert_eq!(status, other, "another status");
        assert_eq!(kept[0], 0, "a complete body");
        assert!(body[1..].starts_with(&kept[1..]), "another body");
    }

    /// The rules for every run that knows the end of the transport.
    pub(crate) fn verify(runner: &Runner, setup: Setup, input: usize) {
        let (trace, notes) = (&runner.trace, &runner.notes);
        let output = &runner.sink.bytes;
        let head = notes.head.unwrap_or(output.len());
        let most = input + notes.app_bytes + 1024;
        assert!(output.len() <= most, "{} bytes of output", output.len());
        let frames = parse_output(setup.side, &output[head..]);
        let close = frames.iter().position(Frame::is_close);
        let behind = close.map_or(&[][..], |at| &frames[at + 1..]);
        assert!(
            !behind
                .iter()
                .any(|frame| frame.is_close() || frame.is_data()),
            "data or a second Close behind the Close"
        );
        verify_messages(&frames);
        let clean = close.is_some() && trace.close_received && trace.fault.is_none();
        let open = notes.head.is_some();
        if open {
            assert_eq!(
                trace.eof == Some(Ok(())),
                clean,
                "clean if both have closed"
            );
        }
        match trace.fault {
            Some(Fault::Protocol(error)) => {
                assert!(open);
                assert!(!trace.can_send);
                let code = close.and_then(|at| frames[at].close_code());
                Self::verify_code(runner, error, code);
            }
            Some(Fault::Handshake(error)) => {
                assert!(
                    !open && matches!(trace.transport, Some(Transport::Close | Transport::Abort))
                );
                if setup.side == Side::Server {
                    let status = error.status().expect("a server answers");
                    let answered = output.starts_with(format!("HTTP/1.1 {status} ").as_bytes());
                    // Time can run out before the first byte, and then nothing is written.
                    let silent = error == HandshakeError::TimedOut && output.is_empty();
                    assert!(answered || silent);
                }
                assert_eq!(trace.eof, Some(Err(Some(error))));
            }
            None => {}
        }
    }

    fn verify_code(runner: &Runner, error: ProtocolError, code: Option<u16>) {
        let by_error = code == Some(error.close_code().as_u16());
        assert!(
            by_error || runner.notes.app_bytes > 0 || runner.notes.keys_fail,
            "the error closes with its code"
        );
    }
}

/// Frames of one message at a time, and text that is text so far, unless an extension has encoded it.
fn verify_messages(frames: &[Frame]) {
    let mut open: Option<u8> = None;
    let mut text = Vec::new();
    for frame in frames.iter().filter(|frame| frame.is_data()) {
        let (opcode, rsv) = (frame.first & 0x0f, frame.first & 0x70);
        assert_eq!(open.is_some(), opcode == CONTINUATION, "one message");
        assert!(
            open.is_none() || rsv == 0,
            "reserved bits of a continuation"
        );
        let first = *open.get_or_insert(frame.first & !FIN);
        let is_last = frame.first & FIN != 0;
        if first == TEXT {
            text.extend_from_slice(&frame.payload);
            if let Err(error) = core::str::from_utf8(&text) {
                assert!(error.error_len().is_none() && !is_last, "text is UTF-8");
            }
        }
        if is_last {
            open = None;
            text.clear();
        }
    }
}

/// Whether the application of a scenario sends nothing by itself.
pub(crate) fn is_silent(app: App) -> bool {
    app == App::Silent
}
