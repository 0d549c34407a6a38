//! Test bodies that each asynchronous shell plays with its runtime.
#![allow(
    missing_docs,
    clippy::missing_panics_doc,
    reason = "only this workspace uses it"
)]

pub mod deflate;

use std::future::Future;

use ws_proto_async::{Config, Io, Options};

use crate::stream::End;

/// A runtime with its shell.
pub trait Runtime {
    /// The end of a pipe with the clock and the timer of the runtime.
    type Io: Io<Stream = End> + Send + 'static;

    fn io(end: End) -> Self::Io;

    fn run<T>(test: impl Future<Output = T>) -> T;

    /// Starts a task. Waiting for it gives what it returns.
    fn spawn<T: Send + 'static>(
        task: impl Future<Output = T> + Send + 'static,
    ) -> impl Future<Output = T>;
}

/// No keepalive.
pub fn quiet() -> Options {
    Options::new().config(Config::new().keepalive(None))
}

/// Makes a test of each body of [`deflate`] for a [`Runtime`].
#[macro_export]
macro_rules! test_deflate {
    ($runtime:ty) => {
        $crate::test_deflate! { $runtime:
            it_is_off_unless_both_ask_for_it
            every_message_arrives_as_it_was_sent_with_and_without_takeover
            takeover_refers_to_earlier_messages_and_without_it_nothing_does
            what_an_end_asks_for_is_agreed_on
            a_message_can_be_left_uncompressed
            compressing_can_be_paused_and_a_message_goes_on_as_it_began
            parts_and_pieces_of_a_big_message
            a_bomb_comes_in_small_pieces
            a_bomb_is_refused_with_1009
            a_message_that_cannot_be_inflated_is_refused_with_1007
            halves_in_two_tasks_compress_both_ways
            cancelling_loses_nothing_of_the_window
            a_part_that_cannot_be_sent_leaves_the_window_alone
            a_request_that_was_looked_at_can_agree
            a_handshake_made_elsewhere_can_turn_it_on
        }
    };
    ($runtime:ty: $($name:ident)*) => {
        $(
            #[test]
            fn $name() {
                $crate::shells::deflate::$name::<$runtime>();
            }
        )*
    };
}
